"""The odd certificates that the library itself is tested with: taken in, or refused with a reason, and shown everywhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography import x509
from django.db import transaction

from certificates import service
from certificates.models import Certificate
from core.errors import DomainError
from pki.errors import PkiError
from tests.daily import DAILY, samples
from tests.pki_material import material
from tests.security.bad_input import ORDERS, armoured, door, names, on_the_page, rows, uploaded
from tests.security.world import World

pytestmark = pytest.mark.django_db

READING_FAILS = (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, x509.InvalidVersion)
SAYS_WHY = re.compile(
    r"Expected (a certificate alone|exactly one certificate), but the text (also )?holds|Not a readable X.509 certificate: \w|"
    r"The certificate's [a-z ]+ cannot be read: \w"
)
VECTORS = Path(cryptography_vectors.__file__).parent
PKITS = "PKITS_data"


def items() -> Iterator[tuple[str, str]]:
    """Name and PEM text of every file that might be a certificate; DER is put into armour."""
    there = (path for path in sorted((VECTORS / "x509").rglob("*")) if path.suffix in {".pem", ".der", ".crt"})
    for path in samples(there, every=5):
        data = path.read_bytes()
        is_pem = b"-----BEGIN " in data
        text = data.decode("latin-1") if is_pem else armoured("CERTIFICATE", data)
        yield str(path.relative_to(VECTORS / "x509")), text


@dataclass
class Taken:
    """What became of them."""

    certificates: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def taken(world: World) -> Taken:
    """Each is brought to the service once."""
    found = Taken()
    for name, text in items():
        before = rows()
        try:
            with transaction.atomic():
                made = service.upload(by=world.users["root"], owner="alice@example.org", body=text)
        except (DomainError, PkiError) as error:
            found.reasons[name] = " ".join(map(str, (error, getattr(error, "reasons", ""))))
            assert rows() == before, name
        else:
            found.certificates[name] = made.pk
    return found


def der_of(text: str) -> bytes:
    return base64.b64decode(text.partition("CERTIFICATE-----")[2].partition("-----END")[0])


def test_they_are_taken_in_or_refused_with_a_reason(taken: Taken) -> None:
    assert len(taken.certificates) >= (90 if DAILY else 500)
    unclear = {name: reason for name, reason in taken.reasons.items() if not SAYS_WHY.search(reason)}
    assert not unclear
    # Two of PKITS inherit the parameters of their DSA keys, which the library does not read.
    assert DAILY or sum(name.startswith(PKITS) for name in taken.reasons) == 2


def test_what_the_library_reads_is_taken_in(taken: Taken) -> None:
    """Refused is only what its own parts cannot be read from."""
    texts = dict(items())
    for name in taken.reasons:
        text = texts[name]
        if text.count("-----BEGIN ") == 1 and "-----BEGIN CERTIFICATE-----" in text:
            with pytest.raises(READING_FAILS):
                read_all(x509.load_der_x509_certificate(der_of(text)))


def read_all(certificate: x509.Certificate) -> None:
    for part in ("subject", "issuer", "extensions", "signature_algorithm_parameters", "not_valid_after_utc"):
        getattr(certificate, part)
    certificate.public_key()


def test_each_is_shown_exactly(taken: Taken, world: World) -> None:
    client, texts = world.client("admin", api=True), dict(items())
    for name, pk in taken.certificates.items():
        answer = client.get(f"/api/1/certificates/{pk}")
        assert answer.status_code == 200, name
        shown = answer.json()
        if texts[name].count("-----BEGIN") == 1:
            assert der_of(shown["body"]) == der_of(texts[name]), name
            assert shown["fingerprint"] == hashlib.sha256(der_of(texts[name])).hexdigest(), name
        assert json.dumps(shown, allow_nan=False)


def test_all_are_listed(taken: Taken, world: World) -> None:
    api, pages = world.client("admin", api=True), world.client("admin", api=False)
    listed = {item["id"] for item in api.get("/api/1/certificates?count=1000").json()["items"]}
    assert set(taken.certificates.values()) <= listed
    for ordering in ("", "cn", "-not_after", "serial", "issuer"):
        answer = pages.get(f"/certificates/?ordering={ordering}&count=1000")
        assert answer.status_code == 200
    for address in ("/", "/admin/core/auditentry/", "/admin/certificates/certificate/", "/admin/certificates/domain/"):
        answer = world.client("superuser", api=False).get(address)
        assert answer.status_code == 200, address


def some(taken: Taken) -> list[tuple[str, int]]:
    """All but those of PKITS, which are much alike: of them every tenth."""
    alike = [pair for pair in taken.certificates.items() if pair[0].startswith(PKITS)]
    return [pair for pair in taken.certificates.items() if not pair[0].startswith(PKITS)] + alike[::10]


def test_their_pages(taken: Taken, world: World) -> None:
    client = world.client("admin", api=False)
    for name, pk in some(taken):
        answer = client.get(f"/certificates/{pk}")
        assert answer.status_code == 200, name
        assert "<!doctype html>" in answer.content.decode()[:100].lower()


def test_their_exports(taken: Taken, world: World) -> None:
    """As PEM it is what came in; the other forms hold it or say why they cannot."""
    client = world.client("admin", api=True)
    for name, pk in some(taken):
        body = Certificate.objects.get(pk=pk).body
        for slug, options in (("pem-export", {"type": "Certificate"}), ("der-export", {}), ("pkcs7-export", {})):
            answer = client.post(
                f"/api/1/certificates/{pk}/export",
                {"plugin": {"slug": slug, "pluginOptions": options}},
                content_type="application/json",
            )
            assert answer.status_code == 200, (name, slug, answer.content)
            data = base64.b64decode(answer.json()["data"])
            if slug == "pem-export":
                assert data.decode().strip() == body.strip(), name
            elif slug == "der-export":
                assert data == der_of(body), name


def test_containers(world: World) -> None:
    """Every fortieth of PKITS, and those that the library is tested with."""
    files = [
        *sorted((VECTORS / "x509" / PKITS / "pkcs12").glob("*.p12"))[::40],
        *sorted((VECTORS / "pkcs12").rglob("*.p12")),
    ]
    statuses = Counter()
    for path in files:
        passphrase = "password" if PKITS in str(path) else "cryptography"
        answer = on_the_page(world, path.read_bytes(), passphrase=passphrase)
        assert answer.status in (302, 400), path.name
        assert answer.status == 302 or not answer.grown
        statuses[answer.status] += 1
    assert statuses[302] >= 15


def test_containers_of_certificates(world: World) -> None:
    for path in sorted((VECTORS / "pkcs7").iterdir()):
        answer = on_the_page(world, path.read_bytes())
        assert answer.status in (302, 400), path.name
        assert answer.status == 302 or not answer.grown


def test_keys(world: World) -> None:
    """Each kind of key file there is, beside a certificate that is another's: refused, and at the key."""
    folders = ("PEM_Serialization", "PKCS8", "Traditional_OpenSSL_Serialization", "OpenSSH", "DER_Serialization")
    paths = [path for folder in folders for path in sorted((VECTORS / "asymmetric" / folder).glob("*.pem"))]
    assert len(paths) > 50
    for path in paths:
        answer = uploaded(material().leaf.pem, world, privateKey=path.read_text("latin-1"))
        assert not answer.refused(), path.name
        assert names(answer.response, "privateKey") or names(answer.response, "Schema.rule"), path.name


def test_requests(world: World) -> None:
    one, taken = door(world, f"POST {ORDERS}"), []
    for path in sorted((VECTORS / "x509" / "requests").iterdir()):
        data = path.read_bytes()
        text = data.decode("latin-1") if b"-----BEGIN" in data else armoured("CERTIFICATE REQUEST", data)
        answer = one.ask({**one.body, "csr": text})
        assert answer.status == 200 or not answer.refused(), path.name
        taken += [path.name] if answer.status == 200 else []
    assert set(taken) == {
        "challenge-unstructured.pem", "ec_sha256.der", "ec_sha256.pem", "ec_sha256_old_header.pem", "rsa_sha256.der",
        "rsa_sha256.pem",
    }  # fmt: skip
