"""A certificate that ends soon: its owner has one mail; a person sees that, acknowledges it, and has it wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.servers.smtp import Mail, MailServer
from tests.system.installation import wait_until
from tests.ui.looking import shows_well
from tests.ui.product import Site, Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")
NAME, OWNER = "soon.example.org", "soon@example.org"


def ends_soon(site: Site) -> int:
    """A certificate for twenty minutes, of which its owner is told when a hundredth of them is over."""
    start = datetime.now(UTC).replace(microsecond=0)
    validity = {"validityStart": start.isoformat(), "validityEnd": (start + timedelta(minutes=20)).isoformat()}
    wanted = {"commonName": NAME, "owner": OWNER, "notifications": [], **validity}
    made = site.api.post("certificates", authority={"id": site.issuing}, **wanted)
    options = {"interval": 99, "unit": "percent", "recipients": OWNER}
    plugin = {"slug": "email-notification", "pluginOptions": options}
    site.api.post("notifications", label="soon", plugin=plugin, certificates=[{"id": made["id"]}])
    return int(made["id"])


def test_told_seen_and_acknowledged(site: Site, visitor: Visitor, mailbox: MailServer) -> None:
    pk = ends_soon(site)

    def mails() -> list[Mail]:
        return [mail for mail in mailbox.received if mail.recipients == [OWNER]]

    wait_until(lambda: bool(mails()), 120)
    [mail] = mails()
    assert mail.message["Subject"].startswith(f"Lemur: {NAME} ends on ")
    text = mail.message.get_body(("plain",))
    assert text is not None
    assert f"/certificates/{pk}" in text.get_content()
    visitor.open(f"/certificates/{pk}")
    told = visitor.region("What was told")
    assert OWNER in told.inner_text()
    shows_well(visitor, "certificate-told")
    told.get_by_role("button", name="Acknowledge").first.click()
    assert (visitor.told, visitor.path) == ("Acknowledged.", f"/certificates/{pk}")
    assert "Acknowledged" in visitor.region("What was told").inner_text()
    visitor.follow("Notices", inside="#sidebar")
    shows_well(visitor, "notices")
    row = visitor.page.get_by_role("row").filter(has_text=NAME).first
    assert "admin" in row.inner_text()
    row.get_by_role("button", name="Snooze for a week").click()
    assert visitor.told.startswith("Nobody hears of it until ")
    assert len(mails()) == 1, "sweeps that run again tell nothing again"
