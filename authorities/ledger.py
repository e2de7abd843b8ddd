"""The ledger of the authorities whose keys are ours: which serial was used for what, and which were revoked."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from authorities.models import Authority, Issuance
from core.errors import NotFound
from pki import signing
from pki.errors import NotAllowed


def reserve(authority: Authority, draft: x509.Certificate) -> Issuance:
    """Write down, before it is signed, that this authority is about to sign this draft under its serial number.

    Serials are 159 random bits; the unique constraint is the proof that none is used twice.
    """
    return Issuance.objects.create(
        authority=authority,
        serial=str(draft.serial_number),
        not_after=draft.not_valid_after_utc,
        tbs_sha256=signing.tbs_sha256(draft),
    )


def confirm(authority: Authority, certificate: x509.Certificate, *, reserved: Issuance | None = None) -> None:
    """Raise NotAllowed unless what was signed is exactly what the ledger has reserved for its serial number.

    ``reserved`` is what :func:`reserve` returned, for who still has it.
    """
    serial = str(certificate.serial_number)
    if reserved is None or reserved.serial != serial:
        reserved = Issuance.objects.filter(authority=authority, serial=serial).first()
    if reserved is None or reserved.tbs_sha256 != signing.tbs_sha256(certificate):
        raise NotAllowed(f"{authority} signed something else than was reserved for serial {serial}.")


def revoke(authority: Authority, serial: str, *, reason: str, at: datetime) -> None:
    """Mark a serial as revoked; the first time counts, a second revocation changes nothing."""
    entry = find(authority, serial)
    Issuance.objects.filter(pk=entry.pk, revoked_at=None).update(revoked_at=at, reason=reason)


def find(authority: Authority, serial: str) -> Issuance:
    """The line for a serial number; NotFound if this authority never used it."""
    entry = Issuance.objects.filter(authority=authority, serial=serial).first()
    if entry is None:
        raise NotFound(f"{authority} has not issued serial {serial}.")
    return entry
