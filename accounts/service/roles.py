"""Roles: what they are called, who holds them, and the log-in that the members of one may share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import permissions
from accounts.models import ADMIN, BUILT_IN, DEFAULT_ROLES, SYSTEM, Role, User
from accounts.service.identity import acting
from accounts.service.proofs import require_proof_of, require_recent_proof
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, Invalid, Unavailable
from core.secrets import keyring
from pki.errors import SealError

LAST_ADMINISTRATOR = "This is the last administrator; make somebody else one first."
NO_CREDENTIALS = "You are not authorized to view the credentials for this role."


@contextmanager
def keeping_an_administrator() -> Iterator[None]:
    """Around a change of people or roles: Conflict, at its end, if it would leave nobody who may administer."""
    # Locked, so that two administrators who take the role from each other are not both right.
    Role.objects.select_for_update().get(name=ADMIN)
    had = _administrators().exists()
    yield
    if had and not _administrators().exists():
        raise Conflict(LAST_ADMINISTRATOR)


def _administrators() -> Any:
    holders = Q(is_superuser=True) | Q(roles__name=ADMIN)
    return User.objects.filter(holders, is_active=True).exclude(username=SYSTEM)


@committing("roles.grant")
def grant(user: User, roles: Iterable[Role], *, by: User | None = None) -> None:
    """Let the person hold these roles, besides those they hold."""
    by = acting(by)
    permissions.roles.require(by, "change")
    if added := set(roles):
        _spare_system([user])
        user.roles.add(*added)
        record(Event.ROLE_GRANTED, user, by=by, roles=sorted(role.name for role in added))


@committing("roles.set")
def set_roles(user: User, roles: Iterable[Role], *, by: User | None = None) -> None:
    """Let the person hold exactly these roles; what is given and what is taken is recorded by name.

    In strict mode Invalid without one of the default roles.
    """
    by, wanted, held = acting(by), set(roles), set(user.roles.all())
    permissions.roles.require(by, "change")
    require_proof_of(by)
    require_default_role(wanted)
    with keeping_an_administrator():
        if lost := held - wanted:
            _spare_system([user])
            user.roles.remove(*lost)
            record(Event.ROLE_WITHDRAWN, user, by=by, roles=sorted(role.name for role in lost))
        grant(user, wanted - held, by=by)


@committing("role.members")
def set_members(role: Role, people: Iterable[User], *, by: User | None = None) -> None:
    """Let exactly these people hold the role. In strict mode Invalid if that leaves somebody without a default one."""
    by, wanted, held = acting(by), set(people), set(role.users.all())
    permissions.roles.require(by, "change", role)
    require_proof_of(by)
    _spare_system(wanted ^ held)
    with keeping_an_administrator():
        role.users.remove(*(held - wanted))
        _require_others(role, held - wanted)
        role.users.add(*(wanted - held))
    for event, changed in ((Event.ROLE_WITHDRAWN, held - wanted), (Event.ROLE_GRANTED, wanted - held)):
        for user in sorted(changed, key=lambda one: one.username):
            record(event, user, by=by, roles=[role.name])


def require_default_role(roles: Iterable[Role]) -> None:
    """Contract 11: in strict mode everybody holds one of the roles that say what they may do."""
    if settings.LEMUR_STRICT_ROLE_ENFORCEMENT and not {role.name for role in roles} & DEFAULT_ROLES:
        raise Invalid.field("roles", f"Everybody needs one of the roles {', '.join(sorted(DEFAULT_ROLES))}.")


def _require_others(role: Role, lost_by: Iterable[User]) -> None:
    """The same for people who have just lost one of them."""
    if not settings.LEMUR_STRICT_ROLE_ENFORCEMENT or role.name not in DEFAULT_ROLES:
        return
    people = User.objects.filter(pk__in=[one.pk for one in lost_by]).exclude(roles__name__in=DEFAULT_ROLES)
    if names := sorted(people.values_list("username", flat=True)[:10]):
        others = ", ".join(sorted(DEFAULT_ROLES - {role.name}))
        raise Invalid(
            f"Everybody needs a role that says what they may do: give {', '.join(names)} one of {others} first."
        )


def _spare_system(people: Iterable[User]) -> None:
    if any(user.username == SYSTEM for user in people):
        raise Conflict("The user system does the background work; its roles stay as they are.")


@committing("role.create")
def create_role(name: str, *, description: str = "", third_party: bool = False, by: User | None = None) -> Role:
    """A role that does not exist yet: Conflict when it does, so that nobody inherits the rights of an old one."""
    by = acting(by)
    try:
        with transaction.atomic():
            role = Role.objects.create(name=name, description=description, third_party=third_party)
    except IntegrityError as error:
        raise _taken(name) from error
    record(Event.ROLE_CREATED, role, by=by)
    return role


def _taken(name: str) -> Conflict:
    message = f"Duplicate found! Could not create: Key (name)=({name}) already exists."
    return Conflict(message, reasons={"name": f"There is already a role called {name}."})


@committing("role.add")
def add_role(name: str, *, by: User | None = None, **fields: Any) -> Role:
    """A role that a person asks for, with the ``fields`` of :func:`update_role`."""
    by = acting(by)
    permissions.roles.require(by, "create")
    role = create_role(_checked_name(name), description=fields.pop("description", ""), by=by)
    _change(role, fields, by=by)
    return role


@committing("role.update")
def update_role(role: Role, *, by: User | None = None, **fields: Any) -> None:
    """Change what is given: name, description, username, password (text; empty: none), users, authorities."""
    by = acting(by)
    permissions.roles.require(by, "change", role)
    name = fields.get("name", role.name)
    if name != role.name:
        if role.built_in:
            raise Conflict(f"The role {role} is built in and keeps its name.", reasons={"name": "Built in."})
        _checked_name(name)
    if changed := _change(role, fields, by=by):
        record(Event.ROLE_UPDATED, role, by=by, fields=changed)


def _change(role: Role, fields: dict[str, Any], *, by: User) -> list[str]:
    """The names of what has changed about the row itself; who holds it has events of its own."""
    users, authorities = fields.pop("users", None), fields.pop("authorities", None)
    password = fields.pop("password", None)
    changed = [name for name, value in fields.items() if getattr(role, name) != value]
    for name in changed:
        setattr(role, name, fields[name])
    if password is not None:
        role.password = sealed_password(role, password)
        changed.append("password")
    _save(role, changed)
    if authorities is not None:
        _set_authorities(role, authorities, by=by)
    if users is not None:
        set_members(role, users, by=by)
    return sorted(changed)


def _save(role: Role, changed: list[str]) -> None:
    try:
        with transaction.atomic():
            role.save(update_fields=changed)
    except IntegrityError as error:
        raise _taken(role.name) from error


def _set_authorities(role: Role, authorities: Iterable[Any], *, by: User) -> None:
    """Which authorities its holders may use; each of those has it in its own history."""
    wanted, held = set(authorities), set(role.authorities.all())
    role.authorities.remove(*(held - wanted))
    role.authorities.add(*(wanted - held))
    for authority in sorted(wanted ^ held, key=lambda one: one.pk):
        record(Event.AUTHORITY_UPDATED, authority, by=by, fields=["roles"])


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > 128 or not name.isprintable():
        raise Invalid.field("name", "The name of a role has 1 to 128 printable characters.")
    if name.lower() in BUILT_IN:
        raise _taken(name)
    return name


def sealed_password(role: Role, password: str) -> bytes | None:
    """As it is kept; None for none."""
    return keyring().seal(password.encode(), _context(role)) if password else None


def _context(role: Role) -> str:
    return f"accounts.role.password:{role.uuid}"


@committing("role.reveal")
def reveal_credentials(role: Role, *, by: User | None = None) -> tuple[str, str | None]:
    """The user name and password that the role's members share; the password is None if there is none."""
    by = acting(by)
    permissions.roles.require(by, "reveal", role, message=NO_CREDENTIALS)
    require_recent_proof()
    if not role.password:
        return role.username, None
    try:
        password = keyring().unseal(bytes(role.password), _context(role)).decode()
    except SealError as error:
        raise Unavailable(f"The password of the role {role} cannot be opened: {error}") from error
    record(Event.CREDENTIALS_REVEALED, role, by=by)
    return role.username, password


