"""Was every failure told, and none twice? What the notices say, held against what the outside world has seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from certificates.models import Certificate, Deployment
from core.jobs import Job
from lifecycle.models import Alarm
from notifications.models import Notice
from notifications.service import topic
from tests.year.furnishing import SECURITY
from tests.year.ordering import owner_of
from tests.year.truth import Truth


@dataclass(frozen=True)
class Told:
    """How many failures there were, how many of them nobody was told of, and what was told twice or without a cause."""

    failures: int
    untold: int
    twice: int
    doubled_mails: int
    others: dict[str, int]


def check(truth: Truth) -> Told:
    """Both ways: each failure has a notice to its owner and one to the security team, and there are no others."""
    wanted = Counter(
        {
            (kind, host, who): number
            for (kind, host), number in truth.failures.items()
            for who in (owner_of(host), SECURITY)
        }
    )
    found = _sent(truth)
    others = Counter(
        Notice.objects.exclude(kind__in=("renewal-failing", "delivery-stuck")).values_list("kind", flat=True)
    )
    return Told(
        failures=sum(truth.failures.values()),
        untold=(wanted - found).total(),
        twice=(found - wanted).total(),
        doubled_mails=sum(number - 1 for number in truth.mails.values()),
        others=dict(others),
    )


def _sent(truth: Truth) -> Counter[tuple[str, str, str]]:
    """By kind, host and recipient, as far as the message of the notice has arrived there."""
    hosts = _hosts()
    found: Counter[tuple[str, str, str]] = Counter()
    alarms = set(map(str, Alarm.objects.values_list("pk", flat=True)))
    rows = Notice.objects.filter(kind__in=("renewal-failing", "delivery-stuck"), state=Job.State.DONE)
    for notice in rows.iterator():
        if (f"notices.{notice.batch}", notice.recipient) in truth.mails and notice.dedupe.split(":")[1] in alarms:
            found[notice.kind, hosts[notice.topic], notice.recipient] += 1
    return found


def _hosts() -> dict[str, str]:
    """By the topics of alarms."""
    of_certificates = Certificate.objects.values_list("pk", "cn")
    of_deliveries = Deployment.objects.values_list("pk", "certificate__cn")
    return {
        topic(model(pk=pk)): cn or ""
        for model, pairs in ((Certificate, of_certificates), (Deployment, of_deliveries))
        for pk, cn in pairs.iterator()
    }
