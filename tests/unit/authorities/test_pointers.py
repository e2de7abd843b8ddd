"""Where certificates say that revocation is looked up."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from authorities import pointers
from authorities.models import Authority
from authorities.service import update
from core.errors import Invalid
from pki.inspection import facts
from tests import pki_material
from tests.factories import a_certificate, an_authority

BASE = "http://pki.example.org"


def pointed(certificate: x509.Certificate) -> tuple[tuple[str, ...], ...]:
    found = facts(certificate).extensions
    return found.crl_urls, found.ocsp_urls, found.issuer_urls


def expected(authority: Authority, base: str = BASE) -> tuple[tuple[str, ...], ...]:
    place = f"{base}/pki/{authority.pk}"
    return (f"{place}/ca.crl",), (f"{place}/ocsp",), (f"{place}/ca.crt",)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("  ", ""),
        ("http://pki.example.org/", BASE),
        ("http://pki.example.org:8080/lemur//", "http://pki.example.org:8080/lemur"),
        ("http://[2001:db8::1]:80", "http://[2001:db8::1]:80"),
    ],
)
def test_a_base_as_it_is_kept(given, kept):
    assert pointers.base_url(given) == kept


@pytest.mark.parametrize(
    "wrong",
    [
        "https://pki.example.org", "pki.example.org", "ftp://a", "http://", "http://a?b", "http://a#b", "http://u@a",
        "http://a b", "http://a:0", "http://a:99999", "http://[::1", "http://ä.example", "http://a/\u0007", "http://" + "a" * 200,
    ],
)  # fmt: skip
def test_what_is_no_base(wrong):
    with pytest.raises(Invalid) as refused:
        pointers.base_url(wrong)
    assert set(refused.value.reasons) == {"pki_base_url"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9:80", "localhost", "a.localhost:1", "[::1]:8000"])
def test_loopback(host):
    assert pointers.is_loopback(f"http://{host}/x")
    assert not pointers.is_loopback("http://192.0.2.1")


@pytest.mark.django_db
def test_leaves_point_to_their_issuer_and_intermediates_to_theirs(people, settings):
    settings.PKI_ROOT = BASE
    root = an_authority(people.root, name="R", roles=[people.team])
    lower = an_authority(people.root, name="L", parent=root, roles=[people.team], path_length=0)
    leaf = a_certificate(people.alice, lower)
    assert root.pki_base_url == lower.pki_base_url == BASE
    assert pointed(root.certificate) == ((), (), ())
    assert pointed(lower.certificate) == expected(root)
    assert pointed(leaf.parsed) == expected(lower)
    assert pointers.warning(lower) == ""


@pytest.mark.django_db
@pytest.mark.parametrize("base", ["", "http://127.0.0.1:8000"])
def test_without_a_base_that_others_reach_nothing_is_said_but_a_warning(people, root_ca, base):
    update(root_ca, by=people.root, pki_base_url=base)
    assert pointed(a_certificate(people.alice, root_ca).parsed) == ((), (), ())
    assert "without the addresses" in pointers.warning(root_ca)


@pytest.mark.django_db
def test_the_demo_may_point_to_this_machine(people, root_ca):
    Authority.objects.filter(pk=root_ca.pk).update(demo=True, pki_base_url="http://127.0.0.1:8000")
    root_ca.refresh_from_db()
    made = a_certificate(people.alice, root_ca)
    assert pointed(made.parsed) == expected(root_ca, "http://127.0.0.1:8000")


@pytest.mark.django_db
def test_nobody_asks_for_addresses_of_their_own(people, root_ca):
    update(root_ca, by=people.root, pki_base_url=BASE)
    builder = x509.CertificateSigningRequestBuilder().subject_name(pki_material.name("www.example.org"))
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("http://evil.example/x.crl")], None, None, None)
    builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    csr = builder.sign(pki_material.p256(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    with pytest.raises(Invalid, match="crl"):
        a_certificate(people.alice, root_ca, csr=csr)
