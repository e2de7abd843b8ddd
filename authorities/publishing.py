"""What an authority of ours publishes about the certificates it issued: numbered revocation lists, and OCSP answers.

Lists are made when the ledger changes and before they grow old; what a crash prevents, the sweep finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPResponseStatus
from django.db import IntegrityError
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from accounts.service import system_user
from authorities import ledger, pointers
from authorities.models import Authority, Crl, Issuance, Responder
from authorities.service import issuer_of
from core import keys
from core.audit import Event, acting, acting_as, record
from core.commits import committing
from core.errors import DomainError, NotFound, Precondition, Unavailable
from pki import inspection, ocsp, signing
from pki.errors import BadQuestion, PkiError
from pki.keys import KEY_SPECS, PrivateKey
from pki.subjects import Subject
from plugins.errors import PluginError
from plugins.values import CaMaterial

log = structlog.get_logger(__name__)

CRL_LIFE = timedelta(days=7)
UNLISTED = timedelta(hours=1)  # a new authority may be without a list and a responder
ANSWER_LIFE = timedelta(hours=12)
RESPONDER_LIFE = timedelta(days=14)
KEY_OF_RESPONDERS = "ECCPRIME256V1"  # every client verifies it, and an answer costs little
KEPT = 10  # whoever revokes many one by one makes as many lists
TRIES = 5
SKEW = timedelta(hours=1)  # of a clock; a list from further ahead is one that nobody accepts before its time


def prepare(authority: Authority, *, now: datetime) -> None:
    """Make what is missing or out of date of one authority. What fails is logged; the sweep tries it again."""
    with acting_as(demo=authority.demo or acting().demo):
        for make in _missing(authority, now):
            try:
                make(authority, now=now)
            except (DomainError, PkiError, PluginError) as error:
                log.warning("authority.not-published", authority=authority.pk, what=make.__name__, error=str(error))


def _missing(authority: Authority, now: datetime) -> Iterator[Callable[..., Any]]:
    if pointers.signs_crls(authority) and _due_for_crl(now).filter(pk=authority.pk).exists():
        yield publish_crl
    if _due_for_responder(now).filter(pk=authority.pk).exists():
        yield renew_responder


def due(now: datetime) -> list[Authority]:
    """Authorities of which something is missing or out of date. One that may sign no list never misses one."""
    lists = filter(pointers.signs_crls, _due_for_crl(now))
    found = {authority.pk: authority for authority in (*lists, *_due_for_responder(now))}
    return list(found.values())


def stale(now: datetime) -> list[Authority]:
    """Authorities whose revocation list should have been made anew long ago: three quarters of its life are over."""
    rows = _due_for_crl(now).filter(created_at__lte=now - UNLISTED)
    old = Q(listed_at=None) | Q(listed_at__lte=now - CRL_LIFE * 3 / 4) | Q(listed_at__gt=now + SKEW)
    return list(filter(pointers.signs_crls, rows.filter(old)))


def stale_responders(now: datetime) -> list[Authority]:
    """Authorities whose OCSP answers end soon, or have ended: three quarters of each responder's life are over."""
    rows = _due_for_responder(now).filter(created_at__lte=now - UNLISTED)
    return list(rows.filter(Q(until=None) | Q(until__lte=now + RESPONDER_LIFE / 4)))


def _publishing(now: datetime) -> QuerySet[Authority]:
    """Those whose keys are ours, for as long as they are valid; one that is switched off goes on telling."""
    return Authority.objects.filter(private_key__isnull=False, not_before__lte=now, not_after__gt=now)


def _due_for_crl(now: datetime) -> QuerySet[Authority]:
    newest = Crl.objects.filter(authority=OuterRef("pk")).order_by("-number")
    rows = _publishing(now).annotate(
        listed_at=Subquery(newest.values("this_update")[:1]), listed=Subquery(newest.values("ledger_version")[:1])
    )
    old = Q(listed_at=None) | Q(listed_at__lte=now - CRL_LIFE / 2) | Q(listed_at__gt=now + SKEW)
    return rows.filter(old | ~Q(listed=F("ledger_version")))


