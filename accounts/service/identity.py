"""Who acts, and who somebody is who logs in with a password."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.contrib.auth import authenticate
from django.utils.timezone import now as clock

from accounts.models import SYSTEM, FailedLogin, User
from core.audit import Event, record
from core.audit import acting as acting_context
from core.commits import committing
from core.errors import Forbidden, Throttled

LOGIN_WINDOW = timedelta(minutes=5)


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
