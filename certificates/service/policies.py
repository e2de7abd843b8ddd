"""Rotation policies: when a certificate is renewed by itself, and what becomes of the one before it."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from certificates.models import RotationPolicy
from certificates.models.rotation import (
    DEFAULT,
    LEAST_DAYS,
    LEAST_SHARE,
    LONGEST_WINDOWS,
    MOST_DAYS,
    MOST_JITTER,
    MOST_SHARE,
)
from certificates.permissions import policy_permissions
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, Invalid, NotFound
from pki import renewal
from pki.errors import BadWindow
from pki.names import printable

TERMS = ("days", "share", "follows_ca", "jitter_hours", "windows", "revokes_old", "cleans_old")
TIMES = frozenset({"days", "share", "follows_ca", "jitter_hours"})
"""What moves the moment of a renewal."""
FORBIDDEN = "You are not authorized to delete rotation policies."


@committing("policy.create")
def create_policy(*, name: str, days: int, by: User | None = None, **terms: Any) -> RotationPolicy:
    """A new policy; ``terms`` are more of :data:`TERMS`. Conflict if the name is taken, Invalid naming the field."""
    by = acting(by)
    policy_permissions.require(by, "create", message="You are not authorized to create rotation policies.")
    made = RotationPolicy()
    _set(made, {"name": name, "days": days, **terms})
    record(Event.POLICY_CREATED, made, by=by, **_told(made))
    return made


@committing("policy.update")
def update_policy(policy: RotationPolicy, *, by: User | None = None, **changes: Any) -> RotationPolicy:
    """Another name or other :data:`TERMS`, for every certificate that follows it. ``default`` keeps its name.

    The certificates' own moments follow with the next sweep.
    """
    by, changed = acting(by), _locked(policy.pk)
    policy_permissions.require(by, "change", changed, message="You are not authorized to change rotation policies.")
    before = changed.days
    if changed.name == DEFAULT and changes.get("name", DEFAULT).strip() != DEFAULT:
        raise Conflict("The policy 'default' cannot be renamed: certificates without a policy of their own follow it.")
    if any(changes[term] != getattr(changed, term) for term in TIMES & changes.keys()):
        changed.changed_at = clock()
    _set(changed, changes)
    record(Event.POLICY_UPDATED, changed, by=by, **_told(changed), before=before)
    return changed


@committing("policy.delete")
def delete_policy(policy: RotationPolicy, *, by: User | None = None) -> None:
    """Gone. Conflict if it is the default, or if a certificate follows it."""
    by, gone = acting(by), _locked(policy.pk)
    policy_permissions.require(by, "delete", gone, message=FORBIDDEN)
    if gone.name == DEFAULT:
        raise Conflict("The policy 'default' cannot be deleted: certificates without a policy of their own follow it.")
    if followers := gone.certificates.count():
        raise Conflict(f"The policy {gone} cannot be deleted: {followers} certificates follow it.")
    record(Event.POLICY_DELETED, gone, by=by, days=gone.days)
    gone.delete()


def _told(policy: RotationPolicy) -> dict[str, Any]:
    """Its terms, as far as somebody has set them."""
    terms = {term: getattr(policy, term) for term in TERMS}
    return {term: value for term, value in terms.items() if value}


def _set(policy: RotationPolicy, changes: dict[str, Any]) -> None:
    if unknown := changes.keys() - {"name", *TERMS}:
        raise TypeError(f"A rotation policy has no {sorted(unknown)}.")
    for field, value in changes.items():
        setattr(policy, field, value.strip() if isinstance(value, str) else value)
    _check(policy)
    try:
        with transaction.atomic():
            policy.save()
    except IntegrityError as error:
        raise Conflict(f"There is already a rotation policy called {policy.name}.") from error


def _check(policy: RotationPolicy) -> None:
    """Raises Invalid naming the field. The windows become as they are always written."""
    if not policy.name or policy.name != printable(policy.name):
        raise Invalid.field("name", "A name is one line of visible characters.")
    if not LEAST_DAYS <= policy.days <= MOST_DAYS:
        raise Invalid.field("days", f"Give a number of days from {LEAST_DAYS} to {MOST_DAYS}.")
    if policy.share is not None and not LEAST_SHARE <= policy.share <= MOST_SHARE:
        raise Invalid.field("share", f"Give a percentage of the life from {LEAST_SHARE} to {MOST_SHARE}, or none.")
    if not 0 <= policy.jitter_hours <= MOST_JITTER:
        raise Invalid.field("jitter_hours", f"Give a number of hours from 0 to {MOST_JITTER}.")
    try:
        policy.windows = "; ".join(map(str, renewal.parse_windows(policy.windows)))
    except BadWindow as error:
        raise Invalid.field("windows", str(error)) from error
    if len(policy.windows) > LONGEST_WINDOWS:
        raise Invalid.field("windows", "These are too many windows; join some of them.")


def _locked(pk: int) -> RotationPolicy:
    """The row as it is now, kept from others until the transaction ends."""
    found = RotationPolicy.objects.select_for_update().filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such rotation policy.")
    return found
