"""Everything that hangs on some certificates, in four statements however many there are and whatever hangs on them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import BooleanField, CharField, Model, Q, QuerySet, Value

from accounts.models import Role
from certificates.models import Certificate, CertificateDomain, Deployment, Domain
from core.connectors import Connector
from core.statements import Ids, ModelStatement, Statement
from notifications.models import Notification
from stores.models import Destination

SINGLE = ("user", "authority", "rotation_policy", "dns_provider")
OF_CONNECTORS = ("id", "label", "description", "plugin", "options", "active")
OF_ENDPOINTS = ("id", "name", "dnsname", "owner", "type", "active")
Lists = dict[str, list[Any]]
KINDS: Mapping[str, type[Connector]] = {"destinations": Destination, "notifications": Notification}
MAKE: Mapping[str, Callable[[int, str, str, bool], Any]] = {
    "domains": lambda pk, name, text, flag: Domain(pk, name, flag),
    "roles": lambda pk, name, text, flag: Role(pk=pk, name=name, description=text),
    "tags": lambda pk, name, text, flag: name,
}
BY_NAME = ("roles", "tags")
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
    ids = list(found)
    _lineage(_names(ids, found), found)
    _connectors(ids, found)
    _endpoints(ids, found)


def _names(ids: Sequence[int], found: Mapping[int, Lists]) -> list[tuple[int, int]]:
    """Domains in the order of the certificate, roles and tags by name.

    Which certificates replace which, newest first, is returned.
    """
    links = []
    for kind, certificate, _, pk, name, text, flag in sorted(NAMES.rows(ids), key=_in_order):
        if kind == "links":
            links.append((certificate, pk))
        else:
            found[certificate][kind].append(MAKE[kind](pk, name, text, bool(flag)))
    return sorted(links, key=lambda link: (link[1], link[0]), reverse=True)


def _in_order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    kind, _, place, _, name, *_ = row
    return (kind, 0, name) if kind in BY_NAME else (kind, place, "")


def _lineage(links: Sequence[tuple[int, int]], found: Mapping[int, Lists]) -> None:
    """What each replaces, and what replaces it. A statement only where there is something."""
    if not links:
        return
    others = {one.pk: one for one in OTHERS.rows(sorted({pk for link in links for pk in link}))}
    for new, old in links:
        if new in found:
            found[new]["replaces"].append(others[old])
        if old in found:
            found[old]["replaced"].append(others[new])


def _connectors(ids: Sequence[int], found: Mapping[int, Lists]) -> None:
    """Equal ones are one object."""
    known: dict[tuple[str, int], Connector] = {}
    for name, certificate, pk, label, description, plugin, options, active in CONNECTORS.rows(ids):
        if (name, pk) not in known:
            columns = (pk, label, description, plugin, json.loads(options), bool(active))
            known[name, pk] = _row(KINDS[name], OF_CONNECTORS, columns)
        found[certificate][name].append(known[name, pk])
    for lists in found.values():
        for name in KINDS:
            lists[name].sort(key=lambda one: (one.label, one.pk))


def _endpoints(ids: Sequence[int], found: Mapping[int, Lists]) -> None:
    model = _endpoint()
    for certificate, *columns, active in ENDPOINTS.rows(ids):
        found[certificate]["endpoints"].append(_row(model, OF_ENDPOINTS, (*columns, bool(active))))


def _row(model: type[Model], names: Sequence[str], columns: Sequence[Any]) -> Any:
    """As the ORM makes it: the columns in the order of the model, the others are read when somebody asks for them."""
    given = dict(zip(names, columns, strict=True))
    named = [field.attname for field in model._meta.concrete_fields if field.attname in given]
    return model.from_db(None, named, [given[name] for name in named])


def _endpoint() -> type[Model]:
    """A folder above says what endpoints are."""
    model: type[Model] = Certificate._meta.get_field("endpoints").related_model
    return model


def _text(value: str) -> Value:
    return Value(value, output_field=CharField())


def _ask_names(ids: Ids) -> QuerySet[Any, tuple[Any, ...]]:
    """Domains, roles, tags and which replace which: all are little more than names."""
    no_text, no_flag = _text(""), Value(value=False, output_field=BooleanField())
    held = CertificateDomain.objects.order_by().filter(certificate__in=ids)
    domains = held.values_list(
        _text("domains"), "certificate_id", "pk", "domain_id", "domain__name", no_text, "domain__sensitive"
    )
    managing = Certificate.roles.through._default_manager.filter(certificate__in=ids)
    roles = managing.values_list(
        _text("roles"), "certificate_id", "pk", "role_id", "role__name", "role__description", no_flag
    )
    borne = Certificate.tags.through._default_manager.filter(certificate__in=ids)
    tags = borne.values_list(_text("tags"), "certificate_id", "pk", "tag_id", "tag__name", no_text, no_flag)
    replacing = Certificate.replaces.through._default_manager.filter(
        Q(from_certificate__in=ids) | Q(to_certificate__in=ids)
    )
    ends = ("from_certificate_id", "pk", "to_certificate_id")
    links = replacing.values_list(_text("links"), *ends, no_text, no_text, no_flag)
    return domains.union(roles, tags, links, all=True)


def _ask_connectors(ids: Ids) -> QuerySet[Any, tuple[Any, ...]]:
    """Destinations and notifications look alike, so that one statement reads both."""
    watched = Certificate.notifications.through._default_manager.filter(certificate__in=ids)
    delivered = Deployment.objects.order_by().filter(certificate__in=ids)
    return _columns(delivered, "destinations").union(_columns(watched, "notifications"), all=True)


def _columns(rows: QuerySet[Any], name: str) -> QuerySet[Any, tuple[Any, ...]]:
    single = name.removesuffix("s")
    return rows.values_list(_text(name), "certificate_id", *(f"{single}__{column}" for column in OF_CONNECTORS))


def _ask_endpoints(ids: Ids) -> QuerySet[Any, tuple[Any, ...]]:
    served = _endpoint()._default_manager.filter(certificate__in=ids)
    return served.order_by("-pk").values_list("certificate_id", *OF_ENDPOINTS)


def _ask_others(ids: Ids) -> QuerySet[Certificate]:
    return Certificate.objects.select_related("rotation_policy").filter(pk__in=ids).order_by()


OTHERS = ModelStatement[Certificate](_ask_others)
NAMES, CONNECTORS, ENDPOINTS = Statement(_ask_names), Statement(_ask_connectors), Statement(_ask_endpoints)