@committing("role.delete")
def delete_role(role: Role, *, by: User | None = None) -> None:
    """A role that nothing uses. Conflict, saying what does, for any other; a built-in one stays."""
    by = acting(by)
    permissions.roles.require(by, "delete", role)
    if role.built_in:
        raise Conflict(f"The role {role} is built in and cannot be deleted.")
    # Locked, so that nothing begins to use it between the question and the deletion.
    locked = Role.objects.select_for_update().get(pk=role.pk)
    if uses := uses_of(locked):
        raise Conflict(f"The role {role} is in use by {', '.join(uses)}; take it away there first.")
    record(Event.ROLE_DELETED, locked, by=by)
    locked.delete()


def uses_of(role: Role) -> list[str]:
    """What would lose the role with it, as ``2 users``, ``1 certificate``: empty if nothing does."""
    found = []
    for relation in Role._meta.related_objects:
        count = getattr(role, str(relation.get_accessor_name())).count()
        words = relation.related_model._meta
        if count:
            found.append(f"{count} {words.verbose_name if count == 1 else words.verbose_name_plural}")
    if role.name in settings.SENSITIVE_DOMAIN_ROLES:
        found.append("the setting SENSITIVE_DOMAIN_ROLES")
    return found


def ensure_owner_role(owner: str, *, by: User | None = None) -> Role:
    """The role named like an owner's address, made on first use (contract 2.4)."""
    name = owner.lower()
    return Role.objects.filter(name=name).first() or _make_owner_role(name, by=acting(by))


@committing("role.owner")
def _make_owner_role(name: str, *, by: User) -> Role:
    role, created = Role.objects.get_or_create(
        name=name, defaults={"description": f"Auto generated role based on owner: {name}"}
    )
    if created:
        record(Event.ROLE_CREATED, role, by=by)
    return role
