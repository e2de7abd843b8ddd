"""Jobs that a person has tried again: each kind's own verb, for test_verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accounts.models import User
from certificates import service
from certificates.models import Certificate, Deployment, Revocation, Suggestion
from core.audit import Event
from lifecycle import discovery
from lifecycle.models import Sync
from notifications import service as notifications
from notifications.models import Notice
from stores import service as stores
from stores.models import Scan, Source
from tests.faults.issuers import SuggestingCa

FAILED = "failed"


def _root() -> User:
    return User.objects.get(username="root")


def _suggestion() -> None:
    certificate = Certificate.objects.get(authority__name=SuggestingCa.slug)
    service.retry_suggestion(Suggestion.objects.create(certificate=certificate, state=FAILED), by=_root())


def _scan() -> None:
    scan = Scan.objects.create(source=Source.objects.get(label="files"), by=_root(), state=FAILED)
    stores.retry_scan(scan, by=_root())


def _sync() -> None:
    sync = Sync.objects.create(source=Source.objects.get(label="plain"), state=FAILED)
    discovery.retry_sync(sync, by=_root())


def _notice() -> None:
    told = {"kind": "certificate-expiring", "recipient": "joe@example.org", "channel": "email-notification"}
    notice = Notice.objects.create(subject_label="leaf", dedupe="retried", state=FAILED, **told)
    notifications.retry_notice(notice, by=_root())


VERBS: dict[str, tuple[Callable[[], object], tuple[Event, ...], Mapping[str, int]]] = {
    "deployment.hasten": (
        lambda: service.retry_deployment(Deployment.objects.get(state=FAILED), by=_root()),
        (Event.DEPLOYMENT_RETRIED,),
        {},
    ),
    "notice.retry": (_notice, (Event.NOTICE_RETRIED,), {"notifications_notice": 1}),
    "revocation.retry": (
        lambda: service.retry_revocation(Revocation.objects.get(state="waiting"), by=_root()),
        (Event.REVOCATION_RETRIED,),
        {},
    ),
    "scan.retry": (_scan, (Event.SOURCE_RETRIED,), {"stores_scan": 1}),
    "suggestion.retry": (_suggestion, (Event.RENEWAL_ASKED,), {"certificates_suggestion": 1}),
    "sync.retry": (_sync, (Event.SOURCE_RETRIED,), {"lifecycle_sync": 1}),
}
