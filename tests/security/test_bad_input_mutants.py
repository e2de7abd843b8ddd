"""Certificates, requests and containers with a few octets changed: taken in and shown, or refused, and nothing between."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.http import HttpResponse
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from certificates.models import Certificate
from tests.daily import DAILY
from tests.pki_material import material
from tests.security.bad_input import ORDERS, UPLOADS, armoured, door, newest, on_the_page, uploaded, watched
from tests.security.signing_requests import csr
from tests.security.test_bad_input_files import FILES, p12
from tests.security.world import World
from tests.unit.pki.test_pfx import SECRET

pytestmark = pytest.mark.django_db


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
    max_examples=25 if DAILY else 100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
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


@cache
def csr_bases() -> list[bytes]:
    return [x509.load_pem_x509_csr(csr().encode()).public_bytes(Encoding.DER)]


@given(der=mutants(csr_bases))
@MANY
def test_mutated_requests(der: bytes, world: World) -> None:
    """Nearly all fail their own signature; whatever does not must be harmless."""
    one = door(world, f"POST {ORDERS}")
    answer = one.ask({**one.body, "csr": armoured("CERTIFICATE REQUEST", der)})
    assert answer.status == 200 or not answer.refused()


@cache
def container_bases() -> list[bytes]:
    return [p12(), p12(legacy=True), FILES["PKCS#7"][0]()]


@given(der=mutants(container_bases))
@examples(MANY, max_examples=10 if DAILY else 40)
def test_mutated_containers(der: bytes, world: World) -> None:
    answer = on_the_page(world, der, passphrase=SECRET.decode())
    assert answer.status in (302, 400)
    assert answer.status == 302 or not answer.grown


def test_every_octet_of_a_certificate_changed_once(world: World) -> None:
    """Each seventh of them, so that it stays quick; a certificate that was taken in is read back as it was sent."""
    der = material().leaf.der
    for place in range(0, len(der), 7):
        mutant = der[:place] + bytes([der[place] ^ 0x55]) + der[place + 1 :]
        answer = uploaded(armoured("CERTIFICATE", mutant), world)
        if answer.status == 200:
            sent = x509.load_pem_x509_certificate(answer.response.json()["body"].encode())
            assert sent.public_bytes(Encoding.DER) == mutant, place
        else:
            assert not answer.refused(naming="body"), place
