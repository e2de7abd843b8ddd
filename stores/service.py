"""The verbs about destinations and sources, and the calls to what they stand for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from core import idempotency
from core.audit import Event, record
from core.commits import committing
from core.connectors import Given, foreign
from core.errors import Conflict, DomainError, NotFound, Unavailable
from core.failpoints import around
from pki import inspection
from pki.errors import PkiError
from plugins.contracts import Confirms, Removes
from plugins.errors import PluginError, Temporary
from plugins.values import Bundle, FoundCertificate
from stores.models import Destination, Source
from stores.permissions import permissions_of

Store = Destination | Source
S = TypeVar("S", bound=Store)

CHANGEABLE = frozenset({"label", "description", "active", "plugin", "options"})


@committing("store.create")
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
    """A destination or source. Invalid names each option that is wrong; Conflict if a source of this label exists."""
    by = acting(by)
    permissions_of(model).require(by, "create")
    made = idempotency.recall(model)
    if made is not None:
        return made
    store = model(label=label, description=description, active=active)
    store.configure(plugin, options)
    _save(store)
    idempotency.remember(store)
    record(
        Event.DESTINATION_CREATED if isinstance(store, Destination) else Event.SOURCE_CREATED,
        store,
        by=by,
        plugin=plugin,
    )
    return store


@committing("store.update")
def update(store: S, *, by: User | None = None, **changes: Any) -> S:
    """Change what is given of :data:`CHANGEABLE`. Options replace those that were; secrets left out stay."""
    by = acting(by)
    if unknown := set(changes) - CHANGEABLE:
        raise TypeError(f"update() got unexpected fields: {sorted(unknown)}")
    permissions_of(store).require(by, "change", store)
    locked = lock(store)
    plugin = changes.get("plugin", locked.plugin)
    if "options" in changes or plugin != locked.plugin:
        locked.configure(plugin, changes.get("options"))
    for name in changes.keys() - {"plugin", "options"}:
        setattr(locked, name, changes[name])
    _save(locked)
    record(
        Event.DESTINATION_UPDATED if isinstance(store, Destination) else Event.SOURCE_UPDATED,
        locked,
        by=by,
        fields=sorted(changes),
    )
    return locked


def lock(store: S) -> S:
    """The row as it is now, kept from others until the transaction ends. NotFound if somebody has deleted it."""
    found: S | None = type(store).objects.select_for_update().filter(pk=store.pk).first()  # type: ignore[assignment]
    if found is None:
        raise NotFound(f"There is no such {store._meta.verbose_name}.")
    return found


def _save(store: Store) -> None:
    try:
        with transaction.atomic():
            store.save()
    except IntegrityError as error:
        raise Conflict(f"There is already a {store._meta.verbose_name} called {store.label}.") from error


@committing("store.delete")
def delete(store: Store, *, by: User | None = None) -> None:
    """Forget it, and what is known about it; what it stands for is not touched. See certificates.service.withdraw."""
    by = acting(by)
    permissions_of(store).require(by, "delete", store)
    store = lock(store)
    record(Event.DESTINATION_DELETED if isinstance(store, Destination) else Event.SOURCE_DELETED, store, by=by)
    store.delete()


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
