"""What pages say and how they look: states, icons, moments, links that keep the query string, parts of forms."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import template
from django.db.models import Model
from django.forms import BaseForm, BoundField
from django.http import QueryDict
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now as clock
from django.utils.translation import gettext, ngettext_lazy

from core.permissions import PermissionBackend
from pki.names import printable as written_out
from web.rest.idempotency import FORM_FIELD

register = template.Library()

NOTHING = "—"
SHOWN_ELSEWHERE = frozenset({"q", "ordering", "phase"})
"""What a list says of itself besides its chips: in the search box, the headings and the tabs."""
TONES = {
    "failed": "tone-bad",
    "revoked": "tone-bad",
    "deleted": "tone-bad",
    "revealed": "tone-warn",
    "exported": "tone-warn",
    "found-revoked": "tone-bad",
    "held": "tone-warn",
    "vanished": "tone-warn",
    "rolled-back": "tone-warn",
    "verified": "tone-good",
    "issued": "tone-good",
    "created": "tone-good",
}
THINGS = {"apikey": "API key", "crl": "CRL", "dns_provider": "DNS provider", "view": "view of a list"}
UNITS = (  # from how many seconds on, seconds in one, words
    (730 * 86400, 365 * 86400, ngettext_lazy("%d year", "%d years")),
    (2 * 86400, 86400, ngettext_lazy("%d day", "%d days")),
    (3600, 3600, ngettext_lazy("%d hour", "%d hours")),
    (0, 60, ngettext_lazy("%d minute", "%d minutes")),
)


@register.simple_tag
def icon(name: str, css_class: str = "") -> SafeString:
    """An icon of static/img/icons.svg. It is for eyes only: a word must stand beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css_class,
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def once() -> SafeString:
    """A field by which :func:`web.rest.idempotency.once` knows this page, so that its form is carried out once."""
    return format_html('<input type="hidden" name="{}" value="{}">', FORM_FIELD, secrets.token_urlsafe(16))


@register.filter
def may(user: Any, permission: str) -> bool:
    """Whether the person may do it at all, by our rules alone: ``user|may:"certificates.upload_certificate"``."""
    return PermissionBackend().has_perm(user, permission)


@register.inclusion_tag("parts/_status.html")
def status(thing: Any) -> dict[str, str]:
    """The badge of anything that has a ``phase``."""
    return {"phase": thing.phase}


@register.simple_tag(takes_context=True)
def current(context: template.Context, view_name: str) -> SafeString | str:
    """Marks the link to the page one is on, with `` aria-current="page"``."""
    match = getattr(context.get("request"), "resolver_match", None)
    return SafeString(' aria-current="page"') if match and match.view_name == view_name else ""


@register.simple_tag(takes_context=True)
def chips(context: template.Context, filterset: Any) -> list[dict[str, str]]:
    """What the list is narrowed by, each with the address of the list without it; the search box shows itself."""
    params = context["request"].GET
    form = filterset.form
    given = [name for name in form.fields if params.get(name) and name not in SHOWN_ELSEWHERE]
    return [
        {"label": str(form[name].label), "value": value, "url": qs(context, **{name: others}, page=None)}
        for name in given
        for value, others in _parts(form, name)
    ]


def _parts(form: BaseForm, name: str) -> list[tuple[str, str | None]]:
    """What was chosen, and what is left without it: of a filter that takes several, each by itself."""
    several = form.cleaned_data.get(name)
    if not isinstance(several, list):
        return [(_chosen(form, name), None)]
    texts = list(dict.fromkeys(map(str, several)))
    return [(text, ",".join(other for other in texts if other != text) or None) for text in texts]


def _chosen(form: BaseForm, name: str) -> str:
    """What was chosen, as the form says it."""
    value, plain = form.cleaned_data.get(name), str(form.data.get(name))
    if isinstance(value, Model):
        return str(value) or plain
    return str(dict(getattr(form.fields[name].widget, "choices", ())).get(plain, plain))


@register.simple_tag(takes_context=True)
def qs(context: template.Context, **changes: Any) -> str:
    """The page's query string with ``changes``; None leaves a parameter out. Unlike Django's tag it is never empty."""
    params = context["request"].GET.copy()
    for name, value in changes.items():
        params.pop(name, None)
        if value is not None:
            params[name] = value
    return "?" + str(params.urlencode())


