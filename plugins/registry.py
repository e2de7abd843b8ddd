"""Which plugins exist: the built-in ones, and those that installed packages offer as entry points."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Literal, overload

from plugins.contracts import Destination, DnsProvider, Exporter, Issuer, KeyCustody, Notifier, Plugin, Source
from plugins.errors import Misconfigured

log = logging.getLogger(__name__)
GROUP = "lemur.plugins"
CONTRACTS: Mapping[str, type[Plugin]] = {
    contract.kind: contract for contract in (Destination, DnsProvider, Exporter, Issuer, KeyCustody, Notifier, Source)
}

# Imported on first use, so that a library only one plugin needs is missed only by those who use that plugin.
BUILT_IN: Mapping[str, tuple[str, str]] = {
    "cryptography-issuer": ("issuer", "plugins.issuers.internal_ca:InternalCa"),
    "acme-issuer": ("issuer", "plugins.issuers.acme:AcmeIssuer"),
    "cfssl-issuer": ("issuer", "plugins.issuers.cfssl:CfsslIssuer"),
    "vault-issuer": ("issuer", "plugins.issuers.vault:VaultIssuer"),
    "rfc2136-dns": ("dns", "plugins.dns.rfc2136:Rfc2136Dns"),
    "powerdns-dns": ("dns", "plugins.dns.powerdns:PowerDns"),
    "route53-dns": ("dns", "plugins.dns.route53:Route53Dns"),
    "cloudflare-dns": ("dns", "plugins.dns.cloudflare:CloudflareDns"),
    "pem-export": ("export", "plugins.exports.pem:PemExport"),
    "der-export": ("export", "plugins.exports.der:DerExport"),
    "pkcs7-export": ("export", "plugins.exports.pkcs7:Pkcs7Export"),
    "openssl-export": ("export", "plugins.exports.pkcs12:Pkcs12Export"),
    "java-keystore-jks": ("export", "plugins.exports.java:KeyStoreExport"),
    "java-truststore-jks": ("export", "plugins.exports.java:TrustStoreExport"),
    "java-export": ("export", "plugins.exports.java:JavaExport"),
    "openssl-csr": ("export", "plugins.exports.csr:CsrExport"),
    "email-notification": ("notification", "plugins.notifications.email:EmailNotifier"),
    "slack-notification": ("notification", "plugins.notifications.slack:SlackNotifier"),
    "webhook-notification": ("notification", "plugins.notifications.webhook:WebhookNotifier"),
    "sealed": ("custody", "plugins.custody.sealed:SealedCustody"),
    "sftp-destination": ("destination", "plugins.destinations.sftp:SftpDestination"),
    "aws-destination": ("destination", "plugins.destinations.aws:IamDestination"),
    "aws-acm-dest": ("destination", "plugins.destinations.aws:AcmDestination"),
    "aws-s3": ("destination", "plugins.destinations.aws:S3Destination"),
    "hashi-vault-destination": ("destination", "plugins.destinations.vault:VaultDestination"),
    "kubernetes-destination": ("destination", "plugins.destinations.kubernetes:KubernetesDestination"),
    "directory-destination": ("destination", "plugins.destinations.directory:DirectoryDestination"),
    "aws-source": ("source", "plugins.sources.aws:AwsSource"),
    "directory-source": ("source", "plugins.sources.directory:DirectorySource"),
    "tls-source": ("source", "plugins.sources.tls:TlsSource"),
    "vault-source": ("source", "plugins.sources.vault:VaultSource"),
}

# What Netflix Lemur calls DNS providers.
LEMURS_DNS: Mapping[str, str] = {name: f"{name}-dns" for name in ("cloudflare", "powerdns", "route53")}


class PluginUnavailable(Misconfigured):
    """No plugin of that name and kind, or one that cannot be loaded (often: an optional library is missing)."""


@dataclass(frozen=True)
class Entry:
    """A plugin we know of, loaded or not. `origin` is "built in" or the name of the package that brings it."""

    slug: str
    kind: str
    target: str
    origin: str

    def load(self) -> type[Plugin]:
        """The plugin class; PluginUnavailable with the reason."""
        return _load(self)

    @property
    def problem(self) -> str:
        """Why it cannot be used, or ""."""
        try:
            self.load()
        except PluginUnavailable as error:
            return error.message
        return ""


@cache
def _load(entry: Entry) -> type[Plugin]:
    """Found once; one that cannot be loaded is tried again each time."""
    try:
        loaded = EntryPoint(name=entry.slug, value=entry.target, group=GROUP).load()
    except Exception as error:  # foreign code may raise anything while it is imported
        reason = f"{type(error).__name__}: {error}"
        _tell(entry, reason)
        raise PluginUnavailable(f"The plugin '{entry.slug}' ({entry.origin}) cannot be loaded: {reason}") from error
    contract = CONTRACTS[entry.kind]
    if not (isinstance(loaded, type) and issubclass(loaded, contract)):
        raise PluginUnavailable(
            f"The plugin '{entry.slug}' ({entry.origin}) is no subclass of plugins.{contract.__name__}."
        )
    found = (getattr(loaded, "kind", None), getattr(loaded, "slug", None))
    if found != (entry.kind, entry.slug):
        raise PluginUnavailable(
            f"The plugin '{entry.slug}' ({entry.origin}) is registered as {entry.kind}.{entry.slug}, "
            f"but its class says {found[0]}.{found[1]}."
        )
    return loaded


@cache
def _tell(entry: Entry, reason: str) -> None:
    """Where in the foreign code it happened; once, since lists ask for the plugin of each row."""
    log.warning("The plugin '%s' (%s) cannot be loaded: %s", entry.slug, entry.origin, reason, exc_info=True)


class Registry:
    """A read-only mapping from slug to plugin, filled on first use."""

    def __init__(
        self, built_in: Mapping[str, tuple[str, str]] = BUILT_IN, points: Iterable[EntryPoint] | None = None
    ) -> None:
        self._built_in = built_in
        self._points = points

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """By slug, sorted. RuntimeError if two plugins have one slug, or a package names its plugin wrongly."""
        found: dict[str, Entry] = {}
        for entry in self._discover():
            if other := found.get(entry.slug):
                raise RuntimeError(
                    f"Two plugins are called '{entry.slug}': {other.target} ({other.origin}) and "
                    f"{entry.target} ({entry.origin}). Uninstall one of them."
                )
            found[entry.slug] = entry
        return dict(sorted(found.items()))

    def of_kind(self, kind: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.kind == kind]

    @overload
    def get(self, slug: str, kind: Literal["issuer"]) -> type[Issuer]: ...
    @overload
    def get(self, slug: str, kind: Literal["export"]) -> type[Exporter]: ...
    @overload
    def get(self, slug: str, kind: Literal["custody"]) -> type[KeyCustody]: ...
    @overload
    def get(self, slug: str, kind: str) -> type[Plugin]: ...
    def get(self, slug: str, kind: str) -> type[Plugin]:
        """The plugin class; PluginUnavailable if there is none of that slug and kind, or it cannot be loaded."""
        entry = self.entries.get(slug)
        if entry is None or entry.kind != kind:
            known = ", ".join(entry.slug for entry in self.of_kind(kind)) or "none"
            raise PluginUnavailable(f"There is no {kind} plugin '{slug[:64]}'; there are: {known}.")
        return entry.load()

    def _discover(self) -> Iterator[Entry]:
        for slug, (kind, target) in self._built_in.items():
            yield Entry(slug, kind, target, "built in")
        for point in entry_points(group=GROUP) if self._points is None else self._points:
            kind, _, slug = point.name.partition(".")
            origin = point.dist.name if point.dist else "unknown package"
            if kind not in CONTRACTS or not slug:
                raise RuntimeError(
                    f"The plugin '{point.name}' ({origin}) needs a name like issuer.my-ca; "
                    f"kinds are: {', '.join(sorted(CONTRACTS))}."
                )
            yield Entry(slug, kind, point.value, origin)


registry = Registry()
