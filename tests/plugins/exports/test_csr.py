"""CSR export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography import x509

from pki import inspection, requests
from plugins import Bundle, Exported
from plugins.exports.csr import CsrExport
from plugins.testing import ExporterContract, sample_pki


class TestCsr(ExporterContract):
    plugin_class = CsrExport
    extension = "csr"

    def certificates_in(self, exported: Exported) -> list[x509.Certificate]:
        assert x509.load_pem_x509_csr(exported.data).is_signature_valid
        return []

    def expected(self, bundle: Bundle) -> list[x509.Certificate]:
        return []

    def test_the_key_signs_the_request(self) -> None:
        bundle = self.bundle()
        exported = self.make().export(replace(bundle, csr=None))
        assert requests.read(exported.data).public_key == bundle.certificate.public_key()


def test_it_asks_for_the_same_subject_names_and_usages() -> None:
    bundle = sample_pki().bundle()
    facts = inspection.facts(bundle.certificate)
    asked = requests.read(CsrExport().export(bundle).data)
    assert asked.subject == bundle.certificate.subject
    assert asked.extensions.names == facts.names
    assert asked.extensions.key_usage == facts.extensions.key_usage
    assert asked.extensions.extended_key_usage == facts.extensions.extended_key_usage
    assert (asked.extensions.crl_urls, asked.extensions.policies, asked.extensions.custom) == ((), (), ())


@pytest.mark.server("openssl")
def test_openssl_verifies_it(openssl: Callable[..., str]) -> None:
    text = openssl("req", "-verify", "-noout", "-text", data=CsrExport().export(sample_pki().bundle()).data)
    assert "DNS:www.example.org" in text
