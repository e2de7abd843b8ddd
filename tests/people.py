"""The people of the tests: Alice owns, Bob shares a role, Charlie must never get in, Dora only reads, Root rules."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient

from accounts import service
from accounts.models import ADMIN, OPERATOR, READ_ONLY, Role, User

PASSWORD = "Correct horse battery 1!"
TEAM = "team-web"


@dataclass(frozen=True)
class People:
    """All of them, with the role that Alice and Bob share."""

    alice: User
    bob: User
    charlie: User
    dora: User
    olga: User
    root: User
    team: Role


def make_people() -> People:
    """The rows, written by hand: through the services, a hundredth of a second for each would be minutes of a run."""
    Role.objects.create(name=TEAM)
    named = {role.name: role for role in Role.objects.all()}
    held = {"alice": TEAM, "bob": TEAM, "charlie": None, "dora": READ_ONLY, "olga": OPERATOR, "root": ADMIN}
    password = make_password(PASSWORD)
    users = User.objects.bulk_create(
        User(username=name, email=f"{name}@example.org", password=password) for name in held
    )
    people = {user.username: user for user in users}
    User.roles.through.objects.bulk_create(
        User.roles.through(user=people[name], role=named[role]) for name, role in held.items() if role
    )
    return People(**people, team=named[TEAM])


def api(user: User | None) -> APIClient:
    """A client of the REST API that shows a real token of this user."""
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {service.log_in_token(user)}")
    return client
