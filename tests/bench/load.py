"""A believable installation to measure: authorities, teams, N certificates, and the people who ask for them."""

from __future__ import annotations

import random
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.test import Client

from accounts import service as accounts
from accounts.models import ADMIN, Role, User
from authorities.models import Authority
from certificates.models import Certificate, Domain
from notifications.service import default_notifications
from tests.bench.rows import Plan, Texts, copy_all
from tests.bench.world import Person, World
from tests.factories import a_certificate, an_authority

TEAMS = 400
ROLES_OF_MEMBER = 50
CREATORS = 40
SHARES = {"Internal": 60, "Devices": 20, "Staging": 12, "Partners": 8}  # per cent of what each authority issued
TEXTS = 40  # real certificates per authority, of a large installation


def load(rows: int, *, now: datetime) -> World:
    """Fill an empty, migrated database with ``rows`` certificates besides the authorities' own."""
    system = accounts.system_user()
    teams = [accounts.create_role(f"team{number:03}@example.org", by=system) for number in range(TEAMS)]
    held = random.Random(1).sample(teams, ROLES_OF_MEMBER)  # noqa: S311  believable, not secret
    authorities = _authorities(system, held[0])
    real = max(5, min(TEXTS, rows // 100))
    texts = {authority: [_texts(system, authority, number) for number in range(real)] for authority in authorities}
    plan = Plan(
        rows=rows,
        first_id=_next_id(Certificate),
        first_domain=_next_id(Domain),
        teams=[(team.pk, team.name) for team in teams],
        told=[[one.pk for one in default_notifications(team.name, system)] for team in teams],
        creators=[(_person(f"creator{number:02}").pk, f"creator{number:02}") for number in range(CREATORS)],
        operators=Role.objects.get(name="pki@example.org").pk,
        texts=texts,
        shares=dict(zip(authorities, SHARES.values(), strict=True)),
        now=now,
    )
    copy_all(plan)
    return World(
        rows=rows,
        first_id=plan.first_id,
        authority=authorities[0].name,
        owner=held[0].name,
        administrator=_enter(_person("administrator", Role.objects.get(name=ADMIN))),
        member=_enter(_person("member", *held)),
        services=len(plan.services),
    )


def settle() -> None:
    """What PostgreSQL's autovacuum and checkpointer would have done by and by."""
    if connection.vendor == "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    connection.close()


def _authorities(by: User, role: Role) -> list[Authority]:
    """P-256 authorities under one root, open to holders of the role."""
    root = an_authority(by, name="Bench root")
    return [an_authority(by, name=name, parent=root, roles=[role]) for name in SHARES]


def _texts(by: User, authority: Authority, number: int) -> Texts:
    """A real certificate with one to five names."""
    names = [{"name_type": "DNSName", "value": f"alt{other}.example.org"} for other in range(number % 5)]
    extensions = {"sub_alt_names": {"names": names}}
    made = a_certificate(by, authority, cn=f"real{number:03}.example.org", extensions=extensions)
    return Texts(made.body, made.chain, made.csr or "")


def _person(name: str, *roles: Role) -> User:
    return accounts.create_user(username=name, email=f"{name}@example.org", roles=roles, by=accounts.system_user())


def _enter(user: User) -> Person:
    User.objects.filter(pk=user.pk).update(is_staff=True)  # for the admin site, of which everybody sees what is theirs
    browser = Client()
    browser.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    return Person(accounts.create_api_key(user=user, name="bench", by=user)[1], cookie)


def _next_id(model: type[Certificate | Domain]) -> int:
    return (model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1
