"""Changing what we say about a certificate, deleting it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from accounts.service import acting, ensure_owner_role
from certificates.models import Certificate, update_destinations
from certificates.permissions import permissions
from certificates.service.deploying import (
    refuse_duplicate_destinations,
    require_deliverable,
    take_away,
)
from certificates.service.placing import (
    add_replaced,
    create_certificate_roles,
    require_may_replace,
    tag_rows,
)
from certificates.tags import normal_tags
from core.audit import Event, record
from core.commits import committing
from core.errors import Invalid, NotFound, Precondition
from notifications.models import Notification, is_default_of
from notifications.service import default_notifications
from stores.models import Destination

__all__ = [
    "Difference",
    "create_certificate_roles",
    "delete",
    "update",
    "update_description",
    "update_owner",
    "update_switches",
]

COLUMNS = frozenset({"owner", "description", "notify", "rotation", "rotation_policy"})
LISTS = frozenset({"roles", "replaces", "destinations", "notifications", "tags"})
CONSEQUENCES = frozenset({"handed_over", "renews_at"})
FORBIDDEN = "You are not authorized to update this certificate"
MISSING = "Cannot find specified certificate"


@dataclass(frozen=True)
class Difference:
    """How somebody changes a list that they saw a while ago: what others did to it meanwhile stays."""

    added: Collection[Any] = ()
    removed: Collection[Any] = ()

    def of(self, rows: Iterable[Any]) -> list[Any]:
        """The list as it shall be, if it is ``rows`` now."""
        return list(dict.fromkeys([*(row for row in rows if row not in self.removed), *self.added]))


def update(cert_id: int, *, by: User | None = None, **changes: Any) -> Certificate:
    """Change what :data:`COLUMNS` and :data:`LISTS` name; a list replaces what was there, a Difference changes it.

    A new owner takes over: the old owner's role and default notifications go, and the creator has no more rights than
    anybody else. Once everything is checked and saved, it is taken away from destinations that are left out; one that
    does not let it go stays, and Invalid says so.
    """
    by = acting(by)
    if unknown := set(changes) - COLUMNS - LISTS:
        raise TypeError(f"update() got unexpected fields: {sorted(unknown)}")
    with committing("certificate.update"):
        certificate = _locked(cert_id)
        unwanted = _change(certificate, changes, by=by)
    if failed := _leave(certificate, unwanted, by=by):
        raise Invalid("Edit Successful except -\n\n " + " ".join(failed))
    return certificate


def _leave(certificate: Certificate, destinations: Iterable[Destination], *, by: User) -> list[str]:
    """Take it away from there, outside of any transaction; returns what went wrong."""
    failed = []
    for destination in destinations:
        try:
            take_away(certificate, destination, by=by)
        except Invalid as error:
            failed.append(error.message)
    return failed


def _change(certificate: Certificate, changes: dict[str, Any], *, by: User) -> list[Destination]:
    """All but leaving destinations: returns those that it shall leave."""
    permissions.require(by, "change", certificate, message=FORBIDDEN)
    lists = {name: _wanted(certificate, name, changes.pop(name)) for name in LISTS & set(changes)}
    before = certificate.owner
    _set_columns(certificate, changes, by=by)
    if "roles" in lists:
        # A form that was shown before the hand-over brings the old owner's role along.
        kept = [role for role in lists["roles"] if certificate.owner == before or role.name != before]
        certificate.roles.set([*kept, ensure_owner_role(certificate.owner, by=by)])
    if "replaces" in lists:
        _set_replaces(certificate, lists["replaces"], by=by)
    unwanted = _set_destinations(certificate, lists["destinations"]) if "destinations" in lists else []
    if "notifications" in lists or certificate.owner != before:
        _set_notifications(certificate, lists.get("notifications"), before=before, by=by)
    tagged = _set_tags(certificate, lists["tags"]) if "tags" in lists else {}
    record(Event.CERTIFICATE_UPDATED, certificate, by=by, fields=sorted({*changes, *lists} - CONSEQUENCES), **tagged)
    return unwanted


def _wanted(certificate: Certificate, name: str, given: Iterable[Any] | Difference) -> list[Any]:
    """The list as it shall be: rows, and of tags the names."""
    if not isinstance(given, Difference):
        return list(given)
    return given.of(certificate.tag_names if name == "tags" else getattr(certificate, name).all())


def _locked(cert_id: int) -> Certificate:
    """The row as it is now, kept from others until the transaction ends."""
    certificate: Certificate | None = Certificate.objects.select_for_update().filter(pk=cert_id).first()
    if certificate is None:
        raise NotFound(MISSING)
    return certificate


def _set_columns(certificate: Certificate, changes: dict[str, Any], *, by: User) -> None:
    if "owner" in changes:
        changes["owner"] = changes["owner"].strip().lower()
        if changes["owner"] != certificate.owner:
            certificate.roles.remove(*certificate.roles.filter(name=certificate.owner))
            certificate.roles.add(ensure_owner_role(changes["owner"], by=by))
            changes["handed_over"] = True
    if changes.keys() & {"rotation", "rotation_policy"}:
        changes["renews_at"] = None
    for name, value in changes.items():
        setattr(certificate, name, value)
    if changes:
        certificate.save(update_fields=list(changes))


def _set_destinations(certificate: Certificate, wanted: list[Destination]) -> list[Destination]:
    """Adds those that are new, and returns those that it shall leave."""
    known = set(certificate.destinations.all())
    refuse_duplicate_destinations(wanted)
    require_deliverable(certificate, [one for one in wanted if one not in known])
    for destination in wanted:
        if destination not in known:
            update_destinations(certificate, destination)
    return sorted(known - set(wanted), key=str)


def _set_notifications(certificate: Certificate, wanted: list[Notification] | None, *, before: str, by: User) -> None:
    """Contract 9.8: the owner's defaults stay or come along, those of an owner that was go."""
    known = list(certificate.notifications.all()) if wanted is None else wanted
    if certificate.owner != before:
        known = [one for one in known if not is_default_of(one.label, before)]
    if not any(is_default_of(one.label, certificate.owner) for one in known):
        known = [*known, *default_notifications(certificate.owner, by, team=False)]
    certificate.notifications.set(known)


