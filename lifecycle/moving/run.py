"""One move from beginning to end: the order of the kinds, and the transactions.

Each batch is one transaction, with its lines in the audit log and the rows that say that it is done: whatever dies, the
next run goes on from there. Lemur is read, and certificates are parsed and opened, between the transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Model

from accounts.models import Role, User
from authorities.models import Authority, DnsProvider
from certificates.models import Certificate, Domain, RotationPolicy
from core.audit import Event, record
from core.commits import committing
from lifecycle.models import Moved
from lifecycle.moving import connectors, people, rows
from lifecycle.moving.authorities import prepare_authorities, write_authority
from lifecycle.moving.certificates import Links, write
from lifecycle.moving.desk import Desk, Taken, reserve_numbers
from lifecycle.moving.domains import domains
from lifecycle.moving.late import Late, bring, prepare_late, without_key
from lifecycle.moving.lemur import Lemur
from lifecycle.moving.reading import Prepared, prepare
from lifecycle.moving.replacing import new_pairs, replace
from lifecycle.moving.report import LEFT_BEHIND, Report
from notifications.models import Notification
from stores.models import Destination, Source

BATCH = 200
Tell = Callable[[str, int, int], None]
Take = Callable[[Sequence[Any], Desk], list[Taken]]

OURS: dict[type[rows.Row], type[Model]] = {
    rows.Policy: RotationPolicy,
    rows.Role: Role,
    rows.User: User,
    rows.DnsProvider: DnsProvider,
    rows.Notification: Notification,
    rows.Destination: Destination,
    rows.Source: Source,
    rows.Domain: Domain,
    rows.Authority: Authority,
    rows.Certificate: Certificate,
}


def move(lemur: Lemur, desk: Desk, *, tell: Tell, dry: bool = False) -> Report:
    """Take over what is not here yet. ``tell`` hears (what, how many are done, of how many).

    A dry run does the same in one transaction and takes all of it back; it keeps others from writing meanwhile where
    the database is SQLite.
    """
    report = Report(desk.origin, dry=dry)
    if not dry:
        _Move(lemur, desk, report, tell).all()
        return report
    with transaction.atomic():
        _Move(lemur, desk, report, tell).all()
        transaction.set_rollback(True)
    return report


@dataclass
class _Move:
    lemur: Lemur
    desk: Desk
    report: Report
    tell: Tell

    def all(self) -> None:
        late = without_key(self.desk.origin)
        self._reserve_numbers()
        self._small(rows.Policy, people.policies)
        self._small(rows.Role, people.roles)
        self._users()
        self._small(rows.DnsProvider, connectors.dns_providers)
        self._small(rows.Notification, connectors.notifications)
        self._small(rows.Destination, connectors.destinations)
        self._small(rows.Source, connectors.sources)
        self._domains()
        self._authorities()
        self._certificates()
        self._late_keys(late)
        self._replacements()
        self._finish()

    def _reserve_numbers(self) -> None:
        """What is made meanwhile, and what cannot keep its number, gets one that nothing of Lemur's has."""
        highest = self.lemur.highest()
        for row, model in OURS.items():
            reserve_numbers(model, highest.get(row.table, 0))

    def _todo(self, row: type[rows.Row], there: Sequence[int]) -> Iterator[list[int]]:
        """The ids that are not here yet, in batches; tells how far it is."""
        count = self.report.counts[row.kind]
        todo = [one for one in there if not self.desk.has(row, one)]
        # Certificates of authorities came with those.
        count.there, count.before = len(there), len(there) - len(todo) - count.taken
        for start in range(0, len(todo), BATCH):
            yield todo[start : start + BATCH]
            self.tell(row.kind, min(start + BATCH, len(todo)), len(todo))

    def _small(self, row: type[rows.Row], take: Take) -> None:
        for ids in self._todo(row, self.lemur.ids(row)):
            _commit(partial(take, self.lemur.fetch(row, ids), self.desk), self.desk, self.report)

    def _users(self) -> None:
        for ids in self._todo(rows.User, self.lemur.ids(rows.User)):
            held = self.lemur.pairs("roles_users", "user_id", "role_id", ids)
            batch = self.lemur.fetch(rows.User, ids)
            _commit(partial(people.users, batch, self.desk, held), self.desk, self.report)

    def _domains(self) -> None:
        there = {domain.id: domain for domain in self.lemur.domains()}
        for ids in self._todo(rows.Domain, list(there)):
            _commit(partial(domains, [there[one] for one in ids], self.desk), self.desk, self.report)

    def _authorities(self) -> None:
        """All are read first: parents must come before those they signed. Each is one transaction."""
        own = self.lemur.own_certificates()
        todo = [one for ids in self._todo(rows.Authority, self.lemur.ids(rows.Authority)) for one in ids]
        bodies = self.lemur.fetch(rows.Certificate, [own[one] for one in todo if one in own])
        by_authority = {one.root_authority_id or 0: one for one in bodies}
        found = prepare_authorities(self.lemur.fetch(rows.Authority, todo), by_authority, self.desk)
        roles = self.lemur.pairs("roles_authorities", "authority_id", "role_id", todo)
        for one in found:
            links = self._links([one.own.theirs.id])
            allowed = roles.get(one.theirs.id, [])
            _commit(partial(write_authority, one, allowed, links, self.desk), self.desk, self.report)

    def _certificates(self) -> None:
        for ids in self._todo(rows.Certificate, self.lemur.ids(rows.Certificate)):
            prepared = prepare(self.lemur.fetch(rows.Certificate, ids), self.desk)
            _commit_certificates(prepared, self._links(ids), self.desk, self.report)

    def _links(self, ids: Sequence[int]) -> Links:
        def pairs(table: str, other: str) -> dict[int, list[int]]:
            return self.lemur.pairs(table, "certificate_id", other, ids)

        return Links(
            roles=pairs("roles_certificates", "role_id"),
            destinations=pairs("certificate_destination_associations", "destination_id"),
            notifications=pairs("certificate_notification_associations", "notification_id"),
            sources=pairs("certificate_source_associations", "source_id"),
            ports=self.lemur.ports(ids),
            revoked_at=self.lemur.revoked_at(ids),
        )

    def _late_keys(self, moved: Mapping[int, Moved]) -> None:
        ids = sorted(moved)
        for start in range(0, len(ids), BATCH):
            there = self.lemur.fetch(rows.Certificate, ids[start : start + BATCH])
            late = prepare_late(there, moved, self.desk)
            if late:
                _commit_keys(late, self._active(), self._revoked_at(late), self.desk)
                self.report.keys += len(late)

    def _active(self) -> dict[int, bool]:
        every = self.lemur.fetch(rows.Authority, self.lemur.ids(rows.Authority))
        return {one.id: one.active is not False for one in every}

    def _revoked_at(self, late: Sequence[Late]) -> dict[int, datetime]:
        """By our ids; read only where an authority gets its ledger."""
        if all(one.row.root_authority_id is None for one in late):
            return {}
        noted = self.lemur.revoked_at(self.lemur.ids(rows.Certificate))
        return {ours: at for theirs, at in noted.items() if (ours := self.desk.ours(rows.Certificate, theirs))}

    def _replacements(self) -> None:
        ids = self.lemur.ids(rows.Certificate)
        for start in range(0, len(ids), 10 * BATCH):
            part = ids[start : start + 10 * BATCH]
            table = "certificate_replacement_associations"
            pairs = new_pairs(self.lemur.pairs(table, "certificate_id", "replaced_certificate_id", part), self.desk)
            if pairs:
                _commit_replacements(pairs, self.desk)
                self.report.replacements += len(pairs)

    def _finish(self) -> None:
        self.report.refused = self.desk.refused
        unless = {"pending_certs": "resolved", "api_keys": "revoked"}
        self.report.left_behind = {
            table: self.lemur.count(table, unless=unless.get(table, "")) for table in LEFT_BEHIND
        }
        self.report.read()


