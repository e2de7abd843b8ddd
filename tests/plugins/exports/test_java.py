"""JKS export, judged by Java's own keytool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jks
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12

from pki import keys
from pki.keys import PrivateKey
from plugins import Exported, Exporter, parse
from plugins.exports.java import JavaExport, KeyStoreExport, TrustStoreExport
from plugins.options import describe
from plugins.testing import ExporterContract, SamplePki, sample_pki

KEY_STORE, TRUST_STORE = "Java Key Store (JKS)", "Java Trust Store (JKS)"


def opened(exported: Exported) -> jks.KeyStore:
    return jks.KeyStore.loads(exported.data, exported.passphrase)


class JavaContract(ExporterContract):
    extension = "jks"
    encrypted = True
    wrong_values = {"passphrase": "short1!", "alias": "a" * 129}


class KeyStoreContract(JavaContract):
    def certificates_in(self, exported: Exported) -> list[x509.Certificate]:
        (entry,) = opened(exported).private_keys.values()
        return [x509.load_der_x509_certificate(der) for _, der in entry.cert_chain]

    def key_in(self, exported: Exported) -> PrivateKey:
        (entry,) = opened(exported).private_keys.values()
        return load_der_private_key(entry.pkey_pkcs8, None)  # type: ignore[return-value]


class TrustStoreContract(JavaContract):
    def certificates_in(self, exported: Exported) -> list[x509.Certificate]:
        store = opened(exported)
        assert not store.private_keys
        return [x509.load_der_x509_certificate(store.certs[alias].cert) for alias in sorted(store.certs)]


class TestKeyStore(KeyStoreContract):
    plugin_class = KeyStoreExport


class TestTrustStore(TrustStoreContract):
    plugin_class = TrustStoreExport


class TestKeyStoreByType(KeyStoreContract):
    plugin_class = JavaExport
    values = {"type": KEY_STORE}
    wrong_values = {"type": "PKCS12 (.p12)"}


class TestTrustStoreByType(TrustStoreContract):
    plugin_class = JavaExport
    values = {"type": TRUST_STORE}


def test_the_trust_store_numbers_its_entries_from_the_certificate_up() -> None:
    exported = TrustStoreExport(parse(TrustStoreExport.Options, {"alias": "Web"})).export(sample_pki().bundle())
    assert list(opened(exported).certs) == ["web_cert", "web_cert_1", "web_cert_2"]


def test_the_options_of_the_seeds_sample_are_understood() -> None:
    sample = [
        {"available": [KEY_STORE], "required": True, "type": "select", "name": "type", "value": KEY_STORE},
        {"required": False, "type": "str", "name": "passphrase", "validation": "x"},
        {"required": False, "type": "str", "name": "alias"},
    ]
    exported = JavaExport(parse(JavaExport.Options, sample)).export(sample_pki().bundle())
    assert exported.passphrase is not None
    assert len(exported.passphrase) == 24
    assert list(opened(exported).private_keys) == ["www.example.org"]
    assert [option["name"] for option in describe(JavaExport.Options)] == ["type", "passphrase", "alias"]


@pytest.mark.server("keytool")
@pytest.mark.parametrize("key_type", ["RSA2048", "ECCPRIME256V1", "ED25519"])
def test_java_opens_key_stores(keytool: Callable[..., str], tmp_path: Path, key_type: str) -> None:
    """keytool converts the store, so it has to decrypt the key and to understand it."""
    bundle = SamplePki(key_type).bundle(host="größe.example.org".encode("idna").decode())
    exported = KeyStoreExport().export(bundle)
    source, target = tmp_path / "store.jks", tmp_path / "store.p12"
    source.write_bytes(exported.data)
    from_ = ["-srckeystore", source, "-srcstoretype", "JKS", "-srcstorepass", exported.passphrase]
    to = ["-destkeystore", target, "-deststoretype", "PKCS12", "-deststorepass", exported.passphrase]
    keytool("-importkeystore", "-noprompt", *from_, *to)
    assert exported.passphrase is not None
    content = pkcs12.load_pkcs12(target.read_bytes(), exported.passphrase.encode())
    assert content.key is not None
    assert content.cert is not None
    assert bundle.private_key is not None
    assert keys.private_key_der(content.key) == keys.private_key_der(bundle.private_key)  # type: ignore[arg-type]
    assert content.cert.certificate == bundle.certificate
    assert [c.certificate for c in content.additional_certs] == list(bundle.chain)


@pytest.mark.server("keytool")
@pytest.mark.parametrize(
    ("plugin", "kind", "entries"),
    [(KeyStoreExport, "PrivateKeyEntry", 1), (TrustStoreExport, "trustedCertEntry", 3)],
)
def test_java_lists_stores_with_any_alias(
    keytool: Callable[..., str], tmp_path: Path, plugin: type[Exporter], kind: str, entries: int
) -> None:
    bundle = replace(sample_pki().bundle(), name="unused")
    exported = plugin(parse(plugin.Options, {"alias": "GRÖSSE \u202e😀 x"})).export(bundle)
    (tmp_path / "store.jks").write_bytes(exported.data)
    listed = keytool(
        "-list", "-storetype", "JKS", "-keystore", tmp_path / "store.jks", "-storepass", exported.passphrase
    )
    assert listed.count(kind) == entries