def _set_tags(certificate: Certificate, wanted: list[str]) -> dict[str, list[str]]:
    """Returns what the audit log says of it."""
    known, tags = set(certificate.tag_names), normal_tags(wanted)
    certificate.tags.set(tag_rows(tags))
    return {"tags_added": sorted(set(tags) - known), "tags_removed": sorted(known - set(tags))}


def update_switches(
    cert: Certificate, notify_flag: bool | None = None, rotation_flag: bool | None = None, *, by: User | None = None
) -> Certificate:
    """Turn telling people of its end, or its renewal, on or off; None leaves a switch as it is."""
    switches = {"notify": notify_flag, "rotation": rotation_flag}
    return update(cert.pk, by=by, **{name: value for name, value in switches.items() if value is not None})


def update_owner(cert: Certificate, new_cert_data: Mapping[str, Any], *, by: User | None = None) -> Certificate:
    """Hand it to ``new_cert_data["owner"]``."""
    return update(cert.pk, by=by, owner=new_cert_data["owner"])


def update_description(cert: Certificate, description: str, *, by: User | None = None) -> Certificate:
    """Say something else about it."""
    return update(cert.pk, by=by, description=description)


def _set_replaces(certificate: Certificate, wanted: list[Certificate], *, by: User) -> None:
    known = set(certificate.replaces.all())
    added = [other for other in wanted if other not in known]
    if certificate in added or any(certificate in other.replaces.all() for other in added):
        raise Invalid.field("replaces", "A certificate cannot replace itself, nor one that replaces it.")
    require_may_replace(added, by)
    certificate.replaces.remove(*(known - set(wanted)))
    add_replaced(certificate, added)


@committing("certificate.delete")
def delete(cert_id: int, *, by: User | None = None) -> None:
    """Mark a certificate as deleted: it leaves the lists, the row and its history stay. An unknown one is no error."""
    by = acting(by)
    certificate = Certificate.objects.select_for_update().filter(pk=cert_id).first()
    if certificate is None:
        return
    if certificate.deleted:
        raise Precondition("Certificate is already deleted")
    permissions.require(by, "delete", certificate, message="You are not authorized to delete this certificate")
    Certificate.objects.filter(pk=certificate.pk).update(deleted=True)
    record(Event.CERTIFICATE_DELETED, certificate, by=by)
