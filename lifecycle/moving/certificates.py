"""Certificates that were read, written in batches with all that hangs on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Model

from accounts.models import Role
from accounts.service import ensure_owner_role, system_user
from authorities.models import Authority
from certificates.models import (
    Certificate,
    CertificateDomain,
    Deployment,
    Domain,
    RotationPolicy,
    get_or_increase_name,
)
from certificates.models.certificate import Status
from certificates.models.domain import LONGEST
from certificates.service import placing
from core.models import StoredKey
from lifecycle.moving import rows
from lifecycle.moving.desk import Desk, Taken, keep_numbers
from lifecycle.moving.ledger import enter
from lifecycle.moving.reading import Prepared
from pki import chains, naming

CHUNK = 500
LONGEST_WANTED = 180  # of a name that gets numbers behind it


@dataclass
class Links:
    """What hangs on each certificate of a batch, by its id there."""

    roles: Mapping[int, list[int]] = field(default_factory=dict)
    destinations: Mapping[int, list[int]] = field(default_factory=dict)
    notifications: Mapping[int, list[int]] = field(default_factory=dict)
    sources: Mapping[int, list[int]] = field(default_factory=dict)
    ports: Mapping[int, dict[str, list[int]]] = field(default_factory=dict)
    revoked_at: Mapping[int, datetime] = field(default_factory=dict)


def write(prepared: Sequence[Prepared], links: Links, desk: Desk) -> list[Taken]:
    """All of a batch, in the caller's transaction."""
    if not prepared:
        return []
    authorities = _authorities(prepared, desk)
    usual = RotationPolicy.usual()
    for one in prepared:
        _fill(one, desk, usual)
    _name(prepared)
    _give_authorities(prepared, authorities, desk)
    keep_numbers([(one.theirs.id, one.row) for one in prepared])
    StoredKey.objects.bulk_create([one.stored for one in prepared if one.stored is not None])
    Certificate.objects.bulk_create([one.row for one in prepared])
    _hang_on(prepared, links, desk)
    revoked_at = {one.row.pk: at for one in prepared if (at := links.revoked_at.get(one.theirs.id)) is not None}
    enter([one.row for one in prepared], revoked_at, now=desk.now)
    for one in prepared:
        one.taken.details["has_key"] = one.row.has_private_key
    return [one.taken for one in prepared]


def _authorities(prepared: Sequence[Prepared], desk: Desk) -> dict[int, Authority]:
    wanted = desk.all_ours(rows.Authority, (one.theirs.authority_id or 0 for one in prepared))
    return Authority.objects.in_bulk(wanted)


def _fill(one: Prepared, desk: Desk, usual: RotationPolicy | None) -> None:
    """What Lemur knows about it besides itself."""
    theirs, row = one.theirs, one.row
    row.owner = (theirs.owner or "").strip().lower()
    row.description = theirs.description or ""
    row.notify, row.rotation, row.deleted = theirs.notify is not False, bool(theirs.rotation), bool(theirs.deleted)
    row.status = theirs.status if theirs.status in Status.values else None
    row.external_id = theirs.external_id
    row.date_created = theirs.date_created or desk.now
    row.user_id = desk.ours(rows.User, theirs.user_id) or system_user().pk
    row.rotation_policy_id = desk.ours(rows.Policy, theirs.rotation_policy_id) or (usual.pk if usual else None)
    row.dns_provider_id = desk.ours(rows.DnsProvider, theirs.dns_provider_id)
    if theirs.user_id is not None and desk.ours(rows.User, theirs.user_id) is None:
        one.taken.note("Whoever made it did not come over; the user system stands in.")
    try:
        validate_email(row.owner)
    except ValidationError:
        one.taken.note(f"Its owner {row.owner!r} is no e-mail address; nobody can be told anything.")


def _name(prepared: Sequence[Prepared]) -> None:
    """Exactly as it was; another only where one of ours has it, or it had none."""
    asked = [one.theirs.name for one in prepared if one.theirs.name]
    used = set(Certificate.objects.filter(name__in=asked).values_list("name", flat=True))
    for one in prepared:
        one.row.name = one.theirs.name or ""
        if not one.row.name or one.row.name in used:
            wanted = (one.row.name or placing.default_name(one.row))[:LONGEST_WANTED]
            # Of a batch that is not saved yet, the number there is what no other one has.
            one.row.name = get_or_increase_name(naming.custom_name(f"{wanted}-{one.theirs.id}"), one.row.serial)
            one.taken.note(f"Its name was taken; it is called {one.row.name} here.")


