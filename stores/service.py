"""The verbs about destinations and sources, and the calls to what they stand for."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import structlog
from django.db.models import Count, Q
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from core import connectors
from core.audit import Event, record
from core.commits import committing
from core.connectors import Given, NewConnector, foreign, lock
from core.errors import Conflict, DomainError, Unavailable
from core.failpoints import around
from core.jobs import NOTHING_TO_RETRY, LeaseLost
from core.permissions import permissions_of
from core.queue import enqueue
from pki import chains, inspection
from pki.errors import PkiError
from pki.names import printable
from plugins.contracts import Cleans, Confirms, Removes, RollsBack, Shows, SwapsEndpoints
from plugins.errors import PluginError, Temporary
from plugins.values import Bundle, FoundCertificate, FoundEndpoint
from stores.models import Destination, Scan, Source

Store = Destination | Source
S = TypeVar("S", bound=Store)
AT_ONCE = 500
SHOWN = 200
"""Certificates of one scan."""

log = structlog.get_logger(__name__)


def create(
    model: type[S],
    *,
    label: str,
    plugin: str,
    options: Given = None,
    description: str = "",
    active: bool = True,
    by: User | None = None,
) -> S:
    """A destination or source. Errors as those of core.connectors.create."""
    new = NewConnector(label=label, plugin=plugin, options=options, description=description, active=active)
    event = Event.DESTINATION_CREATED if model is Destination else Event.SOURCE_CREATED
    return connectors.create(model(), new, by=acting(by), event=event)


def update(store: S, *, by: User | None = None, **changes: Any) -> S:
    """Change label, description, active, plugin or options; see core.connectors.update."""
    event = Event.DESTINATION_UPDATED if isinstance(store, Destination) else Event.SOURCE_UPDATED
    return connectors.update(store, changes, by=acting(by), event=event)


def delete(store: Store, *, by: User | None = None) -> None:
    """Forget it, and what is known about it; what it stands for is not touched. See certificates.service.withdraw."""
    event = Event.DESTINATION_DELETED if isinstance(store, Destination) else Event.SOURCE_DELETED
    connectors.delete(store, by=acting(by), event=event)


def try_connection(store: Store, *, by: User | None = None) -> str:
    """Try whether the plugin can work as it is configured: what is wrong, in one sentence, or ""."""
    by, problem = acting(by), ""
    permissions_of(store).require(by, "change", store)
    try:
        plugin = store.open()
        with around("store.check"), foreign(store.plugin, store=str(store)):
            plugin.check()
    except (PluginError, PkiError, DomainError) as error:
        problem = str(error)
    with committing("store.test"):
        record(
            Event.DESTINATION_TESTED if isinstance(store, Destination) else Event.SOURCE_TESTED,
            store,
            by=by,
            works=not problem,
        )
    return problem


def upload(destination: Destination, bundle: Bundle) -> None:
    """Put a certificate there, and look whether it is there. Raises PluginError, Invalid or Unavailable."""
    plugin = destination.open()
    with around("destination.upload"), foreign(destination.plugin, store=str(destination)):
        plugin.upload(bundle)
    require_held(destination, bundle.name, inspection.fingerprint(bundle.certificate))


def shown(destination: Destination, name: str) -> inspection.Facts | None:
    """What the destination holds under this name, if it can show that and it is a certificate. Errors as `upload`."""
    plugin = destination.open()
    if not isinstance(plugin, Shows):
        return None
    with around("destination.look"), foreign(destination.plugin, store=str(destination)):
        there = plugin.shown(name)
    try:
        return None if there is None else inspection.facts(there)
    except PkiError:  # nobody can be served by it
        return None


def require_held(destination: Destination, name: str, fingerprint: str) -> None:
    """Raises Temporary if the destination can say what it holds under this name, and it is something else."""
    plugin = destination.open()
    if not isinstance(plugin, Confirms):
        return
    with around("destination.confirm"), foreign(destination.plugin, store=str(destination)):
        held = plugin.held(name)
    if held != fingerprint:
        raise Temporary(f"{destination} took the certificate, and holds another one under {name}.")


def can_remove(destination: Destination) -> bool:
    """Can its plugin take certificates away? Yes, as far as one knows, of a plugin that cannot be loaded now."""
    try:
        return issubclass(destination.plugin_class, Removes)
    except Unavailable:
        return True


def remove(destination: Destination, bundle: Bundle) -> None:
    """Take a certificate away from there, if the plugin can. Errors as :func:`upload`."""
    plugin = destination.open()
    if isinstance(plugin, Removes):
        with around("destination.remove"), foreign(destination.plugin, store=str(destination)):
            plugin.remove(bundle)


@committing("scan.ask")
def ask_to_scan(source: Source, *, by: User | None = None, now: datetime | None = None) -> Scan:
    """Have a worker look what the source holds; what was found before is forgotten. Nothing is imported."""
    by, now = acting(by), now or clock()
    permissions_of(source).require(by, "change", source)
    fresh = {"state": Scan.State.WAITING, "not_before": now, "leased": False, "failures": 0, "last_error": ""}
    scan, created = Scan.objects.get_or_create(source=lock(source), defaults={"by": by})
    if not created:
        idle = Scan.objects.filter(pk=scan.pk).exclude(Scan.objects.at_work(now))
        idle.update(by=by, found=[], total=0, **fresh)
    enqueue("stores.scan", scan.pk)
    return scan


@committing("scan.retry")
def retry_scan(scan: Scan, *, by: User | None = None, now: datetime | None = None) -> None:
    """The same for one that was given up or put off. Conflict if a worker looks at this moment, or has meanwhile."""
    by, source = acting(by), scan.source
    permissions_of(source).require(by, "change", source)
    fresh = {"by": by, "found": [], "total": 0, "last_error": ""}
    if not Scan.objects.filter(pk=scan.pk).hasten(now=now or clock(), **fresh):
        raise Conflict(NOTHING_TO_RETRY)
    record(Event.SOURCE_RETRIED, source, by=by)
    enqueue("stores.scan", scan.pk)


def due_scans(now: datetime | None = None) -> list[int]:
    """Which scans a sweep must take up, the oldest first."""
    return list(Scan.objects.due(now).order_by("not_before").values_list("pk", flat=True)[:AT_ONCE])


def scan(scan_id: int, *, now: datetime | None = None) -> bool:
    """Look what the source holds, if that is due and nobody else does. What goes wrong stands in the row."""
    job = Scan.objects.select_related("source", "by").claim(scan_id, now=now)
    if job is None:
        return False
    try:
        found, total = _look(job.source)
    except (PluginError, PkiError, DomainError) as error:
        with suppress(LeaseLost):
            _give_up(job, error)
        return False
    with suppress(LeaseLost):
        _finish(job, found, total, now=now or clock())
    return True


def _look(source: Source) -> tuple[list[dict[str, Any]], int]:
    """What people are shown of the first certificates, and how many there are."""
    plugin, shown, total = source.open(), [], 0
    with around("source.scan"), foreign(source.plugin, store=str(source)):
        for row in filter(None, map(_shown, plugin.certificates())):
            total += 1
            if total <= SHOWN:
                shown.append(row)
    return shown, total


def _shown(one: FoundCertificate) -> dict[str, Any] | None:
    """As JSON, and nothing of the key but that it is there. None for a certificate that cannot be read."""
    try:
        facts = inspection.facts(one.certificate)
    except PkiError as error:
        log.warning("source.certificate_left_out", where=printable(one.where), reason=str(error))
        return None
    return {
        "label": printable(chains.label(one.certificate)),
        "issuer": printable(facts.issuer_name),
        "not_after": facts.not_after.isoformat(),
        "fingerprint": facts.fingerprint,
        "where": printable(one.where),
        "has_key": one.private_key is not None,
    }


@committing("source.scanned")
def _finish(job: Scan, found: list[dict[str, Any]], total: int, *, now: datetime) -> None:
    job.succeed(found=found, total=total)
    Source.objects.filter(pk=job.source_id).update(last_run=now)
    record(Event.SOURCE_SCANNED, job.source, by=job.by, found=total)


@committing("scan.give-up")
def _give_up(job: Scan, error: Exception) -> None:
    """Whoever waits for it sees why, and presses the button again."""
    job.fail(str(error), permanent=True)


def swap(source: Source, endpoint: FoundEndpoint, bundle: Bundle) -> bool:
    """Have an endpoint of the source serve this; False where its plugin cannot, and somebody else sees to it."""
    plugin = source.open()
    if not isinstance(plugin, SwapsEndpoints):
        return False
    with around("endpoint.swap"), foreign(source.plugin, store=str(source)):
        plugin.swap(endpoint, bundle)
    return True


def can_swap(source: Source) -> bool:
    """Can its plugin do that? Then it is given the private key."""
    return issubclass(source.plugin_class, SwapsEndpoints)


def can_roll_back(destination: Destination) -> bool:
    """Does it keep what it held before?"""
    return issubclass(destination.plugin_class, RollsBack)


def roll_back(destination: Destination, bundle: Bundle) -> None:
    """Put back what was there before this one. Errors as :func:`upload`."""
    plugin = destination.open()
    with around("destination.roll-back"), foreign(destination.plugin, store=str(destination)):
        plugin.roll_back(bundle)


def clean(source: Source, found: FoundCertificate) -> bool:
    """Remove a certificate from the source; False where its plugin cannot."""
    plugin = source.open()
    if not isinstance(plugin, Cleans):
        return False
    with around("source.clean"), foreign(source.plugin, store=str(source)):
        plugin.clean(found)
    return True


def stats() -> dict[str, int]:
    """How many certificates there are for each destination's label."""
    present = Count("certificates", filter=Q(certificates__deleted=False), distinct=True)
    return dict(Destination.objects.order_by("label").values("label").annotate(n=present).values_list("label", "n"))
