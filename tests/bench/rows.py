"""The rows of a believable installation: services under the same names for two years, renewed again and again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from typing import Any

from authorities.models import Authority, Issuance
from certificates.models import Certificate, CertificateDomain, Domain
from core.models import AuditEntry
from tests.bench.copying import copy

RENEWALS = 4
HISTORY = timedelta(days=730)
LIFETIMES = [timedelta(days=days) for days in (90, 90, 397, 397, 397, 825)]
IMPORTED = 10  # per cent, without an authority of ours
CERTIFICATE = (
    "id", "name", "owner", "description", "notify", "rotation", "status", "date_created", "body", "chain", "csr",
    "private_key", "cn", "issuer", "serial", "not_before", "not_after", "bits", "key_type", "signing_algorithm", "san",
    "fingerprint", "spki_sha256", "domain_names", "user_id", "authority_id", "renews_at", "status_checked_at",
)  # fmt: skip
AUDIT = ("at", "event", "actor_id", "actor_name", "target_type", "target_id", "target_name", "details", "context")
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Service:
    """Something that needs a certificate, and whose it is."""

    number: int
    team: int
    authority: Authority | None
    names: tuple[str, ...]
    first_domain: int


@dataclass(frozen=True)
class Texts:
    """A certificate as PEM. Rows take turns with them: to sign a million would take longer than all the rest."""

    body: str
    chain: str | None
    csr: str


@dataclass(frozen=True)
class Plan:
    """What the rows are made from; ids are those of rows that exist. Teams and creators are numbered from 0.

    ``told`` are the notifications of each team, which watch over what was not renewed yet.
    """

    rows: int
    first_id: int
    first_domain: int
    teams: Sequence[tuple[int, str]]
    told: Sequence[Sequence[int]]
    creators: Sequence[tuple[int, str]]
    operators: int
    texts: Mapping[Authority, Sequence[Texts]]
    shares: Mapping[Authority, int]
    now: datetime

    @cached_property
    def services(self) -> list[Service]:
        """A few teams have most of them, and most have one or two names."""
        count = max(1, self.rows // RENEWALS)
        chance = random.Random(2)  # noqa: S311  believable, not secret
        busy = list(accumulate((number + 1) ** -0.7 for number in range(len(self.teams))))
        teams = chance.choices(range(len(self.teams)), cum_weights=busy, k=count)
        lengths = chance.choices([1, 2, 3, 5], weights=[50, 35, 10, 5], k=count)
        issuers = chance.choices(list(self.shares), weights=list(self.shares.values()), k=count)
        firsts = accumulate(lengths, initial=self.first_domain)
        found = []
        for number, (team, length, authority, first) in enumerate(zip(teams, lengths, issuers, firsts, strict=False)):
            host = f"svc{number:06}.team{team:03}.example.org"
            names = (host, *(f"alt{other}.{host}" for other in range(1, length)))
            found.append(Service(number, team, None if number % 100 < IMPORTED else authority, names, first))
        return found

    def each(self) -> Iterator[tuple[int, int, Service]]:
        """Number, id and service of every certificate, oldest first."""
        count = len(self.services)
        for number in range(self.rows):
            yield number, self.first_id + number, self.services[number % count]

    def created(self, number: int) -> datetime:
        """When the certificate was issued."""
        return (self.now - HISTORY + HISTORY * number / self.rows).replace(microsecond=0)

    def ends(self, number: int, of: Service) -> datetime:
        """Until when it is valid."""
        return self.created(number) + LIFETIMES[of.number % len(LIFETIMES)]


def copy_all(plan: Plan) -> None:
    """Everything, in an order that foreign keys allow."""
    copy(Domain, ("id", "name"), _domains(plan))
    copy(Certificate, CERTIFICATE, _certificates(plan))
    copy(CertificateDomain, ("certificate_id", "domain_id"), _names(plan))
    copy(Certificate.roles.through, ("certificate_id", "role_id"), _roles(plan))
    copy(Certificate.notifications.through, ("certificate_id", "notification_id"), _told(plan))
    copy(Certificate.replaces.through, ("from_certificate_id", "to_certificate_id"), _replaced(plan))
    copy(Issuance, ("authority_id", "serial", "not_after", "tbs_sha256"), _issued(plan))
    copy(AuditEntry, AUDIT, _audited(plan))


def _domains(plan: Plan) -> Iterator[Row]:
    for service in plan.services:
        for place, name in enumerate(service.names):
            yield service.first_domain + place, name


def _certificates(plan: Plan) -> Iterator[Row]:
    any_texts = list(plan.texts.values())
    for number, pk, service in plan.each():
        created, ends, authority = plan.created(number), plan.ends(number, service), service.authority
        texts = plan.texts[authority] if authority else any_texts[number % len(any_texts)]
        text = texts[number % len(texts)]
        host, mark = service.names[0], _mark(number)
        issuer = f"{authority.name.replace(' ', '')}CA" if authority else "SomebodyElse"
        renewed = number + len(plan.services) < plan.rows
        yield (
            pk, f"{host}-{issuer}-{created:%Y%m%d}-{ends:%Y%m%d}", plan.teams[service.team][1], "", not renewed,
            not renewed and number % 3 == 0, "revoked" if number % 50 == 0 else "valid" if number % 3 == 1 else None, created,
            text.body, text.chain, text.csr, f"key:{mark[:32]}" if authority else None, host, issuer, _serial(number),
            created, ends, 256, "ECCPRIME256V1", "sha256", True if len(service.names) > 1 else None, mark,
            mark[::-1], "\n".join(service.names), plan.creators[service.team % len(plan.creators)][0],
            authority.pk if authority else None, ends - (ends - created) / 3, plan.now,
        )  # fmt: skip


def _mark(number: int) -> str:
    """64 hexadecimal digits that are this certificate's alone."""
    return sha256(b"%d" % number).hexdigest()


