"""Makes work for each sweep of the timetable: rows as those who write them down would have left them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import count

from django.db.models import F, QuerySet
from django.utils.timezone import now as clock

from accounts.service import system_user
from authorities.models import Authority
from certificates.models import Batch, BatchItem, Certificate, Deployment, Order, Revocation, Suggestion
from lifecycle.models import Endpoint, EndpointRotation, Sync
from notifications.models import Notice
from notifications.service import by_mail, topic
from stores.models import Destination, Scan, Source

NUMBER = 100
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_numbers = count()


def clear() -> None:
    """What was made for one sweep is nothing to the next, nor to the workers."""
    now = clock()
    Certificate.objects.filter(renews_at__lte=now).update(renews_at=now + 30 * DAY)
    for model in (
        Batch,
        EndpointRotation,
        Endpoint,
        Scan,
        Sync,
        Source,
        Deployment,
        Destination,
        Order,
        Revocation,
        Suggestion,
    ):
        model.objects.all().delete()


def _living(now: datetime) -> QuerySet[Certificate]:
    """Certificates that are valid and in whose place nothing is yet, the newest first."""
    rows = Certificate.objects.current(now).unreplaced().filter(authority__isnull=False, root_authority=None)
    return rows.order_by("-pk")


def living(now: datetime) -> QuerySet[Certificate]:
    """The first ``NUMBER`` of them."""
    return _living(now)[:NUMBER]


def _replaced(now: datetime) -> QuerySet[Certificate]:
    """Whose successors are valid, by ids next to each other; what was issued just now took nothing's place."""
    newest = _living(now).filter(replaces__authority__isnull=False).values("pk")[: NUMBER * 2]
    return Certificate.objects.filter(replaced__in=newest, authority__isnull=False).order_by("-pk")


def batches(now: datetime) -> int:
    """Each with one certificate."""
    begun = {"verb": "notify", "given": {"on": True}, "by": system_user(), "created_at": now, "not_before": now}
    rows = Batch.objects.bulk_create(Batch(**begun) for _ in range(NUMBER))
    pairs = zip(rows, living(now), strict=False)
    BatchItem.objects.bulk_create(BatchItem(batch=batch, certificate=one) for batch, one in pairs)
    return NUMBER


def orders(now: datetime) -> int:
    authority, by = Authority.objects.latest("pk"), system_user()
    asked = {"csr": "", "profile": "server", "not_before_asked": now, "not_after_asked": now + DAY, "spec": {}}
    Order.objects.bulk_create(Order(authority=authority, by=by, not_before=now, **asked) for _ in range(NUMBER))
    return NUMBER


def deployments(now: datetime, state: str = "waiting") -> int:
    place = Destination.objects.create(label=f"bench {next(_numbers)}", plugin="directory-destination")
    rows = [Deployment(certificate=one, destination=place, state=state, not_before=now) for one in living(now)]
    return len(Deployment.objects.bulk_create(rows))


def failures(now: datetime) -> int:
    return deployments(now, "failed")


def revocations(now: datetime) -> int:
    by = system_user()
    rows = [Revocation(certificate=one, by=by, reason="superseded", not_before=now) for one in living(now)]
    return len(Revocation.objects.bulk_create(rows))


def suggestions(now: datetime) -> int:
    return len(Suggestion.objects.bulk_create(Suggestion(certificate=one, not_before=now) for one in living(now)))


def sources(_now: datetime) -> int:
    mark = next(_numbers)
    rows = [Source(label=f"bench {mark}.{number}", plugin="directory-source") for number in range(NUMBER)]
    return len(Source.objects.bulk_create(rows))


def scans(now: datetime) -> int:
    sources(now)
    by = system_user()
    return len(Scan.objects.bulk_create(Scan(source=one, by=by, not_before=now) for one in Source.objects.all()))


def syncs(now: datetime) -> int:
    sources(now)
    return len(Sync.objects.bulk_create(Sync(source=one, not_before=now) for one in Source.objects.all()))


