"""Notifications: whom to tell how long before what happens; and notices: what one recipient must be told once."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, cast
from urllib.parse import quote

from django.conf import settings
from django.db import models
from django.db.models import F, Min, Q
from django.utils.timezone import now as clock
from django.utils.translation import gettext_lazy as _

from core.connectors import Connector
from core.errors import Unavailable
from core.jobs import LEASE, Job, JobQuerySet, LeaseLost
from plugins import Notifier
from plugins.notifications.base import DAYS, PERCENT, Threshold

LONGEST_LOCAL_PART = 100  # so that a label has room for the rest


def default_prefix(address: str) -> str:
    """How the labels of an owner's default notifications begin (contract 9.2); "" if it is no address."""
    local, at, _ = address.partition("@")
    return f"DEFAULT_{local.upper()[:LONGEST_LOCAL_PART]}" if at and local else ""


def default_pattern(address: str) -> str:
    """What the labels of an owner's defaults look like, to Python and to both databases; "" if it is no address."""
    prefix = default_prefix(address)
    return f"^{re.escape(prefix)}_[0-9]+_DAY$" if prefix else ""


def is_default_of(label: str, owner: str) -> bool:
    """Whether it is the label of one of the owner's defaults: ``DEFAULT_JOE_30_DAY`` of joe@…, not of joel@…."""
    pattern = default_pattern(owner)
    return bool(pattern) and re.search(pattern, label) is not None


class Notification(Connector):
    """A channel, and how long before a certificate expires it speaks up (the plugin's options interval and unit)."""

    kind: ClassVar[str] = "notification"

    label = models.CharField(max_length=128, unique=True)
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="notifications"
    )

    class Meta:
        ordering = ["label"]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        """Its page."""
        return f"/notifications/{self.pk}"

    @property
    def threshold(self) -> Threshold | None:
        """How long before the end it speaks up; None if its options do not say."""
        interval, unit = self.options.get("interval"), self.options.get("unit")
        if interval is None or unit not in (*DAYS, PERCENT):
            return None
        number = int(interval)
        return Threshold(percent=number) if unit == PERCENT else Threshold(days=number * DAYS[unit])

    @property
    def channel(self) -> str:
        """What carries what it has to say: its plugin, and where configurations differ, that of this notification."""
        try:
            shared = cast(type[Notifier], self.plugin_class).is_shared
        except Unavailable:
            shared = False
        return self.plugin if shared else f"{self.plugin}:{self.pk}"


class NoticeQuerySet(JobQuerySet):
    """What whoever tells people asks of notices."""

    def waiting_recipients(self, now: datetime | None = None) -> list[tuple[str, str]]:
        """Whom something must be told now, and through which channel; those who have waited longest first."""
        pairs = self.due(now).order_by().values_list("recipient", "channel")
        return list(pairs.annotate(since=Min("not_before")).order_by("since").values_list("recipient", "channel"))

    def claim_for(
        self, recipient: str, channel: str, *, lease: timedelta = LEASE, now: datetime | None = None
    ) -> list[Notice]:
        """Take everything that one recipient must be told through one channel now: what one message will say.

        One conditional UPDATE decides, as for any job. What was taken together before stays together, so that a message
        that is sent again is the same one; the rest waits for its turn, as does what another worker has a part of.
        """
        now = now or clock()
        due = self.due(now).filter(recipient=recipient, channel=channel)
        held = self.filter(self.at_work(now)).exclude(batch=None)
        whole = due.exclude(batch=None).exclude(batch__in=held.values("batch"))
        again = whole.order_by("pk").values_list("batch", flat=True).first()
        batch = again or uuid.uuid4()
        changes = {"batch": batch, "not_before": now + lease, "leased": True, "attempts": F("attempts") + 1}
        taken = due.filter(batch=again).update(**changes)
        mine = list(self.filter(batch=batch, state=Job.State.WAITING).order_by("pk")) if taken else []
        # Fewer than all: another worker has the rest of them, and sends the message or lets the lease run out.
        return mine if len(mine) == taken else []

    def with_outcome(self, outcome: str) -> Self:
        """The same as :attr:`Notice.outcome`."""
        answered, done = Q(acknowledged_at__isnull=False), Q(state=Job.State.DONE)
        conditions = {
            Outcome.ACKNOWLEDGED: answered,
            Outcome.SENT: ~answered & done & Q(sent_at__isnull=False),
            Outcome.SUPERSEDED: ~answered & done & Q(sent_at=None),
            Outcome.FAILED: ~answered & Q(state=Job.State.FAILED),
            Outcome.WAITING: ~answered & Q(state__in=[Job.State.WAITING, Job.State.UNKNOWN]),
        }
        return self.filter(conditions[Outcome(outcome)])

    def close(self, notices: Sequence[Notice], **changes: Any) -> None:
        """Write the same into all of one message, as a job does alone. Raises LeaseLost if one is not ours any more."""
        closed, of_message = 0, self.filter(batch=notices[0].batch, state=Job.State.WAITING)
        for attempts in {notice.attempts for notice in notices}:
            closed += of_message.filter(attempts=attempts).update(leased=False, **changes)
        if closed != len(notices):
            raise LeaseLost(f"Another worker took over what was to be told to {notices[0].recipient}.")


