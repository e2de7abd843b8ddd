"""A believable installation: teams, services that have been renewed for two years, and people who look at them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

from django.db import connection

from accounts import service as accounts
from accounts.models import ADMIN, Role, User
from authorities.models import Authority, Issuance
from certificates import service as certificates
from certificates.models import Certificate, CertificateDomain, Domain
from core.models import AuditEntry
from pki.names import NameType, parse
from tests.bench.copying import copy
from tests.factories import an_authority

TEAMS = 400
ROLES_OF_MEMBER = 50
CREATORS = 40
SHARES = {"Internal": 60, "Devices": 20, "Staging": 12, "Partners": 8}  # per cent of what each authority issued
RENEWALS = 4
HISTORY = timedelta(days=730)
LIFETIMES = [timedelta(days=days) for days in (90, 90, 397, 397, 397, 825)]
POOL = 200


@dataclass(frozen=True)
class Caller:
    """Somebody who calls the API."""

    user: User
    token: str


@dataclass(frozen=True)
class World:
    """What was loaded, as far as the measurements need it."""

    rows: int
    first_id: int
    authority: Authority
    administrator: Caller
    member: Caller
    owner: str
    search: str
    new_words: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))


@dataclass(frozen=True)
class Service:
    """Something that has had a certificate under the same names for years."""

    number: int
    team: int
    authority: Authority
    creator: int
    names: tuple[str, ...]
    first_domain: int
    lifetime: timedelta


@dataclass(frozen=True)
class Texts:
    """A certificate as PEM; rows take turns with them, as signing a million would take longer than all the rest."""

    body: str
    chain: str
    csr: str


def load(rows: int, *, now: datetime) -> World:
    """Fill an empty, migrated database with ``rows`` certificates besides the authorities' own."""
    chance = random.Random(2)
    system = accounts.system_user()
    teams = [accounts.create_role(f"team-{number:03}@example.org", by=system) for number in range(TEAMS)]
    held = chance.sample(teams, ROLES_OF_MEMBER)
    root = an_authority(system, name="Bench root")
    authorities = [
        an_authority(system, name=name, parent=root, roles=[held[0]], owner="pki@example.org") for name in SHARES
    ]
    creators = [_person(f"creator{number:02}", []) for number in range(CREATORS)]
    services = _services(max(1, rows // RENEWALS), authorities, chance)
    first_id = Certificate.objects.order_by("-pk").values_list("pk", flat=True)[0] + 1
    _Rows(rows, first_id, services, teams, creators, now).copy()
    administrator = _person("administrator", [Role.objects.get(name=ADMIN)])
    member = _person("member", held)
    return World(
        rows=rows,
        first_id=first_id,
        authority=authorities[0],
        administrator=Caller(administrator, accounts.create_api_key(user=administrator, name="bench", by=system)[1]),
        member=Caller(member, accounts.create_api_key(user=member, name="bench", by=system)[1]),
        owner=held[0].name,
        search=services[len(services) // 2].names[0].partition(".")[0],
    )


def settle() -> None:
    """What autovacuum would have done by and by."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def _person(name: str, roles: list[Role]) -> User:
    return accounts.create_user(username=name, email=f"{name}@example.org", roles=roles, by=accounts.system_user())


def _services(count: int, authorities: list[Authority], chance: random.Random) -> list[Service]:
    """A few teams have most of them, and most have one or two names."""
    busy = list(accumulate((number + 1) ** -0.7 for number in range(TEAMS)))
    teams = chance.choices(range(TEAMS), cum_weights=busy, k=count)
    lengths = chance.choices([1, 2, 3, 5], weights=[50, 35, 10, 5], k=count)
    issuers = chance.choices(authorities, weights=list(SHARES.values()), k=count)
    domains = accumulate(lengths, initial=_next_domain())
    services = []
    for number, (team, length, authority, first) in enumerate(zip(teams, lengths, issuers, domains, strict=False)):
        host = f"svc{number:06}.team-{team:03}.example.org"
        names = (host, *(f"alt{other}.{host}" for other in range(1, length)))
        lifetime = LIFETIMES[number % len(LIFETIMES)]
        services.append(Service(number, team, authority, team % CREATORS, names, first, lifetime))
    return services


def _next_domain() -> int:
    return (Domain.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1


def _pool(authority: Authority, now: datetime) -> list[Texts]:
    """Real certificates with one to five names."""
    made = []
    by = accounts.system_user()
    for number in range(POOL // len(SHARES)):
        host = f"pool{number:03}.example.org"
        names = [parse(NameType.DNS, f"alt{other}.{host}") for other in range(number % 5)]
        certificate = certificates.create(
            by=by,
            authority=authority,
            owner="pki@example.org",
            common_name=host,
            extensions={"sub_alt_names": {"names": names}},
            now=now,
        )
        made.append(Texts(certificate.body, certificate.chain, certificate.csr))
    return made
