"""Changing what an open order says about its certificate: what is asked of the CA stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.timezone import now as clock

from accounts.models import Role, User
from accounts.service import acting
from certificates.models import Certificate, Order
from certificates.permissions import order_permissions
from certificates.service import placing
from certificates.service.deploying import refuse_duplicate_destinations, require_deliverable
from certificates.service.orders import FORBIDDEN, MISSING
from certificates.spec import MANY, managed_by, related
from certificates.tags import normal_tags
from core.audit import Event, record
from core.commits import committing
from core.errors import NotFound, Precondition
from notifications.models import Notification, is_default_of

COLUMNS = frozenset({"owner", "description", "notify", "rotation", "rotation_policy", "tags"})


@committing("order.update")
def update_order(order: Order, *, by: User | None = None, now: datetime | None = None, **changes: Any) -> Order:
    """Change what :data:`COLUMNS` name, or a list: roles, replaces, destinations, notifications.

    A list replaces what was there. A new owner takes over: the old one's role and default notifications go, and whoever
    placed the order has no more rights than anybody else. Precondition if it is done, given up, or being worked on.
    """
    by = acting(by)
    order_permissions.require(by, "change", order, message=FORBIDDEN)
    if unknown := set(changes) - COLUMNS - set(MANY):
        raise TypeError(f"update_order() got unexpected fields: {sorted(unknown)}")
    held = _open(order, now=now or clock())
    before = held.spec
    held.spec = {**before, **_columns(changes), **_lists(held, changes, by=by)}
    if held.spec["owner"] != before["owner"]:
        held.spec |= _handed_over(held, before=before["owner"])
    held.spec["managed_by"] = managed_by(held.spec["roles"])
    held.save(update_fields=["spec"])
    record(Event.ORDER_UPDATED, held, by=by, fields=sorted(changes))
    return held


def _open(order: Order, *, now: datetime) -> Order:
    """The row as it is now, kept from others until the transaction ends: from whoever wants to claim it as well."""
    held: Order | None = Order.objects.select_for_update().filter(pk=order.pk).first()
    if held is None:
        raise NotFound(MISSING)
    if held.state not in (Order.State.WAITING, Order.State.UNKNOWN):
        raise Precondition(f"The {held} is {held.state}; change its certificate, or place a new order.")
    if held.is_at_work(now):
        raise Precondition(f"The {held} is being worked on at this moment; look again in a minute.")
    return held


def _columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in changes.items() if name in COLUMNS}
    if "owner" in said:
        said["owner"] = said["owner"].strip().lower()
    if "tags" in said:
        said["tags"] = list(normal_tags(said["tags"]))
    if "rotation_policy" in said:
        said["rotation_policy"] = said["rotation_policy"] and said["rotation_policy"].pk
    return said


def _lists(held: Order, changes: Mapping[str, Any], *, by: User) -> dict[str, list[int]]:
    """The ids of the lists as they shall be; each is asked what an order would be asked."""
    wanted = {name: list(dict.fromkeys(changes[name])) for name in MANY if name in changes}
    if "replaces" in wanted:
        placing.require_may_replace([one for one in wanted["replaces"] if one.pk not in held.spec["replaces"]], by)
    if "destinations" in wanted:
        refuse_duplicate_destinations(wanted["destinations"])
        require_deliverable(Certificate(private_key=held.private_key), wanted["destinations"])
    return {name: [row.pk for row in rows] for name, rows in wanted.items()}


def _handed_over(held: Order, *, before: str) -> dict[str, Any]:
    """What follows from a new owner; whose certificate it will be stays as it was."""
    rows = related(held.spec)
    roles: Iterable[Role] = rows["roles"]
    told: Iterable[Notification] = rows["notifications"]
    keeps = held.spec.get("keeps") or {"user_id": held.by_id}
    return {
        "roles": [role.pk for role in roles if role.name != before],
        "notifications": [one.pk for one in told if not is_default_of(one.label, before)],
        "keeps": {**keeps, "handed_over": True},
        "handed_over": True,
    }