def _endpoints(certificates: QuerySet[Certificate]) -> list[Endpoint]:
    source = Source.objects.create(label=f"bench {next(_numbers)}", plugin="tls-source")
    made = [
        Endpoint(name="bench", dnsname=f"10.0.0.{number}", port=443, type="tls", source=source, certificate=one)
        for number, one in enumerate(certificates)
    ]
    return Endpoint.objects.bulk_create(made)


def endpoints(now: datetime) -> int:
    return len(_endpoints(living(now)))


def replaced(now: datetime) -> int:
    """Half of them are served yet, the others have nothing to do any more."""
    found = _replaced(now)
    retiring = list(found.values_list("pk", flat=True)[NUMBER : NUMBER * 2])
    Certificate.objects.filter(pk__in=retiring).update(rotation=True, notify=False)
    return len(_endpoints(found[:NUMBER])) + len(retiring)


def rotations(now: datetime) -> int:
    pairs = zip(_endpoints(_replaced(now)[:NUMBER]), living(now), strict=True)
    rows = [EndpointRotation(endpoint=endpoint, certificate=new, not_before=now) for endpoint, new in pairs]
    return len(EndpointRotation.objects.bulk_create(rows))


def renewals(now: datetime) -> int:
    return Certificate.objects.filter(pk__in=list(living(now).values_list("pk", flat=True))).update(
        rotation=True, renews_at=now - HOUR
    )


def doubles(now: datetime) -> int:
    """A second one of each that renews itself."""
    rows = list(living(now))
    for one in rows:
        one.pk, one.name, one.serial, one.rotation, one.renews_at = None, f"double {uuid.uuid4()}", uuid.uuid4().hex, True, now + DAY  # fmt: skip
        one._state.adding = True
    Certificate.objects.filter(pk__in=list(living(now).values_list("pk", flat=True))).update(rotation=True)
    return len(Certificate.objects.bulk_create(rows))


def unchecked(now: datetime) -> int:
    chosen = list(living(now).values_list("pk", flat=True))
    return Certificate.objects.filter(pk__in=chosen).update(status_checked_at=None)


def notices(_now: datetime) -> int:
    raised = [
        address.notice("certificate-revoked", f"bench {next(_numbers)}", label="bench", url="/")
        for number in range(NUMBER)
        for address in by_mail(f"somebody{number}@example.org")
    ]
    return len(Notice.objects.bulk_create(raised))


def _told(now: datetime) -> QuerySet[Notice]:
    """Of certificates that end soon and matter."""
    ending = Certificate.objects.watched().filter(root_authority=None).ending(now, within=15 * DAY)
    return Notice.objects.filter(topic__in=[topic(one) for one in ending[:NUMBER]], kind="certificate-expiring")


def untold(now: datetime) -> int:
    return _told(now).delete()[0]


def unanswered(now: datetime) -> int:
    chosen = list(_told(now).filter(state="done").values_list("pk", flat=True)[:NUMBER])
    return Notice.objects.filter(pk__in=chosen).update(sent_at=now - 30 * DAY)


def digests(_now: datetime) -> int:
    return Notice.objects.filter(kind__in=("weekly-digest", "security-summary")).delete()[0]


def ledgers(_now: datetime) -> int:
    return Authority.objects.update(ledger_version=F("ledger_version") + 1)


MAKERS: Mapping[str, Callable[[datetime], int]] = {
    "authorities.publish_crls": ledgers,
    "certificates.sweep_batches": batches,
    "certificates.sweep_deployments": deployments,
    "certificates.sweep_orders": orders,
    "certificates.sweep_revocations": revocations,
    "certificates.sweep_suggestions": suggestions,
    "lifecycle.check_endpoints": endpoints,
    "lifecycle.check_revocation": unchecked,
    "lifecycle.escalate": unanswered,
    "lifecycle.find_endpoint_rotations": replaced,
    "lifecycle.notify_expiring": untold,
    "lifecycle.reissue_due": renewals,
    "lifecycle.send_digests": digests,
    "lifecycle.set_switches": doubles,
    "lifecycle.sweep_endpoint_rotations": rotations,
    "lifecycle.sweep_failures": failures,
    "lifecycle.sweep_syncs": syncs,
    "lifecycle.sync_sources": sources,
    "notifications.sweep_notices": notices,
    "stores.sweep_scans": scans,
}
