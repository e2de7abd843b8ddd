"""Tokens: what a log-in over the API gives, and API keys. Each is shown once; only its digest is kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.timezone import now as clock

from accounts import permissions
from accounts.models import ApiKey, User
from accounts.service.identity import acting
from accounts.service.proofs import require_recent_proof
from core.audit import Event, record
from core.commits import committing
from core.errors import Forbidden, Invalid
from core.idempotency import remember
from core.secrets import digest, new_token
from core.statements import ModelStatement

FOR_EVER = -1
LONGEST_LIFE = 36_500  # days
LAST_USED_RESOLUTION = timedelta(minutes=1)
LIFE = "Give a number of days from 1 to 36500, or -1 for a key that does not expire."
ASLEEP = "{user} has not logged in here for {days} days: the API key works again as soon as they do."
NAME = "Say in 1 to 128 printable characters what the key is for."


@committing("login.token")
def log_in_token(user: User) -> str:
    """A token for one session over the API. It is shown once; only its digest is kept. Those that are over go."""
    now, lifetime = clock(), timedelta(hours=settings.LOGIN_TOKEN_LIFETIME)
    ApiKey.objects.filter(user=user, kind=ApiKey.Kind.LOGIN, expires_at__lte=now).delete()
    return _issue_token(user, name="log-in", kind=ApiKey.Kind.LOGIN, expires_at=now + lifetime)[1]


@committing("apikey.create")
def create_api_key(
    *, user: User, name: str, days: int = FOR_EVER, read_only: bool = False, by: User | None = None
) -> tuple[ApiKey, str]:
    """An API key that acts as ``user`` for ``days`` (-1: until revoked). Returns the row and the token, shown once.

    A form or request that is sent again makes no second one: Conflict.
    """
    by = acting(by)
    permissions.users.require(
        by, "make_token", user, message=f"You are not authorized to create tokens for: {user.username}"
    )
    require_recent_proof()  # else a key would be a way around asking for one
    scope = ApiKey.Scope.READ if read_only else ApiKey.Scope.FULL
    now = clock()
    key, token = _issue_token(
        user, name=_checked_name(name), kind=ApiKey.Kind.KEY, expires_at=_end(now, days), scope=scope
    )
    remember(key)
    record(Event.APIKEY_CREATED, key, by=by, scope=scope)
    return key, token


def _issue_token(
    user: User, *, name: str, kind: str, expires_at: datetime | None, scope: str = ApiKey.Scope.FULL
) -> tuple[ApiKey, str]:
    token = new_token()
    key = ApiKey.objects.create(
        user=user, name=name, kind=kind, scope=scope, expires_at=expires_at, digest=digest(token)
    )
    key.token = token
    return key, token


def _end(start: datetime, days: int) -> datetime | None:
    if days == FOR_EVER:
        return None
    if not 1 <= days <= LONGEST_LIFE:
        raise Invalid.field("ttl", LIFE)
    return start + timedelta(days=days)


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > 128 or not name.isprintable():
        raise Invalid.field("name", NAME)
    return name


@committing("apikey.update")
def update_api_key(
    key: ApiKey,
    *,
    name: str | None = None,
    days: int | None = None,
    revoked: bool | None = None,
    by: User | None = None,
) -> None:
    """Call it something else, let it live for ``days`` from when it was made, or revoke it, which is for good."""
    by = acting(by)
    permissions.api_keys.require(by, "change", key, message="You are not authorized to update this token!")
    if revoked is False and key.revoked:
        raise Invalid.field("revoked", "A revoked key stays revoked; make a new one.")
    changes = {
        "name": key.name if name is None else _checked_name(name),
        "expires_at": key.expires_at if days in (None, key.days) else _end(key.created_at, days),
    }
    changed = sorted(field for field, value in changes.items() if getattr(key, field) != value)
    if changed:
        ApiKey.objects.filter(pk=key.pk).update(**changes)
        record(Event.APIKEY_UPDATED, key, by=by, fields=changed)
    if revoked:
        revoke_api_key(key, by=by)


@committing("apikey.revoke")
def revoke_api_key(key: ApiKey, *, by: User | None = None) -> None:
    """From now on the token opens nothing."""
    by = acting(by)
    permissions.api_keys.require(by, "change", key)
    if ApiKey.objects.filter(pk=key.pk, revoked=False).update(revoked=True):
        record(Event.APIKEY_REVOKED, key, by=by)


@committing("apikey.delete")
def delete_api_key(key: ApiKey, *, by: User | None = None) -> None:
    """It opens nothing any more and is in no list; the audit log keeps its name."""
    by = acting(by)
    permissions.api_keys.require(by, "delete", key, message="You are not authorized to delete this token!")
    record(Event.APIKEY_DELETED, key, by=by)
    key.delete()


_WITH_DIGEST = ModelStatement[ApiKey](lambda wanted: ApiKey.objects.select_related("user").filter(digest=wanted))


def use_token(token: str, *, now: datetime | None = None) -> ApiKey:
    """The key behind a token, with its user, marked as used. Forbidden, saying why, if it opens nothing."""
    now = now or clock()
    key = _WITH_DIGEST.first(digest(token))
    if key is None:
        raise Forbidden("Token is invalid")
    if key.revoked:
        raise Forbidden("Token has been revoked")
    if key.expired(now):
        raise Forbidden("Token has expired")
    if not key.user.is_active:
        raise Forbidden("User is not currently active")
    if key.sleeps(now, after=timedelta(days=settings.OIDC_KEYS_SLEEP_DAYS)):
        raise Forbidden(ASLEEP.format(user=key.user, days=settings.OIDC_KEYS_SLEEP_DAYS))
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_RESOLUTION:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    key.user.token_is_read_only = key.scope == ApiKey.Scope.READ
    return key


def revoke_tokens(user: User, *, by: User) -> None:
    """From now on no token of this person opens anything; of each API key that was open the log says so."""
    for key in ApiKey.objects.filter(user=user, kind=ApiKey.Kind.KEY, revoked=False):
        record(Event.APIKEY_REVOKED, key, by=by)
    ApiKey.objects.filter(user=user, revoked=False).update(revoked=True)