def _serial(number: int) -> str:
    return str(int(_mark(number)[:39], 16))


def _names(plan: Plan) -> Iterator[Row]:
    for _, pk, service in plan.each():
        for place in range(len(service.names)):
            yield pk, service.first_domain + place


def _roles(plan: Plan) -> Iterator[Row]:
    """The owner's, that of the authority's owner, and now and then another team's."""
    for number, pk, service in plan.each():
        yield pk, plan.teams[service.team][0]
        if service.authority:
            yield pk, plan.operators
        if number % 10 == 0:
            yield pk, plan.teams[(service.team + 1) % len(plan.teams)][0]


def _told(plan: Plan) -> Iterator[Row]:
    for number, pk, service in plan.each():
        if number + len(plan.services) >= plan.rows:
            for notification in plan.told[service.team]:
                yield pk, notification


def _replaced(plan: Plan) -> Iterator[Row]:
    for pk in range(plan.first_id + len(plan.services), plan.first_id + plan.rows):
        yield pk, pk - len(plan.services)


def _issued(plan: Plan) -> Iterator[Row]:
    for number, _, service in plan.each():
        if service.authority:
            yield service.authority.pk, _serial(number), plan.ends(number, service), _mark(number)


def _audited(plan: Plan) -> Iterator[Row]:
    context = {"kind": "request", "address": "10.20.30.40"}
    for number, pk, service in plan.each():
        at, name = plan.created(number), service.names[0]
        creator, creator_name = plan.creators[service.team % len(plan.creators)]
        who = (creator, creator_name)
        if service.authority is None:
            yield at, "certificate.imported", *who, "certificates.certificate", str(pk), name, {}, context
            continue
        asked = {"authority": service.authority.name, "profile": "server"}
        made = {"order": number, "serial": _serial(number)}
        yield at, "certificate.ordered", *who, "certificates.order", str(number), f"order for {name}", asked, context
        yield at, "certificate.issued", *who, "certificates.certificate", str(pk), name, made, context
