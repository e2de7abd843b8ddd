"""The verbs about people: who is acting, logging in, tokens, users and roles."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.timezone import now as clock

from accounts import permissions
from accounts.models import ADMIN, ApiKey, FailedLogin, Role, User
from core.audit import Event, acting_as, record
from core.audit import acting as acting_context
from core.commits import committing
from core.errors import Conflict, Forbidden, Invalid, Throttled
from core.secrets import digest, new_token

SYSTEM = "system"
LOGIN_WINDOW = timedelta(minutes=5)
LAST_USED_RESOLUTION = timedelta(minutes=1)


def system_user() -> User:
    """The user in whose name background work is done; a migration makes it, and it cannot log in."""
    return User.objects.get(username=SYSTEM)


def acting(by: User | None, *synonyms: User | None) -> User:
    """Who does this: what was given, else the user of the request or task; outside of both, the user ``system``."""
    for user in (by, *synonyms):
        if user is not None:
            return user
    context = acting_context()
    if context.user is not None:
        return cast(User, context.user)
    if context.kind:
        raise Forbidden(f"This {context.kind} acts for nobody.")
    return system_user()


def log_in(username: str, password: str, *, address: str, now: datetime | None = None) -> User:
    """The user with these credentials. Forbidden if wrong, Throttled after too many tries from one address."""
    now = now or clock()
    recent = FailedLogin.objects.filter(address=address, at__gt=now - LOGIN_WINDOW)
    if recent.count() >= settings.LOGIN_ATTEMPTS:
        raise Throttled("Too many failed log-ins from this address. Try again in five minutes.")
    user = authenticate(username=username, password=password)
    if user is None:
        _remember_failure(username, address, now)
        raise Forbidden("The supplied credentials are invalid")
    with committing("login.succeeded"):
        record(Event.LOGIN_SUCCEEDED, user, by=user)
    return user


@committing("login.failed")
def _remember_failure(username: str, address: str, now: datetime) -> None:
    # Never the text itself: people type their password into the wrong field.
    FailedLogin.objects.filter(at__lte=now - LOGIN_WINDOW).delete()
    FailedLogin.objects.create(address=address, at=now)
    system, target = system_user(), User.objects.filter(username=username).first()
    record(Event.LOGIN_FAILED, target or system, by=system, known=target is not None)


@committing("login.token")
def log_in_token(user: User) -> str:
    """A token for one session over the API. It is shown once; only its digest is kept. Those that are over go."""
    now, lifetime = clock(), timedelta(hours=settings.LOGIN_TOKEN_LIFETIME)
    ApiKey.objects.filter(user=user, kind=ApiKey.Kind.LOGIN, expires_at__lte=now).delete()
    return _issue_token(user, name="log-in", kind=ApiKey.Kind.LOGIN, expires_at=now + lifetime)[1]


@committing("apikey.create")
def create_api_key(
    *, user: User, name: str, days: int = -1, read_only: bool = False, by: User | None = None
) -> tuple[ApiKey, str]:
    """An API key that acts as ``user`` for ``days`` (-1: until revoked). Returns the row and the token, shown once."""
    by = acting(by)
    permissions.users.require(
        by, "make_token", user, message=f"You are not authorized to create tokens for: {user.username}"
    )
    if days < -1 or days == 0 or days > 36_500:
        raise Invalid.field("ttl", "Give a number of days from 1 to 36500, or -1 for a key that does not expire.")
    expires_at = None if days == -1 else clock() + timedelta(days=days)
    scope = ApiKey.Scope.READ if read_only else ApiKey.Scope.FULL
    key, token = _issue_token(user, name=name, kind=ApiKey.Kind.KEY, expires_at=expires_at, scope=scope)
    record(Event.APIKEY_CREATED, key, by=by, scope=scope)
    return key, token


def _issue_token(
    user: User, *, name: str, kind: str, expires_at: datetime | None, scope: str = ApiKey.Scope.FULL
) -> tuple[ApiKey, str]:
    token = new_token()
    key = ApiKey.objects.create(
        user=user, name=name, kind=kind, scope=scope, expires_at=expires_at, digest=digest(token)
    )
    return key, token


@committing("apikey.revoke")
def revoke_api_key(key: ApiKey, *, by: User | None = None) -> None:
    """From now on the token opens nothing."""
    by = acting(by)
    permissions.api_keys.require(by, "change", key)
    ApiKey.objects.filter(pk=key.pk).update(revoked=True)
    record(Event.APIKEY_REVOKED, key, by=by)


def use_token(token: str, *, now: datetime | None = None) -> ApiKey:
    """The key behind a token, with its user, marked as used. Forbidden, saying why, if it opens nothing."""
    now = now or clock()
    key = ApiKey.objects.select_related("user").filter(digest=digest(token)).first()
    if key is None:
        raise Forbidden("Token is invalid")
    if key.revoked:
        raise Forbidden("Token has been revoked")
    if key.expired(now):
        raise Forbidden("Token has expired")
    if not key.user.is_active:
        raise Forbidden("User is not currently active")
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_RESOLUTION:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    key.user.token_is_read_only = key.scope == ApiKey.Scope.READ
    return key


@committing("user.create")
def create_user(
    *,
    username: str,
    email: str,
    password: str | None = None,
    roles: Iterable[Role] = (),
    superuser: bool = False,
    by: User | None = None,
) -> User:
    """A person. Without a password they cannot log in here (single sign-on, API keys made for them)."""
    by = acting(by)
    permissions.users.require(by, "create")
    _check_person(username, email, password)
    user = User(username=username, email=email.lower(), is_superuser=superuser, is_staff=superuser)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise Conflict(f"There is already a user called {username} or with the address {email}.") from error
    grant(user, roles, by=by)
    record(Event.USER_CREATED, user, by=by)
    return user


def _check_person(username: str, email: str, password: str | None) -> None:
    checks: list[tuple[str, Callable[[], None]]] = [
        ("username", lambda: User.username_validator(username)),
        ("email", lambda: validate_email(email)),
        ("password", lambda: validate_password(password, User(username=username, email=email)) if password else None),
    ]
    for field, check in checks:
        try:
            check()
        except ValidationError as error:
            raise Invalid.field(field, " ".join(error.messages)) from error


@committing("roles.grant")
def grant(user: User, roles: Iterable[Role], *, by: User | None = None) -> None:
    """Let the person hold these roles, besides those they hold."""
    by = acting(by)
    permissions.roles.require(by, "change")
    added = set(roles)
    if added:
        user.roles.add(*added)
        record(Event.ROLE_GRANTED, user, by=by, roles=sorted(role.name for role in added))


@committing("user.update")
def update_user(user: User, *, fields: Iterable[str], by: User | None = None) -> None:
    """Store what was changed about a person; of one who is switched off, every token is revoked."""
    by, changed = acting(by), sorted(fields)
    permissions.users.require(by, "change", user)
    columns = [name for name in changed if name != "roles"]
    if columns:
        user.save(update_fields=columns)
    if not user.is_active:
        revoke_tokens(user)
    record(Event.USER_UPDATED, user, by=by, fields=changed)


def revoke_tokens(user: User) -> None:
    """From now on no token of this person opens anything."""
    ApiKey.objects.filter(user=user, revoked=False).update(revoked=True)


@committing("password.change")
def change_password(user: User, password: str, *, by: User | None = None) -> None:
    """A new password; tokens of the old one's time are revoked."""
    by = acting(by)
    if by != user:
        permissions.users.require(by, "change", user)
    _check_person(user.username, user.email, password)
    user.set_password(password)
    user.save(update_fields=["password"])
    revoke_tokens(user)
    record(Event.PASSWORD_CHANGED, user, by=by)


