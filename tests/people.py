"""The people of the tests: Alice owns, Bob shares a role, Charlie must never get in, Dora only reads, Root rules."""

from __future__ import annotations

from dataclasses import dataclass

from rest_framework.test import APIClient

from accounts import service
from accounts.models import ADMIN, OPERATOR, READ_ONLY, Role, User

PASSWORD = "Correct horse battery 1!"


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
    """The rows, made through the services."""
    team = service.create_role("team-web")
    named = {role.name: role for role in Role.objects.all()}

    def person(name: str, *roles: Role, superuser: bool = False) -> User:
        return service.create_user(
            username=name, email=f"{name}@example.org", password=PASSWORD, roles=roles, superuser=superuser
        )

    return People(
        alice=person("alice", team),
        bob=person("bob", team),
        charlie=person("charlie"),
        dora=person("dora", named[READ_ONLY]),
        olga=person("olga", named[OPERATOR]),
        root=person("root", named[ADMIN]),
        team=team,
    )


def api(user: User | None) -> APIClient:
    """A client of the REST API that shows a real token of this user."""
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {service.log_in_token(user)}")
    return client
