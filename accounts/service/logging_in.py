"""Logging in with a password, from its first step to its last."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from accounts.service.identity import check_password, logged_in
from accounts.service.second_factor import (
    NEEDED,
    SET_UP_FIRST,
    check_code,
    has_second_factor,
    is_required,
)
from core.errors import Forbidden

PASSWORD = "password"  # noqa: S105  the name of a proof
SECOND_FACTOR = "password and code"
CODE = "code"


def log_in(username: str, password: str, *, address: str, code: str = "", now: datetime | None = None) -> User:
    """The user with these credentials, at once: whoever has a second factor must show its code as well.

    Forbidden if something is wrong or lacking, Throttled after too many tries.
    """
    user = check_password(username, password, address=address, now=now)
    if has_second_factor(user):
        if not code:
            raise Forbidden(NEEDED)
        check_code(user, code, address=address, now=now)
        logged_in(user, how=SECOND_FACTOR)
    elif is_required(user):
        raise Forbidden(SET_UP_FIRST)
    else:
        logged_in(user, how=PASSWORD)
    return user


def confirm(user: User, typed: str, *, address: str) -> str:
    """They show once more who they are: with a code, if they have a second factor, else with their password.

    Returns which. Forbidden if it is wrong, Throttled after too many tries.
    """
    if has_second_factor(user):
        check_code(user, typed, address=address)
        return CODE
    check_password(user.get_username(), typed, address=address)
    return PASSWORD


def needs_setting_up(user: User) -> bool:
    """Must they set up a second factor before they are let in?"""
    return is_required(user) and not has_second_factor(user)
