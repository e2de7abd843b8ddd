"""Is a certificate still good? Each valid one is asked about within a day, first the one that was asked longest ago.

The answer of our own ledger costs nothing; for others their CA is asked over the network, outside of any transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils.timezone import now as clock

from accounts.service import system_user
from authorities import ledger
from certificates import verify
from certificates.models import Certificate, CertificateQuerySet
from certificates.models.certificate import Status
from core.audit import Event, record
from core.commits import committing
from core.failpoints import around
from core.queue import enqueue
from lifecycle.alarms import raise_alarm
from pki import revocation
from pki.revocation import Verdict

WITHIN = timedelta(hours=20)
"""So that a sweep that is late an hour or two keeps the promise of a day."""
SHARE = 12
"""The part of all that one hour takes on, at most: the rest of the day is for what was left behind."""
AT_LEAST = 5_000
TOGETHER = 50
WRITTEN_TOGETHER = 10
"""So many answers a worker that dies loses at most: they are asked for again."""
FOUND_REVOKED = "certificate-found-revoked"
STATUS = {
    revocation.Status.GOOD: Status.VALID,
    revocation.Status.REVOKED: Status.REVOKED,
    revocation.Status.UNKNOWN: Status.UNKNOWN,
}


def stale(now: datetime) -> CertificateQuerySet:
    """Valid, and not asked about for most of a day."""
    return Certificate.objects.current(now).filter(Q(status_checked_at=None) | Q(status_checked_at__lte=now - WITHIN))


def check_revocation(*, now: datetime | None = None) -> list[int]:
    """Have workers ask about those that were asked longest ago; which."""
    chosen = due_checks(now)
    for start in range(0, len(chosen), TOGETHER):
        enqueue("lifecycle.check_status", ",".join(map(str, chosen[start : start + TOGETHER])))
    return chosen


def due_checks(now: datetime | None = None) -> list[int]:
    """Which an hour takes on, those that were asked about longest ago first."""
    now = now or clock()
    most = max(AT_LEAST, Certificate.objects.current(now).count() // SHARE)
    oldest = stale(now).order_by(F("status_checked_at").asc(nulls_first=True), "pk")
    return list(oldest.values_list("pk", flat=True)[:most])


def check(certificate_ids: Iterable[int], *, now: datetime | None = None) -> int:
    """Ask about these, as far as nobody else has meanwhile; of how many something is known now."""
    now, known = now or clock(), 0
    asked = list(stale(now).filter(pk__in=list(certificate_ids)).order_by("pk"))
    for start in range(0, len(asked), WRITTEN_TOGETHER):
        part = asked[start : start + WRITTEN_TOGETHER]
        lines = ledger.Lines((certificate.parsed, certificate.issuers) for certificate in part)
        found = [(certificate, _ask(certificate, lines)) for certificate in part]
        _write_down(found, now=now)
        known += sum(verdict.status is not revocation.Status.UNKNOWN for _, verdict in found)
    return known


def _ask(certificate: Certificate, lines: ledger.Lines) -> Verdict:
    with around("revocation.check"):
        return verify.verdict(certificate.parsed, certificate.issuers, lines=lines)


@committing("revocation.checked")
def _write_down(found: Sequence[tuple[Certificate, Verdict]], *, now: datetime) -> None:
    """One statement for all that became the same; nothing is written over what was found out meanwhile."""
    rows = Certificate.objects.filter(pk__in=[certificate.pk for certificate, _ in found])
    # In the order in which whoever revokes takes them, so that the two do not wait for each other.
    list(rows.select_for_update().order_by("pk").values("pk"))
    alike: dict[tuple[str | None, Status], list[int]] = defaultdict(list)
    for certificate, verdict in found:
        if verdict.status is revocation.Status.REVOKED:
            _write_revocation_down(certificate, verdict, now=now)
        else:
            alike[certificate.status, STATUS[verdict.status]].append(certificate.pk)
    for (before, after), ids in alike.items():
        stale(now).filter(pk__in=ids, status=before).update(status=after, status_checked_at=now)


def _write_revocation_down(certificate: Certificate, found: Verdict, *, now: datetime) -> None:
    """An event, and told; that nothing could be found out is neither."""
    same = stale(now).filter(pk=certificate.pk, status=certificate.status)
    if not same.update(status=Status.REVOKED, status_checked_at=now):
        return
    record(
        Event.CERTIFICATE_FOUND_REVOKED,
        certificate,
        by=system_user(),
        said_by=found.by,
        reason=found.reason,
        before=certificate.status,
    )
    occasion = f"{certificate.pk}:{now.isoformat()}"
    raise_alarm(FOUND_REVOKED, certificate, occasion=occasion, owner=certificate.owner)
