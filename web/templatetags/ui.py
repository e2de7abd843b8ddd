"""Small pieces of pages: ``{% load ui %}``. For links that keep the list's state use Django's ``{% querystring %}``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now as clock

from web.lists import Listing

register = template.Library()

TONES = {
    "green": {"valid", "active", "done", "good", "enabled", "issued"},
    "yellow": {"expiring", "waiting", "pending", "superseded"},
    "red": {"expired", "revoked", "failed", "inactive", "deleted"},
    "purple": {"unknown"},
}
TONE_OF = {state: tone for tone, states in TONES.items() for state in states}
SOON, LATER = timedelta(days=14), timedelta(days=30)


@register.simple_tag
def status(state: Any, label: str = "") -> SafeString:
    """A badge whose word says what its colour says: ``{% status certificate.status %}``. Nothing is "not checked"."""
    word = str(state or "not checked")
    tone = TONE_OF.get(word.lower(), "secondary")
    return format_html('<span class="status status-{}">{}</span>', tone, label or word)


@register.filter
def utc(moment: datetime | None) -> SafeString | str:
    """The moment to the minute, in UTC, and machine-readable."""
    if moment is None:
        return "—"
    moment = moment.astimezone(UTC)
    return format_html('<time datetime="{}">{:%Y-%m-%d %H:%M} UTC</time>', moment.isoformat(), moment)


@register.simple_tag
def time_left(end: datetime | None, now: datetime | None = None) -> SafeString | str:
    """How long until ``end``, in whole units, and how urgent that is: ``{% time_left certificate.not_after %}``."""
    if end is None:
        return "—"
    left = end - (now or clock())
    tone = "red" if left <= SOON else "yellow" if left <= LATER else "green"
    words = f"in {_span(left)}" if left > timedelta(0) else f"{_span(-left)} ago"
    return format_html('<time class="text-{}" datetime="{}">{}</time>', tone, end.astimezone(UTC).isoformat(), words)


def _span(left: timedelta) -> str:
    for number, unit in ((left.days, "day"), (left.seconds // 3600, "hour"), (left.seconds // 60, "minute")):
        if number:
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return "less than a minute"


@register.simple_tag(takes_context=True)
def current(context: dict[str, Any], *names: str) -> SafeString | str:
    """`` aria-current="page"`` if the page's URL name is, or begins with, one of ``names``: for links in navigation."""
    match = getattr(context.get("request"), "resolver_match", None)
    here = match.view_name if match else ""
    return SafeString(' aria-current="page"') if here.startswith(names) else ""


@register.simple_tag(takes_context=True)
def sort_link(context: dict[str, Any], listing: Listing[Any], name: str, label: str) -> SafeString:
    """A column's heading: a link that sorts by ``name``, or the other way round if the list already is."""
    params = context["request"].GET.copy()
    for dropped in ("page", "after", "sortBy", "sortDir"):
        params.pop(dropped, None)
    params["ordering"] = f"-{name}" if listing.ordering == name else name
    sorted_by = {name: ("ascending", "↑"), f"-{name}": ("descending", "↓")}
    words, arrow = sorted_by.get(listing.ordering, ("none", ""))
    title = f"sorted {words}" if arrow else "not sorted"
    return format_html('<a href="?{}" title="{}">{} {}</a>', params.urlencode(), title, label, arrow)
