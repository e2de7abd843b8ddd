"""A certificate signing request for another certificate like this one."""

from __future__ import annotations

from dataclasses import replace

from pki import extensions, requests
from plugins.contracts import Exporter
from plugins.errors import refusing
from plugins.values import Bundle, Exported


class CsrExport(Exporter):
    """Same subject, names, usages and key. Addresses, policies and unknown extensions are left to the CA."""

    slug = "openssl-csr"
    title = "CSR"
    description = "A signing request with the certificate's subject, names and key, to take to another CA."

    @property
    def reveals_key(self) -> bool:
        return False  # it signs the request

    def export(self, bundle: Bundle) -> Exported:
        key = self.require_key(bundle)
        with refusing(f"No CSR can be made from '{bundle.name}'"):
            held = extensions.read(bundle.certificate.extensions)
            asked = replace(held, crl_urls=(), ocsp_urls=(), issuer_urls=(), policies=(), custom=())
            pem = requests.build(bundle.certificate.subject, asked, key)
        return Exported("csr", None, pem.encode())
