"""PKCS#7: the certificate and its chain in one file, never a key."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pki import chains, containers
from plugins.contracts import Exporter
from plugins.errors import refusing
from plugins.options import PluginOptions
from plugins.values import Bundle, Exported


class Pkcs7Export(Exporter):
    """The root is included by default, because the importers of this format want a complete chain."""

    slug = "pkcs7-export"
    title = "PKCS#7"
    description = "Certificate and chain in one .p7b file, for Windows, IIS and Tomcat."

    class Options(PluginOptions):
        encoding: Literal["PEM", "DER"] = Field("PEM", description="Text or binary.")
        root: bool = Field(True, description="Put the root certificate into the file as well.")  # noqa: FBT003

    options: Options

    @property
    def needs_key(self) -> bool:
        return False

    def export(self, bundle: Bundle) -> Exported:
        chain = bundle.chain if self.options.root else chains.without_root(bundle.chain)
        with refusing(f"'{bundle.name}' cannot be exported as PKCS#7"):
            data = containers.pkcs7([bundle.certificate, *chain], der=self.options.encoding == "DER")
        return Exported("p7b", None, data)
