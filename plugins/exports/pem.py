"""PEM text: the certificate, its chain, and on request its key."""

from __future__ import annotations

from typing import Literal

from cryptography import x509
from pydantic import Field

from pki import chains, containers
from plugins.contracts import Exporter
from plugins.errors import Permanent, refusing
from plugins.options import PluginOptions
from plugins.values import Bundle, Exported

CERTIFICATE = "Certificate"
CHAIN = "Chain"
WITH_KEY = "Certificate, chain and key"


class PemExport(Exporter):
    """The root stays out unless asked for: whoever trusts it has it already."""

    slug = "pem-export"
    title = "PEM"
    description = "Text for nginx, Apache, HAProxy and most other servers."

    class Options(PluginOptions):
        type: Literal["Certificate and chain", "Certificate", "Chain", "Certificate, chain and key"] = Field(
            "Certificate and chain", description="What goes into the file. A key is written without encryption."
        )
        root: bool = Field(False, description="Put the root certificate into the chain as well.")  # noqa: FBT003

    options: Options

    @property
    def needs_key(self) -> bool:
        return self.options.type == WITH_KEY

    def export(self, bundle: Bundle) -> Exported:
        with refusing(f"'{bundle.name}' cannot be exported as PEM"):
            return Exported("pem", None, self._data(bundle))

    def _data(self, bundle: Bundle) -> bytes:
        certificate, root = bundle.certificate, self.options.root
        if self.options.type == CERTIFICATE:
            return containers.pem_bundle(certificate, ())
        if self.options.type == CHAIN:
            first, *rest = self._chain(bundle)
            return containers.pem_bundle(first, rest, root=root)
        key = self.require_key(bundle) if self.needs_key else None
        return containers.pem_bundle(certificate, bundle.chain, key=key, root=root)

    def _chain(self, bundle: Bundle) -> list[x509.Certificate]:
        chain = list(bundle.chain) if self.options.root else chains.without_root(bundle.chain)
        if not chain:
            hint = " but its root; set the option 'root' to export that" if bundle.chain else ""
            raise Permanent(f"'{bundle.name}' has no chain to export{hint}.")
        return chain
