"""Alarms: whatever does not work has one, of which its owner and the security team are told once; until it works again.

A sweep compares what fails now with the alarms that are open. Work that failed for good and work that fails again and
again count alike, since nobody should learn of it only when everything has been tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import system_user
from authorities import publishing
from authorities.models import Authority
from certificates.models import Certificate, Deployment, Order, Revocation
from certificates.service.orders import failing_orders
from core.audit import Event, record
from core.commits import committing
from lifecycle.models import Alarm
from notifications.models import Notice
from notifications.service import Address, by_mail, raise_notice, topic
from pki.names import printable

LONGEST_LABEL = 255


@dataclass(frozen=True)
class Failure:
    """What does not work: a kind of notice, what it is about, whose it is, and what was said last."""

    kind: str
    topic: str
    label: str
    url: str
    owner: str
    error: str

    def __str__(self) -> str:
        return f"{self.kind.replace('-', ' ')}: {self.label}"

    def alarm(self, now: datetime) -> Alarm:
        return Alarm(
            kind=self.kind,
            topic=self.topic,
            label=self.label[:LONGEST_LABEL],
            url=self.url,
            owner=self.owner,
            error=printable(self.error),
            since=now,
        )

    def notice(self, alarm: Alarm, to: Address) -> Notice:
        facts = {"error": self.error} if self.error else {}
        return to.notice(self.kind, str(alarm.pk), topic=self.topic, label=self.label, url=self.url, facts=facts)


def sweep_failures(*, now: datetime | None = None) -> int:
    """Raise an alarm for whatever has none, and resolve those of what works again; how many are new."""
    now, by = now or clock(), system_user()
    begun, over = changes(now)
    for alarm in over:
        _resolve(alarm, by=by, now=now)
    return sum(_raise(failure, by=by, now=now) for failure in begun)


def changes(now: datetime) -> tuple[list[Failure], list[Alarm]]:
    """What has no alarm yet, and the alarms of what works again."""
    found = {(one.kind, one.topic): one for one in failing(now)}
    known = {(one.kind, one.topic): one for one in Alarm.objects.filter(resolved_at=None)}
    begun = [failure for key, failure in found.items() if key not in known]
    return begun, [alarm for key, alarm in known.items() if key not in found]


@committing("alarm.raise")
def _raise(failure: Failure, *, by: User, now: datetime) -> bool:
    """Is it new? Of two sweeps at once, one says it."""
    alarm = failure.alarm(now)
    try:
        with transaction.atomic():
            alarm.save()
    except IntegrityError:
        return False
    raise_notice(*(failure.notice(alarm, address) for address in _addresses(failure)))
    record(Event.ALARM_RAISED, alarm, by=by, error=failure.error)
    return True


def _addresses(failure: Failure) -> tuple[Address, ...]:
    return by_mail(*settings.LEMUR_SECURITY_TEAM_EMAIL, failure.owner)


@committing("alarm.resolve")
def _resolve(alarm: Alarm, *, by: User, now: datetime) -> None:
    if Alarm.objects.filter(pk=alarm.pk, resolved_at=None).update(resolved_at=now):
        record(Event.ALARM_RESOLVED, alarm, by=by)


def failing(now: datetime) -> Iterator[Failure]:
    """Everything that does not work now. Of several orders that renew one certificate, the last speaks for all."""
    current = Certificate.objects.current(now).unreplaced().filter(demo=False)
    yield from map(_renewal, failing_orders().filter(reissues__in=current).select_related("reissues").order_by("pk"))
    yield from map(_order, failing_orders().filter(reissues=None, authority__demo=False))
    delivered = Deployment.objects.failing().filter(certificate__in=current, destination__active=True)
    yield from map(_delivery, delivered.select_related("certificate", "destination"))
    unrevoked = Q(certificate__demo=False) & ~Q(certificate__status="revoked")
    yield from map(_revocation, Revocation.objects.failing().filter(unrevoked).select_related("certificate"))
    for kind, authorities in (("crl-stale", publishing.stale(now)), ("ocsp-stale", publishing.stale_responders(now))):
        yield from (_unpublished(kind, one) for one in authorities if not one.demo)


def _renewal(order: Order) -> Failure:
    renewed = order.reissues
    assert renewed is not None  # noqa: S101  the query says so
    return _about(renewed, "renewal-failing", topic(renewed), error=order.last_error)


def _order(order: Order) -> Failure:
    owner, url = order.spec.get("owner", ""), order.get_absolute_url()
    return Failure("order-failed", topic(order), str(order), url, owner, order.last_error)


def _delivery(deployment: Deployment) -> Failure:
    certificate, label = deployment.certificate, str(deployment)
    return _about(certificate, "delivery-stuck", topic(deployment), label=label, error=deployment.last_error)


def _revocation(revocation: Revocation) -> Failure:
    certificate = revocation.certificate
    return _about(certificate, "revocation-failing", topic(certificate), error=revocation.last_error)


def _about(certificate: Certificate, kind: str, about: str, *, error: str, label: str = "") -> Failure:
    return Failure(kind, about, label or certificate.name, certificate.get_absolute_url(), certificate.owner, error)


def _unpublished(kind: str, authority: Authority) -> Failure:
    return Failure(kind, topic(authority), str(authority), authority.get_absolute_url(), authority.owner, "")
