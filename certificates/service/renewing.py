"""The moment from which on a certificate is renewed by itself: worked out once, and kept in its row for an index.

Where the policy follows the CA, that is asked for the window that it suggests, again and again (RFC 9773, 4.2).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting, system_user
from certificates.models import Certificate, RotationPolicy, Suggestion
from certificates.permissions import permissions
from core.audit import Event, record
from core.commits import committing
from core.connectors import foreign
from core.errors import Conflict, DomainError, Unavailable
from core.failpoints import around
from core.jobs import NOTHING_TO_RETRY, LeaseLost
from core.queue import enqueue
from pki.errors import PkiError
from plugins.contracts import SuggestsRenewal
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary
from plugins.values import RenewalWindow

AT_ONCE = 1_000


def settle_moments(*, now: datetime | None = None) -> int:
    """Work out the moments that are missing, or out of date since a policy was changed; how many those were."""
    now, number = now or clock(), 0
    for policy in RotationPolicy.objects.exclude(changed_at=None):
        _forget(policy)
    while settled := _settle_some(now=now):
        number += settled
    return number


@committing("renewal.forget")
def _forget(policy: RotationPolicy) -> None:
    """The moments of who follows it; the mark goes, unless somebody has changed it again meanwhile."""
    Certificate.objects.renewing().filter(rotation_policy=policy).update(renews_at=None)
    RotationPolicy.objects.filter(pk=policy.pk, changed_at=policy.changed_at).update(changed_at=None)


@committing("renewal.settle")
def _settle_some(*, now: datetime) -> int:
    """Of a batch, locked so that nobody gives one of them another policy meanwhile; how many those were.

    Where the CA's word counts, it will be asked.
    """
    rows = Certificate.objects.renewing().filter(renews_at=None).select_related("rotation_policy", "suggestion")
    batch = list(rows.without_texts().select_for_update(of=("self",))[:AT_ONCE])
    for certificate in batch:
        certificate.renews_at = certificate.renewal_opens(_suggested(certificate))
    Certificate.objects.bulk_update(batch, ["renews_at"])
    following = [one for one in batch if one.rotation_policy and one.rotation_policy.follows_ca]
    Suggestion.objects.bulk_create(
        [Suggestion(certificate=one, not_before=now) for one in following],
        update_conflicts=True,
        unique_fields=["certificate"],
        update_fields=["state", "not_before"],
    )
    return len(batch)


def _suggested(certificate: Certificate) -> tuple[datetime, datetime] | None:
    """The window that counts, if its policy follows the CA and that has said something."""
    policy, known = certificate.rotation_policy, getattr(certificate, "suggestion", None)
    if policy is None or not policy.follows_ca or known is None or known.start is None:
        return None
    return known.start, known.end


def due_suggestions(now: datetime | None = None) -> list[int]:
    """Which windows a sweep must ask for, the oldest first."""
    return list(Suggestion.objects.due(now).order_by("not_before").values_list("pk", flat=True)[:AT_ONCE])


@committing("suggestion.retry")
def retry_suggestion(suggestion: Suggestion, *, by: User | None = None, now: datetime | None = None) -> None:
    """Ask the CA now. Conflict if it is asked at this moment, or will be at once."""
    by, certificate = acting(by), suggestion.certificate
    permissions.require(by, "change", certificate, message="You are not authorized to update this certificate")
    if not Suggestion.objects.filter(pk=suggestion.pk).hasten(now=now or clock()):
        raise Conflict(NOTHING_TO_RETRY)
    record(Event.RENEWAL_ASKED, certificate, by=by)
    enqueue("certificates.ask_for_window", suggestion.pk)


def ask_for_window(suggestion_id: int, *, now: datetime | None = None) -> bool:
    """Ask the CA of one certificate for its window, if that is due and nobody else does: was there one?"""
    now = now or clock()
    job: Suggestion | None = Suggestion.objects.claim(suggestion_id, now=now)
    if job is None:
        return False
    renewing = Certificate.objects.renewing().unrenewed(now).filter(pk=job.certificate_id)
    certificate = renewing.select_related("authority", "rotation_policy").first()
    try:
        if certificate is None:  # it is over, or has a successor
            _rest(job)
            return False
        _keep(job, certificate, _ask(certificate), now=now)
        return True
    except LeaseLost:
        return False
    except (PluginError, PkiError, DomainError) as error:
        with suppress(LeaseLost):
            _put_off(job, error, now=now)
        return False


def _ask(certificate: Certificate) -> RenewalWindow:
    authority = certificate.authority
    assert authority is not None  # noqa: S101  of those that renew themselves
    plugin = authority.open()
    if not isinstance(plugin, SuggestsRenewal):
        raise Permanent(f"{authority} suggests no times; days or share of the policy count.")
    with around("suggestion.ask"), foreign(authority.plugin, certificate=certificate.pk):
        return plugin.suggested_renewal(certificate.parsed, certificate.issuers)


@committing("suggestion.keep")
def _keep(job: Suggestion, certificate: Certificate, window: RenewalWindow, *, now: datetime) -> None:
    """Only a window that differs from the last is an event, and moves the certificate's moment."""
    fresh = (job.start, job.end) != (window.start, window.end)
    about = {"start": window.start, "end": window.end, "explanation": window.explanation[:512]}
    job.wait(now + window.ask_again, failures=0, last_error="", **about)
    if not fresh:
        return
    moment = certificate.renewal_opens((window.start, window.end))
    Certificate.objects.filter(pk=certificate.pk).update(renews_at=moment)
    record(
        Event.RENEWAL_SUGGESTED,
        certificate,
        by=system_user(),
        start=window.start.isoformat(),
        end=window.end.isoformat(),
        explanation=window.explanation,
    )


@committing("suggestion.rest")
def _rest(job: Suggestion) -> None:
    job.succeed()


@committing("suggestion.put-off")
def _put_off(job: Suggestion, error: Exception, *, now: datetime) -> None:
    """What is known counts meanwhile, else days or share."""
    again = isinstance(error, Temporary | Misconfigured | Unavailable)
    job.fail(str(error), permanent=not again, now=now)
