"""The notifications that every certificate has unless somebody chose others: to its owner and to the security team."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import structlog
from django.conf import settings

from accounts.models import User
from accounts.service import acting
from core.audit import Event, record
from core.commits import committing
from core.errors import Invalid
from core.statements import ModelStatement
from notifications.models import Notification, default_prefix

PLUGIN = "email-notification"
SECURITY = "DEFAULT_SECURITY"

log = structlog.get_logger(__name__)


def default_notifications(owner: str, creator: User | None = None, *, team: bool = True) -> list[Notification]:
    """``DEFAULT_<LOCALPART>_30_DAY`` … to the owner, ``DEFAULT_SECURITY_30_DAY`` … to the security team (contract 9.2).

    They are made on first use, in one statement if they exist. They belong to the owner's role, not to ``creator``, who
    is only recorded. An owner whom no mail can reach gets none. Without ``team``, the owner's alone.
    """
    owners = _wanted(default_prefix(owner), [owner], settings.LEMUR_DEFAULT_EXPIRATION_NOTIFICATION_INTERVALS)
    to = settings.LEMUR_SECURITY_TEAM_EMAIL if team else []
    teams = _wanted(SECURITY, to, settings.LEMUR_SECURITY_TEAM_EMAIL_INTERVALS)
    wanted = {**teams, **owners}
    known = _known(wanted)
    if missing := {label: options for label, options in wanted.items() if label not in known}:
        known |= _make(missing, by=acting(creator))
    return [known[label] for label in (*owners, *teams) if label in known]


_LABELLED = ModelStatement[Notification](lambda labels: Notification.objects.filter(label__in=labels).order_by())


def _known(labels: Iterable[str]) -> dict[str, Notification]:
    return {one.label: one for one in _LABELLED.rows(list(labels))}


def _wanted(prefix: str, recipients: Sequence[str], days: Sequence[int]) -> dict[str, Mapping[str, object]]:
    """The options of each, by its label."""
    if not prefix or not recipients:
        return {}
    to = ",".join(recipients)
    return {f"{prefix}_{day}_DAY": {"interval": day, "unit": "days", "recipients": to} for day in days}


@committing("notification.default")
def _make(wanted: Mapping[str, Mapping[str, object]], *, by: User) -> dict[str, Notification]:
    """Two who make the same at once get the same rows, and one of them the lines in the log."""
    fresh = [made for label, options in wanted.items() if (made := _new(label, options)) is not None]
    Notification.objects.bulk_create(fresh, ignore_conflicts=True)
    found, mine = _known(wanted), {one.uuid for one in fresh}
    for made in found.values():
        if made.uuid in mine:
            record(Event.NOTIFICATION_CREATED, made, by=by, plugin=made.plugin)
    return found


def _new(label: str, options: Mapping[str, object]) -> Notification | None:
    made = Notification(label=label, description=f"Mails {options['recipients']}; made for new certificates.")
    try:
        made.configure(PLUGIN, dict(options))
    except Invalid as error:
        log.warning("no default notification", label=label, reason=str(error))
        return None
    return made