@committing("moving.batch")
def _commit(take: Callable[[], list[Taken]], desk: Desk, report: Report) -> None:
    _settle(take(), desk, report)


@committing("moving.certificates")
def _commit_certificates(prepared: Sequence[Prepared], links: Links, desk: Desk, report: Report) -> None:
    _settle(write(prepared, links, desk), desk, report)


def _settle(taken: Sequence[Taken], desk: Desk, report: Report) -> None:
    """What was taken over is written down: for the audit log, and for the next run."""
    for one in taken:
        if one.event is not None:
            record(one.event, one.row, by=desk.by, lemur_id=one.theirs.id, **one.details)
        report.counts[one.theirs.kind].taken += 1
    Moved.objects.bulk_create(desk.remember(taken))


@committing("moving.keys")
def _commit_keys(
    late: Sequence[Late], active: Mapping[int, bool], revoked_at: Mapping[int, datetime], desk: Desk
) -> None:
    bring(late, active, revoked_at, desk)
    for one in late:
        record(Event.CERTIFICATE_UPDATED, one.row, by=desk.by, fields=["private_key"], lemur_id=one.moved.theirs)


@committing("moving.replacements")
def _commit_replacements(pairs: list[tuple[int, int]], desk: Desk) -> None:
    for row in replace(pairs):
        record(Event.CERTIFICATE_UPDATED, row, by=desk.by, fields=["replaces"])
