"""The audit log: one explicit call per event, in the transaction of the change that it records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Model, Q, QuerySet

from core.models import AuditEntry

log = structlog.get_logger("audit")


class Event(StrEnum):
    """Everything worth remembering, as ``<thing>.<past participle>``.

    A new event is a new line here and in docs/reference/events.md.
    """

    ALARM_RAISED = "alarm.raised"
    ALARM_RESOLVED = "alarm.resolved"
    APIKEY_CREATED = "apikey.created"
    APIKEY_DELETED = "apikey.deleted"
    APIKEY_REVOKED = "apikey.revoked"
    APIKEY_UPDATED = "apikey.updated"
    AUTHORITY_BACKED_UP = "authority.backed-up"
    AUTHORITY_CREATED = "authority.created"
    AUTHORITY_DELETED = "authority.deleted"
    AUTHORITY_IMPORTED = "authority.imported"
    AUTHORITY_UPDATED = "authority.updated"
    BATCH_BEGUN = "batch.begun"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_ENDED = "batch.ended"
    BATCH_RETRIED = "batch.retried"
    CERTIFICATE_CLEANED = "certificate.cleaned"
    CERTIFICATE_DELETED = "certificate.deleted"
    CERTIFICATE_DEPLOYED = "certificate.deployed"
    CERTIFICATE_EXPORTED = "certificate.exported"
    CERTIFICATE_FOUND_REVOKED = "certificate.found-revoked"
    CERTIFICATE_FOUND = "certificate.found"
    CERTIFICATE_IMPORTED = "certificate.imported"
    CERTIFICATE_ISSUED = "certificate.issued"
    CERTIFICATE_ORDERED = "certificate.ordered"
    CERTIFICATE_RELEASED = "certificate.released"
    CERTIFICATE_RETIRED = "certificate.retired"
    CERTIFICATE_REVOKED = "certificate.revoked"
    CERTIFICATE_UPDATED = "certificate.updated"
    CERTIFICATE_VANISHED = "certificate.vanished"
    CERTIFICATE_WITHDRAWN = "certificate.withdrawn"
    CREDENTIALS_REVEALED = "credentials.revealed"
    CRL_PUBLISHED = "crl.published"
    DEPLOYMENT_FAILED = "deployment.failed"
    DEPLOYMENT_RETRIED = "deployment.retried"
    DESTINATION_CREATED = "destination.created"
    DESTINATION_DELETED = "destination.deleted"
    DESTINATION_RETRIED = "destination.retried"
    DESTINATION_TESTED = "destination.tested"
    DESTINATION_UPDATED = "destination.updated"
    DNS_PROVIDER_CREATED = "dns_provider.created"
    DNS_PROVIDER_DELETED = "dns_provider.deleted"
    DNS_PROVIDER_TESTED = "dns_provider.tested"
    DNS_PROVIDER_UPDATED = "dns_provider.updated"
    DOMAIN_CREATED = "domain.created"
    DOMAIN_UPDATED = "domain.updated"
    ENDPOINT_CHECKED = "endpoint.checked"
    ENDPOINT_FORGOTTEN = "endpoint.forgotten"
    ENDPOINT_SEEN = "endpoint.seen"
    FINDING_ASSIGNED = "finding.assigned"
    FINDING_DISMISSED = "finding.dismissed"
    KEY_DELIVERED = "key.delivered"
    KEY_REVEALED = "key.revealed"
    LEDGER_ADOPTED = "ledger.adopted"
    LOGIN_FAILED = "login.failed"
    LOGIN_SUCCEEDED = "login.succeeded"
    NOTICE_ACKNOWLEDGED = "notice.acknowledged"
    NOTICE_FAILED = "notice.failed"
    NOTICE_RETRIED = "notice.retried"
    NOTICE_SENT = "notice.sent"
    NOTICE_SNOOZED = "notice.snoozed"
    NOTIFICATION_CREATED = "notification.created"
    NOTIFICATION_DELETED = "notification.deleted"
    NOTIFICATION_FAILED = "notification.failed"
    NOTIFICATION_TESTED = "notification.tested"
    NOTIFICATION_UPDATED = "notification.updated"
    ORDER_CANCELLED = "order.cancelled"
    ORDER_FAILED = "order.failed"
    ORDER_RETRIED = "order.retried"
    ORDER_UPDATED = "order.updated"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  the name of an event
    POLICY_CREATED = "policy.created"
    POLICY_DELETED = "policy.deleted"
    POLICY_UPDATED = "policy.updated"
    RECOVERY_CODES_RENEWED = "recovery-codes.renewed"
    RECOVERY_CODE_USED = "recovery-code.used"
    RENEWAL_FAILED = "renewal.failed"
    RENEWAL_ASKED = "renewal.asked"
    RENEWAL_SUGGESTED = "renewal.suggested"
    RENEWALS_HELD = "renewals.held"
    RENEWALS_RELEASED = "renewals.released"
    RESPONDER_ISSUED = "responder.issued"
    REVOCATION_FAILED = "revocation.failed"
    REVOCATION_REQUESTED = "revocation.requested"
    REVOCATION_RETRIED = "revocation.retried"
    ROLE_CREATED = "role.created"
    ROLE_DELETED = "role.deleted"
    ROLE_GRANTED = "role.granted"
    ROLE_UPDATED = "role.updated"
    ROLE_WITHDRAWN = "role.withdrawn"
    ROTATION_FAILED = "rotation.failed"
    ROTATION_RETRIED = "rotation.retried"
    ROTATION_ROLLED_BACK = "rotation.rolled-back"
    ROTATION_VERIFIED = "rotation.verified"
    SECOND_FACTOR_ADDED = "second-factor.added"
    SECOND_FACTOR_REMOVED = "second-factor.removed"
    SESSION_ENDED = "session.ended"
    SOURCE_CREATED = "source.created"
    SOURCE_DELETED = "source.deleted"
    SOURCE_RETRIED = "source.retried"
    SOURCE_SCANNED = "source.scanned"
    SOURCE_SYNCED = "source.synced"
    SOURCE_SYNC_CANCELLED = "source.sync-cancelled"
    SOURCE_TESTED = "source.tested"
    SOURCE_UPDATED = "source.updated"
    USER_CONNECTED = "user.connected"
    USER_CREATED = "user.created"
    USER_DELETED = "user.deleted"
    USER_UPDATED = "user.updated"
    VIEW_REMOVED = "view.removed"
    VIEW_SAVED = "view.saved"


PROOF = "proof"
"""In a browser's session: the fields of :class:`Proof`."""


