"""What the DNS plugins share: aliases are followed before anything is written, and all servers of a zone are asked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import Field, field_validator

from plugins.contracts import DnsProvider
from plugins.dns import lookup
from plugins.dns.lookup import NameServer
from plugins.errors import Misconfigured
from plugins.options import PluginOptions
from plugins.values import TxtRecord

TTL = 60
T = TypeVar("T")


class ZoneOptions(PluginOptions):
    """What every DNS plugin has to know besides its own."""

    nameservers: str = Field(
        "",
        max_length=1024,
        description="Which name servers are asked where names lead and whether they have a record yet, with commas "
        "between them: host or host:port. Where empty, those of this machine, and then those of the zone.",
    )
    ttl: int = Field(TTL, ge=1, le=86400, description="How many seconds others may remember a record.")

    @field_validator("nameservers")
    @classmethod
    def _readable(cls, text: str) -> str:
        lookup.parse_servers(text)
        return text

    @property
    def asked(self) -> tuple[NameServer, ...]:
        return lookup.parse_servers(self.nameservers)


class ZoneProvider(DnsProvider):
    """A DNS plugin that writes where the aliases of a name end: `_acme-challenge.www.example.com` may be an alias into
    a zone that nothing else is in (RFC 8555, 8.4).

    A subclass writes and removes single values of a zone; twice is the same as once.
    """

    options: Any

    def create_txt(self, name: str, value: str) -> TxtRecord:
        record = self._placed(name, value)
        reference = self.add(record)
        return TxtRecord(record.name, record.value, record.zone, reference)

    def delete_txt(self, record: TxtRecord) -> None:
        self.remove(record if record.zone else self._placed(record.name, record.value))

    def is_served(self, record: TxtRecord) -> bool:
        servers = self.options.asked or lookup.servers_of(record.zone, lookup.system_resolvers())
        return all(lookup.has_txt(server, record.name, record.value) for server in servers)

    def _placed(self, name: str, value: str) -> TxtRecord:
        target = lookup.canonical(name.rstrip(".").lower(), self.options.asked or lookup.system_resolvers())
        return TxtRecord(target, value, self.zone_of(target))

    @abstractmethod
    def zone_of(self, name: str) -> str:
        """The zone of this service that the name is in, without a dot at its end. Misconfigured if there is none."""

    @abstractmethod
    def add(self, record: TxtRecord) -> str:
        """Write it; returns the service's own name for it, or ""."""

    @abstractmethod
    def remove(self, record: TxtRecord) -> None:
        """Take it away; `reference` may be missing."""


def enclosing(name: str, zones: Iterable[tuple[str, T]], *, service: str) -> tuple[str, T]:
    """Of zones, with something beside each, the longest one that the name is in. Misconfigured if there is none."""
    known = {zone.rstrip(".").lower(): beside for zone, beside in zones}
    labels = name.split(".")
    for start in range(len(labels)):
        if (zone := ".".join(labels[start:])) in known:
            return zone, known[zone]
    raise Misconfigured(f"{service} has no zone that {name} is in.")
