"""PKCS#7 export."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from plugins import Bundle, Exported
from plugins.exports.pkcs7 import Pkcs7Export
from plugins.testing import ExporterContract, sample_pki


class Pkcs7Contract(ExporterContract):
    plugin_class = Pkcs7Export
    extension = "p7b"
    wrong_values = {"encoding": "BER"}

    def certificates_in(self, exported: Exported) -> list[x509.Certificate]:
        """In an order of their own: the format holds a set, sorted by its encoding."""
        pem = exported.data.startswith(b"-----BEGIN PKCS7-----")
        assert pem == (self.values.get("encoding") != "DER")
        load = pkcs7.load_pem_pkcs7_certificates if pem else pkcs7.load_der_pkcs7_certificates
        return sorted(load(exported.data), key=repr)

    def expected(self, bundle: Bundle) -> list[x509.Certificate]:
        return sorted([bundle.certificate, *bundle.chain], key=repr)


class TestText(Pkcs7Contract):
    pass


class TestBinary(Pkcs7Contract):
    values = {"encoding": "DER"}


class TestWithoutRoot(Pkcs7Contract):
    values = {"root": False}

    def expected(self, bundle: Bundle) -> list[x509.Certificate]:
        return sorted([bundle.certificate, bundle.chain[0]], key=repr)


@pytest.mark.server("openssl")
@pytest.mark.parametrize("encoding", ["PEM", "DER"])
def test_openssl_lists_all_certificates(openssl: Callable[..., str], encoding: str) -> None:
    data = Pkcs7Export(Pkcs7Export.Options(encoding=encoding)).export(sample_pki().bundle()).data
    listed = openssl("pkcs7", "-inform", encoding, "-print_certs", "-noout", data=data)
    assert [name in listed for name in ("CN = www.example.org", "CN = Sample Intermediate", "CN = Sample Root")] == [
        True
    ] * 3
