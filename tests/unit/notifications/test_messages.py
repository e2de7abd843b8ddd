"""What a message says: what ends when, where it is in use, what to do, and where to read more; as text and as HTML."""

from __future__ import annotations

import uuid

from notifications import messages
from notifications.models import Notice

BATCH = uuid.uuid4()
SITE = "http://127.0.0.1:8000"


def notice(number: int = 1, kind: str = "certificate-expiring", **facts: object) -> Notice:
    facts = {"ends": f"2026-12-{number % 28 + 1:02}T12:00:00+00:00", **facts}
    return Notice(
        kind=kind, recipient="joe@example.org", channel="email-notification", topic=f"certificates.certificate:{number}",
        subject_label=f"www{number}.example.org", subject_url=f"/certificates/{number}", facts=facts, batch=BATCH,
        dedupe=f"{kind}:{number}",
    )  # fmt: skip


def test_one_certificate():
    message = messages.of_notices([notice(23, places=["a:443", "Web servers"], more_places=2, renews=False)])
    assert message.id == f"notices.{BATCH}"
    assert message.subject == "Lemur: www23.example.org ends on 24 December 2026"
    assert (
        message.text.strip()
        == f"""1 certificate ends soon

* www23.example.org
  It ends on 24 December 2026 at 12:00 UTC.
  It is in use at a:443, Web servers and 2 other places.
  It does not renew itself.
  {SITE}/certificates/23

Renew or replace what is in use before it ends. What nothing uses any more can be muted on its page.

--\N{SPACE}
Sent by {SITE}"""
    )


def test_where_nothing_is_known_and_what_renews_itself():
    text = messages.of_notices([notice(places=[], more_places=0, renews=True)]).text
    assert "No place is known where it is in use." in text
    assert "It is set to renew itself." in text


def test_the_first_to_end_comes_first():
    text = messages.of_notices([notice(9), notice(3), notice(5)]).text
    assert text.index("www3.") < text.index("www5.") < text.index("www9.")


def test_several_kinds():
    message = messages.of_notices([notice(1, "certificate-revoked"), notice(2), notice(3, "something-new")])
    assert message.subject == "Lemur: 3 notices"
    first, second, third = (
        message.text.index(one) for one in ("1 certificate ends", "1 certificate was", "Something new")
    )
    assert first < second < third


def test_long_lists_are_cut():
    message = messages.of_notices([notice(number) for number in range(10_000)])
    assert message.subject == "Lemur: 10000 certificates end soon"
    assert message.text.count("\n* ") == message.html.count("<li") == messages.MOST_LISTED
    assert f"And 9900 more: {SITE}/certificates/?phase=expiring&ordering=not_after" in message.text.replace(",", "")
    assert message.facts["total"] == 10_000
    assert len(message.facts["notices"]) == messages.MOST_LISTED
    assert len(message.text) < 40_000


def test_what_gathered_about_one_certificate_is_said_once():
    """As it does while a mail server is away."""
    older, newer = notice(1, places=["old:443"]), notice(1, places=["new:443"])
    message = messages.of_notices([older, newer])
    assert message.text.count("* www1.example.org") == 1
    assert "new:443" in message.text


def test_what_strangers_chose_can_do_nothing():
    evil = notice(1, places=["<img src=x>\u202e"])
    evil.subject_label = "</a><script>alert(1)</script>\u202e"
    message = messages.of_notices([evil])
    assert "<script" not in message.html
    assert "<img" not in message.html
    assert "\u202e" not in message.html + message.text


def test_what_programs_read():
    [said] = messages.of_notices([notice(1, places=[], renews=True)]).facts["notices"]
    assert said == {
        "kind": "certificate-expiring",
        "about": "certificates.certificate:1",
        "label": "www1.example.org",
        "url": f"{SITE}/certificates/1",
        "ends": "2026-12-02T12:00:00+00:00",
        "places": [],
        "renews": True,
    }


def test_the_same_batch_gives_the_same_message():
    assert messages.of_notices([notice(1), notice(2)]) == messages.of_notices([notice(2), notice(1)])
