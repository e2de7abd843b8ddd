"""Sixty days of fifty certificates, with outages, doubled sweeps and a mail server that refuses now and then.

What must have been told is worked out from the clock alone, by a few lines that know nothing of the product's; what was
told stands in the mails.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.utils.timezone import now as clock

from lifecycle.expiry import notify_expiring
from notifications import service
from notifications.models import Notice
from tests.ending import ending, mail_before
from tests.unit.notifications.conftest import _as_it_was, mailbox  # noqa: F401  a real mail server

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

START = clock().replace(microsecond=0)
STEP, DAYS, CERTIFICATES = timedelta(hours=12), 60, 50
LIVES = [timedelta(days=days) for days in (6, 20, 47, 90, 398)]
WATCHES = [(30, "days"), (2, "weeks"), (2, "days"), (20, "percent"), (50, "percent")]
OWNERS = [f"owner{number}@example.org" for number in range(5)]
TEAM = "security@example.org"
Due = tuple[str, str, str]  # certificate, threshold, recipient


def before_end(interval: int, unit: str, life: timedelta) -> timedelta:
    if unit == "percent":
        return min(life * interval / 100, timedelta(days=90))
    whole = timedelta(days=interval * {"days": 1, "weeks": 7}[unit])
    return whole if whole < life else life / 3


def spelled(interval: int, unit: str) -> str:
    return f"{interval}%" if unit == "percent" else f"{interval * {'days': 1, 'weeks': 7}[unit]}d"


def moments(chance: random.Random) -> list[datetime]:
    """When sweeps run: twice a day, but for outages of one to five days; some of them twice."""
    found, now, end = [], START, START + timedelta(days=DAYS)
    while now < end:
        found += [now] * chance.choice([1, 1, 2])
        now += chance.choice([STEP] * 12 + [timedelta(days=chance.randint(1, 5))])
    return found


@pytest.mark.parametrize("seed", [1])
def test_each_is_told_exactly_once_and_none_is_missed(people, mailbox, settings, seed):  # noqa: F811
    settings.LEMUR_SECURITY_TEAM_EMAIL = [TEAM]
    chance, sweeps = random.Random(seed), []  # noqa: S311  a seed that fails can be tried again
    watches = {watch: mail_before(people.root, *watch) for watch in WATCHES}
    world = {}
    for number in range(CERTIFICATES):
        life, chosen = chance.choice(LIVES), chance.sample(WATCHES, chance.randint(1, 3))
        end = START + timedelta(hours=chance.randrange(24 * (DAYS + 20)))
        owner = chance.choice(OWNERS)
        cn = f"www{number}.example.org"
        ending(people.root, end, cn=cn, lifetime=life, owner=owner, told=[watches[one] for one in chosen])
        world[cn] = (end, life, chosen, ["web@example.org", TEAM, owner])

    for now in moments(chance):
        sweeps.append(now)
        notify_expiring(now=now)
        mailbox.refuse = {TEAM: "450 later"} if chance.random() < 0.3 else {}
        for recipient, channel in service.waiting_recipients(now):
            service.tell(recipient, channel, now=now)
    mailbox.refuse = {}
    while waiting := service.waiting_recipients(sweeps[-1] + STEP):
        for recipient, channel in waiting:
            assert service.tell(recipient, channel, now=sweeps[-1] + STEP)

    accounted, to_tell = expected(world, sweeps)
    assert Counter(written()) == Counter(accounted), "each crossed threshold has exactly one notice"
    assert {one.dedupe for one in Notice.objects.filter(sent_at=None)}.isdisjoint(
        one.dedupe for one in Notice.objects.exclude(sent_at=None)
    )
    assert sorted(due(one) for one in Notice.objects.exclude(sent_at=None)) == sorted(to_tell)
    in_mails = mentioned(mailbox.received)
    assert in_mails.keys() == {(cn, who) for cn, _, who in to_tell}
    assert len({mail.message["Message-ID"] for mail in mailbox.received}) == len(mailbox.received)
    for pair, times in in_mails.items():
        assert times <= sum((cn, who) == pair for cn, _, who in to_tell), f"{pair} was told too often"


def expected(world, sweeps: list[datetime]) -> tuple[list[Due], list[Due]]:
    """All that some sweep finds crossed, and of these those that it must tell: the nearest of what is new."""
    accounted, to_tell = [], []
    for cn, (end, life, chosen, recipients) in world.items():
        spans = sorted((before_end(*one, life), spelled(*one)) for one in chosen)
        known: set[str] = set()
        for now in sweeps:
            crossed = [name for before, name in spans if end - now <= before] if end > now else []
            if fresh := [name for name in crossed if name not in known]:
                accounted += [(cn, name, who) for name in fresh for who in recipients]
                to_tell += [(cn, crossed[0], who) for who in recipients if crossed[0] in fresh]
                known |= set(fresh)
    return accounted, to_tell


def due(notice: Notice) -> Due:
    return notice.subject_label, notice.dedupe.split(":")[2], notice.recipient


def written() -> Iterator[Due]:
    yield from map(due, Notice.objects.all())


def mentioned(mails) -> dict[tuple[str, str], int]:
    """How many mails name a certificate to somebody."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for mail in mails:
        text = mail.message.get_body(("plain",)).get_content()
        for line in text.splitlines():
            if line.startswith("* "):
                found[line.removeprefix("* "), mail.recipients[0]] += 1
    return dict(found)