def _give_authorities(prepared: Sequence[Prepared], authorities: Mapping[int, Authority], desk: Desk) -> None:
    """A serial number is an authority's once; what has it a second time is known, but not as that authority's."""
    asked = [one for one in prepared if one.row.root_authority_id is None]
    serials = {one.row.serial for one in asked if one.theirs.authority_id is not None}
    here = Certificate.objects.filter(authority__in=authorities, serial__in=serials)
    seen = set(here.values_list("authority", "serial"))
    for one in asked:
        if one.theirs.root_authority_id is not None:
            one.taken.note("It was an authority's own certificate; that authority has another one here, or none.")
        if one.theirs.authority_id is None:
            continue
        authority = authorities.get(desk.ours(rows.Authority, one.theirs.authority_id) or 0)
        if authority is None:
            one.taken.lost("Its authority did not come over.")
        elif (authority.pk, one.row.serial) in seen:
            one.taken.note(f"{authority} has this serial number already; it came over without authority.")
        elif authority.private_key and chains.is_signed_by(one.row.parsed, authority.certificate) is False:
            one.taken.note(f"{authority} did not sign it; it came over without authority.")
        else:
            one.row.authority = authority
            seen.add((authority.pk, one.row.serial))


def _hang_on(prepared: Sequence[Prepared], links: Links, desk: Desk) -> None:
    _add_domains(prepared, links.ports)
    _add_roles(prepared, links.roles, desk)
    told = [(one, desk.all_ours(rows.Notification, links.notifications.get(one.theirs.id, ()))) for one in prepared]
    found = [(one, desk.all_ours(rows.Source, links.sources.get(one.theirs.id, ()))) for one in prepared]
    _link(Certificate.notifications.through, "notification", told)
    _link(Certificate.sources.through, "source", found)
    Deployment.objects.bulk_create(
        [
            Deployment(
                certificate=one.row,
                destination_id=pk,
                state=Deployment.State.DONE,
                deployed_at=one.row.date_created,  # Lemur delivers when it makes, and does not note when
            )
            for one in prepared
            for pk in desk.all_ours(rows.Destination, links.destinations.get(one.theirs.id, ()))
        ]
    )


def _link(through: type[Model], name: str, wanted: Iterable[tuple[Prepared, Iterable[int]]]) -> None:
    made = [through(certificate_id=one.row.pk, **{f"{name}_id": pk}) for one, pks in wanted for pk in pks]
    through._default_manager.bulk_create(made)


def _add_roles(prepared: Sequence[Prepared], given: Mapping[int, list[int]], desk: Desk) -> None:
    """Those that it had, and its owner's, which is made where it is missing."""
    owners = {one.row.owner for one in prepared if one.row.owner}
    known = dict(Role.objects.filter(name__in=owners).values_list("name", "pk"))
    for owner in sorted(owners - known.keys()):
        known[owner] = ensure_owner_role(owner, by=desk.by).pk
    wanted = []
    for one in prepared:
        pks = desk.all_ours(rows.Role, given.get(one.theirs.id, ()))
        wanted.append((one, dict.fromkeys([*pks, *([known[one.row.owner]] if one.row.owner else [])])))
    _link(Certificate.roles.through, "role", wanted)


def _add_domains(prepared: Sequence[Prepared], ports: Mapping[int, dict[str, list[int]]]) -> None:
    """A row for each name that a certificate holds, with where it was seen being served."""
    fitting = {one.theirs.id: [n for n in one.row.facts.domains if 0 < len(n) <= LONGEST] for one in prepared}
    names = sorted({name for part in fitting.values() for name in part})
    known: dict[str, Domain] = {}
    for start in range(0, len(names), CHUNK):
        known |= {domain.name: domain for domain in placing.domain_rows(names[start : start + CHUNK])}
    CertificateDomain.objects.bulk_create(
        [
            CertificateDomain(certificate=one.row, domain=known[name], ports=ports.get(one.theirs.id, {}).get(name, []))
            for one in prepared
            for name in fitting[one.theirs.id]
        ],
        batch_size=CHUNK,
    )
