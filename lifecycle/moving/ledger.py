"""The ledger of authorities whose key came over: revocation lists and OCSP must know what Lemur issued and revoked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import F

from authorities import ledger
from authorities.models import Authority, Issuance
from certificates.models import Certificate
from certificates.models.certificate import Status
from certificates.models.revocation import issuing_authority


def enter(certificates: Iterable[Certificate], revoked_at: Mapping[int, datetime], *, now: datetime) -> None:
    """A line for each that one of our authorities has issued; ``revoked_at`` by certificate, as far as that is known.

    Nobody knows any more what was reserved for a serial number: the line vouches for what was signed under it.
    """
    lines = []
    for certificate in certificates:
        issuer = issuing_authority(certificate)
        if issuer is not None and issuer.private_key is not None:
            line = ledger.line(issuer, certificate.parsed)
            if certificate.status == Status.REVOKED:
                line.revoked_at = revoked_at.get(certificate.pk, now)
            lines.append(line)
    Issuance.objects.bulk_create(lines, ignore_conflicts=True)
    changed = {line.authority_id for line in lines if line.revoked_at is not None}
    Authority.objects.filter(pk__in=changed).update(ledger_version=F("ledger_version") + 1)
