"""How often somebody may try to log in: from one address, and to one account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.models import FailedLogin
from core.commits import committing
from core.errors import Throttled

WINDOW = timedelta(minutes=5)
TOO_OFTEN = "Too many failed log-ins from this address or to this account. Try again in five minutes."


@contextmanager
def attempt(name: str, *, address: str, now: datetime) -> Iterator[None]:
    """Around the look at what was shown; it counts as failed if that raises. Throttled if there were too many.

    It is counted before it is looked at, so that many tries at once are no way around the limits. Names that nobody
    bears are counted alike: the answer does not tell whether there is such an account.
    """
    account = _account(name)
    _require_patience(address, account, now)
    tried = _count(address, account, now)
    try:  # once more, now that others who try at the same moment see this one: who is too many takes it back
        _require_patience(address, account, now, counted=1)
    except Throttled:
        _forgive(tried)
        raise
    yield
    _forgive(tried)


def _require_patience(address: str, account: str, now: datetime, *, counted: int = 0) -> None:
    recent = FailedLogin.objects.filter(at__gt=now - WINDOW)
    from_address = recent.filter(address=address).count() - counted
    to_account = recent.filter(account=account).count() - counted
    if from_address >= settings.LOGIN_ATTEMPTS or to_account >= settings.LOGIN_ATTEMPTS_PER_ACCOUNT:
        raise Throttled(TOO_OFTEN)


@committing("login.attempt")
def _count(address: str, account: str, now: datetime) -> FailedLogin:
    FailedLogin.objects.filter(at__lte=now - WINDOW).delete()
    return FailedLogin.objects.create(address=address, account=account, at=now)


@committing("login.attempt-over")
def _forgive(tried: FailedLogin) -> None:
    tried.delete()


def _account(name: str) -> str:
    """What is kept of a user name as it was typed: people type their password into the wrong field."""
    return salted_hmac("accounts.failed-login", name.casefold(), algorithm="sha256").hexdigest()
