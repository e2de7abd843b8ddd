"""Renewing by itself: which certificates are due, and one of them after the other, as far as the budgets allow.

What is due is asked of an index; a certificate that was tried, for better or worse, is due again hours later, so that
neither a message that comes twice nor a CA that refuses makes more of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils.module_loading import import_string
from django.utils.timezone import now as clock

from accounts.service import system_user
from authorities.models import Authority
from certificates.models import Certificate, CertificateQuerySet, Order, RotationPolicy
from certificates.service.reissue import open_order, reissue_certificate, renewing_authority
from certificates.service.renewing import settle_moments
from core.audit import Event, record
from core.commits import committing
from core.connectors import foreign
from core.errors import DomainError
from core.queue import enqueue
from lifecycle import budgets
from pki import renewal
from pki.errors import PkiError
from plugins.errors import Permanent, PluginError

AT_ONCE = 20_000
PAUSE = timedelta(hours=8)
"""Between two attempts for one certificate; of one that lives shorter, a quarter of what is left."""
SHORTEST_PAUSE = timedelta(minutes=5)
DAY = timedelta(days=1)

log = structlog.get_logger(__name__)


def due(now: datetime) -> CertificateQuerySet:
    """What is renewed now, if the budgets allow: its time has come, and its policy has a maintenance window."""
    rows = Certificate.objects.due_for_renewal(now)
    for policy in RotationPolicy.objects.exclude(windows=""):
        windows = policy.open_hours
        if not renewal.is_open(windows, now):
            opening = min(window.next_opening(now) for window in windows)
            rows = rows.exclude(Q(rotation_policy=policy, not_after__gt=opening + DAY))
    return rows


def reissue_due(*, now: datetime | None = None, dry_run: bool = False) -> list[int]:
    """The certificates that are renewed now, those first that end first; each is a message to a worker.

    What is over the budget of its authority waits for another hour; what is over that of all, for a person too. As a
    dry run it only says which they are.
    """
    now = now or clock()
    if not dry_run:
        settle_moments(now=now)
        budgets.hold(due(now).count(), now=now)
    chosen = [pk for _, pk in sorted(_within_budgets(now))][: budgets.left_of_all(now=now)]
    if dry_run:
        return [one.pk for one in due(now).filter(pk__in=chosen) if _is_wanted(one)]
    for pk in chosen:
        enqueue("lifecycle.reissue", pk)
    return chosen


def _within_budgets(now: datetime) -> Iterator[tuple[datetime, int]]:
    """End and id; asked apart for each authority that limits them, so that none stands in the way of others."""
    limited = list(Authority.objects.exclude(renewals_per_hour=None))
    for authority in limited:
        yield from _ends(due(now).filter(authority=authority), budgets.left(authority, now=now))
    yield from _ends(due(now).exclude(authority__in=limited), AT_ONCE)


def _ends(rows: CertificateQuerySet, number: int) -> Iterator[tuple[datetime, int]]:
    yield from rows.order_by("not_after").values_list("not_after", "pk")[:number]


def reissue(certificate_id: int, *, now: datetime | None = None) -> Certificate | Order | None:
    """Renew one certificate in the name of the system, if that is due, wanted and allowed; its creator stays.

    What goes wrong is an event of the certificate. An order that waits for its CA is taken up by the sweep of orders.
    """
    now = now or clock()
    certificate = due(now).select_related("authority", "rotation_policy").filter(pk=certificate_id).first()
    if certificate is None:
        return None
    try:
        if not _is_wanted(certificate) or not _begin(certificate, now=now):
            return None
        return reissue_certificate(certificate, replace=True, user=None, now=now)
    except (PluginError, PkiError, DomainError) as error:
        if open_order(certificate) is None:
            _failed(certificate, error, now=now)
        return None


def _is_wanted(certificate: Certificate) -> bool:
    """Contract 12.3: a site may have a function that says no."""
    if not settings.REISSUE_FILTER:
        return True
    with foreign("REISSUE_FILTER", error=Permanent, certificate=certificate.pk):
        wanted: Callable[[Certificate], bool] = import_string(settings.REISSUE_FILTER)
        return bool(wanted(certificate))


def _begin(certificate: Certificate, *, now: datetime) -> bool:
    """Count it, and see to it that nobody begins it again for a while."""
    authority = renewing_authority(certificate)
    return authority is not None and budgets.take(authority, now=now) and _put_off(certificate, now=now)


@committing("renewal.begin")
def _put_off(certificate: Certificate, *, now: datetime) -> bool:
    """Who changes the moment first is the one who renews it."""
    later = now + max(min(PAUSE, (certificate.not_after - now) / 4), SHORTEST_PAUSE)
    mine = Certificate.objects.filter(pk=certificate.pk, renews_at=certificate.renews_at)
    return bool(mine.update(renews_at=later))


@committing("renewal.failed")
def _failed(certificate: Certificate, error: Exception, *, now: datetime) -> None:
    """Whatever it was, it is not tried again at once."""
    _put_off(certificate, now=now)
    log.warning("renewal.failed", certificate=certificate.pk, reason=str(error))
    record(Event.RENEWAL_FAILED, certificate, by=system_user(), error=str(error))
