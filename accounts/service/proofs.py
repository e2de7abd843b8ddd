"""What takes a fresh proof of who sits at the browser: whatever hands out a secret."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils.timezone import now as clock

from accounts.models import SYSTEM, User
from core.audit import acting
from core.errors import ProofNeeded


def require_recent_proof(*, now: datetime | None = None) -> None:
    """ProofNeeded if this is a browser's session and its proof is older than STEP_UP_MINUTES; tokens need none."""
    proof, now = acting().proof, now or clock()
    if proof is not None and settings.STEP_UP_MINUTES and now.timestamp() - proof.at > 60 * settings.STEP_UP_MINUTES:
        raise ProofNeeded


def require_proof_of(by: User) -> None:
    """The same, before passwords and roles are given: with another account, or more rights, one gets around the rest.

    Of the system, which does so when somebody comes from the identity provider, there is nothing to be shown.
    """
    if by.username != SYSTEM:
        require_recent_proof()