@register.inclusion_tag("parts/_heading.html", takes_context=True)
def heading(context: template.Context, field: str, label: str, css_class: str = "") -> dict[str, str]:
    """A column's heading, which sorts by it: up, and when it does already, down."""
    ordering = context["request"].GET.get("ordering", "")
    url = qs(context, ordering=f"-{field}" if ordering == field else field, page=None)
    direction = {field: "ascending", f"-{field}": "descending"}.get(ordering, "")
    return {"label": label, "css_class": css_class, "url": url, "sorted": direction}


@register.simple_tag
def utc(moment: datetime | None, form: str = "minute") -> SafeString | str:
    """The moment in UTC, to the minute or as a "date"; to the second in its tooltip.

    A script says it in the reader's zone.
    """
    if moment is None:
        return NOTHING
    moment = moment.astimezone(UTC)
    text = f"{moment:%Y-%m-%d}" if form == "date" else f"{moment:%Y-%m-%d %H:%M} UTC"
    exact, machine = f"{moment:%Y-%m-%d %H:%M:%S} UTC", f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return format_html('<time datetime="{}" title="{}" data-precision="{}">{}</time>', machine, exact, form, text)


@register.filter
def time_left(moment: datetime | None, now: datetime | None = None) -> str:
    """How long until then, or since, in one unit: "in 12 days", "3 hours ago"."""
    if moment is None:
        return NOTHING
    seconds = int((moment - (now or clock())).total_seconds())
    one, words = next((one, words) for least, one, words in UNITS if abs(seconds) >= least)
    text = words % max(1, abs(seconds) // one)
    return gettext("in %s") % text if seconds > 0 else gettext("%s ago") % text


@register.filter
def printable(text: object) -> str:
    """What strangers chose, a text or the name of a row, so that it is seen as it is: :func:`pki.names.printable`."""
    return written_out("" if text is None else str(text))


@register.filter
def key_name(key_type: str | None) -> str:
    """``ECCPRIME256V1`` as people say it: P-256."""
    if match := re.fullmatch(r"ECC(?:PRIME|SECP)(256|384|521)[VR]1", key_type or ""):
        return f"P-{match[1]}"
    if match := re.fullmatch(r"RSA(\d+)", key_type or ""):
        return f"RSA {match[1]}"
    return {"ED25519": "Ed25519", "ED448": "Ed448"}.get(key_type or "", key_type or NOTHING)


@register.filter
def pick(form: BaseForm, names: str) -> list[BoundField]:
    """The form's fields of these names, in this order, as far as it has them."""
    return [form[name] for name in names.split() if name in form.fields]


@register.filter
def besides(params: QueryDict, names: str) -> list[tuple[str, str]]:
    """What narrows and sorts a list, but for its search and the fields of these names: a form must carry it along."""
    left_out = {"q", "page", "after", *names.split()}
    return [(name, value) for name, values in params.lists() for value in values if name not in left_out]


@register.filter
def touched(form: BaseForm, names: str) -> bool:
    """Whether any of these fields was filled in or has an error: its section must be open."""
    known = [name for name in names.split() if name in form.fields]
    if not form.is_bound:
        return any(form.initial.get(name) for name in known)
    return any(name in form.errors or name in form.changed_data for name in known)


@register.filter
def as_it_was_shown(field: BoundField) -> SafeString | str:
    """The hidden twin that says what stood here, where the form wants one: Django adds it to fields shown whole."""
    return field.as_hidden(only_initial=True) if field.field.show_hidden_initial else ""


@register.filter
def happened(event: str) -> str:
    """An audit event as words: "Certificate issued"."""
    thing, _, done = event.partition(".")
    words = f"{THINGS.get(thing, thing.replace('_', ' '))} {done.replace('-', ' ')}"
    return words[0].upper() + words[1:]


@register.filter
def of(words: Mapping[str, Any], name: str) -> Any:
    """What a mapping has under this name; the name itself where it has nothing."""
    return words.get(name, name)


@register.filter
def in_words(kind: str) -> str:
    """``delivery-stuck`` as words: "Delivery stuck"."""
    return kind.replace("-", " ").capitalize()


@register.filter
def tone(event: str) -> str:
    """The colour of an audit event."""
    return TONES.get(event.partition(".")[2], "tone-calm")
