"""Is a certificate revoked, and may it be believed? Our own ledger says, else OCSP, then CRLs; the seed's functions.

Asks over the network, so that nothing here may be called within a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.db import connection
from django.utils import timezone

from authorities import ledger
from certificates.exceptions import CrlUnavailable, NoDistributionPoint
from certificates.models import Certificate
from certificates.remembering import Memory
from core.errors import DomainError
from pki import chains, inspection, paths, revocation, signatures, subjects
from pki.errors import BadCertificate, PkiError
from pki.revocation import Status, Verdict
from plugins import network
from plugins.errors import PluginError

LONGEST_ANSWER = 64 * 1024
"""Bytes of an OCSP answer; two certificates in it make five thousand."""
CANDIDATES = 20
"""How many certificates with the issuer's name are tried."""
LONGEST_KEPT = timedelta(days=1)
"""However long a CRL says that it holds: one may be replaced early, because of what it has to say."""

RETRY = timedelta(minutes=10)
"""How long it is remembered that nothing could be found out about an authority."""

_Problem = (PkiError, PluginError, DomainError)
# At most about a thousand; they are as long as their CA likes.
_crls: Memory[bytes] = Memory(64 * 1024 * 1024, size=lambda crl: max(len(crl), 64 * 1024))
_authorities: Memory[Verdict] = Memory(1_000)


def crl_verify(cert_path: str | Path) -> bool | None:
    """True: not revoked; False: revoked; None: its CRLs do not tell, or may not be asked for.

    The issuer's certificate, without which no CRL can be checked, may follow in the file, or is one that we know.
    NoDistributionPoint, CrlUnavailable ("Unable to retrieve CRL: …") and PkiError say what is wrong.
    """
    certificate, chain = _read(cert_path)
    if not revocation.crl_locations(certificate):
        raise NoDistributionPoint
    _check_outside_of_transactions()
    links = _links(certificate, chain)
    return _truth(_ask_crls(certificate, links[0], timezone.now())) if links else None


def ocsp_verify(cert_path: str | Path, issuer_chain_path: str | Path) -> bool | None:
    """True: not revoked; False: revoked; None: there is no responder, it may not be asked, or it does not know.

    PluginError: it does not answer. PkiError: its answer proves nothing.
    """
    certificate, _ = _read(cert_path)
    _check_outside_of_transactions()
    links = _links(certificate, _certificates(issuer_chain_path))
    return _truth(_ask_ocsp(certificate, links[0], timezone.now())) if links else None


def verify(cert_path: str | Path, issuer_chain_path: str | Path) -> bool | None:
    """True: the chain holds and the certificate is not revoked; False: revoked; None: neither could be told."""
    certificate, _ = _read(cert_path)
    return _truth(verdict(certificate, _certificates(issuer_chain_path)))


def verify_string(cert_string: str, issuer_string: str) -> bool | None:
    """`verify` of the texts themselves, as PEM."""
    certificate = inspection.load(cert_string)
    return _truth(verdict(certificate, chains.split(issuer_string, limit=settings.MAX_CHAIN)))


def verdict(
    certificate: x509.Certificate, chain: Iterable[x509.Certificate], *, lines: ledger.Lines | None = None
) -> Verdict:
    """What can be found out. The chain may be in any order; its last certificate is trusted.

    GOOD only where, besides, the chain holds (`pki.paths`) and no authority of it is known to be revoked. REVOKED needs
    no more than the issuer's word. Whatever fails makes it UNKNOWN, with all reasons as sentences; raises nothing.
    `lines` of many certificates, read just now, spare asking the ledger about each.
    """
    now = timezone.now()
    _check_outside_of_transactions()
    try:
        links = _links(certificate, chain)
        found = _ledger(certificate, links[0], lines) if links else None
        if found is None:
            if why := _unaskable(certificate, links):
                return _unknown(why)
            found = _ask(certificate, links[0], now)
        if found.status is not Status.GOOD:
            return found
        paths.validate(certificate, links, now=now)
    except PkiError as error:
        return _unknown(error.message)
    return _revoked_above(links, now) or found


def forget() -> None:
    """Drop all remembered CRLs and verdicts on authorities."""
    _crls.clear()
    _authorities.clear()


def _unaskable(certificate: x509.Certificate, links: Sequence[x509.Certificate]) -> str:
    if not _is_traceable(certificate):
        return "The certificate names neither an OCSP responder nor a CRL."
    return "" if links else "The certificate of its issuer is not known: give the chain."


def _ledger(
    certificate: x509.Certificate, issuer: x509.Certificate, lines: ledger.Lines | None = None
) -> Verdict | None:
    """What stands in the ledger of the authority of ours that issued it."""
    line = (lines.of if lines else ledger.line_of)(certificate, issuer)
    if line is None:
        return None
    status = Status.GOOD if line.revoked_at is None else Status.REVOKED
    return Verdict(status, "ledger", reason=line.reason, revoked_at=line.revoked_at)


