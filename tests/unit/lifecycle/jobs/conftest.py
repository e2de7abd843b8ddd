"""One job of each kind, about one certificate of Alice's, and a way to put it into any state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.utils.timezone import now as clock

from certificates.models import Batch, Deployment, Order, Revocation, Suggestion
from core.jobs import Job
from lifecycle.jobs.kinds import KINDS
from lifecycle.jobs.listing import JobListing, Row
from lifecycle.models import EndpointRotation, Sync
from notifications.models import Notice
from stores.models import Scan
from tests.factories import a_certificate, an_order

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def make(people, root_ca, leaf, a_source, a_destination, an_endpoint) -> Callable[..., Job]:
    """A job of this kind that waits and is due; orders that are done were so long ago."""
    by = people.alice

    def order(**fields: Any) -> Job:
        made = an_order(by, authority=root_ca, owner=by.email, common_name="ordered.example.org")
        Order.objects.filter(pk=made.pk).update(state="waiting", last_error="", leased=False, attempts=0, **fields)
        made.refresh_from_db()
        return made

    def batch(**fields: Any) -> Job:
        made = Batch.objects.create(verb="notify", given={"on": True}, by=by, created_at=clock(), **fields)
        made.items.create(certificate=leaf, state="done")
        made.items.create(certificate=a_certificate(by, root_ca, cn="other.example.org"), state="waiting")
        return made

    told = {"recipient": by.email, "channel": "email-notification", "subject_label": leaf.name}
    makers: dict[str, Callable[..., Job]] = {
        "order": order,
        "deployment": lambda **fields: Deployment.objects.create(
            certificate=leaf, destination=a_destination(), **fields
        ),
        "rotation": lambda **fields: EndpointRotation.objects.create(
            certificate=leaf, endpoint=an_endpoint(leaf), **fields
        ),
        "revocation": lambda **fields: Revocation.objects.create(
            certificate=leaf, by=by, reason="superseded", **fields
        ),
        "batch": batch,
        "sync": lambda **fields: Sync.objects.create(
            source=a_source(label="synced"), begun_at=clock(), seen=42, **fields
        ),
        "scan": lambda **fields: Scan.objects.create(source=a_source(label="scanned"), by=people.root, **fields),
        "suggestion": lambda **fields: Suggestion.objects.create(certificate=leaf, **{"failures": 1, **fields}),
        "notice": lambda **fields: Notice.objects.create(
            kind="certificate-expiring", dedupe=f"told {clock()}", **told, **fields
        ),
    }

    def made(kind: str, **fields: Any) -> Job:
        job = makers[kind](**{"not_before": clock() - timedelta(seconds=1), **fields})
        Order.objects.filter(state="done").update(not_before=clock() - 2 * DAY)
        return job

    return made


def into(job: Job, state: str) -> Job:
    """The job as it is in this state of the list: of a batch that is done, one certificate failed."""
    now = clock()
    changes: dict[str, dict[str, Any]] = {
        "waiting": {"not_before": now + HOUR, "last_error": "no answer", "failures": 1},
        "working": {"leased": True, "not_before": now + HOUR / 12, "attempts": 1},
        "failed": {"state": "failed", "last_error": "no answer", "failures": 3},
        "unknown": {"state": "unknown", "last_error": "no answer"},
        "done": {"state": "done"},
    }
    if isinstance(job, Batch) and state == "failed":
        job.items.filter(state="waiting").update(state="failed", error="You may not.")
        changes["failed"] = {"state": "done"}
    if isinstance(job, Batch) and state == "done":
        job.items.update(state="done")
    type(job)._default_manager.filter(pk=job.pk).update(**changes[state])
    job.refresh_from_db()
    return job


@pytest.fixture
def each(make) -> dict[str, Job]:
    """One of each kind, waiting and due."""
    return {kind: make(kind) for kind in KINDS}


@pytest.fixture
def listed(people) -> Callable[..., list[Row]]:
    """The rows that a person is shown, by default an administrator."""

    def rows(query: str = "", by: Any = None) -> list[Row]:
        return JobListing(by or people.root, QueryDict(query), count=100).items

    return rows