def _due_for_responder(now: datetime) -> QuerySet[Authority]:
    """Those of which no responder lives as long as half of one's life, or as the authority itself."""
    usable = Responder.objects.filter(authority=OuterRef("pk"), not_before__lte=now).exclude(private_key="")
    rows = _publishing(now).annotate(until=Subquery(usable.order_by("-not_after").values("not_after")[:1]))
    return rows.filter(Q(until=None) | Q(until__lt=F("not_after"), until__lte=now + RESPONDER_LIFE / 2))


def with_ends(rows: QuerySet[Authority]) -> QuerySet[Authority]:
    """The rows with when their newest list and their last responder end, ``crl_until`` and ``ocsp_until``, or None.

    Without their certificates, which are long.
    """
    lists = Crl.objects.filter(authority=OuterRef("pk")).order_by("-number")
    responders = Responder.objects.filter(authority=OuterRef("pk")).exclude(private_key="").order_by("-not_after")
    return rows.defer("body", "chain", "options", "secrets").annotate(
        crl_until=Subquery(lists.values("next_update")[:1]), ocsp_until=Subquery(responders.values("not_after")[:1])
    )


def newest_crl(authority: Authority) -> Crl | None:
    """The list in force, without its bytes."""
    return Crl.objects.filter(authority=authority).defer("der").order_by("-number").first()


def newest_responder(authority: Authority, *, now: datetime) -> Responder | None:
    """The one that answers now."""
    return _responder(authority.pk, now)


def publish_crl(authority: Authority, *, now: datetime) -> Crl:
    """A new list with a higher number: what the ledger says by now. Raises Precondition if the CA may sign none.

    The number is the time in milliseconds, if that is higher than the last one. So it is above those that a CA has
    published elsewhere, and above those that a database restored from a backup does not know (RFC 5280, 5.2.3).
    Two workers may do this at once: the number is unique, and whoever comes second reads the ledger again.
    """
    material = _material(authority)
    if not pointers.signs_crls(authority):
        raise Precondition(f"The key usage of {authority} does not allow it to sign revocation lists.")
    for _ in range(TRIES):
        # The number before the entries: what is listed under a number is then never older than under a smaller one.
        version = Authority.objects.values_list("ledger_version", flat=True).get(pk=authority.pk)
        last = newest_crl(authority)
        crl = _signed(authority, material, last, now=now)
        crl.ledger_version = version
        try:
            return _save(crl, now=now)
        except IntegrityError:
            continue
    raise Unavailable(f"Other workers publish lists of {authority} all the time; this one gave up.")


def _signed(authority: Authority, material: CaMaterial, last: Crl | None, *, now: datetime) -> Crl:
    start = now.replace(microsecond=0)
    number = max(round(now.timestamp() * 1000), last.number + 1 if last else 0)
    revoked = ledger.to_list(authority, since=min(last.this_update, start) if last else None)
    signed = signing.sign_crl(
        issuer=material.certificate,
        key=material.key,
        number=number,
        this_update=start,
        next_update=start + CRL_LIFE,
        revoked=revoked,
    )
    return Crl(
        authority=authority,
        number=number,
        der=signed.public_bytes(Encoding.DER),
        this_update=start,
        next_update=start + CRL_LIFE,
        entries=len(revoked),
    )


@committing("crl.publish")
def _save(crl: Crl, *, now: datetime) -> Crl:
    """Lists that are over go, and most that were superseded. IntegrityError: another worker has used the number."""
    crl.save(force_insert=True)
    lists = Crl.objects.filter(authority=crl.authority)
    kept = list(lists.order_by("-number").values_list("pk", flat=True)[:KEPT])
    lists.filter(Q(next_update__lte=now) | ~Q(pk__in=kept), number__lt=crl.number).delete()
    record(Event.CRL_PUBLISHED, crl.authority, by=system_user(), number=crl.number, entries=crl.entries)
    return crl


