"""Authorities with their own certificates. One of the built-in issuer gets its key and a ledger; others are parked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from django.conf import settings

from accounts.service import ensure_owner_role
from authorities import pointers
from authorities.models import ISSUER_PLUGIN, Authority, Profile
from certificates.models import Certificate
from core.audit import Event
from core.errors import Invalid
from lifecycle.moving import lemur, rows
from lifecycle.moving.certificates import Links, write
from lifecycle.moving.connectors import configure
from lifecycle.moving.desk import Desk, Taken, keep_numbers
from lifecycle.moving.reading import Prepared, prepare
from pki import chains, inspection, signatures

# Options that are columns here.
COLUMNS = {"cab_compliant", "cn_optional"}
LONGEST_NAME, LONGEST_CHAIN = 128, 1_000
KEY_IS_MISSING = "Switched off: its private key is not here."


@dataclass
class PreparedAuthority:
    """An authority of theirs with its own certificate; ``chain`` goes up as far as it is known.

    ``known`` is the one of ours that has the same name and the same certificate.
    """

    theirs: rows.Authority
    own: Prepared
    known: Authority | None
    chain: list[x509.Certificate] = field(default_factory=list)


def prepare_authorities(
    batch: Sequence[rows.Authority], own: Mapping[int, rows.Certificate], desk: Desk
) -> list[PreparedAuthority]:
    """Read them all before any is written, parents first. What cannot be read is refused."""
    every = [_prepare(theirs, own.get(theirs.id), desk) for theirs in batch]
    found = [one for one in every if one is not None]
    pool = _pool(found)
    for one in found:
        one.chain = _whole_chain(one.own, pool)
    return sorted(found, key=lambda one: len(one.chain))


def _prepare(theirs: rows.Authority, own: rows.Certificate | None, desk: Desk) -> PreparedAuthority | None:
    read = prepare([own], desk) if own is not None else []
    known = Authority.objects.filter(name=theirs.name or "").first()
    if problem := _problem(theirs, own, read, known):
        desk.refuse(theirs, problem)
        return None
    return PreparedAuthority(theirs, read[0], known)


def _problem(
    theirs: rows.Authority, own: rows.Certificate | None, read: Sequence[Prepared], known: Authority | None
) -> str:
    """Why it cannot come over; "" if it can."""
    if not theirs.name or len(theirs.name) > LONGEST_NAME:
        return "It has no name that an authority can have."
    if not read:
        return "Its own certificate cannot be read." if own else "It has no certificate of its own."
    if known is not None and known.body != read[0].row.body:
        return "There is another authority of this name; its certificates come without authority."
    return ""


def _pool(found: Iterable[PreparedAuthority]) -> list[x509.Certificate]:
    """Where the certificates above one are looked for, as Lemur keeps the next one only."""
    here = [inspection.load(body) for body in Authority.objects.values_list("body", flat=True)]
    return [*(one.own.row.parsed for one in found), *here]


def _whole_chain(own: Prepared, pool: list[x509.Certificate]) -> list[x509.Certificate]:
    certificate = own.row.parsed
    if own.row.facts.self_signed:
        return []
    known = chains.split(own.row.chain, limit=LONGEST_CHAIN) if own.row.chain else []
    return chains.order(certificate, [*known, *pool])


def write_authority(one: PreparedAuthority, roles: Iterable[int], links: Links, desk: Desk) -> list[Taken]:
    """Its row, with the ``roles`` that may use it, and that of its own certificate. In the caller's transaction."""
    if one.known is not None:
        return _same(one, one.known)
    theirs, own = one.theirs, one.own
    row, taken = _row(one), Taken(theirs, Authority(), Event.AUTHORITY_IMPORTED)
    taken.row = row
    own.row.chain = row.chain
    configure(row, theirs.plugin_name or "", _options(theirs), about=taken)
    if row.plugin == ISSUER_PLUGIN:
        _bring_key(taken, row, own)
    row.active = row.active and theirs.active is not False
    _save(row, own, theirs.id)
    taken.details = {"plugin": row.plugin, "parent": row.parent.name if row.parent else None}
    row.roles.add(*desk.all_ours(rows.Role, roles), ensure_owner_role(row.owner, by=desk.by))
    row.profiles.add(*Profile.objects.filter(ca=False))
    return [taken, *write([own], links, desk)]


def _same(one: PreparedAuthority, known: Authority) -> list[Taken]:
    taken = Taken(one.theirs, known)
    taken.note("This very authority was here already; it stays as it is.")
    return [taken, *(Taken(one.own.theirs, own) for own in known.own_certificates.all()[:1])]


def _save(row: Authority, own: Prepared, number: int) -> None:
    keep_numbers([(number, row)])
    row.save(force_insert=True)
    own.row.root_authority = row


def _row(one: PreparedAuthority) -> Authority:
    theirs, certificate = one.theirs, one.own.row.parsed
    options = lemur.options(theirs.options)
    ends = [link.not_valid_after_utc for link in (certificate, *one.chain)]
    return Authority(
        name=theirs.name or "",
        owner=(theirs.owner or "").strip().lower()[:128],
        description=(theirs.description or "")[:1024],
        parent=_parent(one.chain),
        body=one.own.row.body,
        chain="".join(map(inspection.pem, one.chain)) or None,
        not_before=certificate.not_valid_before_utc,
        not_after=min(ends),
        cn_optional=truth(options.get("cn_optional")) is not False,
        cab_compliant=truth(options.get("cab_compliant")),
        pki_base_url=_base(),
    )


def _base() -> str:
    try:
        return pointers.base_url(settings.PKI_ROOT)
    except Invalid:
        return ""


def truth(value: Any) -> bool | None:
    """What an option says that may be text; None if nothing."""
    if isinstance(value, bool) or value is None:
        return value
    return {"true": True, "false": False}.get(str(value).strip().lower())


def _options(theirs: rows.Authority) -> list[dict[str, Any]]:
    """The plugin's own; the built-in one has none, and what Lemur has kept for it was said when it was made."""
    if theirs.plugin_name == ISSUER_PLUGIN:
        return []
    secret = lemur.marked_secret(theirs.options)
    return [
        {"name": name, "value": value, "sensitive": name in secret}
        for name, value in lemur.options(theirs.options).items()
        if name not in COLUMNS
    ]


def _parent(chain: list[x509.Certificate]) -> Authority | None:
    if not chain:
        return None
    return Authority.objects.filter(body=inspection.pem(chain[0])).first()


def _bring_key(taken: Taken, row: Authority, own: Prepared) -> None:
    row.private_key = own.row.private_key
    problem = refuse_to_issue(row, own.row) if row.private_key else KEY_IS_MISSING
    if problem:
        row.active = False
        taken.note(problem)


def refuse_to_issue(row: Authority, own: Certificate) -> str:
    """Why one of the built-in issuer that has its key must not issue; "" if it may."""
    usage = own.facts.extensions.key_usage
    if not own.facts.is_ca or (usage is not None and "key_cert_sign" not in usage):
        return "Switched off: its certificate does not say that it may sign certificates."
    if not own.facts.self_signed and not _ends_in_root(row):
        return "Switched off: the certificates above it are not known up to the root."
    return ""


def _ends_in_root(row: Authority) -> bool:
    return bool(row.issuers) and signatures.is_self_signed(row.issuers[-1])
