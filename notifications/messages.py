"""What people are told, in words: subject, text and HTML of a message, made from templates."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from notifications.kinds import KINDS, OTHER, Kind
from notifications.models import Notice, Notification
from plugins import Message

MOST_LISTED = 100
"""Of one kind in one message; of more, it says how many there are and where all of them stand."""


@dataclass(frozen=True)
class Item:
    """One thing that a message is about, in words."""

    label: str
    url: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class Section:
    """All of one kind that a message is about: what it is, each of them, how many are left out, and what to do."""

    heading: str
    items: Sequence[Item]
    more: int
    rest: str
    advice: str


def of_test(notification: Notification, *, by: User) -> Message:
    """That somebody tries a notification out."""
    text = render_to_string("messages/test.txt", {"notification": notification, "by": by, "site": settings.SITE_ROOT})
    subject = _("Lemur: a test of the notification %(label)s") % {"label": notification.label}
    return Message(id=f"test.{uuid.uuid4()}", subject=subject, text=text)


def of_notices(notices: Sequence[Notice]) -> Message:
    """Everything of one batch. The same batch gives the same message, with the same id."""
    ordered = sorted(_last_of_each(notices), key=lambda one: (_place(one), _urgency(one)))
    kinds = [list(group) for _same, group in groupby(ordered, key=_place)]
    context = {"sections": [_section(group) for group in kinds], "site": settings.SITE_ROOT}
    listed = [one for group in kinds for one in group[:MOST_LISTED]]
    return Message(
        id=f"notices.{notices[0].batch}",
        subject=_subject(kinds),
        text=render_to_string("messages/notices.txt", context),
        html=render_to_string("messages/notices.html", context),
        facts={"total": sum(map(len, kinds)), "notices": [_facts(one) for one in listed]},
    )


def _last_of_each(notices: Iterable[Notice]) -> Iterable[Notice]:
    """Of several about the same thing, as they gather while a mail server is away, the last says it all."""
    return {(one.kind, one.topic or one.dedupe): one for one in notices}.values()


def _place(notice: Notice) -> tuple[int, str]:
    """Where its kind stands in a message."""
    known = list(KINDS)
    return known.index(notice.kind) if notice.kind in KINDS else len(known), notice.kind


def _section(notices: Sequence[Notice]) -> Section:
    kind = _kind(notices[0])
    return Section(
        heading=_heading(notices),
        items=[_item(one) for one in notices[:MOST_LISTED]],
        more=max(0, len(notices) - MOST_LISTED),
        rest=f"{settings.SITE_ROOT}{kind.rest}",
        advice=str(kind.advice),
    )


def _urgency(notice: Notice) -> tuple[str, str]:
    return notice.facts.get("ends", ""), notice.subject_label


def _kind(notice: Notice) -> Kind:
    return KINDS.get(notice.kind, OTHER)


def _heading(notices: Sequence[Notice]) -> str:
    kind = _kind(notices[0])
    if not kind.one:
        return notices[0].kind_in_words.capitalize()
    return ngettext(kind.one, kind.many, len(notices)) % {"number": len(notices)}


def _item(notice: Notice) -> Item:
    url = f"{settings.SITE_ROOT}{notice.subject_url}" if notice.subject_url else ""
    return Item(notice.subject_label, url, list(_sentences(notice.facts)))


def _sentences(facts: Mapping[str, Any]) -> Iterator[str]:
    if "ends" in facts:
        yield _("It ends on %(day)s at %(time)s UTC.") % _moment(facts["ends"])
    if places := facts.get("places"):
        yield _places(places, facts.get("more_places", 0))
    elif "places" in facts:
        yield _("No place is known where it is in use.")
    if "renews" in facts:
        yield _("It is set to renew itself.") if facts["renews"] else _("It does not renew itself.")
    if error := facts.get("error"):
        yield _("What went wrong: %(error)s") % {"error": error}
    if who := facts.get("told"):
        yield _("%(who)s was told on %(day)s.") % {"who": who, **_moment(facts["told_at"])}
    for one in facts.get("certificates", ()):
        yield _("%(label)s ends on %(day)s.") % {"label": one["label"], **_moment(one["ends"])}
    if more := facts.get("more_certificates"):
        yield ngettext("And %(number)d more.", "And %(number)d more.", more) % {"number": more}


def _places(places: Sequence[str], more: int) -> str:
    listed = ", ".join(places)
    if not more:
        return _("It is in use at %(places)s.") % {"places": listed}
    sentence = ngettext(
        "It is in use at %(places)s and %(number)d other place.",
        "It is in use at %(places)s and %(number)d other places.",
        more,
    )
    return sentence % {"places": listed, "number": more}


def _moment(ends: str) -> dict[str, str]:
    moment = datetime.fromisoformat(ends)
    return {"day": date_format(moment, "j F Y"), "time": date_format(moment, "H:i")}


def _subject(kinds: Sequence[Sequence[Notice]]) -> str:
    """The thing itself if there is one, the kind if there is one, else how many there are."""
    total = sum(map(len, kinds))
    if total == 1:
        return f"Lemur: {_in_one_line(kinds[0][0])}"
    if len(kinds) == 1:
        return f"Lemur: {_heading(kinds[0])}"
    return ngettext("Lemur: %(number)d notice", "Lemur: %(number)d notices", total) % {"number": total}


def _in_one_line(notice: Notice) -> str:
    if "ends" in notice.facts:
        return _("%(label)s ends on %(day)s") % {"label": notice.subject_label, **_moment(notice.facts["ends"])}
    return f"{notice.kind_in_words}: {notice.subject_label}"


def _facts(notice: Notice) -> dict[str, Any]:
    """For programs."""
    url = f"{settings.SITE_ROOT}{notice.subject_url}" if notice.subject_url else ""
    return {"kind": notice.kind, "about": notice.topic, "label": notice.subject_label, "url": url, **notice.facts}
