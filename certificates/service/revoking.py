"""Revoking: write down what was asked for, tell the authority, note that it has agreed.

Where the ledger is ours it agrees at once, and a new revocation list follows; another authority is asked through its
plugin, by the sweep again and again if it does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from authorities import ledger, publishing
from authorities.models import Authority, Responder
from authorities.permissions import permissions as authority_permissions
from certificates.models import Certificate, CertificateQuerySet, Revocation
from certificates.models.certificate import Status
from certificates.models.order import REQUEST_LEASE
from certificates.models.revocation import REASONS, issuing_authority, last_revocation, same_certificate
from certificates.permissions import permissions
from certificates.service.asking import look
from certificates.service.deploying import leave, revoked_at
from certificates.service.requesting import asked_to_wait
from certificates.service.telling import tell_of_revocation
from core.audit import Event, record
from core.commits import committing
from core.connectors import foreign
from core.errors import Conflict, DomainError, Forbidden, Invalid
from core.failpoints import around
from core.jobs import NOTHING_TO_RETRY, LeaseLost
from core.queue import enqueue
from pki.errors import PkiError
from plugins.contracts import Revokes
from plugins.errors import Misconfigured, Permanent, PluginError
from plugins.values import RevokeRequest

NOT_AUTHORIZED = "You are not authorized to revoke this certificate."
NOT_IMPLEMENTED = "Revoke is not implemented for issuer of this certificate"
SERVED = "Cannot revoke certificate. Endpoints are deployed with the given certificate."


@dataclass(frozen=True)
class Consequences:
    """What would break: endpoints that serve the certificate; of a CA's, how many certificates under it.

    Of ``unasked`` endpoints only what was seen last is known; those in ``elsewhere`` serve another certificate by now.
    """

    endpoints: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    issued: int = 0

    @property
    def serious(self) -> bool:
        """Must one insist?"""
        return bool(self.endpoints or self.unasked or self.issued)


def revoke(
    certificate: Certificate,
    reason: str = "unspecified",
    *,
    comments: str = "",
    force: bool = False,
    by: User | None = None,
    now: datetime | None = None,
    along: Callable[[], None] | None = None,
) -> Revocation:
    """Ask the authority to revoke; the certificate is not called revoked until it has agreed.

    ``certificateHold`` can be taken back with ``removeFromCRL``; nothing else can. A duplicate never gives a right: the
    permission on every row of the same certificate is asked. Raises Forbidden, also where an endpoint, which is asked,
    serves it and ``force`` is not given; Invalid, where its issuer cannot or will not. Still waiting when it is
    returned: the authority did not answer, and is asked again. What is revoked for good is taken away from its
    destinations; Invalid, if one does not let it go: then it is revoked all the same, and that is tried again.
    ``along`` is called in the transaction that writes down what was asked for, if nobody has asked before.
    """
    by, now = acting(by), now or clock()
    rows = same_certificate(certificate)
    _require_may_revoke(certificate, rows, by)
    if reason not in REASONS:
        raise Invalid.field("crl_reason", "Not a valid choice.")
    _require_revocable(certificate)
    if (done := _done_before(rows, reason)) is not None:
        return done
    if reason != ledger.RELEASE and not force:
        _refuse_what_breaks(certificate, now=now)
    revocation = _write_down(certificate, reason=reason, comments=comments, by=by, now=now, along=along)
    return revocation if revocation.state == Revocation.State.DONE else _carry_out(revocation, now=now)


def deactivate(certificate: Certificate, *, by: User | None = None) -> None:
    """Lemur's verb for test accounts at one CA. No plugin here has such accounts, so it is refused (contract 10.11)."""
    by = acting(by)
    _require_may_revoke(certificate, same_certificate(certificate), by)
    raise Invalid("Deactivate is not implemented for issuer of this certificate")


def _require_may_revoke(certificate: Certificate, rows: Iterable[Certificate], by: User) -> None:
    """The right to every row of the same certificate; of a CA's, also to change the authority that issued it."""
    permissions.require(by, "revoke", certificate, message=NOT_AUTHORIZED)
    for same in rows:
        if same.pk != certificate.pk:
            permissions.require(
                by,
                "revoke",
                same,
                message=f"{NOT_AUTHORIZED} It is the same as certificate {same.pk}, which you may not.",
            )
        if same.root_authority is not None and same.root_authority.parent is not None:
            authority_permissions.require(by, "change", same.root_authority.parent, message=NOT_AUTHORIZED)


