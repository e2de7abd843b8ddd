"""Certificates, chains, keys and containers that are damaged, doubled, of the wrong kind, or hostile: said at their field."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from typing import Any

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
from django.http import HttpResponse
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from certificates.models import Certificate
from pki import containers, requests
from pki.extensions import Extensions
from tests import pki_material
from tests.pki_material import as_pem, key_as_pem, material
from tests.security.bad_input import ORDERS, UPLOADS, Answer, door, newest, uploaded, watched
from tests.security.test_bad_input_pages import form_of, send_file
from tests.security.world import World
from tests.unit.pki.test_pfx import SECRET, File

pytestmark = pytest.mark.django_db

Made = Callable[[], str]
PAGE = "/certificates/import"


def leaf() -> str:
    return material().leaf.pem


@cache
def csr() -> str:
    return requests.build(pki_material.name("csr.example.org"), Extensions(), pki_material.p256())


def armoured(label: str, data: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(data).decode()}-----END {label}-----\n"


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


def on_the_page(world: World, data: bytes, **fields: str) -> Answer:
    """This file, on the page that imports."""
    client = world.client("admin", api=False)
    return send_file(client, PAGE, name=b"a", data=data, owner="alice@example.org", **fields)


def p12(**how: Any) -> bytes:
    pair = material().leaf
    return containers.pkcs12("www", pair.key, pair.certificate, material().chain, SECRET.decode(), **how)


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "PEM": (lambda: leaf().encode(), ""),
    "DER": (lambda: material().leaf.der, ""),
    "PKCS#7": (lambda: containers.pkcs7([material().leaf.certificate, *material().chain], der=True), ""),
    "PKCS#12": (p12, SECRET.decode()),
    "PKCS#12 of old": (lambda: p12(legacy=True), SECRET.decode()),
    "PEM with its encrypted key": (
        lambda: leaf().encode() + material().leaf.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(SECRET)
        ),
        SECRET.decode(),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("made", "passphrase"), FILES.values(), ids=FILES)
def test_files_as_they_should_be(made: Callable[[], bytes], passphrase: str, world: World) -> None:
    """Else that the spoiled ones are refused would mean nothing."""
    assert on_the_page(world, made(), passphrase=passphrase).status == 302


def said_of_the_file(answer: Answer) -> str:
    assert (answer.status, answer.grown) == (400, frozenset()), answer.response.content[:300]
    return " ".join(form_of(answer.response).errors["body_file"])


@pytest.mark.parametrize("name", FILES)
def test_files_cut_short_or_with_something_behind(name: str, world: World) -> None:
    made, passphrase = FILES[name]
    data = made()
    for cut in (1, 2, 10, len(data) // 4, len(data) // 2, len(data) - 40):
        assert said_of_the_file(on_the_page(world, data[:cut], passphrase=passphrase)), cut
    if "PEM" not in name:
        for behind in (b"\0", b"rubbish", data):
            answer = on_the_page(world, data + behind, passphrase=passphrase)
            assert answer.status in (302, 400)
            assert answer.status == 302 or said_of_the_file(answer)


def test_another_passphrase(world: World) -> None:
    for name in ("PKCS#12", "PKCS#12 of old", "PEM with its encrypted key"):
        data = FILES[name][0]()
        for passphrase in ("", "wrong", SECRET.decode() + " ", SECRET.decode().upper(), "x" * 100_000, "ﷺ" * 1000):
            said = said_of_the_file(on_the_page(world, data, passphrase=passphrase))
            assert "passphrase" in said, (name, said)


@pytest.mark.parametrize("number", [3_000_001, 2**31 - 1, 10**30])
@pytest.mark.parametrize("where", [File.in_mac, File.in_certificates, File.in_key])
def test_a_pkcs12_that_asks_for_hours_of_work(where: Any, number: int, world: World) -> None:
    answer = on_the_page(world, bytes(where(File(), number)), passphrase=SECRET.decode())
    assert "would take too long" in said_of_the_file(answer)
    assert answer.seconds < 1


def test_an_encrypted_key_that_asks_for_hours_of_work(world: World) -> None:
    from tests.unit.pki.test_encrypted import with_derivation

    text = armoured("ENCRYPTED PRIVATE KEY", with_derivation(iterations=2_000_000_000))
    answer = on_the_page(world, leaf().encode() + text.encode(), passphrase="open sesame")
    assert "would take too long" in said_of_the_file(answer)
    assert answer.seconds < 1


STRANGE_FILES: dict[str, Callable[[], bytes]] = {
    "a CSR": lambda: csr().encode(),
    "a key alone": lambda: bytes(material().leaf.key_pem, "ascii"),
    "another certificate's key": lambda: leaf().encode() + material().rsa_leaf.key_pem.encode(),
    "two keys": lambda: leaf().encode() + material().leaf.key_pem.encode() * 2,
    "51 certificates": lambda: leaf().encode() * 51,
    "51 certificates in a PKCS#7": lambda: containers.pkcs7([material().leaf.certificate] * 51, der=True),
    "a zip file": lambda: b"PK\x03\x04" + bytes(100),
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a JKS": lambda: b"\xfe\xed\xfe\xed\0\0\0\x02" + bytes(40),
    "UTF-16": lambda: leaf().encode("utf-16"),
    "lists in lists": lambda: b"\x30\x80" * 100_000,
    "a certificate in a PKCS#12's clothes": lambda: b"\x30\x82\xff\xff\x02\x01\x03" + bytes(70_000),
    "too large": lambda: b"0" * (settings.MAX_PEM_IN_IMPORT + 1),
}  # fmt: skip


@pytest.mark.parametrize("made", STRANGE_FILES.values(), ids=STRANGE_FILES)
def test_strange_files(made: Callable[[], bytes], world: World) -> None:
    data = made()
    answer = on_the_page(world, data, passphrase="secret")
    assert (answer.status, answer.grown) == (400, frozenset())
    assert form_of(answer.response).errors
    assert answer.seconds < 2


# Mutants: what they are made of, and what must hold whatever becomes of them.
def bases() -> list[bytes]:
    one = material()
    pairs = (one.leaf, one.root, one.rsa_leaf, one.ed25519_leaf, one.wildcard_leaf, one.self_signed_leaf)
    return [pair.der for pair in pairs]


@st.composite
def mutants(draw: st.DrawFn, of: Callable[[], list[bytes]]) -> bytes:
    """A few octets changed, cut out or repeated, where they hurt: often in a tag or a length."""
    data = bytearray(draw(st.sampled_from(of())))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["set", "set", "set", "flip", "cut", "repeat", "swap"])):
            case "set":
                data[place] = draw(
                    st.sampled_from(
                        [0, 1, 2, 5, 0x0C, 0x13, 0x16, 0x17, 0x1E, 0x30, 0x31, 0x7F, 0x80, 0x82, 0xA0, 0xFF]
                    )
                )
            case "flip":
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[place : place + draw(st.integers(1, 8))]
            case "repeat":
                data[place:place] = data[place : place + draw(st.integers(1, 8))]
            case "swap":
                other = draw(st.integers(0, len(data) - 1))
                data[place], data[other] = data[other], data[place]
        data = data or bytearray(b"\0")
    return bytes(data)


MANY = examples(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@given(der=mutants(bases))
@MANY
def test_mutated_certificates(der: bytes, world: World) -> None:
    problems: list[str] = []
    api, pages = world.client("admin", api=True), world.client("admin", api=False)

    def upload_and_look() -> HttpResponse:
        body = {"owner": "alice@example.org", "body": armoured("CERTIFICATE", der)}
        response = api.post(UPLOADS, body, content_type="application/json")
        if response.status_code == 200:
            problems.extend(looked_at(newest(), api, pages))
        return response

    answer = watched(upload_and_look)
    assert not problems
    assert not answer.sane()
    assert answer.status == 200 or not answer.refused(naming="body")


def looked_at(certificate: Certificate, api: Any, pages: Any) -> list[str]:
    """Everywhere that a certificate is shown; what failed."""
    pem = {"plugin": {"slug": "pem-export", "pluginOptions": {"type": "Certificate"}}}
    export = f"/api/1/certificates/{certificate.pk}/export"
    answers = {
        "detail": api.get(f"/api/1/certificates/{certificate.pk}"),
        "page": pages.get(f"/certificates/{certificate.pk}"),
        "export": api.post(export, pem, content_type="application/json"),
    }
    return [f"{name}: {answer.status_code}" for name, answer in answers.items() if answer.status_code != 200]


def csr_bases() -> list[bytes]:
    return [x509.load_pem_x509_csr(csr().encode()).public_bytes(Encoding.DER)]


@given(der=mutants(csr_bases))
@MANY
def test_mutated_requests(der: bytes, world: World) -> None:
    """Nearly all fail their own signature; whatever does not must be harmless."""
    one = door(world, f"POST {ORDERS}")
    answer = one.ask({**one.body, "csr": armoured("CERTIFICATE REQUEST", der)})
    assert answer.status == 200 or not answer.refused()


@given(der=mutants(lambda: [p12(), p12(legacy=True), FILES["PKCS#7"][0]()]))
@examples(MANY, max_examples=60)
def test_mutated_containers(der: bytes, world: World) -> None:
    answer = on_the_page(world, der, passphrase=SECRET.decode())
    assert answer.status in (302, 400)
    assert answer.status == 302 or not answer.grown


def test_every_octet_of_a_certificate_changed_once(world: World) -> None:
    """Each fifth of them, so that it stays quick; a certificate that was taken in is read back as it was sent."""
    der = material().leaf.der
    for place in range(0, len(der), 5):
        mutant = der[:place] + bytes([der[place] ^ 0x55]) + der[place + 1 :]
        answer = uploaded(armoured("CERTIFICATE", mutant), world)
        if answer.status == 200:
            sent = x509.load_pem_x509_certificate(answer.response.json()["body"].encode())
            assert sent.public_bytes(Encoding.DER) == mutant, place
        else:
            assert not answer.refused(naming="body"), place


def test_chains_of_names_that_chase_each_other(world: World) -> None:
    """Two CAs that signed each other, and fifty of one name: the search for a way up ends."""
    one, other = pki_material.p256(), pki_material.p256()
    names = pki_material.name("One"), pki_material.name("Other")
    pairs = [
        pki_material.Pair(pki_material.certificate(n, k, extensions=pki_material.ca_extensions(k)), k)
        for n, k in zip(names, (one, other), strict=True)
    ]
    crossed = [
        pki_material.certificate(names[0], one, pairs[1], extensions=pki_material.ca_extensions(one)),
        pki_material.certificate(names[1], other, pairs[0], extensions=pki_material.ca_extensions(other)),
    ]
    leaf = material().leaf_with(cn="looped.example.org", issuer=pairs[0])
    answer = on_the_page(world, as_pem(leaf.certificate, *crossed).encode())
    assert answer.status == 302
    twins = [pki_material.certificate(names[0], one, extensions=pki_material.ca_extensions(one)) for _ in range(49)]
    answer = on_the_page(world, as_pem(leaf.certificate, *twins).encode())
    assert answer.status in (302, 400)
    assert answer.seconds < 2
