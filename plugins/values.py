"""The frozen values that cross the border between the application and a plugin, in both directions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509

from pki.keys import PrivateKey
from pki.profiles import Profile


@dataclass(frozen=True)
class CaMaterial:
    """What a CA of our own signs with.

    `chain` starts at the direct issuer of `certificate` and ends with the root; a root's is empty.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class IssueRequest:
    """One certificate to be issued.

    `serial`, validity and `draft` are fixed before the plugin is asked, so that asking twice cannot make two different
    certificates. Issuers that sign themselves use `draft` and `material`; remote ones use `csr` and `external_id`.
    `reference` is our own name for the order, `external_id` the name the CA gave it.
    """

    csr: str
    serial: int
    not_before: datetime
    not_after: datetime
    profile: Profile
    draft: x509.Certificate | None = None
    material: CaMaterial | None = None
    reference: str = ""
    external_id: str | None = None


@dataclass(frozen=True)
class Issued:
    """`body` is one PEM certificate, `chain` its issuers as PEM: direct issuer first, root last; a root has none."""

    body: str
    chain: tuple[str, ...]
    external_id: str | None = None


@dataclass(frozen=True)
class Pending:
    """The CA has taken the order and is not done; ask again with `external_id`, not before `retry_after` has passed."""

    external_id: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class RenewalWindow:
    """When a CA would like a certificate to be renewed: at any moment between the two; then ask again.

    `explanation` is a URL that says why, if the CA gives one (RFC 9773, 4.2).
    """

    start: datetime
    end: datetime
    explanation: str = ""
    ask_again: timedelta = timedelta(hours=6)


@dataclass(frozen=True, kw_only=True)
class CaRequest:
    """A certificate authority to be created: `parent` is None for a root, which `key` signs itself."""

    subject: x509.Name
    key: PrivateKey = field(repr=False)
    draft: x509.Certificate
    parent: CaMaterial | None = None


@dataclass(frozen=True, kw_only=True)
class RevokeRequest:
    """A certificate its CA shall declare revoked. `external_id` is the name the CA gave it, where it gave one."""

    certificate: x509.Certificate
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified
    external_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A certificate with what belongs to it, on its way out. `chain` goes up to the root where the root is known."""

    name: str
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()
    private_key: PrivateKey | None = field(default=None, repr=False)
    csr: str | None = None


@dataclass(frozen=True)
class Exported:
    """A finished file. `extension` has no dot; `passphrase` opens `data`, or is None where nothing is encrypted."""

    extension: str
    passphrase: str | None = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class FoundCertificate:
    """A certificate that a source holds. `where` says for people where in it; `chain` is as it was found."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()
    private_key: PrivateKey | None = field(default=None, repr=False)
    name: str | None = None
    external_id: str | None = None
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundEndpoint:
    """A place where a source sees a certificate being served.

    `fingerprint` is the SHA-256 of its DER in hex, `chain` what is served with it, both as far as the source can tell.
    `address` is where it was looked, if the name has several. `reference` is the source's own name for the place.
    """

    host: str
    port: int
    kind: str = "tls"
    fingerprint: str | None = None
    certificate: x509.Certificate | None = None
    chain: tuple[x509.Certificate, ...] = ()
    address: str | None = None
    policy: str = ""
    ciphers: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    reference: str = ""


@dataclass(frozen=True)
class TxtRecord:
    """A TXT record that was created. `zone` is where, `reference` the provider's own name for it, if it has one."""

    name: str
    value: str
    zone: str = ""
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """What people are told. `id` is unique to it, and the same when it is sent again; it suits a Message-ID."""

    id: str
    subject: str
    text: str
    html: str | None = None
