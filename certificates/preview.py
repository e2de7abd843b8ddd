"""What an order would lead to: the same rules as when it is placed, and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.x509 import Name as Subject
from django.utils.translation import gettext as _

from accounts.models import User
from certificates.models import Certificate
from certificates.service.settling import Wanted, require_may_order, settle
from certificates.spec import CertificateSpec
from pki import validity
from pki.subjects import rfc4514

TWINS = 5
SHOWN = 20


@dataclass(frozen=True)
class Preview:
    """What the CA will be asked for; ``twins`` are valid certificates of the same names, ``remarks`` are sentences."""

    wanted: Wanted
    twins: list[Certificate]
    remarks: list[str]

    @property
    def subject(self) -> str:
        """As RFC 4514 text."""
        name: Subject = self.wanted.subject
        return rfc4514(name)

    @property
    def names(self) -> list[str]:
        """The first of the names."""
        return [name.value for name in self.wanted.extensions.names[:SHOWN]]

    @property
    def more_names(self) -> int:
        """How many there are besides."""
        return max(0, len(self.wanted.extensions.names) - SHOWN)

    @property
    def key_type(self) -> str:
        """Of the key in the CSR, or of the one that will be made."""
        request = self.wanted.request
        return (request.key_type or "") if request else self.wanted.spec.key_type

    @property
    def days(self) -> int:
        """How long it will be valid, in whole days."""
        return (self.wanted.not_after - self.wanted.not_before).days


def look_ahead(fields: Mapping[str, Any], *, by: User, now: datetime) -> Preview:
    """Of an order with these fields. Raises what placing it would raise before anything is written."""
    spec = CertificateSpec.of(**fields)
    require_may_order(spec, by)
    wanted = settle(spec, by=by, now=now)
    return Preview(wanted, _twins(wanted, now=now), _remarks(wanted))


def _twins(wanted: Wanted, *, now: datetime) -> list[Certificate]:
    names = [name.value for name in wanted.extensions.names]
    same = Certificate.objects.current(now).unreplaced().filter(domains__name__in=names).distinct()
    return list(same.exclude(pk__in=[one.pk for one in wanted.spec.replaces]).order_by("-pk")[:TWINS])


def _remarks(wanted: Wanted) -> list[str]:
    longest, since = validity.longest_public(wanted.not_before)
    if wanted.not_after - wanted.not_before <= timedelta(days=longest):
        return []
    said = _(
        "Longer than a public authority may issue since %(since)s (%(days)d days). A private one may; some clients "
        "refuse it all the same."
    )
    return [said % {"since": f"{since:%Y-%m-%d}", "days": longest}]
