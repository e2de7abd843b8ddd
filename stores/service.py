"""The verbs about destinations and sources, and the calls to what they stand for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Count, Q
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from core import connectors
from core.audit import Event, record
from core.commits import committing
from core.connectors import Given, NewConnector, foreign
from core.errors import DomainError, Unavailable
from core.failpoints import around
from core.permissions import permissions_of
from pki import inspection
from pki.errors import PkiError
from plugins.contracts import Confirms, Removes
from plugins.errors import PluginError, Temporary
from plugins.values import Bundle, FoundCertificate
from stores.models import Destination, Source

Store = Destination | Source
S = TypeVar("S", bound=Store)


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
    if isinstance(plugin, Confirms):
        with around("destination.confirm"), foreign(destination.plugin, store=str(destination)):
            held = plugin.held(bundle.name)
        if held != inspection.fingerprint(bundle.certificate):
            raise Temporary(f"{destination} took the certificate, and holds another one under {bundle.name}.")


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


def scan(source: Source, *, by: User | None = None, now: datetime | None = None) -> list[FoundCertificate]:
    """Everything that the source holds now; nothing of it is imported. Raises PluginError, Invalid or Unavailable."""
    by = acting(by)
    permissions_of(source).require(by, "change", source)
    plugin = source.open()
    with around("source.scan"), foreign(source.plugin, store=str(source)):
        found = list(plugin.certificates())
    with committing("source.scanned"):
        Source.objects.filter(pk=source.pk).update(last_run=now or clock())
        record(Event.SOURCE_SCANNED, source, by=by, found=len(found))
    return found


def stats() -> dict[str, int]:
    """How many certificates there are for each destination's label."""
    present = Count("certificates", filter=Q(certificates__deleted=False), distinct=True)
    return dict(Destination.objects.order_by("label").values("label").annotate(n=present).values_list("label", "n"))
