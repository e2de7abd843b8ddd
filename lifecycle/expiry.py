"""Who must be told that a certificate ends: every threshold that was crossed, however late we look, has a notice.

What is due follows from the clock and the rows alone, and each notice is named by what it is for: another run, late or
at the same time on another machine, adds nothing. It costs what ends within the widest threshold, not what exists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q
from django.utils.timezone import now as clock

from certificates.models import Certificate, CertificateQuerySet
from core.jobs import LEASE, Job
from lifecycle import places
from notifications.models import Notice, Notification
from notifications.service import Address, addresses_of, by_mail, raise_notice, release, snoozed, topic
from plugins.notifications.base import Threshold

EXPIRING, DEPLOYED, AUTHORITY = "certificate-expiring", "certificate-expiring-deployed", "authority-expiring"
PAGE = 1000
MOST_PLACES = 5
COLUMNS = ("name", "cn", "owner", "not_before", "not_after", "rotation")


@dataclass(frozen=True)
class Watch:
    """How long before the end of a certificate who wants to hear of it, besides its owner and the security team."""

    threshold: Threshold
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True)
class Subject:
    """A kind of notice: which certificates it is about, and what watches over each of a page of them, by their ids."""

    kind: str
    rows: CertificateQuerySet
    within: timedelta
    watches: Callable[[Sequence[Certificate]], Mapping[int, Iterable[Watch]]]


def notify_expiring(*, now: datetime | None = None) -> int:
    """Write down what somebody must be told now about the end of a certificate; how many notices are new.

    None is told before all are written, so that each recipient gets one message for all of a run.
    """
    now = now or clock()
    held = now + LEASE
    for notices in missing(now, held=held):
        raise_notice(*notices)
    return release(held, now=now)


def missing(now: datetime, *, held: datetime) -> Iterator[list[Notice]]:
    """The notices that are not written down yet, for a page of certificates at a time; they are not saved."""
    for subject in subjects():
        for page in pages(subject, now):
            yield due(subject, page, now=now, held=held)


def subjects() -> Iterator[Subject]:
    """Ordinary certificates, those of authorities, and those that are served though nobody watches over them."""
    watched = Certificate.objects.watched()
    widest, watches = _of_notifications()
    yield Subject(EXPIRING, watched.filter(root_authority=None), widest, watches)
    # By their ids, of which there are few: else a database might walk through all that end within a year for them.
    own = Certificate.objects.filter(root_authority__isnull=False).values_list("pk", flat=True)
    of_authorities = watched.filter(pk__in=list(own))
    yield _with_thresholds(AUTHORITY, of_authorities, settings.LEMUR_AUTHORITY_CERT_EXPIRATION_EMAIL_INTERVALS)
    yield _with_thresholds(DEPLOYED, places.unwatched(), [settings.LEMUR_EXPIRING_DEPLOYED_CERT_THRESHOLD_DAYS])


def _with_thresholds(kind: str, rows: CertificateQuerySet, days: Sequence[int]) -> Subject:
    """The same for each of them."""
    watches = [Watch(Threshold(days=number)) for number in days]
    widest = timedelta(days=max(days, default=0))
    return Subject(kind, rows, widest, lambda page: dict.fromkeys((one.pk for one in page), watches))


def _of_notifications() -> tuple[timedelta, Callable[[Sequence[Certificate]], Mapping[int, list[Watch]]]]:
    """The widest threshold of an active notification, and what those of a certificate ask for."""
    active = {one.pk: one for one in Notification.objects.filter(active=True).iterator()}
    thresholds = {pk: threshold for pk, one in active.items() if (threshold := one.threshold) is not None}

    @cache
    def watch(pk: int) -> Watch:
        """Of each owner there are some: only those are opened that watch over what ends soon."""
        return Watch(thresholds[pk], addresses_of(active[pk]))

    widest = max((one.widest for one in thresholds.values()), default=timedelta())
    return widest, partial(_attached, thresholds, watch)


def _attached(
    known: Container[int], watch: Callable[[int], Watch], page: Sequence[Certificate]
) -> Mapping[int, list[Watch]]:
    links = Certificate.notifications.through._default_manager.filter(certificate__in=[one.pk for one in page])
    found = defaultdict(list)
    for certificate, notification in links.order_by("pk").values_list("certificate_id", "notification_id"):
        if notification in known:
            found[certificate].append(watch(notification))
    return found


def pages(subject: Subject, now: datetime) -> Iterator[list[Certificate]]:
    """Those that end within the widest threshold, in pages by their end: what one run writes changes no later page."""
    rows = subject.rows.ending(now, within=subject.within).only(*COLUMNS)
    page = list(rows[:PAGE])
    while page:
        yield page
        last = page[-1]
        after = Q(not_after__gt=last.not_after) | Q(not_after=last.not_after, pk__gt=last.pk)
        page = list(rows.filter(after, not_after__gte=last.not_after)[:PAGE])


def due(subject: Subject, page: Sequence[Certificate], *, now: datetime, held: datetime) -> list[Notice]:
    """What is not written down yet of these. Of several thresholds that were crossed, the nearest is told; the others
    are written as done, since it says more."""
    topics = [topic(one) for one in page]
    quiet = snoozed(topics, now=now)
    known = set(Notice.objects.filter(kind=subject.kind, topic__in=topics).values_list("dedupe", flat=True))
    watches = subject.watches(page)
    fresh = [
        duty
        for certificate in page
        if topic(certificate) not in quiet
        for duty in _duties(certificate, watches.get(certificate.pk, ()), now=now)
        if duty.address.dedupe(subject.kind, duty.occasion) not in known
    ]
    told = places.of({duty.certificate.pk for duty in fresh if duty.is_nearest})
    return [duty.notice(subject.kind, told.get(duty.certificate.pk, ()), held=held) for duty in fresh]


class Duty(NamedTuple):
    """That a recipient must hear by now that a certificate ends, by a threshold: their nearest, or a wider one."""

    certificate: Certificate
    address: Address
    threshold: Threshold
    is_nearest: bool

    @property
    def occasion(self) -> str:
        return f"{self.certificate.pk}:{self.threshold}"

    def notice(self, kind: str, in_use_at: Sequence[str], *, held: datetime) -> Notice:
        certificate = self.certificate
        listed = list(in_use_at[:MOST_PLACES])
        facts = {
            "ends": certificate.not_after.isoformat(),
            "threshold": str(self.threshold),
            "places": listed,
            "more_places": len(in_use_at) - len(listed),
            "renews": certificate.rotation,
        }
        return self.address.notice(
            kind,
            self.occasion,
            topic=topic(certificate),
            label=certificate.cn or certificate.name,
            url=certificate.get_absolute_url(),
            facts=facts if self.is_nearest else {},
            state=Job.State.WAITING if self.is_nearest else Job.State.DONE,
            not_before=held,
        )


def _duties(certificate: Certificate, watches: Iterable[Watch], *, now: datetime) -> Iterator[Duty]:
    """By recipient; the owner and the security team hear whatever anybody hears (contract 12.1)."""
    left, lifetime = certificate.not_after - now, certificate.validity_range
    crossed: dict[str, tuple[Address, set[Threshold]]] = {}
    for watch in watches:
        if left <= watch.threshold.before_end(lifetime):
            for address in (*watch.addresses, *_always(certificate.owner)):
                crossed.setdefault(address.key, (address, set()))[1].add(watch.threshold)
    for address, thresholds in crossed.values():
        nearest, *wider = sorted(thresholds, key=lambda one: (one.before_end(lifetime), str(one)))
        yield Duty(certificate, address, nearest, is_nearest=True)
        yield from (Duty(certificate, address, one, is_nearest=False) for one in wider)


def _always(owner: str) -> tuple[Address, ...]:
    return _mailed((*settings.LEMUR_SECURITY_TEAM_EMAIL, owner))


@lru_cache(maxsize=1024)
def _mailed(recipients: tuple[str, ...]) -> tuple[Address, ...]:
    """One owner has many certificates."""
    return by_mail(*recipients)
