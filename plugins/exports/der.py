"""DER: the bare certificate, binary."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding

from plugins.contracts import Exporter
from plugins.values import Bundle, Exported


class DerExport(Exporter):
    """One certificate without its chain: the format has no room for more."""

    slug = "der-export"
    title = "DER"
    description = "The certificate alone in binary form, for Windows and appliances."

    @property
    def needs_key(self) -> bool:
        return False

    def export(self, bundle: Bundle) -> Exported:
        return Exported("der", None, bundle.certificate.public_bytes(Encoding.DER))
