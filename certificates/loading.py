"""Everything that hangs on some certificates, in four statements however many there are and whatever hangs on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import BooleanField, CharField, Q, QuerySet, Value, prefetch_related_objects

from accounts.models import Role
from certificates.models import Certificate, CertificateDomain, Deployment, Domain
from core.connectors import Connector
from notifications.models import Notification
from stores.models import Destination

SINGLE = ("user", "authority", "rotation_policy", "dns_provider")
OF_CONNECTORS = ("id", "label", "description", "plugin", "options", "active")
CONNECTORS: Mapping[str, type[Connector]] = {"destinations": Destination, "notifications": Notification}
LISTS = ("domains", "roles", "replaces", "replaced", *CONNECTORS)
LOADED = "loaded_in_full"


def in_full() -> QuerySet[Certificate]:
    """Certificates with the single rows they refer to; :func:`complete` adds the lists."""
    return Certificate.objects.select_related(*SINGLE)


def complete(certificates: Iterable[Certificate]) -> None:
    """Read the lists that the full output shows, of those that have not got them yet."""
    new = [one for one in certificates if LOADED not in one.__dict__]
    for certificate in new:
        certificate.__dict__[LOADED] = True
        if certificate.made_with is not None:
            _fill(certificate, certificate.made_with)
    if read := [one for one in new if one.made_with is None]:
        _share(read)
        prefetch_related_objects(read, "endpoints")
        _load(read)


def _share(certificates: Iterable[Certificate]) -> None:
    """What several refer to becomes one object, which is put in words once."""
    known: dict[tuple[str, int], Any] = {}
    for certificate in certificates:
        for name in SINGLE:
            pk = getattr(certificate, f"{name}_id")
            if pk is not None:
                certificate._state.fields_cache[name] = known.setdefault((name, pk), getattr(certificate, name))


def _load(certificates: Sequence[Certificate]) -> None:
    found: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    ids = [one.pk for one in certificates]
    _names(ids, found)
    _lineage(ids, found)
    _connectors(ids, found)
    for certificate in certificates:
        lists = found[certificate.pk]
        _fill(certificate, {name: lists[name] for name in LISTS})


def _names(ids: list[int], found: dict[int, dict[str, list[Any]]]) -> None:
    """Domains in the order of the certificate, and roles by name: both are little more than names."""
    no_text, no_flag = Value("", output_field=CharField()), Value(value=False, output_field=BooleanField())
    kinds = {name: Value(name, output_field=CharField()) for name in ("domains", "roles")}
    held = CertificateDomain.objects.order_by().filter(certificate__in=ids)
    domains = held.values_list(
        kinds["domains"], "certificate_id", "pk", "domain_id", "domain__name", no_text, "domain__sensitive"
    )
    managing = Certificate.roles.through._default_manager.filter(certificate__in=ids)
    roles = managing.values_list(
        kinds["roles"], "certificate_id", "pk", "role_id", "role__name", "role__description", no_flag
    )
    for kind, certificate, _, pk, name, text, flag in sorted(domains.union(roles, all=True), key=_in_order):
        one = Domain(pk, name, flag) if kind == "domains" else Role(pk=pk, name=name, description=text)
        found[certificate][kind].append(one)


def _in_order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    kind, _, place, _, name, *_ = row
    return (kind, place, "") if kind == "domains" else (kind, 0, name)


def _lineage(ids: list[int], found: dict[int, dict[str, list[Any]]]) -> None:
    """What each replaces, and what replaces it, newest first: one statement for both directions."""
    links = Certificate.replaces.through._default_manager.filter(
        Q(from_certificate__in=ids) | Q(to_certificate__in=ids)
    ).select_related("from_certificate__rotation_policy", "to_certificate__rotation_policy")
    for link in links.order_by("-to_certificate", "-from_certificate"):
        found[link.from_certificate_id]["replaces"].append(link.to_certificate)
        found[link.to_certificate_id]["replaced"].append(link.from_certificate)


def _connectors(ids: list[int], found: dict[int, dict[str, list[Any]]]) -> None:
    """Destinations and notifications look alike, so that one statement reads both; equal ones are one object."""
    watched = Certificate.notifications.through._default_manager.filter(certificate__in=ids)
    rows = _columns(Deployment.objects.order_by().filter(certificate__in=ids), "destinations").union(
        _columns(watched, "notifications"), all=True
    )
    known: dict[tuple[str, int], Connector] = {}
    for name, certificate, *values in rows:
        if (name, values[0]) not in known:
            known[name, values[0]] = _connector(CONNECTORS[name], dict(zip(OF_CONNECTORS, values, strict=True)))
        found[certificate][name].append(known[name, values[0]])
    for lists in found.values():
        for name in CONNECTORS:
            lists[name].sort(key=lambda one: (one.label, one.pk))


def _connector(model: type[Connector], columns: Mapping[str, Any]) -> Connector:
    """As the ORM makes it: the columns in the order of the model, the others are read when somebody asks for them."""
    names = [field.attname for field in model._meta.concrete_fields if field.attname in columns]
    return model.from_db(None, names, [columns[name] for name in names])


def _columns(rows: QuerySet[Any], name: str) -> QuerySet[Any, tuple[Any, ...]]:
    single = name.removesuffix("s")
    kind = Value(name, output_field=CharField())
    return rows.values_list(kind, "certificate_id", *(f"{single}__{column}" for column in OF_CONNECTORS))


def _fill(certificate: Certificate, lists: Mapping[str, list[Any]]) -> None:
    """As prefetch_related would have."""
    cache = certificate.__dict__.setdefault("_prefetched_objects_cache", {})
    for name, rows in lists.items():
        known = getattr(certificate, name).all()
        known._result_cache, known._prefetch_done = rows, True
        cache[name] = known
