"""PKCS#12: key, certificate and chain in one encrypted file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pki import containers
from plugins.contracts import Exporter
from plugins.errors import refusing
from plugins.exports.container import ContainerOptions
from plugins.values import Bundle, Exported

LEGACY = "legacy PKCS12 (.p12)"


class Pkcs12Export(Exporter):
    """The chain is complete, root included. The legacy type uses the ciphers that very old programs understand."""

    slug = "openssl-export"
    title = "PKCS#12"
    description = "Key, certificate and chain in one encrypted .p12 file, for Windows, macOS, browsers and Java."

    class Options(ContainerOptions):
        type: Literal["PKCS12 (.p12)", "legacy PKCS12 (.p12)"] = Field(
            description="Choose the format you wish to export; legacy is for old software that cannot read the other."
        )

    options: Options

    def export(self, bundle: Bundle) -> Exported:
        key = self.require_key(bundle)
        passphrase = self.options.chosen_passphrase()
        with refusing(f"'{bundle.name}' cannot be exported as PKCS#12"):
            data = containers.pkcs12(
                self.options.alias_for(bundle),
                key,
                bundle.certificate,
                bundle.chain,
                passphrase,
                legacy=self.options.type == LEGACY,
            )
        return Exported("p12", passphrase, data)
