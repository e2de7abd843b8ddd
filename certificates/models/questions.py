"""The vocabulary of questions about many certificates."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Subquery, Value

from certificates.models.rotation import RotationPolicy
from certificates.models.tag import Joined
from web.counts import count_each
from web.wildcards import plain

SOON = timedelta(days=30)
LIFE = F("not_after") - F("not_before")


class Status(models.TextChoices):
    """What the last revocation check said; null: never asked."""

    VALID = "valid"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


def _days(number: int) -> timedelta:
    return timedelta(days=number)


def _span(expression: Any) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(expression, output_field=DurationField())


def _by_policy(now: datetime) -> Q:
    """Are no more than the policy's days, or its share of the life, ``left``? Without a policy, the setting's days."""
    third, usual = Q(left__lte=_span(LIFE / 3)), settings.LEMUR_DEFAULT_ROTATION_INTERVAL
    near = Q(rotation_policy=None, not_after__lte=now + _days(usual)) & third
    for pk, days, share in RotationPolicy.objects.values_list("pk", "days", "share"):
        window = Q(left__lte=_span(LIFE * share / 100)) if share else Q(not_after__lte=now + _days(days)) & third
        near |= Q(rotation_policy=pk) & window
    return near


class CertificateQuerySet(models.QuerySet[Any]):
    """Questions about certificates, as adjectives."""

    def present(self) -> Self:
        """Not deleted."""
        return self.filter(deleted=False)

    def current(self, now: datetime) -> Self:
        """Valid by date and not revoked."""
        return self.present().filter(not_before__lte=now, not_after__gt=now).exclude(status=Status.REVOKED)

    def expired(self, now: datetime) -> Self:
        """Over by date."""
        return self.present().filter(not_after__lte=now)

    def revoked(self) -> Self:
        """Revoked, as far as we know."""
        return self.present().filter(status=Status.REVOKED)

    def in_rotation_window(self, now: datetime) -> Self:
        """To be renewed now: its moment has come, or where it has not been worked out yet, by days and share alone.

        One statement more, which reads the few policies.
        """
        left = _span(F("not_after") - Value(now))
        unknown = Q(renews_at=None) & _by_policy(now)
        return self.alias(left=left).filter(Q(renews_at__lte=now) | unknown, not_before__lte=now)

    def renewing(self) -> Self:
        """Those that renew themselves."""
        return self.present().filter(rotation=True, root_authority=None, authority__isnull=False)

    def pending_reissue(self, now: datetime) -> Self:
        """Renews itself, is due, and has neither a successor nor an order for one; revoked and expired ones are out."""
        return self.renewing().in_rotation_window(now).unrenewed(now)

    def due_for_renewal(self, now: datetime) -> Self:
        """The same of those whose moment is known: an index finds them, however many certificates there are."""
        return self.renewing().filter(renews_at__lte=now).unrenewed(now)

    def unrenewed(self, now: datetime) -> Self:
        """Valid, and with neither a successor nor an order for one."""
        return self.current(now).unreplaced().exclude(reissues__state="waiting").exclude(reissues__state="unknown")

    def with_replaced(self) -> Self:
        """Annotated with ``was_replaced``: is there a newer certificate in its place?"""
        successors = self.model.objects.present().filter(replaces=OuterRef("pk"))
        return self.annotate(was_replaced=Exists(successors.exclude(status=Status.REVOKED)))

    def with_tags(self) -> Self:
        """With their tags, for ``tag_names``, read along with them."""
        borne = self.model.tags.through.objects.filter(certificate=OuterRef("pk")).order_by().values("certificate")
        return self.annotate(tag_text=Subquery(borne.annotate(names=Joined("tag__name")).values("names")))

    def bearing(self, tag: str) -> Self:
        """With this tag."""
        borne = self.model.tags.through.objects.filter(tag__name=tag)
        return self.filter(pk__in=borne.values("certificate"))

    def unreplaced(self) -> Self:
        """Without a newer certificate in its place."""
        return self.with_replaced().filter(Q(was_replaced=False))

    def already_replaced(self) -> Self:
        """With a newer certificate in its place."""
        return self.with_replaced().filter(Q(was_replaced=True))

    def watched(self) -> Self:
        """Of whose end somebody wants to hear: not revoked, replaced, muted, made up for a demo, or left out.

        EXCLUDE_CN_FROM_NOTIFICATION leaves out: its entries are parts of names, in which ``%`` stands for any text.
        """
        rows = self.present().filter(notify=True, demo=False).exclude(status=Status.REVOKED).unreplaced()
        for part in settings.EXCLUDE_CN_FROM_NOTIFICATION:
            text = plain(part).replace("_", r"\_")
            rows = rows.exclude(name__wildcards=f"%{text}%")
        return rows

    def ending(self, now: datetime, *, within: timedelta) -> Self:
        """Not over yet, and over within so long; the first to end come first."""
        return self.filter(not_after__gt=now, not_after__lte=now + within).order_by("not_after", "pk")

    def count_by_phase(self, now: datetime) -> dict[str, int]:
        """How many are valid, expiring, expired and revoked; replaced ones count as valid no more."""
        fresh = self.current(now).unreplaced()
        return count_each(
            valid=fresh.filter(not_after__gt=now + SOON),
            expiring=fresh.filter(not_after__lte=now + SOON),
            expired=self.expired(now).exclude(status=Status.REVOKED),
            revoked=self.revoked(),
        )

    def without_texts(self) -> Self:
        """For lists: leaves body, chain and CSR in the database until somebody asks for them."""
        return self.defer("body", "chain", "csr", "domain_names")
