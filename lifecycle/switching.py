"""Whether certificates renew themselves, set by what they are used for (contract 12.8): only where the site says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import structlog
from django.conf import settings
from django.db.models import Count
from django.utils.module_loading import import_string
from django.utils.timezone import now as clock

from accounts.service import system_user
from certificates.models import Certificate, CertificateQuerySet
from certificates.service import (
    get_all_certs_attached_to_destination_without_autorotate,
    get_all_certs_attached_to_endpoint_without_autorotate,
    get_all_certs_not_attached_to_endpoint_with_autorotate,
    update_switches,
)
from core.connectors import foreign
from core.errors import DomainError
from plugins.errors import Permanent, PluginError

AT_ONCE = 5_000
ALIKE = ("cn", "owner", "authority", "key_type", "domain_names", "not_before__date", "not_after__date")

log = structlog.get_logger(__name__)


def set_switches() -> dict[int, bool]:
    """On where a certificate is in use, off where it is not or is there twice; which, and how they are set now."""
    set_now: dict[int, bool] = {}
    for certificate, on in [*wanted()][:AT_ONCE]:
        try:
            update_switches(certificate, rotation_flag=on, by=system_user())
        except DomainError as error:
            log.warning("switch.not_set", certificate=certificate.pk, reason=str(error))
        else:
            set_now[certificate.pk] = on
    return set_now


def wanted() -> Iterator[tuple[Certificate, bool]]:
    """How the switches should be that are not so."""
    yield from ((certificate, True) for certificate in _in_use())
    yield from ((certificate, False) for certificate in _unused())
    yield from ((certificate, False) for certificate in _doubles())


def _in_use() -> Iterable[Certificate]:
    """Served or delivered, of one of AUTOROTATE_AUTHORITIES."""
    names = settings.AUTOROTATE_AUTHORITIES
    if not names:
        return []
    both = (
        get_all_certs_attached_to_endpoint_without_autorotate(),
        get_all_certs_attached_to_destination_without_autorotate(),
    )
    found = {one.pk: one for rows in both for one in rows.filter(authority__name__in=names)[:AT_ONCE]}
    return found.values()


def _unused() -> Iterator[Certificate]:
    """Served by no endpoint, as far as AUTOROTATE_OFF_FILTER says of each that this is what it means."""
    if not settings.AUTOROTATE_OFF_FILTER:
        return
    for certificate in get_all_certs_not_attached_to_endpoint_with_autorotate().iterator(chunk_size=AT_ONCE):
        try:
            with foreign("AUTOROTATE_OFF_FILTER", error=Permanent, certificate=certificate.pk):
                off: Callable[[Certificate], bool] = import_string(settings.AUTOROTATE_OFF_FILTER)
                if off(certificate):
                    yield certificate
        except PluginError:  # it is logged; one that is renewed in vain does no harm
            continue


def _doubles() -> Iterator[Certificate]:
    """Of several that are alike in everything, destinations too, the one that was made last goes on renewing itself."""
    rows: CertificateQuerySet = Certificate.objects.renewing().current(clock()).unreplaced()
    groups = rows.order_by().values(*ALIKE).annotate(number=Count("pk")).filter(number__gt=1)
    for group in groups[:AT_ONCE]:
        alike = rows.filter(**{name: group[name] for name in ALIKE}).prefetch_related("destinations").order_by("-pk")
        by_places: dict[frozenset[int], list[Certificate]] = defaultdict(list)
        for certificate in alike:
            by_places[frozenset(place.pk for place in certificate.destinations.all())].append(certificate)
        for _, *others in by_places.values():
            yield from others
