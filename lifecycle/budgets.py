"""How many renewals an hour may see that happen by themselves: what an authority allows, and the brake on all of them.

Each is counted before it begins, by a conditional UPDATE, so that no number of workers goes beyond what is allowed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, system_user
from authorities.models import Authority
from certificates.models import Certificate
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict
from lifecycle.alarms import raise_alarm
from lifecycle.models import Brake, Spent
from lifecycle.permissions import brake_permissions

ALL = "all"
RELEASED_FOR = timedelta(days=1)
HELD = "renewals-held"


def take(authority: Authority, *, now: datetime) -> bool:
    """Count one renewal; False, and nothing is counted, if this hour has seen as many as it may."""
    hour = _hour(now)
    of_all = _open(hour, now=now)
    with committing("budget.take"):
        scope, limit = _scope(authority), authority.renewals_per_hour
        if not _count(scope, hour, limit):
            return False
        if _count(ALL, hour, of_all.allowed):
            return True
        Spent.objects.filter(scope=scope, hour=hour).update(number=F("number") - 1)
        return False


def left(authority: Authority, *, now: datetime) -> int:
    """How many of this authority's may still begin in this hour; of one that limits them."""
    spent = Spent.objects.filter(scope=_scope(authority), hour=_hour(now)).first()
    return max((authority.renewals_per_hour or 0) - (spent.number if spent else 0), 0)


def left_of_all(*, now: datetime) -> int | None:
    """How many may still begin in this hour, whoever issues them; None: any number."""
    spent = Spent.objects.filter(scope=ALL, hour=_hour(now)).first()
    allowed = spent.allowed if spent else _allowance(now)
    return None if allowed is None else max(allowed - (spent.number if spent else 0), 0)


def hold(due: int, *, now: datetime) -> None:
    """The brake: on, if so many are more than this hour may still see; off, once they are not.

    Released, it stays so until its time is over, or what it held is renewed.
    """
    of_all = _open(_hour(now), now=now)
    brake = Brake.objects.filter(open=True).first()
    if brake is not None and (_is_over(brake, now) or due <= _room(now)):
        _end(brake, now=now)
        brake = None
    room = left_of_all(now=now)
    if brake is None and room is not None and due > room:
        _pull(due, allowed=of_all.allowed or 0, now=now)


@committing("brake.release")
def release(brake: Brake, *, by: User | None = None, now: datetime | None = None) -> Brake:
    """For a day, whatever is due is renewed. Conflict if nothing is held any more."""
    by, now = acting(by), now or clock()
    brake_permissions.require(by, "release", brake, message="You are not authorized to release renewals.")
    until = now + RELEASED_FOR
    if not Brake.objects.filter(pk=brake.pk, open=True).update(released_by=by, released_until=until):
        raise Conflict("Nothing is held any more: these renewals have had their turn.")
    Spent.objects.filter(scope=ALL, hour=_hour(now)).update(allowed=None)
    record(Event.RENEWALS_RELEASED, brake, by=by, due=brake.due, until=until.isoformat())
    brake.refresh_from_db()
    return brake


def _room(now: datetime) -> int:
    """How many an hour would see if nothing was released."""
    room = left_of_all(now=now)
    return _share(now) if room is None else room


def _is_over(brake: Brake, now: datetime) -> bool:
    """It was released, and that time has passed."""
    return brake.released_until is not None and brake.released_until <= now


@committing("brake.end")
def _end(brake: Brake, *, now: datetime) -> None:
    Brake.objects.filter(pk=brake.pk, open=True).update(open=False, ended_at=now)


@committing("brake.pull")
def _pull(due: int, *, allowed: int, now: datetime) -> None:
    """Once, whoever sees it first; the security team is told."""
    try:
        with transaction.atomic():
            brake = Brake.objects.create(began_at=now, due=due, allowed=allowed)
    except IntegrityError:
        return
    record(Event.RENEWALS_HELD, brake, by=system_user(), due=due, allowed=brake.allowed)
    raise_alarm(HELD, brake, occasion=str(brake.pk))


def _allowance(now: datetime) -> int | None:
    """How many an hour may see; None: any, while that is released."""
    if Brake.objects.filter(open=True, released_until__gt=now).exists():
        return None
    return _share(now)


def _share(now: datetime) -> int:
    """A part of the fleet, and of a small one a number that is no mass action."""
    fleet = Certificate.objects.current(now).count()
    return int(max(settings.RENEWALS_AT_LEAST_PER_HOUR, fleet * settings.RENEWALS_PERCENT_PER_HOUR // 100))


@committing("budget.open")
def _open(hour: datetime, *, now: datetime) -> Spent:
    """How many this hour may see is worked out once: it counts the fleet."""
    rows = Spent.objects.filter(scope=ALL, hour=hour).order_by()
    if (spent := rows.first()) is None:
        Spent.objects.bulk_create([Spent(scope=ALL, hour=hour, allowed=_allowance(now))], ignore_conflicts=True)
        spent = rows.get()  # another worker's, if it was first
    return spent


def _count(scope: str, hour: datetime, allowed: int | None) -> bool:
    """One more, unless there are as many as allowed."""
    rows = Spent.objects.filter(scope=scope, hour=hour)
    if allowed is not None:
        rows = rows.filter(number__lt=allowed)
    if rows.update(number=F("number") + 1):
        return True
    Spent.objects.bulk_create([Spent(scope=scope, hour=hour)], ignore_conflicts=True)  # the first of this hour
    return bool(rows.update(number=F("number") + 1))


def _scope(authority: Authority) -> str:
    return f"authority:{authority.pk}"


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
