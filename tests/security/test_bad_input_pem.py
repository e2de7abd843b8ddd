"""Certificates, chains, keys and requests that are damaged, doubled or of the wrong kind: said at their field, and no row."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.conf import settings

from pki import containers, requests
from pki.extensions import Extensions
from tests import pki_material
from tests.pki_material import as_pem, key_as_pem, material
from tests.security.bad_input import ORDERS, armoured, door, form_of, uploaded, watched
from tests.security.world import World

pytestmark = pytest.mark.django_db

Made = Callable[[], str]
PAGE = "/certificates/import"


def leaf() -> str:
    return material().leaf.pem


@cache
def csr() -> str:
    return requests.build(pki_material.name("csr.example.org"), Extensions(), pki_material.p256())


def public_key() -> str:
    return pki_material.p256().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def encrypted_key() -> str:
    how = BestAvailableEncryption(b"secret")
    return pki_material.p256().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


def exchange_key() -> str:
    key = x25519.X25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def half(text: str) -> str:
    return text[: len(text) // 2]


NO_PEM: dict[str, Made] = {
    "nothing but words": lambda: "a certificate, please",
    "DER as text": lambda: material().leaf.der.decode("latin-1").replace("\0", "0"),
    "base64 alone": lambda: base64.b64encode(material().leaf.der).decode(),
    "begin alone": lambda: "-----BEGIN CERTIFICATE-----",
    "end alone": lambda: "-----END CERTIFICATE-----",
    "nothing inside": lambda: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "no base64 inside": lambda: "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
    "rubbish inside": lambda: armoured("CERTIFICATE", b"rubbish" * 20),
    "half of it": lambda: half(leaf()),
    "half of its DER": lambda: armoured("CERTIFICATE", material().leaf.der[:200]),
    "one octet too many": lambda: armoured("CERTIFICATE", material().leaf.der + b"\0"),
    "one octet too few": lambda: armoured("CERTIFICATE", material().leaf.der[:-1]),
    "mixed labels": lambda: leaf().replace("END CERTIFICATE", "END CERTIFICATE REQUEST"),
    "dashes missing": lambda: leaf().replace("-----", "----"),
    "a list in ASN.1": lambda: armoured("CERTIFICATE", b"\x30\x00"),
    "a length of 4 GB": lambda: armoured("CERTIFICATE", b"\x30\x84\xff\xff\xff\xff"),
    "lists in lists": lambda: armoured("CERTIFICATE", b"\x30\x80" * 20_000),
    "10,000 beginnings": lambda: "-----BEGIN CERTIFICATE-----\n" * 10_000,
    "10,000 empty blocks": lambda: armoured("CERTIFICATE", b"") * 10_000,
    "a label of a megabyte": lambda: f"-----BEGIN {'A' * 1_000_000}-----",
    "dashes only": lambda: "-" * 100_000,
    "other letters": lambda: leaf().replace("A", "А"),
    "HTML": lambda: "<html><body>502 Bad Gateway</body></html>",
}  # fmt: skip
NO_CERTIFICATE: dict[str, Made] = {
    "a CSR": csr,
    "a key": lambda: material().leaf.key_pem,
    "an encrypted key": encrypted_key,
    "a public key": public_key,
    "a PKCS#7": lambda: containers.pkcs7([material().leaf.certificate], der=False).decode(),
    "a CSR that says certificate": lambda: csr().replace("CERTIFICATE REQUEST", "CERTIFICATE"),
    "a key that says certificate": lambda: armoured("CERTIFICATE", b"\x30\x03\x02\x01\x00"),
    "a trusted certificate": lambda: leaf().replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
    "a CRL": lambda: armoured("X509 CRL", b"\x30\x00"),
    "two certificates": lambda: leaf() * 2,
    "certificate and chain": lambda: as_pem(material().leaf.certificate, *material().chain),
    "certificate and key": lambda: leaf() + material().leaf.key_pem,
    "a thousand certificates": lambda: leaf() * 1000,
}  # fmt: skip


@pytest.mark.parametrize("made", [*NO_PEM.values(), *NO_CERTIFICATE.values()], ids=[*NO_PEM, *NO_CERTIFICATE])
def test_a_body_that_is_no_certificate(made: Made, world: World) -> None:
    text = made()
    assert not uploaded(text, world).refused(naming="body")
    assert not uploaded("", world, publicCert=text).refused(naming="body")
    one = door(world, "POST /api/1/authorities/import")
    assert not one.ask({**one.body, "body": text}).refused(naming="body")
    page = world.client("admin", api=False)
    answer = watched(lambda: page.post(PAGE, {"owner": "alice@example.org", "body": text}))
    assert (answer.status, answer.grown, list(form_of(answer.response).errors)) == (400, frozenset(), ["body"])


NO_CHAIN: dict[str, Made] = {
    **NO_PEM,
    "a CSR": csr,
    "a key": lambda: material().intermediate.key_pem,
    "a key behind it": lambda: material().intermediate.pem + material().intermediate.key_pem,
    "half of the second one": lambda: material().intermediate.pem + half(material().root.pem),
    "a hundred": lambda: material().intermediate.pem * 100,
    "one too many": lambda: as_pem(*long_chain()[1]),
}


@pytest.mark.parametrize("made", NO_CHAIN.values(), ids=NO_CHAIN)
def test_a_chain_that_is_none(made: Made, world: World) -> None:
    text = made()
    for name in ("chain", "intermediateCert"):
        assert not uploaded(leaf(), world, **{name: text}).refused(naming="chain")
    one = door(world, "POST /api/1/authorities/import")
    assert not one.ask({**one.body, "chain": text}).refused(naming="chain")


@cache
def long_chain(length: int = 11) -> tuple[pki_material.Pair, list[x509.Certificate]]:
    """A leaf, and so many certificates above it up to a root."""
    pairs = [pki_material.material().root]
    for number in range(length - 1):
        pairs.append(pki_material.material().intermediate_with(pairs[-1], cn=f"CA {number}"))
    leaf = material().leaf_with(cn="deep.example.org", issuer=pairs[-1])
    return leaf, [pair.certificate for pair in reversed(pairs)]


def test_a_chain_of_ten_is_taken(world: World) -> None:
    leaf, chain = long_chain(settings.MAX_CHAIN)
    assert uploaded(leaf.pem, world, chain=as_pem(*chain)).status == 200


WRONG_CHAINS: dict[str, Callable[[], tuple[x509.Certificate, ...]]] = {
    "the root first": lambda: tuple(reversed(material().chain)),
    "the issuer twice": lambda: (material().intermediate.certificate, *material().chain),
    "the issuer left out": lambda: (material().root.certificate,),
    "another CA's": lambda: (material().other_root.certificate,),
    "the leaf itself": lambda: (material().leaf.certificate, *material().chain),
    "one of the same name": lambda: (
        material().intermediate_with(material().root, cn="Example Issuing CA").certificate,
    ),
}


@pytest.mark.parametrize("made", WRONG_CHAINS.values(), ids=WRONG_CHAINS)
def test_a_chain_out_of_order(made: Callable[[], tuple[x509.Certificate, ...]], world: World) -> None:
    """Said of the whole, as Lemur does."""
    answer = uploaded(leaf(), world, chain=as_pem(*made()))
    assert not answer.refused(naming="Schema.rule", saying="Incorrect chain certificate(s) provided")


NO_KEY: dict[str, Made] = {
    "words": lambda: "a key, please",
    "a certificate": leaf,
    "a public key": public_key,
    "an encrypted one": encrypted_key,
    "one that cannot sign": exchange_key,
    "two": lambda: material().leaf.key_pem * 2,
    "half of it": lambda: half(material().leaf.key_pem),
    "rubbish": lambda: armoured("PRIVATE KEY", b"rubbish" * 20),
    "rubbish that is encrypted": lambda: armoured("ENCRYPTED PRIVATE KEY", b"rubbish" * 20),
    "rubbish in the old form": lambda: armoured("EC PRIVATE KEY", b"rubbish" * 20),
    "encrypted in the old form": lambda: (
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,0011223344556677\n\nAAAA\n"
        "-----END RSA PRIVATE KEY-----\n"
    ),
    "parameters alone": lambda: armoured("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107")),
    "an OpenSSH key": lambda: material().leaf.key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
    "an explicit curve": lambda: armoured("PRIVATE KEY", bytes.fromhex("3041020100301306072a8648ce3d020106082a8648ce3d0301070427")),
    "a private value of zero": lambda: armoured(
        "EC PRIVATE KEY", bytes.fromhex("30310201010420" + "00" * 32 + "a00a06082a8648ce3d030107")
    ),
    "a private value beyond the order": lambda: armoured(
        "EC PRIVATE KEY", bytes.fromhex("30310201010420" + "ff" * 32 + "a00a06082a8648ce3d030107")
    ),
}  # fmt: skip


@pytest.mark.parametrize("made", NO_KEY.values(), ids=NO_KEY)
def test_a_private_key_that_is_none(made: Made, world: World) -> None:
    text = made()
    assert not uploaded(leaf(), world, privateKey=text).refused(naming="privateKey")
    one = door(world, "POST /api/1/authorities/import")
    assert not one.ask({**one.body, "privateKey": text}).refused(naming="privateKey")


def test_a_private_key_of_another_certificate(world: World) -> None:
    for pair in (material().intermediate, material().rsa_leaf, material().ed25519_leaf, material().p384_leaf):
        for key in (pair.key_pem, key_as_pem(ec.derive_private_key(5, ec.SECP256R1()))):
            answer = uploaded(leaf(), world, privateKey=key)
            assert not answer.refused(naming="Schema.rule", saying="Private key does not match certificate.")


NO_CSR: dict[str, Made] = {
    **{name: (lambda made=made: made().replace("CERTIFICATE", "CERTIFICATE REQUEST")) for name, made in NO_PEM.items()},  # type: ignore[misc]
    "a certificate": leaf,
    "a key": lambda: material().leaf.key_pem,
    "two": lambda: csr() * 2,
    "with its key": lambda: csr() + material().leaf.key_pem,
    "half of it": lambda: half(csr()),
    "signed by somebody else": lambda: tampered(csr()),
}


def tampered(pem: str) -> str:
    """The last octet of the signature is another one."""
    der = bytearray(x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER))
    der[-1] ^= 1
    return armoured("CERTIFICATE REQUEST", bytes(der))


@pytest.mark.parametrize("made", NO_CSR.values(), ids=NO_CSR)
def test_a_csr_that_is_none(made: Made, world: World) -> None:
    text = made()
    one = door(world, f"POST {ORDERS}")
    assert not one.ask({**one.body, "csr": text}).refused(naming="csr")
    assert not uploaded(leaf(), world, csr=text).refused(naming="csr")
