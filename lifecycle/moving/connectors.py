"""Notifications, destinations, sources and DNS providers: as they were where we have the plugin, else switched off.

Of a plugin that we lack nobody knows which options are secrets, so whatever may be one is sealed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from authorities.models import DnsProvider
from core.audit import Event
from core.connectors import Connector
from core.errors import Invalid, Unavailable
from lifecycle.moving import lemur, rows
from lifecycle.moving.desk import Desk, Taken, keep_numbers
from lifecycle.moving.vault import Locked
from notifications.models import Notification
from plugins.options import describe
from plugins.registry import LEMURS_DNS
from stores.models import Destination, Source

MAY_BE_SECRET = re.compile(r"pass|secret|token|key|credential|auth|cert|pin\b|webhook", re.IGNORECASE)


def configure(row: Connector, plugin: str, given: Any, *, about: Taken) -> None:
    """Set plugin and options of a row; park it, saying why, if they cannot be used here."""
    options, secret = lemur.options(given), _secret_names(row, plugin, given)
    known = _known(row, plugin)
    kept = {name: one for name, one in options.items() if known is None or name in known}
    try:
        row.configure(plugin, kept)
    except Invalid as error:
        public = {name: one for name, one in kept.items() if name not in secret}
        row.park(plugin[:64], public, {name: _text(one) for name, one in kept.items() if name in secret})
        about.note(f"Switched off: {' '.join(_sentences(error.reasons))}")
    if dropped := sorted(options.keys() - kept.keys()):
        about.note(f"Left out what its plugin does not know here: {', '.join(dropped)}.")


def _sentences(reasons: Any) -> list[str]:
    """The reasons without the places in a form where they would stand."""
    if isinstance(reasons, Mapping):
        return [sentence for part in reasons.values() for sentence in _sentences(part)]
    return [str(reasons)]


def _known(row: Connector, plugin: str) -> dict[str, bool] | None:
    """The plugin's options by name: is it a secret? None if the plugin is not here to say."""
    try:
        described = describe(type(row)(plugin=plugin).plugin_class.Options)
    except Unavailable:
        return None
    return {option["name"]: option["sensitive"] for option in described}


def _secret_names(row: Connector, plugin: str, given: Any) -> set[str]:
    known = _known(row, plugin)
    if known is not None:
        return {name for name, secret in known.items() if secret}
    marked = lemur.marked_secret(given)
    return {name for name in lemur.options(given) if name in marked or MAY_BE_SECRET.search(name)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def notifications(batch: Sequence[rows.Notification], desk: Desk) -> list[Taken]:
    """One of the same label is the same: ``DEFAULT_JOE_30_DAY`` is made here too."""
    taken = []
    for theirs in batch:
        label = theirs.label or f"notification {theirs.id}"
        one = Taken(theirs, Notification(label=label), Event.NOTIFICATION_CREATED)
        known = Notification.objects.filter(label=label).first()
        taken.append(_same(one, known) or _fill(one, theirs, active=theirs.active is not False))
    return taken


def destinations(batch: Sequence[rows.Destination], desk: Desk) -> list[Taken]:
    """Each is a new one: labels need not be unique."""
    taken = []
    for theirs in batch:
        label = theirs.label or f"destination {theirs.id}"
        taken.append(_fill(Taken(theirs, Destination(label=label), Event.DESTINATION_CREATED), theirs))
    return taken


def sources(batch: Sequence[rows.Source], desk: Desk) -> list[Taken]:
    """One whose label is taken gets another."""
    taken = []
    for theirs in batch:
        label = wanted = theirs.label or f"source {theirs.id}"
        if Source.objects.filter(label=wanted).exists():
            label = f"{wanted} ({desk.origin} {theirs.id})"
        one = Taken(theirs, Source(label=label, last_run=theirs.last_run), Event.SOURCE_CREATED)
        if label != wanted:
            one.note(f"The label was taken; it is called {label} here.")
        taken.append(_fill(one, theirs, active=theirs.active is not False))
    return taken


def _same(one: Taken, known: Connector | None) -> Taken | None:
    """One of this name that was here already is the same one, and stays as it is."""
    if known is None:
        return None
    one.row, one.event = known, None
    one.note(f"One of this {known.name_field} was here already; it stays as it is.")
    return one


def _fill(one: Taken, theirs: rows.Connector, *, active: bool = True) -> Taken:
    """Configure, number and save a new connector."""
    row: Connector = one.row  # type: ignore[assignment]
    row.description, row.active = (theirs.description or "")[:1024], active
    configure(row, theirs.plugin_name or "", theirs.options, about=one)
    one.details = {"plugin": row.plugin}
    keep_numbers([(theirs.id, row)])
    row.save(force_insert=True)
    return one


def dns_providers(batch: Sequence[rows.DnsProvider], desk: Desk) -> list[Taken]:
    """With their credentials, sealed."""
    taken = []
    for theirs in batch:
        name = theirs.name or f"DNS provider {theirs.id}"
        one = Taken(theirs, DnsProvider(name=name), Event.DNS_PROVIDER_CREATED)
        known = DnsProvider.objects.filter(name=name).first()
        taken.append(_same(one, known) or _fill(one, _as_connector(one, theirs, desk)))
    return taken


def _as_connector(one: Taken, theirs: rows.DnsProvider, desk: Desk) -> rows.Connector:
    options: list[dict[str, Any]] = []
    try:
        text = desk.vault.open(theirs.credentials) if theirs.credentials else "{}"
        options = [{"name": k, "value": v, "sensitive": True} for k, v in lemur.options(text).items()]
    except Locked as error:
        one.lost(f"Its credentials stayed behind: {error}.")
    # As plugins spell themselves: "route53", "powerdns".
    plugin = (theirs.provider_type or "").lower().replace(" ", "-")
    plugin = LEMURS_DNS.get(plugin, plugin)
    return rows.Connector(id=theirs.id, description=theirs.description, plugin_name=plugin, options=options)
