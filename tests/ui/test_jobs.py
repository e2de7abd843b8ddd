"""All jobs in a browser: a delivery that does not work is found, what is in its way is mended, and it arrives."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.servers.sftp import SftpServer, sftp_server
from tests.ui.looking import shows_well
from tests.ui.product import Site, Visitor

pytestmark = [pytest.mark.server("chromium-headless-shell"), pytest.mark.server("sshd")]
NAME, PLACE = "badges.outfitters.example", "web-7"
# As after a fortnight, in which nobody mended it.
GIVE_UP = f"""
from certificates.models import Deployment
from lifecycle.failures import sweep_failures
Deployment.objects.filter(destination__label="{PLACE}").update(state="failed", failures=90)
sweep_failures()
"""
LATER = 60_000  # milliseconds


@pytest.fixture(scope="module")
def server() -> Iterator[SftpServer]:
    with sftp_server() as running:
        yield running


def the_delivery(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("row", name=re.compile(f"{NAME}.*{PLACE}", re.DOTALL))


def test_what_is_stuck_is_mended_and_tried_again(site: Site, server: SftpServer, visitor: Visitor) -> None:
    options = {**server.options(), "hostKey": server.public("stranger")}
    place = site.api.post(
        "destinations", label=PLACE, description="", plugin={"slug": "sftp-destination", "pluginOptions": options}
    )
    [authority] = [one["id"] for one in site.api.get("authorities?count=100")["items"] if one["name"] == "Demo Issuing"]
    leaf = site.order(NAME, authority)
    site.api.put(f"certificates/{leaf}", destinations=[{"id": place["id"]}])

    visitor.open("/")
    visitor.follow("Jobs", inside="#sidebar")
    expect(the_delivery(visitor)).to_contain_text("shows another host key", timeout=LATER)  # the page asks by itself
    expect(the_delivery(visitor)).to_contain_text("Tried again")
    done = site.place.manage("shell", "--no-imports", "-c", GIVE_UP)
    assert done.returncode == 0, done.stderr

    visitor.open("/")
    visitor.page.get_by_role("link", name=re.compile(r"deliver(y is|ies are) stuck")).click()
    expect(the_delivery(visitor)).to_contain_text("Given up")
    shows_well(visitor, "jobs-stuck")
    jobs = visitor.page.url
    again = the_delivery(visitor).get_by_role("button", name="Try now")
    again.focus()
    with visitor.page.expect_response(re.compile("/jobs/"), timeout=LATER):
        pass  # the rows are read anew, and whoever gets about by keyboard is not thrown back
    expect(again).to_be_focused()

    the_delivery(visitor).get_by_role("link", name=PLACE).click()
    visitor.follow("Edit")
    visitor.fill("Host key", server.public())
    visitor.press("Save")
    visitor.page.goto(jobs)
    the_delivery(visitor).get_by_role("button", name="Try now").click()
    assert visitor.told == "It is tried again now."
    assert visitor.page.url == jobs  # where one was
    visitor.open("/jobs/?state=done&kind=deployment")
    expect(the_delivery(visitor)).to_contain_text("Done", timeout=LATER)
    shows_well(visitor, "jobs-done")
    assert (server.files / NAME / f"{NAME}.pem").exists()


def test_it_works_without_script(site: Site) -> None:
    with site.visitor(java_script_enabled=False) as me:
        me.open("/jobs/")
        assert me.heading == "Jobs"
        me.follow("Given up")
        assert me.page.url.endswith("?state=failed")
