"""What a page shows of a certificate's inside: its chain as a drawing, and what it may be used for, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from django.db.models import CharField, Value
from django.utils.translation import gettext as _

from certificates.models import Certificate, CertificateQuerySet
from pki import chains, inspection
from pki.extensions import PURPOSES
from pki.inspection import Facts
from pki.names import NameType, display, printable

SHOWN_NAMES = 500
PURPOSE_NAMES = {oid: name.replace("_", " ") for name, oid in PURPOSES.items()}
KINDS = {NameType.EMAIL: "e-mail", NameType.URI: "URI", NameType.DIRECTORY: "directory", NameType.REGISTERED_ID: "OID"}


@dataclass(frozen=True)
class Link:
    """One certificate of a chain. ``signed``: by the next one, or by itself; None where that could not be checked."""

    label: str
    issuer: str
    not_after: datetime
    state: str
    ca: bool
    root: bool
    signed: bool | None
    url: str


@dataclass(frozen=True)
class Family:
    """Certificates that are here: of its chain, itself included; what it took the place of; what took its place."""

    chain: list[Certificate]
    replaces: list[Certificate]
    replaced: list[Certificate]


def family(certificate: Certificate) -> Family:
    """The newest first, annotated ``with_replaced``: in one statement."""
    parts: dict[str, CertificateQuerySet] = {
        "chain": known((certificate.parsed, *certificate.issuers)),
        "replaces": certificate.replaces.all(),
        "replaced": certificate.replaced.all(),
    }
    first, *rest = (
        rows.with_replaced().annotate(part=Value(part, CharField())).order_by() for part, rows in parts.items()
    )
    found = list(first.union(*rest, all=True).order_by("-pk"))
    return Family(**{part: [one for one in found if one.part == part] for part in parts})


def known(certificates: Iterable[x509.Certificate]) -> CertificateQuerySet:
    """Those that are here, the newest first."""
    fingerprints = [inspection.fingerprint(one) for one in certificates]
    return Certificate.objects.present().filter(fingerprint__in=fingerprints).order_by("-pk")


def chain_links(certificates: Sequence[x509.Certificate], here: Iterable[Certificate], *, now: datetime) -> list[Link]:
    """The chain from the leaf upwards, each with its page where it is one of those ``here``."""
    facts = [inspection.facts(one) for one in certificates]
    pages = {one.fingerprint: one.get_absolute_url() for one in here}
    above: list[x509.Certificate | None] = [*certificates[1:], None]
    return [
        Link(
            label=chains.label(certificate),
            issuer=fact.issuer_name,
            not_after=fact.not_after,
            state=_state(fact, now),
            ca=fact.is_ca,
            root=fact.self_signed,
            signed=_signed(certificate, issuer, fact),
            url=pages.get(fact.fingerprint, ""),
        )
        for certificate, issuer, fact in zip(certificates, above, facts, strict=True)
    ]


def _state(facts: Facts, now: datetime) -> str:
    if facts.not_after <= now:
        return "expired"
    return "not-yet-valid" if facts.not_before > now else "valid"


def _signed(certificate: x509.Certificate, issuer: x509.Certificate | None, facts: Facts) -> bool | None:
    if issuer is not None:
        return chains.is_signed_by(certificate, issuer)
    return True if facts.self_signed else None


def names_as_text(facts: Facts) -> list[str]:
    """The names for people: domains and addresses plain, other kinds with their kind; at most :data:`SHOWN_NAMES`."""
    shown = facts.names[:SHOWN_NAMES]
    return [f"{KINDS[name.type]}: {display(name)}" if name.type in KINDS else display(name) for name in shown]


def policy(facts: Facts) -> list[tuple[str, list[str]]]:
    """What it may be used for and where its status is told, as (label, texts), without what it does not say."""
    read = facts.extensions
    constraints = read.basic_constraints
    rows: list[tuple[str, list[str]]] = [
        (_("Authority"), [] if constraints is None else [_authority(constraints.ca, constraints.path_length)]),
        (_("Key usage"), sorted(usage.value.replace("_", " ") for usage in read.key_usage or ())),
        (_("Extended key usage"), sorted(PURPOSE_NAMES.get(oid, oid) for oid in read.extended_key_usage or ())),
        (_("Policies"), list(read.policies)),
        (_("CRL"), list(facts.crl_points)),
        (_("OCSP"), list(read.ocsp_urls)),
        (_("Issuer's certificate"), list(read.issuer_urls)),
        (_("Subject key identifier"), [facts.subject_key_identifier]),
        (_("Authority key identifier"), [facts.authority_key_identifier, facts.authority_key_issuer]),
        (_("Other extensions"), [custom.oid for custom in read.custom]),
    ]
    return [(label, shown) for label, texts in rows if (shown := [printable(text) for text in texts if text])]


def _authority(ca: bool, path_length: int | None) -> str:
    if not ca:
        return _("no")
    return _("yes, of any depth") if path_length is None else _("yes, with at most %d below it") % path_length
