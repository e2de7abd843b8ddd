"""Signing requests that ask for more than their sender may have: refused, or issued exactly within the profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import univ
from pyasn1_alt_modules import rfc2986, rfc5280

from tests.pki_material import key_usage, material, p256
from tests.security.bad_input import armoured
from tests.security.signing_requests import ALLOWED, CN, ask, beyond, cn, csr, dns, resigned
from tests.security.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def allowed_domains(settings: Any) -> None:
    settings.LEMUR_ALLOWED_DOMAINS = [ALLOWED]


def test_a_modest_request_is_issued(world: World) -> None:
    """Else that the greedy ones are refused would mean nothing."""
    for pem in (csr(), csr(dns("www.example.org", "a.example.org")), csr(dns("*.example.org"), subject=[])):
        answer = ask(pem, world)
        assert answer.status == 200, answer.response.content
        assert not beyond(answer, pem)


GREEDY: dict[str, tuple[Callable[[], str], str]] = {
    "to be a CA": (lambda: csr((x509.BasicConstraints(ca=True, path_length=None), True)), "basicConstraints"),
    "to be a CA of depth 0": (lambda: csr((x509.BasicConstraints(ca=True, path_length=0), False)), "basicConstraints"),
    "to sign certificates": (lambda: csr((key_usage("digital_signature", "key_cert_sign"), True)), "keyUsage"),
    "to sign CRLs": (lambda: csr((key_usage("crl_sign"), False)), "keyUsage"),
    "to sign documents": (lambda: csr((key_usage("content_commitment"), False)), "keyUsage"),
    "to answer OCSP": (lambda: csr((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)), "extendedKeyUsage"),
    "any purpose": (lambda: csr((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)), "extendedKeyUsage"),
    "to sign code": (
        lambda: csr((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING]), False)),
        "extendedKeyUsage",
    ),
    "an unknown purpose": (lambda: csr((x509.ExtendedKeyUsage([ObjectIdentifier("1.2.3.4")]), False)), "extendedKeyUsage"),
    "an unknown critical extension": (
        lambda: csr((x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)), "custom",
    ),
    "an unknown extension": (
        lambda: csr((x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False)), "custom",
    ),
    "name constraints": (lambda: csr((x509.NameConstraints([x509.DNSName("example.org")], None), True)), "custom"),
    "policy constraints": (lambda: csr((x509.PolicyConstraints(0, 0), True)), "custom"),
    "OCSP without checking": (lambda: csr((x509.OCSPNoCheck(), False)), "custom"),
    "issuer's alternative names": (lambda: csr((x509.IssuerAlternativeName([x509.DNSName("ca.example.org")]), False)), "custom"),
    "its own CRL": (
        lambda: csr((x509.CRLDistributionPoints(
            [x509.DistributionPoint([x509.UniformResourceIdentifier("http://169.254.169.254/")], None, None, None)]), False)),
        "crlUrls",
    ),
    "its own OCSP": (
        lambda: csr((x509.AuthorityInformationAccess([x509.AccessDescription(
            ObjectIdentifier("1.3.6.1.5.5.7.48.1"), x509.UniformResourceIdentifier("http://evil.example/"))]), False)),
        "ocspUrls",
    ),
    "a policy": (
        lambda: csr((x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier("2.23.140.1.1"), None)]), False)), "policies",
    ),
}  # fmt: skip


@pytest.mark.parametrize("person", ["owner", "admin"])
@pytest.mark.parametrize(("made", "field"), GREEDY.values(), ids=GREEDY)
def test_greedy_extensions_are_refused(made: Callable[[], str], field: str, person: str, world: World) -> None:
    """Whoever asks: the profile is the authority's word."""
    assert not ask(made(), world, person).refused(naming=f"extensions.{field}")


def test_identifiers_are_ours_to_choose(world: World) -> None:
    """Requests of many tools hold one; it is ignored."""
    other = material().root.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    pem = csr((other, False), (x509.AuthorityKeyIdentifier(b"x" * 20, None, None), False))
    answer = ask(pem, world)
    assert answer.status == 200
    issued = x509.load_pem_x509_certificate(answer.response.json()["body"].encode())
    assert issued.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest != other.digest
    assert issued.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier != b"x" * 20


