
import sqlite3
import pytest
from tests.ui.test_looks import faults, picture
from tests.ui.product import NARROW
pytestmark = pytest.mark.server("chromium")

@pytest.fixture(scope="module")
def demo():
    return "1"

@pytest.mark.parametrize("theme", ["light", "dark"])
def test_x(site, theme, request):
    import glob, os
    place = request.getfixturevalue("installation") if "installation" in request.fixturenames else None
    homes = [f for f in glob.glob("/tmp/**/lemur.sqlite3", recursive=True)]
    home = max(homes, key=os.path.getmtime)
    con = sqlite3.connect(home, timeout=20)
    con.execute("update certificates_order set state='unknown', certificate_id=null, last_error='The CA certified another key than the one in the request.' where id=1")
    con.commit(); con.close()
    with site.visitor(color_scheme=theme) as visitor:
        for name, path in {"tmp-pending": "/certificates/orders/1", "tmp-orders": "/certificates/orders", "tmp-domains": "/domains/", "tmp-cert": "/certificates/5"}.items():
            visitor.open(path)
            picture(visitor, f"{name}-{theme}")
            assert faults(visitor) == []
            visitor.page.set_viewport_size(NARROW)
            picture(visitor, f"{name}-{theme}-narrow")
            assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
            visitor.page.set_viewport_size({"width": 1280, "height": 900})
