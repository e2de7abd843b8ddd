"""Files of every kind on the page that imports: cut short, under another passphrase, or made to keep us busy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from django.conf import settings

from pki import containers
from tests import pki_material
from tests.pki_material import as_pem, material
from tests.security.bad_input import Answer, armoured, form_of, on_the_page
from tests.security.signing_requests import csr
from tests.security.test_bad_input_pem import leaf
from tests.security.world import World
from tests.unit.pki.test_pfx import SECRET, File

pytestmark = pytest.mark.django_db


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
