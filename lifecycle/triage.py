"""What becomes of certificates that sources brought in: somebody takes them over, or says that they do not matter."""

from __future__ import annotations

from datetime import datetime

from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, system_user
from certificates.service import update
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict
from lifecycle.models import Finding
from lifecycle.permissions import finding_permissions

FORBIDDEN = "You are not authorized to decide about certificates that were found."


def claim(finding: Finding, *, by: User | None = None) -> Finding:
    """It is mine: my address becomes the owner. Errors as :func:`assign`."""
    by = acting(by)
    return assign(finding, owner=by.email, by=by)


def assign(finding: Finding, *, owner: str, by: User | None = None, now: datetime | None = None) -> Finding:
    """It is theirs: this address becomes the owner, who is told of its end from now on."""
    by = acting(by)
    certificate = _require(finding, by).certificate
    if certificate is None or certificate.deleted:
        raise Conflict("The certificate is not here any more.")
    update(certificate.pk, owner=owner, notify=True, by=system_user())  # who decides need not be who looks after it
    return _decide(finding, Finding.State.ASSIGNED, by=by, now=now or clock())


def dismiss(finding: Finding, *, by: User | None = None, now: datetime | None = None) -> Finding:
    """It does not matter: it stays, and nobody is asked about it again."""
    by = acting(by)
    return _decide(_require(finding, by), Finding.State.DISMISSED, by=by, now=now or clock())


def _require(finding: Finding, by: User) -> Finding:
    finding_permissions.require(by, "decide", finding, message=FORBIDDEN)
    return finding


@committing("finding.decide")
def _decide(finding: Finding, state: Finding.State, *, by: User, now: datetime) -> Finding:
    Finding.objects.filter(pk=finding.pk).update(state=state, decided_by=by, decided_at=now)
    event = Event.FINDING_ASSIGNED if state == Finding.State.ASSIGNED else Event.FINDING_DISMISSED
    record(event, finding.certificate or finding, by=by)
    finding.refresh_from_db()
    return finding
