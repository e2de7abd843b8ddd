"""Changing what we say about a certificate, deleting it, revoking it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, ensure_owner_role
from authorities import ledger
from certificates.models import Certificate, CertificateQuerySet, Domain
from certificates.models.certificate import Status
from certificates.permissions import domain_permissions, permissions
from certificates.service.placing import add_replaced, create_certificate_roles, require_may_replace
from core.audit import Event, record
from core.commits import committing
from core.errors import Invalid, NotFound, Precondition

__all__ = ["create_certificate_roles", "delete", "mark_domain", "revoke", "update"]

COLUMNS = frozenset({"owner", "description", "notify", "rotation"})
LISTS = frozenset({"roles", "replaces"})
MISSING = "Cannot find specified certificate"


@committing("certificate.update")
def update(cert_id: int, *, by: User | None = None, **changes: Any) -> Certificate:
    """Change a certificate's owner, description, notify, rotation, roles or replaces; lists replace what was there.

    A new owner takes over: the old owner's role goes, and the creator has no more rights than anybody else.
    """
    by = acting(by)
    if unknown := set(changes) - COLUMNS - LISTS:
        raise TypeError(f"update() got unexpected fields: {sorted(unknown)}")
    certificate = _locked(cert_id)
    permissions.require(by, "change", certificate, message="You are not authorized to update this certificate")
    lists = {name: list(changes.pop(name)) for name in LISTS & set(changes)}
    before = certificate.owner
    _set_columns(certificate, changes, by=by)
    if "roles" in lists:
        # A form that was shown before the hand-over brings the old owner's role along.
        kept = [role for role in lists["roles"] if certificate.owner == before or role.name != before]
        certificate.roles.set([*kept, ensure_owner_role(certificate.owner, by=by)])
    if "replaces" in lists:
        _set_replaces(certificate, lists["replaces"], by=by)
    record(Event.CERTIFICATE_UPDATED, certificate, by=by, fields=sorted({*changes, *lists} - {"handed_over"}))
    return certificate


def _locked(cert_id: int) -> Certificate:
    """The row as it is now, kept from others until the transaction ends."""
    certificate = Certificate.objects.select_for_update().filter(pk=cert_id).first()
    if certificate is None:
        raise NotFound(MISSING)
    return certificate


def _set_columns(certificate: Certificate, changes: dict[str, Any], *, by: User) -> None:
    if "owner" in changes:
        changes["owner"] = changes["owner"].strip().lower()
        if changes["owner"] != certificate.owner:
            certificate.roles.remove(*certificate.roles.filter(name=certificate.owner))
            certificate.roles.add(ensure_owner_role(changes["owner"], by=by))
            changes["handed_over"] = True
    for name, value in changes.items():
        setattr(certificate, name, value)
    if changes:
        certificate.save(update_fields=list(changes))


def _set_replaces(certificate: Certificate, wanted: list[Certificate], *, by: User) -> None:
    known = set(certificate.replaces.all())
    added = [other for other in wanted if other not in known]
    if certificate in added or any(certificate in other.replaces.all() for other in added):
        raise Invalid.field("replaces", "A certificate cannot replace itself, nor one that replaces it.")
    require_may_replace(added, by)
    certificate.replaces.remove(*(known - set(wanted)))
    add_replaced(certificate, added)


@committing("domain.update")
def mark_domain(pk: int, *, sensitive: bool, by: User | None = None) -> None:
    """Say whether only trusted people may ask for certificates with this name."""
    by = acting(by)
    domain = Domain.objects.filter(pk=pk).first()
    if domain is None:
        raise NotFound
    domain_permissions.require(by, "change", domain)
    Domain.objects.filter(pk=pk).update(sensitive=sensitive)
    record(Event.DOMAIN_UPDATED, domain, by=by, sensitive=sensitive)


@committing("certificate.delete")
def delete(cert_id: int, *, by: User | None = None) -> None:
    """Mark a certificate as deleted: it leaves the lists, the row and its history stay."""
    by = acting(by)
    certificate = _locked(cert_id)
    if certificate.deleted:
        raise Precondition("Certificate is already deleted")
    permissions.require(by, "delete", certificate, message="You are not authorized to delete this certificate")
    Certificate.objects.filter(pk=certificate.pk).update(deleted=True)
    record(Event.CERTIFICATE_DELETED, certificate, by=by)


@committing("certificate.revoke")
def revoke(
    certificate: Certificate, *, reason: str = "unspecified", by: User | None = None, now: datetime | None = None
) -> None:
    """Revoke a certificate of an authority whose ledger is ours; nobody is told any more that it expires.

    A duplicate never gives a right: the permission on every row of the same certificate is asked.
    """
    by, now = acting(by), now or clock()
    rows = _rows_of(certificate)
    for same in rows:
        permissions.require(by, "revoke", same, message="You are not authorized to revoke this certificate.")
    if certificate.authority is None or certificate.authority.private_key is None:
        raise Precondition("Revoke is not implemented for issuer of this certificate")
    ledger.revoke(certificate.authority, certificate.serial, reason=reason, at=now)
    rows.update(status=Status.REVOKED, notify=False, rotation=False)
    record(Event.CERTIFICATE_REVOKED, certificate, by=by, reason=reason)


def _rows_of(certificate: Certificate) -> CertificateQuerySet:
    """Every row of this very certificate: the same bytes, or the same serial of the same authority."""
    same = Q(fingerprint=certificate.fingerprint)
    if certificate.authority_id is not None:
        same |= Q(authority=certificate.authority_id, serial=certificate.serial)
    return Certificate.objects.filter(same)
