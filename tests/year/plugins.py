"""What the simulated installation works with: the real internal CA and real directories behind switches, a mail sink.

``ENTRIES`` take the place of the product's own.

Each call leaves a line in ``seen``: what the outside world knows, whatever the product writes down about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from cryptography.x509.oid import NameOID

from pki import subjects
from plugins import Bundle, Message
from plugins.destinations.directory import DirectoryDestination
from plugins.errors import Temporary
from plugins.issuers.internal_ca import InternalCa
from plugins.notifications.email import EmailNotifier
from plugins.registry import Entry
from plugins.values import Issued, IssueRequest
from tests.year.weather import Outages


class Seen(NamedTuple):
    """``what`` happened to the host or the message ``name``: to ``whom`` that went, or when what is held is valid."""

    what: str
    name: str
    whom: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass
class Outside:
    """The world outside of the product, of this process."""

    ca: Outages = field(default_factory=Outages)
    targets: Mapping[str, Outages] = field(default_factory=dict)
    now: datetime | None = None
    seen: list[Seen] = field(default_factory=list)

    def is_down(self, outages: Outages) -> bool:
        return self.now is not None and outages.hold(self.now)

    @contextmanager
    def at(self, now: datetime) -> Iterator[None]:
        """As if it was that time."""
        self.now = now
        try:
            yield
        finally:
            self.now = None

    def taken(self) -> list[Seen]:
        """What was seen since this was asked last."""
        found, self.seen = self.seen, []
        return found


world = Outside()


class SwitchedCa(InternalCa):
    """Refuses while it is down."""

    def issue(self, request: IssueRequest) -> Issued:
        assert request.draft is not None
        host = subjects.first(request.draft.subject, NameOID.COMMON_NAME) or ""
        if world.is_down(world.ca):
            world.seen.append(Seen("refused by the CA", host))
            raise Temporary("The CA does not answer.")
        issued = super().issue(request)
        world.seen.append(Seen("issued", host))
        return issued


class SwitchedDirectory(DirectoryDestination):
    """Nobody can write there while it is down."""

    def upload(self, bundle: Bundle) -> None:
        if world.is_down(world.targets[self.options.path]):
            world.seen.append(Seen("refused by the target", bundle.name))
            raise Temporary("The target does not answer.")
        super().upload(bundle)
        leaf = bundle.certificate
        world.seen.append(Seen("held", bundle.name, "", leaf.not_valid_before_utc, leaf.not_valid_after_utc))


class MailSink(EmailNotifier):
    """Takes whatever it is given."""

    def send(self, message: Message, recipients: Sequence[str]) -> None:
        world.seen += [Seen("mailed", message.id, recipient) for recipient in recipients]


ENTRIES = {
    one.slug: Entry(one.slug, one.kind, f"{__name__}:{one.__name__}", "tests")
    for one in (SwitchedCa, SwitchedDirectory, MailSink)
}
