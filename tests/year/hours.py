"""One round of the simulated installation: its sweeps, in the order of the timetable, and what they find to be done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from authorities import publishing
from certificates.service.deploying import due_deployments
from certificates.service.issuance import due_orders
from lifecycle.digests import send_digests
from lifecycle.endpoints import find_endpoint_rotations
from lifecycle.escalation import escalate
from lifecycle.expiry import notify_expiring
from lifecycle.failures import sweep_failures
from lifecycle.retiring import retire_replaced
from lifecycle.rotation import reissue_due
from notifications.service import waiting_recipients
from tests import nudges
from tests.year.crew import Crew, Job
from tests.year.plugins import Seen


def live(now: datetime, crew: Crew) -> list[Seen]:
    """What the outside world sees of it.

    Sweeps that have nothing to do here are left out: scans and syncs (there are no sources), rotations of endpoints,
    suggestions of CAs, switches; and the check of revocation, of which nothing is revoked.
    """
    for authority in publishing.due(now):
        publishing.prepare(authority, now=now)
    seen = crew.do(list(_to_do(now)))
    find_endpoint_rotations(now=now)
    retire_replaced(now=now)
    sweep_failures(now=now)
    notify_expiring(now=now)
    escalate(now=now)
    send_digests(now=now)
    return seen + crew.do(Job("notifications.tell", pair, now) for pair in waiting_recipients(now))


def _to_do(now: datetime) -> Iterator[Job]:
    yield from (Job("certificates.fulfil", (pk,), now) for pk in due_orders(now))
    yield from (Job("certificates.deploy", (pk,), now) for pk in due_deployments(now))
    nudges.sent.clear()
    yield from (Job("lifecycle.reissue", (pk,), now) for pk in reissue_due(now=now))
    nudges.sent.clear()