@committing("roles.set")
def set_roles(user: User, roles: Iterable[Role], *, by: User | None = None) -> None:
    """Let the person hold exactly these roles; what is given and what is taken is recorded by name."""
    by, wanted, held = acting(by), set(roles), set(user.roles.all())
    permissions.roles.require(by, "change")
    if lost := held - wanted:
        user.roles.remove(*lost)
        record(Event.ROLE_WITHDRAWN, user, by=by, roles=sorted(role.name for role in lost))
    grant(user, wanted - held, by=by)


@committing("role.create")
def create_role(name: str, *, description: str = "", by: User | None = None) -> Role:
    """A role that does not exist yet: Conflict when it does, so that nobody inherits the rights of an old one."""
    by = acting(by)
    try:
        with transaction.atomic():
            role = Role.objects.create(name=name, description=description)
    except IntegrityError as error:
        raise Conflict(f"There is already a role called {name}.") from error
    record(Event.ROLE_CREATED, role, by=by)
    return role


def ensure_owner_role(owner: str, *, by: User | None = None) -> Role:
    """The role named like an owner's address, made on first use (contract 2.4)."""
    name = owner.lower()
    return Role.objects.filter(name=name).first() or _make_owner_role(name, by=acting(by))


@committing("role.owner")
def _make_owner_role(name: str, *, by: User) -> Role:
    role, created = Role.objects.get_or_create(
        name=name, defaults={"description": f"Auto generated role based on owner: {name}"}
    )
    if created:
        record(Event.ROLE_CREATED, role, by=by)
    return role


def first_admin_exists() -> bool:
    """Has this installation been set up?"""
    return User.objects.filter(is_superuser=True).exists()


def create_first_admin(*, password: str | None = None) -> str | None:
    """The user ``admin``, on a new installation; returns the password, or None if there is an administrator already."""
    if first_admin_exists():
        return None
    password = password or secrets.token_urlsafe(18)
    with acting_as(kind=""):
        create_user(
            username="admin",
            email="admin@localhost.localdomain",
            password=password,
            roles=[Role.objects.get(name=ADMIN)],
            superuser=True,
            by=system_user(),
        )
    return password
