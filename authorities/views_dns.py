"""Pages of DNS providers, as far as they are not those of all connectors."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from authorities import service
from authorities.filters import DnsProviderFilter
from authorities.models import DnsProvider
from certificates.models import Certificate
from web.connectors import Shelf, Verbs, Words

SHOWN = 50


def _used(provider: DnsProvider) -> dict[str, Any]:
    """Which authorities have their challenges answered there; and how many certificates name it themselves."""
    authorities = provider.authorities.only("name", "active", "not_before", "not_after")
    return {
        "total": authorities.count(),
        "authorities": authorities[:SHOWN],
        "certificates": Certificate.objects.present().filter(dns_provider=provider).count(),
    }


DNS_PROVIDERS = Shelf(
    model=DnsProvider,
    pages="dns_providers",
    folder="dns_providers",
    icon="world",
    filters=DnsProviderFilter,
    words=Words(
        several=_("DNS providers"),
        one=_("DNS provider"),
        lead=_("Where the challenges of ACME CAs are answered."),
        create=_("Create a DNS provider"),
        question=_("Who serves the zone of your names?"),
        none=_("No DNS providers yet"),
        first=_(
            "A CA that speaks ACME wants to see a record in your zone before it issues a certificate. A DNS provider "
            "is who writes that record. Create it first, then connect the CA."
        ),
        delete=_("Delete the DNS provider"),
        used=_("Authorities"),
    ),
    verbs=Verbs(
        create=service.create_dns_provider,
        update=service.update_dns_provider,
        delete=service.delete_dns_provider,
        check=service.try_dns_provider,
    ),
    used=Count("authorities"),
    beside=_used,
    lost=_used,
)
