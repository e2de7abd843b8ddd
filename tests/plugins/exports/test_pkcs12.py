"""PKCS#12 export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import pkcs12

from pki import keys
from pki.keys import PrivateKey
from plugins import Exported, OptionErrors, Permanent, parse
from plugins.exports.pkcs12 import Pkcs12Export
from plugins.options import describe
from plugins.testing import ExporterContract, SamplePki, sample_pki

MODERN, LEGACY = "PKCS12 (.p12)", "legacy PKCS12 (.p12)"


def opened(exported: Exported) -> pkcs12.PKCS12KeyAndCertificates:
    assert exported.passphrase is not None
    return pkcs12.load_pkcs12(exported.data, exported.passphrase.encode())


class Pkcs12Contract(ExporterContract):
    plugin_class = Pkcs12Export
    extension = "p12"
    encrypted = True
    wrong_values = {"type": "JKS", "passphrase": "short1!", "alias": "a" * 129}

    def certificates_in(self, exported: Exported) -> list[x509.Certificate]:
        content = opened(exported)
        assert content.cert is not None
        return [content.cert.certificate, *(c.certificate for c in content.additional_certs)]

    def key_in(self, exported: Exported) -> PrivateKey | None:
        return opened(exported).key  # type: ignore[return-value]


class TestModern(Pkcs12Contract):
    values = {"type": MODERN}


class TestLegacy(Pkcs12Contract):
    values = {"type": LEGACY}


def test_the_type_must_be_chosen_and_is_asked_first() -> None:
    with pytest.raises(OptionErrors, match=r"Option 'type' is required\."):
        parse(Pkcs12Export.Options, {})
    first = describe(Pkcs12Export.Options)[0]
    assert (first["name"], first["required"], first["available"]) == ("type", True, [MODERN, LEGACY])


def test_a_given_passphrase_and_alias_are_used() -> None:
    options = parse(Pkcs12Export.Options, {"type": MODERN, "passphrase": "Correct1!", "alias": "my größe"})
    exported = Pkcs12Export(options).export(sample_pki().bundle())
    assert exported.passphrase == "Correct1!"
    certificate = opened(exported).cert
    assert certificate is not None
    assert certificate.friendly_name == "my größe".encode()


def test_a_key_the_format_cannot_hold_is_refused_with_the_reason() -> None:
    bundle = replace(sample_pki().bundle(), private_key=mldsa.MLDSA65PrivateKey.generate())
    with pytest.raises(Permanent, match="'sample' cannot be exported as PKCS#12: "):
        Pkcs12Export(Pkcs12Export.Options(type=MODERN)).export(bundle)


@pytest.mark.server("openssl")
@pytest.mark.parametrize("kind", [MODERN, LEGACY])
@pytest.mark.parametrize("key_type", ["RSA2048", "ECCPRIME256V1", "ED25519"])
def test_openssl_opens_it(openssl: Callable[..., str], kind: str, key_type: str) -> None:
    exported = Pkcs12Export(Pkcs12Export.Options(type=kind)).export(SamplePki(key_type).bundle())
    arguments = ["pkcs12", "-passin", f"pass:{exported.passphrase}", "-nodes", *(["-legacy"] if kind == LEGACY else [])]
    text = openssl(*arguments, data=exported.data)
    assert text.count("BEGIN CERTIFICATE") == 3
    assert text.count("PRIVATE KEY-----") == 2
    assert "friendlyName: www.example.org" in text


@pytest.mark.server("keytool")
def test_java_opens_it(keytool: Callable[..., str], tmp_path: Path) -> None:
    bundle = sample_pki().bundle()
    exported = Pkcs12Export(Pkcs12Export.Options(type=MODERN)).export(bundle)
    (tmp_path / "store.p12").write_bytes(exported.data)
    listed = keytool("-list", "-v", "-keystore", tmp_path / "store.p12", "-storepass", exported.passphrase)
    assert "Entry type: PrivateKeyEntry" in listed
    assert "Certificate chain length: 3" in listed
    assert bundle.private_key is not None
    assert keys.belongs(bundle.private_key, bundle.certificate.public_key())