@dataclass(frozen=True)
class Proof:
    """How, and when in seconds since 1970, the person at a browser has last shown who they are; "" and 0: never."""

    how: str = ""
    at: float = 0


@dataclass(frozen=True)
class Acting:
    """On whose behalf, and from where, the present work is done.

    ``kind`` is "request", "task" or "" (a shell, a command, a test). ``idempotency`` is the id of the
    core.models.IdempotentAnswer that the request will have; see core.idempotency. ``demo`` marks what is written.
    ``proof`` is that of a browser's session; None where there is none, as with a token.
    """

    kind: str = ""
    user: Any = None
    request_id: str = ""
    address: str = ""
    api_key: str = ""
    idempotency: int | None = None
    demo: bool = False
    proof: Proof | None = None

    def facts(self) -> dict[str, str]:
        """What the audit log keeps of this, without what is empty."""
        facts = {"kind": self.kind, "request_id": self.request_id, "address": self.address, "api_key": self.api_key}
        if self.proof is not None and self.proof.how:
            proven_at = datetime.fromtimestamp(int(self.proof.at), UTC)
            facts["proof"] = f"{self.proof.how} at {proven_at:%Y-%m-%dT%H:%M:%SZ}"
        return {name: value for name, value in facts.items() if value}


_acting: ContextVar[Acting] = ContextVar("acting", default=Acting())  # noqa: B039  frozen, so sharing the default is safe


def acting() -> Acting:
    """The present context."""
    return _acting.get()


def assume(context: Acting) -> None:
    """Replace the context within a request, whose middleware resets it; everybody else uses :func:`acting_as`."""
    _acting.set(context)


@contextmanager
def acting_as(**changes: Any) -> Iterator[Acting]:
    """Work within a context that differs from the present one by ``changes``; see :class:`Acting` for the names."""
    token = _acting.set(replace(_acting.get(), **changes))
    try:
        yield _acting.get()
    finally:
        _acting.reset(token)


def record(event: Event, target: Model, *, by: Any, **details: Any) -> None:
    """Remember that ``by`` did ``event`` to ``target``. ``details`` must be JSON and must never hold a secret."""
    context = acting()
    entry = AuditEntry(
        event=event,
        actor=by,
        actor_name=by.get_username(),
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        target_name=str(target)[:255],
        details=details,
        context=context.facts(),
        demo=context.demo,
    )
    entry.save(force_insert=True)
    transaction.on_commit(lambda: _tell(entry), robust=True)


HISTORY = 50


def about(*targets: Model) -> QuerySet[AuditEntry]:
    """What happened to these rows, newest first; pages show the last :data:`HISTORY` of it."""
    wanted = Q()
    for target in targets:
        wanted |= Q(target_type=target._meta.label_lower, target_id=str(target.pk))
    return AuditEntry.objects.filter(wanted)


def _tell(entry: AuditEntry) -> None:
    """The same row as a line on the logger ``audit``, for whoever collects logs."""
    log.info(
        entry.event,
        id=entry.pk,
        at=entry.at.isoformat(),
        actor=entry.actor_name,
        target=f"{entry.target_type}:{entry.target_id}",
        name=entry.target_name,
        details=entry.details,
        context=entry.context,
    )