def renew_responder(authority: Authority, *, now: datetime) -> Responder:
    """A new responder with a key of its own, short-lived, in the ledger like everything that the CA signs."""
    material = _material(authority)
    start = now.replace(microsecond=0)
    stored, key = keys.generate(KEY_SPECS[KEY_OF_RESPONDERS])
    draft = signing.draft(
        subject=Subject(common_name=f"OCSP responder {authority.pk}").to_name(),
        public_key=key.public_key(),
        issuer=material.certificate,
        signer_public_key=material.key.public_key(),
        serial=signing.random_serial(),
        not_before=start,
        not_after=min(start + RESPONDER_LIFE, authority.not_after),
        extensions=ocsp.RESPONDER,
    )
    certificate = signing.sign(draft, material.key)
    with committing("responder.issue"):
        stored.save(force_insert=True)
        ledger.reserve(authority, draft)
        responder = Responder.objects.create(
            authority=authority,
            body=inspection.pem(certificate),
            private_key=stored.uri,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
        _forget_old_keys(authority, now)
        record(Event.RESPONDER_ISSUED, authority, by=system_user(), serial=str(certificate.serial_number))
    return responder


def _forget_old_keys(authority: Authority, now: datetime) -> None:
    over = Responder.objects.filter(authority=authority, not_after__lte=now).exclude(private_key="")
    for responder in over:
        keys.destroy(responder.private_key)
    over.update(private_key="")


def _material(authority: Authority) -> CaMaterial:
    material = issuer_of(authority).material
    if material is None:
        raise Precondition(f"The key of {authority} is not kept here, so nothing can be published for it.")
    return material


@dataclass(frozen=True)
class Answer:
    """An OCSP answer in DER. ``fresh_until`` None: it is for this request alone, or says only why there is none."""

    der: bytes
    made_at: datetime
    fresh_until: datetime | None = None


def answer(authority_id: int, request: bytes, *, now: datetime) -> Answer:
    """What the authority says to an OCSP request: two look-ups and one signature. NotFound: no such authority."""
    try:
        question = ocsp.read(request)
    except BadQuestion:
        return Answer(ocsp.refusal(OCSPResponseStatus.MALFORMED_REQUEST), now)
    responder = _responder(authority_id, now)
    if responder is None:
        if not Authority.objects.filter(pk=authority_id, private_key__isnull=False).exists():
            raise NotFound
        return Answer(ocsp.refusal(OCSPResponseStatus.TRY_LATER), now)
    if not question.is_about(_parsed(responder.authority.body)):
        return Answer(ocsp.refusal(OCSPResponseStatus.UNAUTHORIZED), now)
    return _answered(question, responder, now)


def _answered(question: ocsp.Question, responder: Responder, now: datetime) -> Answer:
    start = now.replace(microsecond=0)
    end = min(start + ANSWER_LIFE, responder.not_after)
    standing = _standing(responder.authority_id, question.serial)
    try:
        signer = ocsp.Signer(*_opened(responder.body, responder.private_key))
    except DomainError as error:
        log.warning("responder.not-opened", responder=responder.pk, error=str(error))
        return Answer(ocsp.refusal(OCSPResponseStatus.TRY_LATER), now)
    der = ocsp.answer(question, standing, signer=signer, this_update=start, next_update=end)
    return Answer(der, start, end if question.nonce is None else None)


def _responder(authority_id: int, now: datetime) -> Responder | None:
    usable = Responder.objects.filter(authority=authority_id, not_before__lte=now, not_after__gt=now)
    return usable.exclude(private_key="").select_related("authority").order_by("-not_after", "-pk").first()


def _standing(authority_id: int, serial: int) -> ocsp.Standing:
    rows = Issuance.objects.filter(authority=authority_id, serial=str(serial))
    line = rows.values_list("revoked_at", "reason").first()
    if line is None:
        return ocsp.Standing(known=False)
    revoked_at, reason = line
    return ocsp.Standing(known=True, revoked_at=revoked_at, reason=ledger.flag(reason) if revoked_at else None)


@lru_cache(maxsize=256)
def _parsed(body: str) -> x509.Certificate:
    return inspection.load(body)


@lru_cache(maxsize=256)
def _opened(body: str, key_uri: str) -> tuple[x509.Certificate, PrivateKey]:
    return inspection.load(body), keys.signer(key_uri)