def consequences(certificate: Certificate, *, ask: bool = True, now: datetime | None = None) -> Consequences:
    """What would break if it were revoked, in the words of a person.

    Asks the endpoints, over the network and for a few seconds; without ``ask``, what was seen last counts.
    """
    now = now or clock()
    rows = list(same_certificate(certificate))
    seen = look(rows, ask=ask)
    serving, unasked, elsewhere = (
        _each_once(str(one) for one in seen if one.serves is what) for what in (True, None, False)
    )
    destinations = [str(place) for row in rows for place in row.destinations.all()]
    under = [row.root_authority_id for row in rows if row.root_authority_id is not None]
    issued = Certificate.objects.filter(authority__in=under).current(now).count() if under else 0
    return Consequences(serving, unasked, elsewhere, _each_once(destinations), issued)


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _refuse_what_breaks(certificate: Certificate, *, now: datetime) -> None:
    found = consequences(certificate, now=now)
    if served := (*found.endpoints, *found.unasked):
        raise Forbidden(f"{SERVED} They are {', '.join(served[:10])}. Insist with force.")
    if found.issued:
        raise Forbidden(
            f"Cannot revoke certificate. {found.issued} valid certificates are under it. Insist with force."
        )


def _require_revocable(certificate: Certificate) -> Authority:
    """The authority that can do it. Raises Invalid where none can."""
    authority = issuing_authority(certificate)
    if authority is None and certificate.root_authority_id is not None:
        raise Invalid("A root cannot be revoked: take it away from the machines that trust it.")
    if authority is None:
        raise Invalid(NOT_IMPLEMENTED)
    if not ledger.is_kept(authority):
        if not issubclass(authority.plugin_class, Revokes):
            raise Invalid(NOT_IMPLEMENTED)
        return authority
    if Responder.objects.filter(authority=authority, body=certificate.body).exists():
        raise Invalid(
            "This is the certificate of an OCSP responder: it is renewed by itself, and nobody asks about it."
        )
    try:
        ledger.confirm(authority, certificate.parsed)
    except PkiError as error:
        raise Invalid(f"{authority} has not issued this certificate here, so it cannot be revoked here.") from error
    return authority


def _done_before(rows: CertificateQuerySet, reason: str) -> Revocation | None:
    """The revocation that made it so, if there is nothing to do. Raises Invalid for a release of what is not held."""
    last = last_revocation(rows)
    held = last is not None and last.reason == ledger.HOLD
    if reason == ledger.RELEASE and not held:
        raise Invalid.field("crl_reason", "Only a certificate that is on hold can be removed from the revocation list.")
    final = last is not None and last.reason != ledger.RELEASE and (not held or reason == ledger.HOLD)
    return last if final else None


@committing("revocation")
def _write_down(
    certificate: Certificate,
    *,
    reason: str,
    comments: str,
    by: User,
    now: datetime,
    along: Callable[[], None] | None = None,
) -> Revocation:
    """Transaction 1. Born claimed: the sweep must not do what this request still does.

    The one that made it so, if somebody was faster: of all rows of the certificate, one revocation at a time.
    """
    rows = same_certificate(certificate)
    _lock(rows)
    if Revocation.objects.filter(certificate__in=rows, state=Revocation.State.WAITING).exists():
        raise Conflict(f"{certificate} is being revoked already.")
    if (done := _done_before(rows, reason)) is not None:
        return done
    revocation = Revocation(certificate=certificate, by=by, reason=reason, comments=comments)
    revocation.attempts, revocation.leased, revocation.not_before = 1, True, now + REQUEST_LEASE
    try:
        with transaction.atomic():
            revocation.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"{certificate} is being revoked already.") from error
    record(Event.REVOCATION_REQUESTED, certificate, by=by, reason=reason, comments=comments)
    if along is not None:
        along()
    return revocation


def _lock(rows: CertificateQuerySet) -> None:
    """Of all rows of one certificate, one revocation at a time."""
    list(Certificate.objects.select_for_update().filter(pk__in=[row.pk for row in rows]).order_by("pk"))


@committing("revocation.retry")
def retry_revocation(revocation: Revocation, *, by: User | None = None, now: datetime | None = None) -> None:
    """Ask the authority again, now. Conflict if it is asked at this moment, or has agreed to this one or to another."""
    by, certificate = acting(by), revocation.certificate
    rows = same_certificate(certificate)
    _require_may_revoke(certificate, rows, by)
    _lock(rows)
    open_ones = Revocation.objects.filter(certificate__in=rows, state=Revocation.State.WAITING)
    if open_ones.exclude(pk=revocation.pk).exists() or _done_before(rows, revocation.reason) is not None:
        raise Conflict(f"{certificate} is revoked already, or its revocation was asked for once more.")
    if not Revocation.objects.filter(pk=revocation.pk).hasten(now=now or clock()):
        raise Conflict(NOTHING_TO_RETRY)
    record(Event.REVOCATION_RETRIED, certificate, by=by, reason=revocation.reason)
    enqueue("certificates.carry_out", revocation.pk)


