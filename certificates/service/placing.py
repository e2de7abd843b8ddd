"""Putting a certificate in its place: name, domains, roles, what it replaces. Shared by issuing and importing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings

from accounts.models import Role, User
from accounts.service import ensure_owner_role
from authorities.models import Authority
from certificates.models import Certificate, CertificateDomain, Domain, get_or_increase_name, update_replacement
from certificates.models.domain import LONGEST
from certificates.permissions import permissions
from core.errors import Forbidden
from pki import naming

CHUNK = 500


def place(
    certificate: Certificate,
    *,
    name: str | None,
    roles: Iterable[Role],
    replaces: Iterable[Certificate],
    by: User,
) -> None:
    """Save a new certificate with everything that hangs on it. Runs in the caller's transaction."""
    facts = certificate.facts
    wanted = naming.custom_name(name) if name else _default_name(certificate)
    certificate.name = get_or_increase_name(wanted or _default_name(certificate), certificate.serial)
    certificate.save(force_insert=True)
    add_domains(certificate, facts.domains)
    owned = create_certificate_roles(owner=certificate.owner, authority=certificate.authority, by=by)
    certificate.roles.add(*roles, *owned)
    add_replaced(certificate, replaces)


def _default_name(certificate: Certificate) -> str:
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


def add_domains(certificate: Certificate, names: Sequence[str]) -> None:
    """Link the certificate with a row per name, in order; rows are shared, so only new names are inserted.

    What cannot be a name of a host because of its length stays visible in the certificate alone.
    """
    fitting = [name for name in names if 0 < len(name) <= LONGEST]
    for start in range(0, len(fitting), CHUNK):
        part = fitting[start : start + CHUNK]
        known = _domain_ids(part)
        if missing := [name for name in part if name not in known]:
            Domain.objects.bulk_create([Domain(name=name) for name in missing], ignore_conflicts=True)
            known |= _domain_ids(missing)
        CertificateDomain.objects.bulk_create(
            [CertificateDomain(certificate=certificate, domain_id=known[name]) for name in part]
        )


def _domain_ids(names: Sequence[str]) -> dict[str, int]:
    return dict(Domain.objects.filter(name__in=names).values_list("name", "pk"))


def create_certificate_roles(
    *, owner: str, authority: Authority | None = None, by: User | None = None, **_: Any
) -> list[Role]:
    """The role of the owner, made on first use, and the role of the authority's owner (contract 6.1)."""
    roles = [ensure_owner_role(owner, by=by)]
    if authority is not None and authority.owner.lower() != owner.lower():
        roles.extend(Role.objects.filter(name=authority.owner.lower()))
    return roles


def add_replaced(certificate: Certificate, replaces: Iterable[Certificate]) -> None:
    """Note which certificates this one replaces; nobody is told any more that those expire."""
    old = list(replaces)
    if old:
        certificate.replaces.add(*old)
        for replaced in old:
            update_replacement(certificate, replaced)


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