def _ask(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Verdict:
    """The first source that can tell."""
    reasons = []
    for source in (_ask_ocsp, _ask_crls):
        try:
            found = source(certificate, issuer, now)
        except _Problem as error:
            reasons.append(str(error))
            continue
        if found.status is not Status.UNKNOWN:
            return found
        reasons.append(found.why_unknown)
    return _unknown(*reasons)


def _ask_ocsp(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Verdict:
    question = revocation.ocsp_question(certificate, issuer)
    if question is None:
        return _unknown("The certificate names no OCSP responder.")
    try:
        _check_trusted(question.url, "LEMUR_TRUSTED_OCSP_HOSTS")
        headers = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
        answer = network.fetch(question.url, body=question.request, headers=headers, longest=LONGEST_ANSWER)
    except network.AddressRefused as error:
        return _unknown(error.message)
    return revocation.judge_ocsp(answer, certificate, issuer, now=now, nonce=question.nonce)


def _ask_crls(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Verdict:
    """The first CRL that can tell; where none can, the first that could not be had or proves nothing is the error."""
    reasons: list[str] = []
    problems: list[Exception] = []
    for url in revocation.crl_locations(certificate):
        try:
            found = _ask_crl(url, certificate, issuer, now)
        except network.AddressRefused as error:
            reasons.append(error.message)
        except _Problem as error:
            problems.append(error)
        else:
            if found.status is not Status.UNKNOWN:
                return found
            reasons.append(found.why_unknown)
    if problems:
        raise problems[0]
    return _unknown(*(reasons or ["The certificate names no CRL."]))


def _ask_crl(url: str, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Verdict:
    crl = _crl(url, now)
    found = revocation.judge_crl(crl, certificate, issuer, now=now)
    _keep(url, crl, now)
    # Of a pointer to a delta CRL nothing is to be had where the CRL itself cannot tell.
    for delta_url in revocation.delta_locations(certificate, crl):
        delta = _crl(delta_url, now)
        found = revocation.judge_crl(crl, certificate, issuer, now=now, delta=delta)
        _keep(delta_url, delta, now)
        if found.status is not Status.UNKNOWN:
            break
    return found


def _crl(url: str, now: datetime) -> bytes:
    """The remembered one, else the one that is there now."""
    _check_trusted(url, "LEMUR_TRUSTED_CRL_HOSTS")
    if (known := _crls.get(url, now)) is not None:
        return known
    try:
        return network.fetch(url)
    except network.AddressRefused:
        raise
    except PluginError as error:
        raise CrlUnavailable(f"Unable to retrieve CRL: {error}") from error


def _keep(url: str, crl: bytes, now: datetime) -> None:
    """Only after it was judged: what anybody could have sent must not stay in the place of the real one."""
    until = revocation.crl_expires(crl)
    if until is not None and _crls.get(url, now) is None:
        _crls.put(url, crl, min(until, now + LONGEST_KEPT))


def _revoked_above(links: Sequence[x509.Certificate], now: datetime) -> Verdict | None:
    for authority, issuer in pairwise(links):
        key = inspection.fingerprint(authority)
        found = _ledger(authority, issuer) or _authorities.get(key, now)
        if found is None:
            found = _ask(authority, issuer, now)
            _authorities.put(key, found, min(found.fresh_until or now + RETRY, now + LONGEST_KEPT))
        if found.status is Status.REVOKED:
            return replace(found, by=f"{found.by}, of its issuer '{chains.label(authority)}'")
    return None


def _links(certificate: x509.Certificate, chain: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """From the direct issuer on up, as far as the chain goes; else the issuer alone, if it is one that we know.

    None where it cannot be checked that it is the issuer: whoever is believed to be can call the certificate good.
    """
    if signatures.is_self_signed(certificate):
        return [certificate]
    links = chains.order(certificate, chain) or chains.issuers_of(certificate, _known_issuers(certificate))[:1]
    return links if links and chains.is_signed_by(certificate, links[0]) else []


def _known_issuers(certificate: x509.Certificate) -> Iterator[x509.Certificate]:
    name = subjects.first(certificate.issuer, NameOID.COMMON_NAME)
    named = Certificate.objects.present().filter(cn=name) if name else Certificate.objects.none()
    for body in named.values_list("body", flat=True)[:CANDIDATES]:
        yield inspection.load(body)


def _is_traceable(certificate: x509.Certificate) -> bool:
    stated = inspection.extension_facts(certificate)
    return bool(stated.extensions.ocsp_urls or revocation.crl_locations(certificate))


def _check_trusted(url: str, setting: str) -> None:
    """A scheme that is none of ours is refused where it would be asked."""
    trusted = getattr(settings, setting)
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if trusted and host not in trusted:
        raise network.AddressRefused(f"{url} is not asked: {setting} does not list its host.")


def _check_outside_of_transactions() -> None:
    """A network can keep us waiting, and a transaction must not keep others waiting. Those of tests do not count."""
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise RuntimeError("Revocation must be checked outside of transactions: it asks over the network.")


def _read(path: str | Path) -> tuple[x509.Certificate, list[x509.Certificate]]:
    found = _certificates(path)
    if not found:
        raise BadCertificate(f"There is no certificate in {path}.")
    return found[0], found[1:]


def _certificates(path: str | Path) -> list[x509.Certificate]:
    return chains.split(Path(path).read_bytes(), limit=settings.MAX_CHAIN + 1)


def _truth(found: Verdict) -> bool | None:
    return {Status.GOOD: True, Status.REVOKED: False, Status.UNKNOWN: None}[found.status]


def _unknown(*reasons: str) -> Verdict:
    return Verdict(Status.UNKNOWN, "", why_unknown=" ".join(reasons))
