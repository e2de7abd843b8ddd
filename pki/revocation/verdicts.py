"""The verdict on a certificate, and what judging OCSP answers and judging CRLs have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from cryptography import x509

from pki import subjects
from pki.errors import UNREADABLE, BadAnswer, BadCertificate, BadChain, PkiError

SKEW: Final = timedelta(minutes=5)
"""How far the clocks of those who sign may be ahead of ours."""


class Status(Enum):
    """What an answer says; unknown also where there was none."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """What is proven about one certificate.

    `by` says who was asked ("OCSP", "CRL", "ledger"); `reason` is RFC 5280's name of it ("keyCompromise") or ""; until
    `fresh_until` asking again is pointless; `why_unknown` is one sentence and "" unless the status is UNKNOWN.
    """

    status: Status
    by: str
    reason: str = ""
    revoked_at: datetime | None = None
    fresh_until: datetime | None = None
    why_unknown: str = ""


def unknown(by: str, why: str) -> Verdict:
    return Verdict(Status.UNKNOWN, by, why_unknown=why)


def check_issuer(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """By name alone; whether it signed is seen where its key is used."""
    with reading("certificate", BadCertificate):
        if not subjects.are_same(certificate.issuer, issuer.subject):
            raise BadChain("The certificate names another issuer than the one that was given.", field="chain")


def why_stale(what: str, this_update: datetime, next_update: datetime, now: datetime) -> str:
    """A sentence, or "" where it holds at `now`."""
    if this_update > now + SKEW:
        return f"The {what} is from the future: it begins at {this_update:%Y-%m-%d %H:%M:%S} UTC."
    if next_update <= now:
        return f"The {what} is stale: it ended at {next_update:%Y-%m-%d %H:%M:%S} UTC."
    return ""


@contextmanager
def reading(what: str, error: type[PkiError] = BadAnswer) -> Iterator[None]:
    """Whatever the library cannot read inside becomes `error`."""
    try:
        yield
    except PkiError:
        raise
    except UNREADABLE as problem:
        raise error(f"The {what} cannot be read: {_first_line(problem)}.") from problem


def _first_line(problem: Exception) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0][:200].rstrip(".")
