"""The requests of the permission table about people: bodies that would be accepted, and ids for the words in braces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.models import ADMIN, SYSTEM, ApiKey, Role, SavedView, Session, User
from tests.people import PASSWORD
from tests.security.world import PEOPLE, UNUSED, World

UNKNOWN = 987654321
NEW = ("new_password1", "new_password2")
RENAMED = {"username": "renamed", "email": "renamed@example.org", "is_active": "on"}

BODIES: dict[str, Callable[[World], dict[str, Any]]] = {
    "POST /api/1/users": lambda world: {"username": "new", "email": "new@example.org"},
    "PUT /api/1/users/{}": lambda world: {"active": True},
    "POST /api/1/users/{}/keys": lambda world: {"name": "new"},
    "PUT /api/1/users/{}/keys/{}": lambda world: {"name": "changed"},
    "POST /api/1/keys": lambda world: {"name": "new"},
    "PUT /api/1/keys/{}": lambda world: {"name": "changed"},
    "POST /api/1/roles": lambda world: {"name": "new"},
    "PUT /api/1/roles/{}": lambda world: {"description": "changed"},
    "POST /account/password": lambda world: dict.fromkeys(NEW, "Another!horse!2") | {"old_password": PASSWORD},
    "POST /account/keys/new": lambda world: {"name": "new", "scope": "read"},
    "POST /views/save": lambda world: {"name": "new", "page": "/certificates/", "query": "phase=expiring"},
    "POST /people/new": lambda world: {"username": "new", "email": "new@example.org"},
    "POST /people/{}/edit": lambda world: RENAMED,
    "POST /roles/new": lambda world: {"name": "new"},
    "POST /roles/{}/edit": lambda world: {"name": "renamed"},
    "POST /roles/{}/members": lambda world: {"add": "zoe"},
}


def person_called(word: str, person: str) -> User:
    """``own`` is who asks; nobody asks for Alice."""
    names = {"own": PEOPLE[person] or "alice", "foreign": "zoe", "system": SYSTEM}
    return User.objects.get(username=names[word])


def reference(name: str, word: str, person: str, world: World) -> Any:
    """What a row of the table bears on: ids, as forms say them."""
    if name == "authorities":
        return [world.authorities[word].pk]
    if name == "roles":
        return [world.authorities[word].roles.order_by("pk").values_list("pk", flat=True)[0]]
    pk = person_called(word, person).pk
    return pk if name == "user" else [pk]


def id_of(before: str, word: str, person: str, world: World) -> Any:
    """What stands for the word after this part of an address; None if that is not about people."""
    collection = before.rstrip("/").rpartition("/")[2]
    if collection not in ("users", "people", "roles", "keys", "sessions", "views"):
        return None
    if word == "unknown":
        return UNKNOWN
    if collection in ("users", "people"):
        return person_called(word, person).pk
    if collection == "roles":
        names = {"own": world.team.name, "foreign": "strangers", "unused": UNUSED, "built-in": ADMIN}
        return Role.objects.get(name=names[word]).pk
    return _owned(collection, person_called(word, person))


def _owned(collection: str, user: User) -> Any:
    """What stands for a thing of this person's."""
    if collection == "sessions":
        return Session.objects.filter(user=user).earliest("began_at", "pk").handle
    if collection == "views":
        return SavedView.objects.get_or_create(user=user, page="/certificates/", name="kept")[0].pk
    keys = ApiKey.objects.filter(user=user, kind=ApiKey.Kind.KEY)
    return keys.order_by("pk").values_list("pk", flat=True)[0]


def filled(address: str, world: World) -> str:
    """An address about people with ids of people of whom nobody stands in a column in the place of its braces."""
    before, brace, after = address.partition("{}")
    pk = id_of(before, "foreign", "admin", world) if brace else None
    return address if pk is None else filled(f"{before}{pk}{after}", world)
