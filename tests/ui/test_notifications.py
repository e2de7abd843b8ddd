"""A person sets up a notification, tries it out, switches it off, deletes it; and keeps rotation policies."""

from __future__ import annotations

import pytest

from tests.servers.smtp import MailServer
from tests.ui.product import Visitor

pytestmark = pytest.mark.server("chromium-headless-shell")


def test_a_notification_from_beginning_to_end(visitor: Visitor, mailbox: MailServer) -> None:
    visitor.open("/notifications/")
    visitor.follow("Create a notification")
    visitor.page.locator("main .pick a").first.click()
    visitor.fill("Label", "Web team")
    visitor.fill("How long before the end", "13")
    visitor.field("Unit").select_option("weeks")
    visitor.fill("Recipients", "web@example.org, ops@example.org")
    visitor.press("Create the notification")
    assert "cannot be more than 90 days" in visitor.page.get_by_role("alert").inner_text()
    visitor.fill("How long before the end", "2")
    visitor.press("Create the notification")
    assert (visitor.told, visitor.heading) == ("The notification was created.", "Web team")
    visitor.press("Send a test message")
    assert visitor.told == "A test message was sent to web@example.org, ops@example.org."
    [mail] = [one for one in mailbox.received if one.recipients == ["web@example.org", "ops@example.org"]]
    assert mail.sender == "pki@example.org"
    assert visitor.path in mail.message.get_content()
    visitor.follow("Edit")
    visitor.page.get_by_role("checkbox", name="Active").uncheck()
    visitor.press("Save")
    assert "Switched off" in visitor.page.locator(".title-row").inner_text()
    visitor.follow("Delete")
    visitor.press("Delete the notification")
    assert (visitor.told, visitor.path) == ("The notification was deleted.", "/notifications/")


def test_a_refusal_is_shown(visitor: Visitor, mailbox: MailServer) -> None:
    mailbox.refuse["nobody@example.org"] = "550 no such user"
    visitor.open("/notifications/new/email-notification")
    for label, text in {"Label": "Nobody", "How long before the end": "2", "Recipients": "nobody@example.org"}.items():
        visitor.fill(label, text)
    visitor.press("Create the notification")
    visitor.press("Send a test message")
    assert visitor.told == "The mail server did not accept nobody@example.org: 550 no such user"


def test_rotation_policies(visitor: Visitor) -> None:
    visitor.open("/policies/")
    visitor.follow("Create a policy")
    visitor.fill("Name", "weekly")
    visitor.fill("Days before the end", "7")
    visitor.press("Create the policy")
    assert visitor.told == "The rotation policy was created."
    visitor.follow("Edit weekly")
    visitor.fill("Days before the end", "5")
    visitor.press("Save")
    visitor.press("Delete weekly")
    assert visitor.told == "The rotation policy was deleted."
    assert visitor.page.get_by_role("rowheader", name="weekly").count() == 0