class Outcome(models.TextChoices):
    """What became of a notice, as people ask for it."""

    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Told")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    SUPERSEDED = "superseded", _("Superseded")
    FAILED = "failed", _("Given up")


class Notice(Job):
    """One thing that one recipient must be told once: ``dedupe`` names it, so that no sweep makes it twice.

    Done without having been sent, it was superseded: a later one said more. ``facts`` are what its message says besides
    the label, see notifications.messages.
    """

    kind = models.CharField(max_length=32)
    notification = models.ForeignKey(Notification, models.SET_NULL, null=True, blank=True, related_name="notices")
    recipient = models.CharField(max_length=255)
    channel = models.CharField(
        max_length=96,
        help_text="The plugin that carries it; and after a colon the notification, if it takes its options.",
    )
    topic = models.CharField(max_length=64, blank=True, help_text="The row it is about, as model:id.")
    subject_label = models.CharField(max_length=255)
    subject_url = models.CharField(max_length=255, blank=True)
    facts = models.JSONField(default=dict)
    dedupe = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, editable=False)
    batch = models.UUIDField(null=True, editable=False, help_text="The same for all that one message says.")
    acknowledged_at = models.DateTimeField(null=True, editable=False)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    most_failures = 40
    # So it is tried for more than a week: a mail server may be away for long week-ends.
    steady_pause = timedelta(hours=6)

    objects = NoticeQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["not_before"], condition=Q(state="waiting"), name="notice_due"),
            models.Index(fields=["batch"], condition=Q(state="waiting"), name="notice_batch"),
            models.Index(fields=["id"], condition=~Q(state="done"), name="notice_not_done"),
            models.Index(fields=["not_before"], condition=Q(state="done"), name="notice_done"),
            models.Index(fields=["topic", "-id"], name="notice_topic"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}: {self.subject_label}"

    @property
    def plugin(self) -> str:
        """The plugin that carries it."""
        return self.channel.partition(":")[0]

    def get_absolute_url(self) -> str:
        """What it is about; if that has no page, all that its recipient was told."""
        return self.subject_url or f"/notices/?q={quote(self.recipient)}"

    @property
    def outcome(self) -> str:
        """What became of it: one word of :class:`Outcome`."""
        if self.acknowledged_at is not None:
            return Outcome.ACKNOWLEDGED
        if self.state == self.State.DONE:
            return Outcome.SENT if self.sent_at else Outcome.SUPERSEDED
        return Outcome.FAILED if self.state == self.State.FAILED else Outcome.WAITING

    @property
    def kind_in_words(self) -> str:
        """``certificate-expiring`` as a person says it."""
        return self.kind.replace("-", " ")


class Snooze(models.Model):
    """That nobody shall hear of something until then: ``topic`` names it as notices do."""

    topic = models.CharField(max_length=64, unique=True)
    until = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.topic} until {self.until:%Y-%m-%d}"
