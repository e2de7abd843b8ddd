"""The ledger of authorities whose key came over: revocation lists and OCSP must know what Lemur issued and revoked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import F

from authorities.models import Authority, Issuance
from certificates.models import Certificate
from certificates.models.certificate import Status
from certificates.models.revocation import issuing_authority
from pki import signing


def enter(certificates: Iterable[Certificate], revoked_at: Mapping[int, datetime], *, now: datetime) -> None:
    """A line for each that one of our authorities has issued; ``revoked_at`` by certificate, as far as that is known.

    Nobody knows any more what was reserved for a serial number: the line vouches for what was signed under it.
    """
    lines = []
    for certificate in certificates:
        issuer = issuing_authority(certificate)
        if issuer is not None and issuer.private_key is not None:
            revoked = certificate.status == Status.REVOKED
            lines.append(_line(issuer, certificate, revoked_at.get(certificate.pk, now) if revoked else None))
    Issuance.objects.bulk_create(lines, ignore_conflicts=True)
    changed = {line.authority_id for line in lines if line.revoked_at is not None}
    Authority.objects.filter(pk__in=changed).update(ledger_version=F("ledger_version") + 1)


def _line(issuer: Authority, certificate: Certificate, revoked_at: datetime | None) -> Issuance:
    return Issuance(
        authority=issuer,
        serial=certificate.serial,
        not_after=certificate.not_after,
        tbs_sha256=signing.tbs_sha256(certificate.parsed),
        revoked_at=revoked_at,
    )
