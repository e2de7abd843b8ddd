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
Lists = dict[str, list[Any]]
CONNECTORS: Mapping[str, type[Connector]] = {"destinations": Destination, "notifications": Notification}
LOADED = "loaded_in_full"
"""Under this name a certificate bears its lists: by their names, in the order in which they are shown."""


def in_full() -> QuerySet[Certificate]:
    """Certificates with the single rows they refer to; :func:`complete` adds the lists."""
    return Certificate.objects.select_related(*SINGLE)


def complete(certificates: Iterable[Certificate]) -> None:
    """Read the lists that the full output shows, of those that have not got them yet."""
    new = [one for one in certificates if LOADED not in one.__dict__]
    for certificate in new:
        certificate.__dict__[LOADED] = certificate.made_with or defaultdict(list)
    if read := [one for one in new if one.made_with is None]:
        _share(read)
        prefetch_related_objects(read, "endpoints")
        for certificate in read:
            certificate.__dict__[LOADED]["endpoints"] = list(certificate.endpoints.all())
        _load({one.pk: one.__dict__[LOADED] for one in read})


def _share(certificates: Iterable[Certificate]) -> None:
    """What several refer to becomes one object, which is put in words once."""
    known: dict[tuple[str, int], Any] = {}
    for certificate in certificates:
        for name in SINGLE:
            pk = getattr(certificate, f"{name}_id")
            if pk is not None:
                certificate._state.fields_cache[name] = known.setdefault((name, pk), getattr(certificate, name))


def _load(found: Mapping[int, Lists]) -> None:
    _lineage(_names(found), found)
    _connectors(found)


def _names(found: Mapping[int, Lists]) -> list[tuple[int, int]]:
    """Domains in the order of the certificate, and roles by name: both are little more than names.

    In the same statement which certificates replace which, newest first; that is returned.
    """
    no_text, no_flag = Value("", output_field=CharField()), Value(value=False, output_field=BooleanField())
    kinds = {name: Value(name, output_field=CharField()) for name in ("domains", "links", "roles")}
    held = CertificateDomain.objects.order_by().filter(certificate__in=found)
    domains = held.values_list(
        kinds["domains"], "certificate_id", "pk", "domain_id", "domain__name", no_text, "domain__sensitive"
    )
    managing = Certificate.roles.through._default_manager.filter(certificate__in=found)
    roles = managing.values_list(
        kinds["roles"], "certificate_id", "pk", "role_id", "role__name", "role__description", no_flag
    )
    replacing = Certificate.replaces.through._default_manager.filter(
        Q(from_certificate__in=found) | Q(to_certificate__in=found)
    )
    ends = ("from_certificate_id", "pk", "to_certificate_id")
    links = []
    rows = domains.union(roles, replacing.values_list(kinds["links"], *ends, no_text, no_text, no_flag), all=True)
    for kind, certificate, _, pk, name, text, flag in sorted(rows, key=_in_order):
        if kind == "links":
            links.append((certificate, pk))
        else:
            one = Domain(pk, name, flag) if kind == "domains" else Role(pk=pk, name=name, description=text)
            found[certificate][kind].append(one)
    return sorted(links, key=lambda link: (link[1], link[0]), reverse=True)


def _in_order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    kind, _, place, _, name, *_ = row
    return (kind, 0, name) if kind == "roles" else (kind, place, "")


def _lineage(links: Sequence[tuple[int, int]], found: Mapping[int, Lists]) -> None:
    """What each replaces, and what replaces it. A statement only where there is something."""
    if not links:
        return
    others = Certificate.objects.select_related("rotation_policy").in_bulk({pk for link in links for pk in link})
    for new, old in links:
        if new in found:
            found[new]["replaces"].append(others[old])
        if old in found:
            found[old]["replaced"].append(others[new])


def _connectors(found: Mapping[int, Lists]) -> None:
    """Destinations and notifications look alike, so that one statement reads both; equal ones are one object."""
    watched = Certificate.notifications.through._default_manager.filter(certificate__in=found)
    rows = _columns(Deployment.objects.order_by().filter(certificate__in=found), "destinations").union(
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
