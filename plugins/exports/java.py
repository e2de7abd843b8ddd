"""Java key stores (JKS), and their combined form under the slug older clients know."""

from __future__ import annotations

from typing import Literal

import jks
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import Field

from pki import keys
from plugins.contracts import Exporter
from plugins.errors import refusing
from plugins.exports.container import ContainerOptions
from plugins.values import Bundle, Exported

TRUST_STORE = "Java Trust Store (JKS)"


class _JavaExport(Exporter):
    """Java compares aliases without case and keeps them in lower case, so that is what we write."""

    Options = ContainerOptions
    options: ContainerOptions

    def export(self, bundle: Bundle) -> Exported:
        alias = self.options.alias_for(bundle).lower()
        with refusing(f"'{bundle.name}' cannot be exported for Java"):
            entries = [self._key_entry(alias, bundle)] if self.needs_key else _trusted_entries(alias, bundle)
        passphrase = self.options.chosen_passphrase()
        return Exported("jks", passphrase, jks.KeyStore.new("jks", entries).saves(passphrase))

    def _key_entry(self, alias: str, bundle: Bundle) -> jks.PrivateKeyEntry:
        key = keys.private_key_der(self.require_key(bundle))
        return jks.PrivateKeyEntry.new(alias, [_der(c) for c in (bundle.certificate, *bundle.chain)], key)


class KeyStoreExport(_JavaExport):
    """One private key entry with the whole chain, root included."""

    slug = "java-keystore-jks"
    title = "Java Key Store (JKS)"
    description = "Key, certificate and chain for old Java; from Java 9 on prefer PKCS#12."


class TrustStoreExport(_JavaExport):
    """The certificate as `<alias>_cert` and its chain as `<alias>_cert_1` and so on."""

    slug = "java-truststore-jks"
    title = "Java Trust Store (JKS)"
    description = "Certificate and chain, without the key, for a Java program that shall trust them."

    @property
    def needs_key(self) -> bool:
        return False


class JavaExport(_JavaExport):
    """Either of the two, by `type`: the plugin of early Lemur versions."""

    slug = "java-export"
    title = "Java"
    description = "Attempts to generate a JKS keystore or truststore"

    class Options(ContainerOptions):
        type: Literal["Java Key Store (JKS)", "Java Trust Store (JKS)"] = Field(
            description="Choose the format you wish to export"
        )

    options: Options

    @property
    def needs_key(self) -> bool:
        return self.options.type != TRUST_STORE


def _trusted_entries(alias: str, bundle: Bundle) -> list[jks.TrustedCertEntry]:
    return [
        jks.TrustedCertEntry.new(f"{alias}_cert_{position}" if position else f"{alias}_cert", _der(certificate))
        for position, certificate in enumerate((bundle.certificate, *bundle.chain))
    ]


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
