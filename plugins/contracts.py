"""The contracts a plugin fulfils, one per kind of outside system, and the optional capabilities beside them.

A contract is small: what only some systems can do is a capability of its own, which a plugin class also inherits from.
Whether it can is asked with `issubclass`, so no method ever exists only to say that it cannot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from cryptography import x509

from pki.envelope import Keyring
from pki.keys import KeySpec, PrivateKey
from plugins.errors import Permanent
from plugins.options import NoOptions, PluginOptions
from plugins.values import (
    Bundle,
    CaRequest,
    Exported,
    FoundCertificate,
    FoundEndpoint,
    Issued,
    IssueRequest,
    Message,
    Pending,
    RenewalWindow,
    RevokeRequest,
    TxtRecord,
)


class Plugin:
    """What all plugins share. An instance holds its configuration and no state; make and drop it at any time."""

    kind: ClassVar[str]
    slug: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str] = ""
    Options: ClassVar[type[PluginOptions]] = NoOptions

    options: PluginOptions

    def __init__(self, options: PluginOptions | None = None) -> None:
        self.options = self.Options() if options is None else options

    def check(self) -> None:
        """A cheap trial of the configuration, for "Test connection"; raises Misconfigured or Temporary."""


class Issuer(Plugin, ABC):
    """A certificate authority."""

    kind = "issuer"
    proves_names: ClassVar[bool] = False
    """Whether its CA wants to see over DNS that names are ours, so that people are asked for a DNS provider."""

    @abstractmethod
    def issue(self, request: IssueRequest) -> Issued | Pending:
        """Ask for one certificate. Only an issuer that is FinishesLater may answer Pending."""


class FinishesLater(ABC):
    """An issuer that may need minutes or days, and is asked again by `request.external_id`."""

    @abstractmethod
    def finish(self, request: IssueRequest) -> Issued | Pending:
        """What became of the order; Permanent when the CA has refused it."""

    @abstractmethod
    def cancel(self, request: IssueRequest) -> None:
        """Withdraw the order. Withdrawing one that is already gone is no error."""


class Revokes(ABC):
    """An issuer through which its certificates can be revoked."""

    @abstractmethod
    def revoke(self, request: RevokeRequest) -> None:
        """Return once the CA has accepted it. Revoking what is revoked already is no error."""


class SuggestsRenewal(ABC):
    """An issuer that says when it would like its certificates to be renewed (RFC 9773)."""

    @abstractmethod
    def suggested_renewal(self, certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> RenewalWindow:
        """The window of this certificate. Permanent if the CA does not know it, or has no such service."""


class StandsForAuthority(ABC):
    """An issuer that speaks to a CA which exists elsewhere and keeps its own key."""

    @abstractmethod
    def authority(self) -> Issued:
        """The CA's certificate, and those above it up to the root."""


class CreatesAuthorities(ABC):
    """An issuer that can make a new root or intermediate."""

    @abstractmethod
    def create_authority(self, request: CaRequest) -> Issued:
        """Make the CA there; returns its certificate and chain."""


class Exporter(Plugin, ABC):
    """A file format people download."""

    kind = "export"

    @property
    def needs_key(self) -> bool:
        """Whether it works with the private key. Read it on the instance: it may depend on the options."""
        return True

    @property
    def reveals_key(self) -> bool:
        """Whether the private key goes into the file, so that the export is recorded as such."""
        return self.needs_key

    @abstractmethod
    def export(self, bundle: Bundle) -> Exported:
        """The file. Permanent if this bundle cannot be written in the format."""

    def require_key(self, bundle: Bundle) -> PrivateKey:
        """The key of the bundle. Permanent, in Lemur's words, if it has none."""
        if bundle.private_key is None:
            raise Permanent(
                f"Unable to export certificate, plugin: {self.slug} requires a private key but no key was found."
            )
        return bundle.private_key


class Destination(Plugin, ABC):
    """A place that certificates are delivered to."""

    kind = "destination"
    several_per_account: ClassVar[bool] = False
    """Whether a certificate may go to two destinations that name the same `accountNumber` among their options."""

    @property
    def needs_key(self) -> bool:
        """Whether a certificate without its private key is of no use there. Read it on the instance."""
        return True

    @abstractmethod
    def upload(self, bundle: Bundle) -> None:
        """Put it there, replacing what is there under this name. Twice is the same as once; never half of it."""


