"""Rotation policies, roles and people. Those that we have already by name are the same."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.hashers import make_password
from django.db.models import Model

from accounts import models as ours
from accounts.models import SYSTEM
from accounts.service.roles import sealed_password
from authorities.models import Authority
from authorities.service import DUTIES
from certificates.models import RotationPolicy
from core.audit import Event
from lifecycle.moving import rows
from lifecycle.moving.desk import Desk, Taken, keep_numbers
from lifecycle.moving.vault import Locked

BCRYPT = ("$2a$", "$2b$", "$2y$")
HASHER = "bcrypt"
LONGEST_NAME, LONGEST_USERNAME, LONGEST_DAYS = 128, 150, 3650


def policies(batch: Sequence[rows.Policy], desk: Desk) -> list[Taken]:
    """By name and days: one of the same name that says something else gets another name."""
    taken: list[Taken] = []
    for theirs in batch:
        name, days = theirs.name or f"policy {theirs.id}", theirs.days or 0
        if not 1 <= days <= LONGEST_DAYS or len(name) > LONGEST_NAME - 16:
            desk.refuse(theirs, f"{days} days before the end cannot be kept; certificates get the usual policy.")
            continue
        one = Taken(theirs, RotationPolicy(name=name, days=days), Event.POLICY_CREATED, {"days": days})
        known = RotationPolicy.objects.filter(name=name).first()
        if known is not None and known.days != days:
            one.row = RotationPolicy(name=f"{name} ({days} days)", days=days)
            one.note(f"There is another policy of this name; it is called {one.row} here.")
            known = RotationPolicy.objects.filter(name=f"{name} ({days} days)").first()
        taken.append(_same(one, known))
    return taken


def _same(one: Taken, known: Model | None) -> Taken:
    """A new row is saved at once, so that the next one of the batch finds it."""
    if known is not None:
        one.row, one.event, one.details = known, None, {}
    else:
        keep_numbers([(one.theirs.id, one.row)])
        one.row.save(force_insert=True)
    return one


def roles(batch: Sequence[rows.Role], desk: Desk) -> list[Taken]:
    """With the log-in that the members of one share, sealed. Those of an authority of ours are not for theirs."""
    taken = []
    duties = {f"{name}_{duty}" for name in Authority.objects.values_list("name", flat=True) for duty in DUTIES}
    for theirs in batch:
        if not theirs.name or len(theirs.name) > LONGEST_NAME:
            desk.refuse(theirs, "It has no name that a role can have.")
            continue
        name = _renamed(theirs.name, theirs.id) if theirs.name in duties else theirs.name
        one = Taken(theirs, _role(theirs, name), Event.ROLE_CREATED)
        known = ours.Role.objects.filter(name=name).first()
        if known is not None and name != theirs.name:
            desk.refuse(theirs, f"There are roles called {theirs.name} and {name} here already.")
            continue
        if name != theirs.name:
            one.note(f"{theirs.name} runs another authority here; it is called {name} here.")
        taken.append(_same_role(one, known, desk))
    return taken


def _renamed(name: str, number: int) -> str:
    suffix = f" (lemur {number})"
    return name[: LONGEST_NAME - len(suffix)] + suffix


def _role(theirs: rows.Role, name: str) -> ours.Role:
    return ours.Role(
        name=name,
        description=(theirs.description or "")[:255],
        username=theirs.username or "",
        third_party=bool(theirs.third_party),
    )


def _same_role(one: Taken, known: ours.Role | None, desk: Desk) -> Taken:
    if known is None:
        _bring_password(one, desk)
        return _same(one, None)
    one.note(f"Is the role {known} that was here already; whoever had it there has all that it may do here.")
    if one.theirs.password:  # type: ignore[attr-defined]
        one.lost(f"The role {known} was here already; the password that its members share stayed behind.")
    return _same(one, known)


def _bring_password(one: Taken, desk: Desk) -> None:
    box = getattr(one.theirs, "password", None)
    role: ours.Role = one.row  # type: ignore[assignment]
    if not box:
        return
    try:
        role.password = sealed_password(role, desk.vault.open(box))
    except Locked as error:
        one.lost(f"The password that its members share stayed behind: {error}.")


def users(batch: Sequence[rows.User], desk: Desk, held: dict[int, list[int]]) -> list[Taken]:
    """With their roles, ``held`` by user, and with the password if its hash is one that can be verified here."""
    taken = []
    for theirs in batch:
        username = theirs.username or ""
        if not username or len(username) > LONGEST_USERNAME or username.lower() == SYSTEM:
            desk.refuse(theirs, "This user name cannot be used here; what they made belongs to the user system.")
            continue
        one = _same(_user(theirs, username), _known_user(theirs, username))
        if one.event is None:
            _say_who(one, theirs, username)
        taken.append(_with_roles(one, desk.all_ours(rows.Role, held.get(theirs.id, ()))))
    return taken


def _user(theirs: rows.User, username: str) -> Taken:
    user = ours.User(
        username=username,
        email=(theirs.email or f"lemur-{theirs.id}@localhost.localdomain").lower(),
        is_active=theirs.active is not False,
        password=taken_password(theirs.password),
    )
    one = Taken(theirs, user, Event.USER_CREATED)
    if not theirs.email:
        one.note(f"Had no e-mail address; {user.email} stands in for it.")
    if theirs.password and not user.has_usable_password():
        one.lost("The password stayed behind: its hash is not bcrypt's. Set a new one.")
    return one


def taken_password(digest: str | None) -> str:
    """Lemur's bcrypt hash as Django writes it: the next log-in replaces it by our own; else an unusable one."""
    return f"{HASHER}${digest}" if digest and digest.startswith(BCRYPT) else make_password(None)


def _known_user(theirs: rows.User, username: str) -> ours.User | None:
    by_name = ours.User.objects.filter(username__iexact=username).first()
    return by_name or ours.User.objects.filter(email__iexact=theirs.email or "").exclude(email="").first()


def _say_who(one: Taken, theirs: rows.User, username: str) -> None:
    one.note(
        f"Is the person {one.row} who was here already: by {_common(one.row, username)}; password and address stay."
    )


def _common(row: Model, username: str) -> str:
    return "name" if str(row).lower() == username.lower() else "address"


def _with_roles(one: Taken, wanted: list[int]) -> Taken:
    user: ours.User = one.row  # type: ignore[assignment]
    new = ours.Role.objects.filter(pk__in=wanted).exclude(users=user)
    names = sorted(role.name for role in new)
    if names and user.username != SYSTEM:
        user.roles.add(*new)
        one.details = {"roles": names}
        one.event = one.event or Event.ROLE_GRANTED
    return one
