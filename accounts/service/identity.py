"""Who acts, and who somebody is who logs in with a password."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from django.contrib.auth import authenticate
from django.utils.timezone import now as clock

from accounts.models import SYSTEM, Session, User
from accounts.service.attempts import attempt
from core.audit import Event, record
from core.audit import acting as acting_context
from core.commits import committing
from core.errors import Forbidden
from core.statements import ModelStatement


def system_user() -> User:
    """The user in whose name background work is done; a migration makes it, and it cannot log in."""
    [found] = _by_name.rows(SYSTEM)
    return found


_by_name = ModelStatement[User](lambda username: User.objects.filter(username=username))


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


def check_password(username: str, password: str, *, address: str, now: datetime | None = None) -> User:
    """The user with these credentials, who has not logged in by that alone. Forbidden if wrong, Throttled too often."""
    with attempt(username, address=address, now=now or clock()):
        user = authenticate(username=username, password=password)
        if not isinstance(user, User) or not user.logs_in_locally:
            _remember_failure(username)
            raise Forbidden("The supplied credentials are invalid")
    return user


@committing("login.succeeded")
def logged_in(user: User, *, how: str) -> None:
    """Remember it. Sessions that are over go."""
    Session.objects.filter(expire_date__lte=clock()).delete()
    record(Event.LOGIN_SUCCEEDED, user, by=user, how=how)


@committing("login.failed")
def _remember_failure(username: str) -> None:
    # Never the text itself: people type their password into the wrong field.
    system, target = system_user(), User.objects.filter(username=username).first()
    record(Event.LOGIN_FAILED, target or system, by=system, known=target is not None)