class Confirms(ABC):
    """A destination that can say what it holds."""

    @abstractmethod
    def held(self, name: str) -> str | None:
        """The fingerprint (SHA-256 of the DER, hex) of what is there under this name; None if nothing is."""


class Shows(ABC):
    """A destination that can show what it holds, so that nobody else's certificate is written over unseen."""

    @abstractmethod
    def shown(self, name: str) -> x509.Certificate | None:
        """The certificate under this name; None if there is nothing, or nothing that can be read as one."""


class Removes(ABC):
    """A destination from which certificates can be removed."""

    @abstractmethod
    def remove(self, bundle: Bundle) -> None:
        """Take it away, unless something else is there under its name by now. Twice is the same as once."""


class RollsBack(ABC):
    """A destination that keeps what it held before."""

    @abstractmethod
    def roll_back(self, bundle: Bundle) -> None:
        """Put back what was there before this one, unless something else is there by now. Twice is the same as once.

        Permanent if nothing was kept.
        """


class Source(Plugin, ABC):
    """A place that certificates are found at."""

    kind = "source"

    @abstractmethod
    def certificates(self) -> Iterator[FoundCertificate]:
        """Everything that is there now. What cannot be read is no reason to stop: it is left out, and logged."""


class SeesEndpoints(ABC):
    """A source that knows where certificates are served."""

    @abstractmethod
    def endpoints(self) -> Iterator[FoundEndpoint]:
        """Every place where it sees one being served now; what cannot be looked at is left out, and logged."""


class SwapsEndpoints(ABC):
    """A source that can have an endpoint serve another certificate."""

    @abstractmethod
    def swap(self, endpoint: FoundEndpoint, bundle: Bundle) -> None:
        """Serve this one there from now on. Twice is the same as once."""


class Cleans(ABC):
    """A source that certificates can be removed from."""

    @abstractmethod
    def clean(self, found: FoundCertificate) -> None:
        """Remove it; Permanent while it is in use. Twice is the same as once."""


class DnsProvider(Plugin, ABC):
    """Who serves a DNS zone, and lets us prove that a name is ours."""

    kind = "dns"

    @abstractmethod
    def create_txt(self, name: str, value: str) -> TxtRecord:
        """Add a TXT record beside those that are there under this name. Twice is the same as once."""

    @abstractmethod
    def delete_txt(self, record: TxtRecord) -> None:
        """Take away this one record and no other. Twice is the same as once.

        One without a zone is looked for where `create_txt` would put it: whoever created it may not have lived to say.
        """

    @abstractmethod
    def is_served(self, record: TxtRecord) -> bool:
        """Do all servers of the zone answer with it?"""


class Notifier(Plugin, ABC):
    """A way to tell people something."""

    kind = "notification"
    is_shared: ClassVar[bool] = False
    """Whether all its configurations reach a recipient in the same way, so that one message can say what several ask
    for; of others, each notification sends messages of its own."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom its options name, in the form that `send` takes; nobody, where the options name a place instead."""
        return ()

    @abstractmethod
    def send(self, message: Message, recipients: Sequence[str]) -> None:
        """Return once the message is accepted for all of them. `message.id` is the same when it is sent again."""


class KeyCustody(Plugin, ABC):
    """Who keeps private keys. A reference is bytes for our database that mean something to this custody only."""

    kind = "custody"

    def __init__(self, keyring: Keyring, options: PluginOptions | None = None) -> None:
        """`keyring` seals whatever the custody wants to put into a reference in readable form."""
        super().__init__(options)
        self.keyring = keyring

    @abstractmethod
    def generate(self, spec: KeySpec) -> tuple[bytes, PrivateKey]:
        """A new key: its reference, and an object that signs with it (which need not be able to give the key away)."""

    @abstractmethod
    def store(self, key: PrivateKey) -> bytes:
        """Take a key that was made elsewhere; its reference."""

    @abstractmethod
    def signer(self, reference: bytes, spki_sha256: str) -> PrivateKey:
        """An object that signs with the key of that public key (`pki.keys.spki_sha256`).

        Permanent if the reference was altered, is unknown, or belongs to another key.
        """

    @abstractmethod
    def destroy(self, reference: bytes) -> None:
        """Make the key unusable as far as the custody keeps it itself; the caller drops the reference."""


class ExportsKeys(ABC):
    """A key custody that can give a key away, for exports, downloads and deliveries."""

    @abstractmethod
    def reveal(self, reference: bytes, spki_sha256: str) -> PrivateKey:
        """The key itself, which can be serialised; errors as `KeyCustody.signer`."""
