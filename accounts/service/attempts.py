"""How often somebody may try to log in: from one address, and to one account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.models import FailedLogin
from core.errors import Throttled

WINDOW = timedelta(minutes=5)
TOO_OFTEN = "Too many failed log-ins from this address or to this account. Try again in five minutes."


@contextmanager
def attempt(name: str, *, address: str, now: datetime) -> Iterator[None]:
    """Around the look at what was shown; it counts as failed if that raises. Throttled if there were too many.

    It is counted before it is looked at, so that many tries at once are no way around the limits. Names that nobody
    bears are counted alike: the answer does not tell whether there is such an account.
    """
    recent, account = FailedLogin.objects.filter(at__gt=now - WINDOW), digest(name)
    if _exceeded(recent.filter(address=address).count() + 1, recent.filter(account=account).count() + 1):
        raise Throttled(TOO_OFTEN)
    FailedLogin.objects.filter(at__lte=now - WINDOW).delete()
    tried = FailedLogin.objects.create(address=address, account=account, at=now)
    if _exceeded(recent.filter(address=address).count(), recent.filter(account=account).count()):
        tried.delete()
        raise Throttled(TOO_OFTEN)
    yield
    tried.delete()


def _exceeded(from_address: int, to_account: int) -> bool:
    most, most_of_one = settings.LOGIN_ATTEMPTS, settings.LOGIN_ATTEMPTS_PER_ACCOUNT
    return bool(from_address > most or to_account > most_of_one)


def digest(name: str) -> str:
    """What is kept of a user name as it was typed: people type their password into the wrong field."""
    return salted_hmac("accounts.failed-login", name.casefold(), algorithm="sha256").hexdigest()