SUBJECTS: dict[str, tuple[list[x509.NameAttribute[Any]], str]] = {
    "two common names": ([CN, *cn("evil.example")], "commonName"),
    "the same common name twice": ([CN, CN], "commonName"),
    "an unknown attribute": ([CN, x509.NameAttribute(ObjectIdentifier("1.2.3.4"), "x")], "subject"),
    "a user id": ([CN, x509.NameAttribute(NameOID.USER_ID, "root")], "subject"),
    "a domain component": ([CN, x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "evil")], "subject"),
    "a serial number": ([CN, x509.NameAttribute(NameOID.SERIAL_NUMBER, "1")], "subject"),
    "two organisations": ([CN, *[x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Evil Inc")] * 2], "organization"),
    "a control character": ([CN, x509.NameAttribute(NameOID.ORGANIZATION_NAME, "a\x1bb")], "organization"),
    "right to left": ([CN, x509.NameAttribute(NameOID.ORGANIZATION_NAME, "\u202eb")], "organization"),
    "a country of no land": ([CN, x509.NameAttribute(NameOID.COUNTRY_NAME, "12")], "country"),
    "an e-mail address that is none": ([CN, x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a b")], "email"),
}


@pytest.mark.parametrize(("subject", "field"), SUBJECTS.values(), ids=SUBJECTS)
def test_subjects(subject: list[x509.NameAttribute[Any]], field: str, world: World) -> None:
    assert not ask(csr(dns("www.example.org"), subject=subject), world).refused(naming=field)


def twice(info: Any) -> None:
    """The extension request with its first extension repeated."""
    values = info["attributes"][0]["values"]
    found, _ = decoder.decode(values[0], asn1Spec=rfc5280.Extensions())
    found.append(found[0])
    values[0] = univ.Any(encoder.encode(found))


def two_requests(info: Any) -> None:
    """Two extension requests, of which readers take one or the other."""
    again, _ = decoder.decode(encoder.encode(info["attributes"][0]), asn1Spec=rfc2986.Attribute())
    names = x509.SubjectAlternativeName([x509.DNSName("evil.example")]).public_bytes()
    one = rfc5280.Extension()
    one["extnID"], one["extnValue"] = "2.5.29.17", names
    extensions = rfc5280.Extensions()
    extensions.append(one)
    again["values"][0] = univ.Any(encoder.encode(extensions))
    info["attributes"].append(again)


def two_values(info: Any) -> None:
    """One extension request with two values."""
    info["attributes"][0]["values"].append(univ.Any(b"\x30\x00"))


def huge_attribute(info: Any) -> None:
    one = rfc2986.Attribute()
    one["type"] = "1.2.840.113549.1.9.7"
    one["values"][0] = univ.Any(encoder.encode(univ.OctetString(b"x" * 90_000)))
    info["attributes"].append(one)


def many_attributes(info: Any) -> None:
    for number in range(2_000):
        one = rfc2986.Attribute()
        one["type"] = f"1.2.3.{number}"
        one["values"][0] = univ.Any(b"\x05\x00")
        info["attributes"].append(one)


def another_version(info: Any) -> None:
    info["version"] = 5


@pytest.mark.parametrize("change", [twice, two_requests, two_values, huge_attribute, many_attributes, another_version])
def test_odd_attributes(change: Callable[[Any], None], world: World) -> None:
    pem = resigned(csr(dns("www.example.org")), change)
    answer = ask(pem, world)
    if answer.status == 200:
        assert not beyond(answer, pem)
        assert change in (two_requests, huge_attribute, many_attributes)
    else:
        assert not answer.refused(naming="csr" if change is not two_requests else "extensions")


def test_resigned_requests_are_right(world: World) -> None:
    """Else that the odd ones are refused would mean nothing."""
    assert ask(resigned(csr(dns("www.example.org")), lambda info: None), world).status == 200


def test_kinds_of_signatures(world: World) -> None:
    """How a request is signed says nothing of what is issued; what cannot be verified is refused."""
    own = material().rsa_leaf.key
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    for pem in (
        csr(by=own),
        csr(by=own, rsa_padding=pss),
        csr(by=own, digest=hashes.SHA512()),
        csr(by=ed25519.Ed25519PrivateKey.generate()),
    ):
        answer = ask(pem, world)
        assert answer.status == 200, answer.response.content
        assert not beyond(answer, pem)
        issued = x509.load_pem_x509_certificate(answer.response.json()["body"].encode())
        assert isinstance(issued.signature_hash_algorithm, hashes.SHA256)


@pytest.mark.parametrize(
    "algorithm", ["1.2.840.113549.1.1.5", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.2", "1.2.3.4"]
)
def test_signatures_of_old(algorithm: str, world: World) -> None:
    """SHA-1, MD5, MD2, nothing at all: each with the digest that its name says, where one can still be made."""
    own = material().rsa_leaf.key
    assert isinstance(own, rsa.RSAPrivateKey)
    der = x509.load_pem_x509_csr(csr(by=own).encode()).public_bytes(Encoding.DER)
    request, _ = decoder.decode(der, asn1Spec=rfc2986.CertificationRequest())
    old = {"1.2.840.113549.1.1.5": hashes.SHA1, "1.2.840.113549.1.1.4": hashes.MD5}
    digest = old.get(algorithm, hashes.SHA256)()
    request["signatureAlgorithm"]["algorithm"] = algorithm
    signature = own.sign(encoder.encode(request["certificationRequestInfo"]), padding.PKCS1v15(), digest)
    request["signature"] = univ.BitString.fromOctetString(signature)
    pem = armoured("CERTIFICATE REQUEST", encoder.encode(request))
    answer = ask(pem, world)
    assert answer.status == 400, "such a signature proves nothing any more"
    assert not answer.refused(naming="csr")


def test_keys_of_others(world: World) -> None:
    """A key that the request's signature does not belong to, or that cannot sign."""

    def swap(info: Any) -> None:
        other = p256().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        info["subjectPKInfo"], _ = decoder.decode(other, asn1Spec=rfc5280.SubjectPublicKeyInfo())

    assert not ask(resigned(csr(), swap), world).refused(naming="csr", saying="own signature does not verify")
    assert not ask(csr(by=dsa.generate_private_key(2048)), world).refused(
        naming="csr", saying="DSA keys are not accepted"
    )


def test_what_the_order_says_beside_the_request_changes_nothing(world: World) -> None:
    """Subject, names and usages are the request's alone."""
    pem = csr(dns("www.example.org"))
    more = {
        "commonName": "evil.example", "organization": "Evil Inc", "keyType": "RSA1024",
        "extensions": {
            "subAltNames": {"names": [{"nameType": "DNSName", "value": "evil.example"}]}, "keyUsage": {"useDigitalSignature": True},
        },
    }  # fmt: skip
    answer = ask(pem, world, **more)
    assert answer.status == 400 or not beyond(answer, pem)