def carry_out(revocation_id: int, *, now: datetime | None = None) -> Revocation | None:
    """Take up a revocation that is due; None if it is not, or if another worker has it."""
    now = now or clock()
    revocation: Revocation | None = Revocation.objects.select_related("certificate", "by").claim(revocation_id, now=now)
    if revocation is None:
        return None
    try:
        return _carry_out(revocation, now=now)
    except Invalid:  # it is written down as failed
        return revocation


def _carry_out(revocation: Revocation, *, now: datetime) -> Revocation:
    authority = issuing_authority(revocation.certificate)
    try:
        if authority is None:
            raise Permanent(NOT_IMPLEMENTED)
        if not ledger.is_kept(authority):
            _ask(authority, revocation)
        leaving = _agreed(revocation, authority, now=now)
    except LeaseLost:
        return Revocation.objects.get(pk=revocation.pk)
    except (PluginError, PkiError, DomainError) as error:
        given_up = _give_up(revocation, error, now=now)
        if given_up.state == Revocation.State.FAILED:
            raise Invalid(f"Failed to revoke: {error}") from error
        return given_up
    if ledger.is_kept(authority):
        publishing.prepare(authority, now=clock())
    if problems := leave(leaving, now=now):
        raise Invalid(f"Certificate (id:{revocation.certificate_id}) is revoked - {' '.join(problems)}")
    return revocation


def _ask(authority: Authority, revocation: Revocation) -> None:
    """Between the two transactions: the only line that talks to another CA."""
    plugin, certificate = authority.open(), revocation.certificate
    request = RevokeRequest(
        certificate=certificate.parsed, reason=ledger.flag(revocation.reason), external_id=certificate.external_id
    )
    with around("revoke"), foreign(authority.plugin, revocation=revocation.pk):
        plugin.revoke(request)


@committing("certificate.revoke")
def _agreed(revocation: Revocation, authority: Authority, *, now: datetime) -> list[int]:
    """Transaction 2: the ledger if it is ours, every row of the certificate, and of a CA's the authority too.

    Returns the deployments that must end now. A hold changes nothing that its end would have to restore.
    """
    certificate, reason = revocation.certificate, revocation.reason
    rows = same_certificate(certificate)
    released = reason == ledger.RELEASE
    revocation.succeed()
    if ledger.is_kept(authority) and released:
        if not ledger.release(authority, certificate.serial):
            raise Permanent("The certificate is not on hold any more.")
    elif ledger.is_kept(authority):
        ledger.revoke(authority, certificate.serial, reason=reason, at=now)
    tell_of_revocation(revocation, rows)
    if released:
        rows.update(status=Status.VALID, status_checked_at=now)
        record(Event.CERTIFICATE_RELEASED, certificate, by=revocation.by)
        return []
    rows.update(status=Status.REVOKED, status_checked_at=now)
    record(Event.CERTIFICATE_REVOKED, certificate, by=revocation.by, reason=reason)
    if reason == ledger.HOLD:
        return []
    _retire_authorities(rows, by=revocation.by)
    rows.update(notify=False, rotation=False)
    return revoked_at(rows, now=now)


def _retire_authorities(rows: CertificateQuerySet, *, by: User) -> None:
    """What a revoked CA signs, nobody trusts: it is switched off."""
    for authority in Authority.objects.filter(own_certificates__in=rows, active=True):
        Authority.objects.filter(pk=authority.pk).update(active=False)
        record(Event.AUTHORITY_UPDATED, authority, by=by, fields=["active"])


@committing("revocation.give-up")
def _give_up(revocation: Revocation, error: Exception, *, now: datetime) -> Revocation:
    """Later again, or never if the CA has refused."""
    hopeless = isinstance(error, Permanent | PkiError) and not isinstance(error, Misconfigured)
    try:
        revocation.fail(str(error), permanent=hopeless, retry_after=asked_to_wait(error), now=now)
    except LeaseLost:
        return Revocation.objects.get(pk=revocation.pk)
    if revocation.state == Revocation.State.FAILED:
        record(Event.REVOCATION_FAILED, revocation.certificate, by=revocation.by, error=str(error))
    return revocation


def due_revocations(limit: int = 1000) -> list[int]:
    """The revocations that a sweep should take up, longest waiting first."""
    return list(Revocation.objects.due().order_by("not_before").values_list("pk", flat=True)[:limit])
