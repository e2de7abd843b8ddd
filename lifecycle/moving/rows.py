"""Rows of Lemur's tables as values: a class for each table, a field for each column that is read.

Every column but ``id`` has a default, so that databases of older versions, which lack some, can be read too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Row:
    """What all of them have."""

    table: ClassVar[str]
    kind: ClassVar[str]

    id: int

    @property
    def title(self) -> str:
        """What a person calls it."""
        return str(getattr(self, "name", None) or getattr(self, "label", None) or self.id)


@dataclass(frozen=True, kw_only=True)
class Policy(Row):
    """When certificates are renewed."""

    table: ClassVar[str] = "rotation_policies"
    kind: ClassVar[str] = "rotation policy"

    name: str | None = None
    days: int | None = None


@dataclass(frozen=True, kw_only=True)
class Role(Row):
    """``password`` is encrypted."""

    table: ClassVar[str] = "roles"
    kind: ClassVar[str] = "role"

    name: str | None = None
    description: str | None = None
    username: str | None = None
    password: bytes | None = None
    third_party: bool | None = None


@dataclass(frozen=True, kw_only=True)
class User(Row):
    """``password`` is a bcrypt hash."""

    table: ClassVar[str] = "users"
    kind: ClassVar[str] = "user"

    username: str | None = None
    email: str | None = None
    password: str | None = None
    active: bool | None = None

    @property
    def title(self) -> str:
        return self.username or str(self.id)


@dataclass(frozen=True, kw_only=True)
class Connector(Row):
    """What has a plugin and options; these are Lemur's list of ``{"name", "value", …}``."""

    description: str | None = None
    plugin_name: str | None = None
    options: Any = None


@dataclass(frozen=True, kw_only=True)
class Notification(Connector):
    """Whom to tell that something expires."""

    table: ClassVar[str] = "notifications"
    kind: ClassVar[str] = "notification"

    label: str | None = None
    active: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Destination(Connector):
    """Where certificates are delivered to."""

    table: ClassVar[str] = "destinations"
    kind: ClassVar[str] = "destination"

    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Source(Connector):
    """Where certificates are looked for."""

    table: ClassVar[str] = "sources"
    kind: ClassVar[str] = "source"

    label: str | None = None
    active: bool | None = None
    last_run: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DnsProvider(Row):
    """``credentials`` are encrypted JSON."""

    table: ClassVar[str] = "dns_providers"
    kind: ClassVar[str] = "DNS provider"

    name: str | None = None
    description: str | None = None
    provider_type: str | None = None
    credentials: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Authority(Connector):
    """Its certificate and key are those of the certificate whose ``root_authority_id`` it is."""

    table: ClassVar[str] = "authorities"
    kind: ClassVar[str] = "authority"

    name: str | None = None
    owner: str | None = None
    active: bool | None = None
    user_id: int | None = None
    date_created: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Certificate(Row):
    """``private_key`` is encrypted. What follows from ``body`` is not read."""

    table: ClassVar[str] = "certificates"
    kind: ClassVar[str] = "certificate"

    body: str = ""
    name: str | None = None
    owner: str | None = None
    description: str | None = None
    notify: bool | None = None
    rotation: bool | None = None
    status: str | None = None
    deleted: bool | None = None
    external_id: str | None = None
    chain: str | None = None
    csr: str | None = None
    private_key: bytes | None = None
    date_created: datetime | None = None
    user_id: int | None = None
    authority_id: int | None = None
    root_authority_id: int | None = None
    rotation_policy_id: int | None = None
    dns_provider_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Domain(Row):
    """A name, once, whatever number of rows it has there; ``id`` is the lowest of theirs."""

    table: ClassVar[str] = "domains"
    kind: ClassVar[str] = "domain"

    name: str = ""
    sensitive: bool = False


KINDS: tuple[type[Row], ...] = (
    Policy, Role, User, DnsProvider, Notification, Destination, Source, Domain, Authority, Certificate,
)  # fmt: skip
