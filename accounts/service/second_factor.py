"""The second factor of a local log-in: a code of an authenticator app, or one of the codes kept for when it is lost."""

from __future__ import annotations

import secrets
from base64 import b32encode
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.timezone import now as clock

from accounts import permissions, totp
from accounts.models import RecoveryCode, SecondFactor, User
from accounts.service.attempts import attempt
from accounts.service.identity import acting
from accounts.service.proofs import require_recent_proof
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, Forbidden, Invalid, Unavailable
from core.secrets import digest, keyring
from pki.errors import SealError

RECOVERY_CODES = 10
RECOVERY_BYTES = 10
WRONG = "This code is not right, or was used before. Wait for the next one."
NEEDED = "A code of your authenticator app is needed as well: send it as `code`."
SET_UP_FIRST = "A second factor is required here: log in through the browser once and set it up."
REQUIRED = "A second factor is required here, so it can only be replaced."


def has_second_factor(user: Any) -> bool:
    """Was it set up to its end?"""
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def begin(user: User) -> SecondFactor:
    """A new one to be shown, in the place of whatever was begun before: who saw that knows nothing.

    Conflict if there is one, or if the person does not log in with a password.
    """
    require_recent_proof()
    if not user.logs_in_locally:
        raise Conflict("A second factor is for those who log in with a password; the identity provider has its own.")
    return _unconfirmed(_begin(user))


def begun(user: User) -> SecondFactor:
    """The one that is being set up. Conflict if there is none, or if it was set up to its end."""
    require_recent_proof()
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is None:
        raise Conflict("Open the page that sets up a second factor first.")
    return _unconfirmed(factor)


def _unconfirmed(factor: SecondFactor) -> SecondFactor:
    if factor.confirmed_at:
        raise Conflict("There is a second factor already; take it away first.")
    return factor


@committing("second-factor.begin")
def _begin(user: User) -> SecondFactor:
    new = SecondFactor(user=user)
    fresh = {"uuid": new.uuid, "secret": keyring().seal(totp.new_secret(), _context(new)), "last_period": 0}
    factor, made = SecondFactor.objects.get_or_create(user=user, defaults=fresh)
    if not made and SecondFactor.objects.filter(pk=factor.pk, confirmed_at=None).update(**fresh):
        factor.refresh_from_db()
    return factor


def address(factor: SecondFactor) -> str:
    """The URI for an app, with the secret: for the one page that sets it up."""
    return totp.address(_secret(factor), account=factor.user.get_username(), issuer="Lemur")


def typed(factor: SecondFactor) -> str:
    """The secret as one types it into an app that sees no picture: Base32, in groups of four."""
    text = b32encode(_secret(factor)).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def _secret(factor: SecondFactor) -> bytes:
    try:
        return keyring().unseal(bytes(factor.secret), _context(factor))
    except SealError as error:
        raise Unavailable(f"The second factor of {factor.user} cannot be opened: {error}") from error


def _context(factor: SecondFactor) -> str:
    return f"accounts.second-factor:{factor.uuid}"


def finish(user: User, code: str, *, address: str, now: datetime | None = None) -> list[str]:
    """The app shows the right code: from now on it is asked for. Returns the recovery codes, which are shown once."""
    now, factor = now or clock(), begun(user)
    with attempt(user.get_username(), address=address, now=now):
        if not _take_code(factor, code, now):
            raise Invalid.field("code", WRONG)
    with committing("second-factor.confirm"):
        SecondFactor.objects.filter(pk=factor.pk).update(confirmed_at=now)
        codes = _new_recovery_codes(user)
        record(Event.SECOND_FACTOR_ADDED, user, by=user)
    return codes


@committing("recovery-codes.renew")
def renew_recovery_codes(user: User) -> list[str]:
    """New ones in the place of those that are left; shown once."""
    require_recent_proof()
    if not has_second_factor(user):
        raise Conflict("Set up a second factor first.")
    record(Event.RECOVERY_CODES_RENEWED, user, by=user)
    return _new_recovery_codes(user)


def _new_recovery_codes(user: User) -> list[str]:
    """Random (80 bits), so that a digest hides them."""
    codes = [secrets.token_hex(RECOVERY_BYTES) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=digest(code)) for code in codes)
    return ["-".join(code[start : start + 5] for start in range(0, len(code), 5)) for code in codes]


def check_code(user: User, code: str, *, address: str, now: datetime | None = None) -> None:
    """A code of the app or a recovery code, taken once. Forbidden if it is neither, Throttled after too many tries."""
    now, factor = now or clock(), SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()
    with attempt(user.get_username(), address=address, now=now):
        if factor is None or not (_take_code(factor, code, now) or _take_recovery_code(user, code, now)):
            _remember_failure(user)
            raise Forbidden(WRONG)


@committing("second-factor.take")
def _take_code(factor: SecondFactor, code: str, now: datetime) -> bool:
    period = totp.matching_period(_secret(factor), code, now=now.timestamp(), after=factor.last_period)
    # Conditional, so that of two who show the same code at once only one gets in.
    newer = SecondFactor.objects.filter(pk=factor.pk, last_period__lt=period or 0)
    return period is not None and bool(newer.update(last_period=period))


@committing("recovery-code.use")
def _take_recovery_code(user: User, code: str, now: datetime) -> bool:
    typed = digest("".join(code.lower().replace("-", " ").split()))
    used = RecoveryCode.objects.filter(user=user, digest=typed, used_at=None).update(used_at=now)
    if used:
        left = RecoveryCode.objects.filter(user=user, used_at=None).count()
        record(Event.RECOVERY_CODE_USED, user, by=user, left=left)
    return bool(used)


@committing("second-factor.failed")
def _remember_failure(user: User) -> None:
    record(Event.LOGIN_FAILED, user, by=user, known=True, how="second factor")


def remove(user: User, *, by: User | None = None) -> None:
    """One's own, where it is not required; an administrator resets anybody's."""
    by = acting(by)
    require_recent_proof()
    if by == user and is_required(user):
        raise Conflict(REQUIRED)
    if by != user:
        permissions.users.require(by, "change", user, message="Only an administrator may reset this.")
    _remove(user, by=by)


@committing("second-factor.remove")
def _remove(user: User, *, by: User) -> None:
    if SecondFactor.objects.filter(user=user).delete()[0]:
        RecoveryCode.objects.filter(user=user).delete()
        record(Event.SECOND_FACTOR_REMOVED, user, by=by)


def is_required(user: Any) -> bool:
    """By policy, of everybody who logs in with a password."""
    return bool(settings.REQUIRE_TOTP and user.logs_in_locally)


def recovery_codes_left(user: User) -> int:
    """How many have not been used."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()
