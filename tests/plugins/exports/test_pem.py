"""PEM export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki.keys import PrivateKey
from plugins import Bundle, Exported, Permanent
from plugins.exports.pem import PemExport
from plugins.testing import ExporterContract, sample_pki


class PemContract(ExporterContract):
    plugin_class = PemExport
    extension = "pem"
    wrong_values = {"type": "Everything", "root": "perhaps"}

    def certificates_in(self, exported: Exported) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates(exported.data)


class TestByDefault(PemContract):
    def expected(self, bundle: Bundle) -> list[x509.Certificate]:
        return [bundle.certificate, bundle.chain[0]]


class TestWithRoot(PemContract):
    values = {"root": True}


class TestCertificateAlone(PemContract):
    values = {"type": "Certificate", "root": True}

    def expected(self, bundle: Bundle) -> list[x509.Certificate]:
        return [bundle.certificate]


class TestChainAlone(PemContract):
    values = {"type": "Chain"}

    def expected(self, bundle: Bundle) -> list[x509.Certificate]:
        return [bundle.chain[0]]


class TestWithKey(PemContract):
    values = {"type": "Certificate, chain and key"}

    def expected(self, bundle: Bundle) -> list[x509.Certificate]:
        return [bundle.certificate, bundle.chain[0]]

    def key_in(self, exported: Exported) -> PrivateKey:
        start = exported.data.index(b"PRIVATE KEY-----")
        start = exported.data.rindex(b"-----BEGIN", 0, start)
        return load_pem_private_key(exported.data[start:], None)  # type: ignore[return-value]


def test_the_chain_may_be_exported_with_its_root() -> None:
    bundle = sample_pki().bundle()
    plugin = PemExport(PemExport.Options(type="Chain", root=True))
    assert x509.load_pem_x509_certificates(plugin.export(bundle).data) == list(bundle.chain)


def test_a_chain_that_is_only_a_root_needs_to_be_asked_for() -> None:
    root = sample_pki().root.certificate
    bundle = replace(sample_pki().bundle(), chain=(root,))
    with pytest.raises(Permanent, match="'sample' has no chain to export but its root; set the option 'root'"):
        PemExport(PemExport.Options(type="Chain")).export(bundle)
    with_root = PemExport(PemExport.Options(type="Chain", root=True))
    assert x509.load_pem_x509_certificates(with_root.export(bundle).data) == [root]
    with pytest.raises(Permanent, match=r"'sample' has no chain to export\."):
        with_root.export(replace(bundle, chain=()))


def test_a_root_itself_is_exported() -> None:
    root = sample_pki().root.certificate
    exported = PemExport().export(Bundle(name="root", certificate=root))
    assert x509.load_pem_x509_certificates(exported.data) == [root]


@pytest.mark.server("openssl")
def test_openssl_reads_certificate_and_key_of_one_file(openssl: Callable[..., str]) -> None:
    data = PemExport(PemExport.Options(type="Certificate, chain and key")).export(sample_pki().bundle()).data
    assert "CN = www.example.org" in openssl("x509", "-noout", "-subject", data=data)
    assert openssl("x509", "-noout", "-pubkey", data=data) == openssl("pkey", "-pubout", data=data)
