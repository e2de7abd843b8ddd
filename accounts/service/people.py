"""Users: adding and changing people, their passwords, and the first administrator of an installation."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts import permissions
from accounts.models import ADMIN, Role, User
from accounts.passwords import KINDS
from accounts.service.identity import acting, system_user
from accounts.service.proofs import require_proof_of
from accounts.service.roles import grant, keeping_an_administrator, require_default_role, set_roles
from accounts.service.sessions import shut_out
from core.audit import Event, acting_as, record
from core.commits import committing
from core.errors import Conflict, Invalid

TAKEN = {"username": "There is already a user called {}.", "email": "There is already a user with the address {}."}


@committing("user.create")
def create_user(
    *,
    username: str,
    email: str,
    password: str | None = None,
    roles: Iterable[Role] = (),
    superuser: bool = False,
    is_active: bool = True,
    by: User | None = None,
) -> User:
    """A person. Without a password they cannot log in here (single sign-on, API keys made for them)."""
    by = acting(by)
    permissions.users.require(by, "create")
    roles = list(roles)
    if password or roles:
        require_proof_of(by)
    require_default_role(roles)
    user = User(username=username, email=email.lower(), is_superuser=superuser, is_staff=superuser, is_active=is_active)
    _check(user, ("username", "email"))
    if password:
        _check_password(user, password)
    user.set_password(password or None)
    _save(user, None)
    grant(user, roles, by=by)
    record(Event.USER_CREATED, user, by=by)
    return user


@committing("user.update")
def update_user(
    user: User,
    *,
    roles: Iterable[Role] | None = None,
    password: str | None = None,
    by: User | None = None,
    **changes: Any,
) -> None:
    """Change what is given: roles, password, and the columns in ``changes``.

    Of one who is switched off every token is revoked. Conflict if nobody would be left who may administer.
    """
    by = acting(by)
    permissions.users.require(by, "change", user)
    if password:
        require_proof_of(by)
    if "email" in changes:
        changes["email"] = changes["email"].lower()
    changed = sorted(name for name, value in changes.items() if getattr(user, name) != value)
    for name in changed:
        setattr(user, name, changes[name])
    with keeping_an_administrator():
        if changed:
            _store(user, changed, by=by)
        if roles is not None:
            set_roles(user, roles, by=by)
    if password:
        change_password(user, password, by=by)


def _store(user: User, changed: list[str], *, by: User) -> None:
    _check(user, changed)
    _save(user, changed)
    if not user.is_active:
        shut_out(user, by=by)
    record(Event.USER_UPDATED, user, by=by, fields=changed)


def _check(user: User, fields: Iterable[str]) -> None:
    """Raises Invalid by field, or Conflict where somebody else has the same, in whatever case."""
    checks: dict[str, Callable[[str], None]] = {"username": User.username_validator, "email": validate_email}
    for field in (name for name in checks if name in fields):
        value, column = getattr(user, field), User._meta.get_field(field)
        try:
            checks[field](value)
            column.run_validators(value)  # type: ignore[union-attr]
        except ValidationError as error:
            raise Invalid.field(field, " ".join(error.messages)) from error
        if User.objects.exclude(pk=user.pk).filter(**{f"{field}__iexact": value}).exists():
            raise _taken(field, value)


def _taken(field: str, value: str) -> Conflict:
    sentence = TAKEN[field].format(value)
    return Conflict(sentence, reasons={field: sentence})


def _save(user: User, changed: list[str] | None) -> None:
    try:
        with transaction.atomic():
            user.save(update_fields=changed)
    except IntegrityError as error:
        raise Conflict(f"There is already a user called {user.username} or with the address {user.email}.") from error


def _check_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid.field("password", " ".join(error.messages)) from error


@committing("password.change")
def change_password(user: User, password: str, *, by: User | None = None) -> None:
    """A new password; sessions and tokens of the old one's time end."""
    by = acting(by)
    if by != user:
        permissions.users.require(by, "change", user)
    _check_password(user, password)
    user.set_password(password)
    user.save(update_fields=["password"])
    shut_out(user, by=by)
    record(Event.PASSWORD_CHANGED, user, by=by)


def first_admin_exists() -> bool:
    """Has this installation been set up?"""
    return User.objects.filter(is_superuser=True).exists()


def create_first_admin(*, password: str | None = None) -> str | None:
    """The user ``admin``, on a new installation; returns the password, or None if there is an administrator already."""
    if first_admin_exists():
        return None
    password = password or new_password()
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


def new_password() -> str:
    """An unguessable one (144 bits) that the rules for passwords allow."""
    while True:
        password = f"{secrets.token_urlsafe(9)}@{secrets.token_urlsafe(9)}"
        if all(kind.search(password) for kind in KINDS):
            return password
