"""Putting a certificate in its place: name, domains, roles, what it replaces. Shared by issuing and importing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.conf import settings

from accounts.models import Role, User
from accounts.service import ensure_owner_role
from authorities.models import Authority
from certificates.models import (
    Certificate,
    CertificateDomain,
    Domain,
    Tag,
    get_or_increase_name,
    update_destinations,
    update_replacement,
)
from certificates.models.domain import LONGEST
from certificates.permissions import permissions
from core.errors import Forbidden
from core.statements import ModelStatement
from notifications.models import Notification
from notifications.service import default_notifications
from pki import naming
from stores.models import Destination, Source

CHUNK = 500
Named = TypeVar("Named", Domain, Tag)
_DOMAINS = ModelStatement[Domain](lambda names: Domain.objects.filter(name__in=names).order_by())
_TAGS = ModelStatement[Tag](lambda names: Tag.objects.filter(name__in=names).order_by())
_ROLES = ModelStatement[Role](lambda names: Role.objects.filter(name__in=names).order_by())


def place(  # noqa: PLR0913  what hangs on a certificate
    certificate: Certificate,
    *,
    name: str | None,
    by: User,
    roles: Iterable[Role] = (),
    replaces: Iterable[Certificate] = (),
    destinations: Iterable[Destination] = (),
    notifications: Iterable[Notification] = (),
    sources: Iterable[Source] = (),
    tags: Sequence[str] = (),
) -> None:
    """Save a new certificate with everything that hangs on it. Runs in the caller's transaction."""
    facts = certificate.facts
    wanted = naming.custom_name(name) if name else default_name(certificate)
    certificate.name = get_or_increase_name(wanted or default_name(certificate), certificate.serial)
    certificate.save(force_insert=True)
    domains = add_domains(certificate, facts.domains)
    owned = create_certificate_roles(owner=certificate.owner, authority=certificate.authority, by=by)
    held = {*roles, *owned}
    certificate.roles.add(*held)
    old = add_replaced(certificate, replaces)
    told = list(notifications) or default_notifications(certificate.owner, by)
    certificate.sources.add(*sources)
    certificate.tags.add(*tag_rows(tags))
    certificate.notifications.add(*told)
    places = list(destinations)
    for destination in places:
        update_destinations(certificate, destination)
    certificate.made_with = {
        "roles": sorted(held, key=str),
        "domains": domains,
        "replaces": old,
        "replaced": [],
        "destinations": sorted(places, key=_by_label),
        "notifications": sorted(told, key=_by_label),
        "endpoints": [],
        "tags": list(tags),
    }


def _by_label(one: Destination | Notification) -> tuple[str, int]:
    return one.label, one.pk


def default_name(certificate: Certificate) -> str:
    facts = certificate.facts
    return naming.default_name(
        cn=facts.cn,
        issuer=facts.issuer,
        not_before=facts.not_before,
        not_after=facts.not_after,
        san=bool(facts.san),
        domains=facts.domains,
        serial=facts.serial,
    )


def add_domains(certificate: Certificate, names: Sequence[str]) -> list[Domain]:
    """Link the certificate with a row per name, in order; rows are shared, so only new names are inserted.

    What cannot be a name of a host because of its length stays visible in the certificate alone.
    """
    fitting = [name for name in names if 0 < len(name) <= LONGEST]
    added: list[Domain] = []
    for start in range(0, len(fitting), CHUNK):
        part = domain_rows(fitting[start : start + CHUNK])
        CertificateDomain.objects.bulk_create(
            [CertificateDomain(certificate=certificate, domain=domain) for domain in part]
        )
        added += part
    return added


def domain_rows(names: Sequence[str]) -> list[Domain]:
    """A row for each name, in that order."""
    return _shared_rows(Domain, _DOMAINS, names)


def tag_rows(names: Sequence[str]) -> list[Tag]:
    """The same of tags."""
    return _shared_rows(Tag, _TAGS, names)


def _shared_rows(model: type[Named], here: ModelStatement[Named], names: Sequence[str]) -> list[Named]:
    known = {row.name: row for row in here.rows(names)}
    # In alphabetical order, so that two that insert the same names wait for each other instead of dying.
    missing = [model(name=name) for name in sorted(set(names) - known.keys())]
    if missing:
        # Of a name that somebody else has inserted meanwhile, the "update" tells us the id.
        rows = model._default_manager
        rows.bulk_create(missing, update_conflicts=True, unique_fields=["name"], update_fields=["name"])
    known |= {row.name: row for row in missing}
    return [known[name] for name in names]


def create_certificate_roles(
    *, owner: str, authority: Authority | None = None, by: User | None = None, **_: Any
) -> list[Role]:
    """The role of the owner, made on first use, and the role of the authority's owner (contract 6.1)."""
    names = [owner.lower(), *([authority.owner.lower()] if authority else [])]
    known = {role.name: role for role in _ROLES.rows(names)}
    if owner.lower() not in known:
        known[owner.lower()] = ensure_owner_role(owner, by=by)
    return [known[name] for name in dict.fromkeys(names) if name in known]


def add_replaced(certificate: Certificate, replaces: Iterable[Certificate]) -> list[Certificate]:
    """Note which certificates this one replaces; nobody is told any more that those expire. Returns those."""
    old = list(replaces)
    if old:
        certificate.replaces.add(*old)
        for replaced in old:
            update_replacement(certificate, replaced)
    return old


def require_may_replace(replaces: Iterable[Certificate], by: User) -> None:
    """Marking a certificate as replaced silences it, so it takes the right to it (contract 2.5)."""
    if not settings.ENFORCE_REPLACES_AUTHORIZATION:
        return
    for certificate in replaces:
        if not permissions.can(by, "replace", certificate):
            raise Forbidden(
                f"'User(username={by.username}) is not authorized to perform replace_certificate on "
                f"{certificate.name}: caller does not own or hold a role on this certificate'"
            )
