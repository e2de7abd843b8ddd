"""Signing requests that ask for more than their sender may have: refused, or issued exactly within profile and domains."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import univ
from pyasn1_alt_modules import rfc2986, rfc5280

from certificates.models import Domain
from pki.names import normalise_dns
from tests.pki_material import key_usage, material, p256
from tests.security.bad_input import ORDERS, Answer, Door, door
from tests.security.test_bad_input_pem import armoured
from tests.security.world import World

pytestmark = pytest.mark.django_db

ALLOWED = r"(\*\.)?([a-z0-9-]+\.)*example\.org$"
CN = x509.NameAttribute(NameOID.COMMON_NAME, "www.example.org")
# What a certificate of the profile "server" says, and nothing else.
WRITTEN = {
    "basicConstraints",
    "keyUsage",
    "extendedKeyUsage",
    "subjectAltName",
    "subjectKeyIdentifier",
    "authorityKeyIdentifier",
}
Extension = tuple[x509.ExtensionType, bool]


@pytest.fixture(autouse=True)
def allowed_domains(settings: Any) -> None:
    settings.LEMUR_ALLOWED_DOMAINS = [ALLOWED]


@cache
def key() -> ec.EllipticCurvePrivateKey:
    return p256()


def csr(
    *extensions: Extension, subject: list[x509.NameAttribute[Any]] | None = None, by: Any = None, **how: Any
) -> str:
    """A request for www.example.org that also asks for these."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([CN] if subject is None else subject))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signer = key() if by is None else by
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else how.pop("digest", hashes.SHA256())
    return builder.sign(signer, digest, **how).public_bytes(Encoding.PEM).decode()


def san(*names: x509.GeneralName) -> Extension:
    return x509.SubjectAlternativeName(list(names)), False


def dns(*names: str) -> Extension:
    return san(*map(x509.DNSName, names))


def cn(text: str) -> list[x509.NameAttribute[Any]]:
    return [x509.NameAttribute(NameOID.COMMON_NAME, text)]


def resigned(pem: str, change: Callable[[Any], None]) -> str:
    """The request with another content, under a signature that is right again."""
    der = x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER)
    request, _ = decoder.decode(der, asn1Spec=rfc2986.CertificationRequest())
    change(request["certificationRequestInfo"])
    signature = key().sign(encoder.encode(request["certificationRequestInfo"]), ec.ECDSA(hashes.SHA256()))
    request["signature"] = univ.BitString.fromOctetString(signature)
    return armoured("CERTIFICATE REQUEST", encoder.encode(request))


def ask(pem: str, world: World, person: str = "owner", **fields: Any) -> Answer:
    one = requester(world, person)
    return one.ask({**one.body, "csr": pem, **fields})


def requester(world: World, person: str = "owner") -> Door:
    return door(world, f"POST {ORDERS}", person)


def beyond(answer: Answer, pem: str) -> list[str]:
    """In what the issued certificate goes beyond the profile, the request, or the allowed domains."""
    issued = x509.load_pem_x509_certificate(answer.response.json()["body"].encode())
    asked = x509.load_pem_x509_csr(pem.encode())
    found = [*_usages(issued), *_names(issued, asked)]
    if spki(issued) != spki(asked):
        found.append("another key")
    if not set(issued.subject) <= {
        x509.NameAttribute(one.oid, one.value.strip()) for one in asked.subject if isinstance(one.value, str)
    }:
        found.append(f"subject {issued.subject}")
    return found


def spki(of: Any) -> bytes:
    key: bytes = of.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key


def _usages(issued: x509.Certificate) -> Iterator[str]:
    extra = {extension.oid._name for extension in issued.extensions} - WRITTEN
    if extra:
        yield f"extensions {extra}"
    if issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        yield "a CA"
    usage = issued.extensions.get_extension_for_class(x509.KeyUsage).value
    if usage.key_cert_sign or usage.crl_sign:
        yield "signs certificates"
    if list(issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) != [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]:
        yield "extended key usage"


def _names(issued: x509.Certificate, asked: x509.CertificateSigningRequest) -> Iterator[str]:
    wanted = set(names_of(asked.extensions)) | {
        normal(one.value) for one in asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    }
    for name in names_of(issued.extensions):
        if name not in wanted:
            yield f"unasked {name}"
        if isinstance(name, str) and not re.match(ALLOWED, name):
            yield f"not allowed {name}"
    for attribute in issued.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        if " " not in str(attribute.value) and not re.match(ALLOWED, str(normal(attribute.value))):
            yield f"not allowed common name {attribute.value}"


def names_of(extensions: x509.Extensions) -> Iterator[Any]:
    """DNS names in their normal form, addresses, and whatever else there is as it is."""
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    for name in found:
        yield normal(name.value) if isinstance(name, x509.DNSName) else getattr(name, "value", name)


def normal(text: Any) -> Any:
    """As rules compare it: an address, a name in A-labels, or the text itself."""
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        pass
    try:
        return normalise_dns(text.strip())
    except ValueError:
        return text


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


OTHER_KINDS: dict[str, x509.GeneralName] = {
    "e-mail": x509.RFC822Name("root@example.org"),
    "URI": x509.UniformResourceIdentifier("https://www.example.org/"),
    "SPIFFE": x509.UniformResourceIdentifier("spiffe://example.org/admin"),
    "directory name": x509.DirectoryName(x509.Name([CN])),
    "registered id": x509.RegisteredID(ObjectIdentifier("1.2.3.4")),
    "other name": x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x05admin"),
    "network": x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")),
}


@pytest.mark.parametrize("name", OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_kinds_of_names_that_the_profile_does_not_have(name: x509.GeneralName, world: World) -> None:
    for pem in (csr(san(name)), csr(san(x509.DNSName("www.example.org"), name)), csr(san(name), subject=[])):
        assert not ask(pem, world).refused(naming="extensions.subAltNames.names")


def test_addresses_are_names_that_a_server_may_have(world: World) -> None:
    for text in ("10.0.0.1", "2001:db8::1"):
        pem = csr(san(x509.IPAddress(ipaddress.ip_address(text))))
        answer = ask(pem, world)
        assert answer.status == 200
        assert not beyond(answer, pem)


FOREIGN = (
    "evil.example", "example.org.evil.example", "evilexample.org", "example.org@evil.example", "evil.example/.example.org",
    "EVIL.EXAMPLE", "evil.example.", "*.evil.example", "*.org", "*", "xn--exmple-cua.org", "www.example.org\0.evil.example",
    "evil.example\n.example.org", " evil.example", "evil.example www.example.org", "10.0.0.1", "[::1]", "localhost", "example",
    "example.org:443", "https://www.example.org", "*.*.example.org", "w*.example.org", "_acme.example.org", "-a.example.org",
    "a..example.org", ".example.org", "", "..", "a" * 64 + ".example.org", "a." * 130 + "example.org", "www.example.0rg",
    "127.1", "0x7f000001", "www.example.org#.evil.example", "www.example.org%00.evil.example", "example.org,evil.example",
)  # fmt: skip


@pytest.mark.parametrize("text", FOREIGN, ids=[repr(text)[:40] for text in FOREIGN])
def test_foreign_names(text: str, world: World) -> None:
    """As the only name, beside an allowed one, and as the common name beside allowed ones."""
    pems = [csr(dns(text), subject=[]), csr(dns("www.example.org", text)), csr(dns(text))]
    if 0 < len(text) <= 64 and "\0" not in text and "\n" not in text:
        pems += [csr(dns("www.example.org"), subject=cn(text)), csr(subject=cn(text))]
    for pem in pems:
        answer = ask(pem, world)
        # A common name with a space inside, or that is no host's, is no name that anybody compares.
        assert not (beyond(answer, pem) if answer.status == 200 else answer.refused())
        assert answer.status == 400 or " " in text or re.match(ALLOWED, text)


SAME = ("WWW.Example.ORG", "www.example.org.", "WWW.EXAMPLE.ORG.")


def test_other_spellings_of_allowed_names_are_written_in_the_normal_form(world: World) -> None:
    for text in SAME:
        for pem in (csr(dns(text), subject=[]), csr(dns(text))):
            answer = ask(pem, world)
            assert answer.status == 200, answer.response.content
            issued = x509.load_pem_x509_certificate(answer.response.json()["body"].encode())
            assert list(names_of(issued.extensions)) == ["www.example.org"]
            assert issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
                x509.DNSName
            ) == ["www.example.org"]


LOOK_ALIKES = (
    "exаmple.org",
    "еxample.org",
    "examp1e.org",
    "exaｍple.org.evil.example",
    "example｡org.evil.example",
    "ｅvil.example",
)


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_look_alikes(text: str, world: World) -> None:
    """Compared by their A-labels, whichever of the two spellings comes."""
    pems = [csr(subject=cn(text)), csr(dns("www.example.org"), subject=cn(text))]
    with suppress(ValueError):
        pems.append(csr(dns(normalise_dns(text)), subject=[]))
    for pem in pems:
        assert not ask(pem, world).refused(saying="does not match allowed domain patterns")


def test_full_width_letters_mean_the_usual_ones(world: World) -> None:
    """UTS 46 maps them before anything is compared, so that the certificate names what was compared."""
    pem = csr(subject=cn("ｗｗｗ.example.org"))
    answer = ask(pem, world)
    assert answer.status == 400 or not beyond(answer, pem)


def test_names_marked_as_sensitive(world: World) -> None:
    Domain.objects.create(name="vpn.example.org", sensitive=True)
    for text in ("vpn.example.org", "VPN.example.org", "vpn.example.org."):
        for pem in (csr(dns(text), subject=[]), csr(dns("www.example.org", text)), csr(subject=cn(text))):
            assert not ask(pem, world).refused(saying="has been marked as sensitive")
    assert ask(csr(dns("vpn.example.org")), world, "admin").status == 200


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


def test_more_names_than_an_order_may_have(world: World, settings: Any) -> None:
    settings.MAX_NAMES_IN_ORDER = 20
    names = [f"a{number}.example.org" for number in range(21)]
    assert ask(csr(dns(*names[:20]), subject=[]), world).status == 200
    assert not ask(csr(dns(*names), subject=[]), world).refused(
        naming="extensions.subAltNames.names", saying="At most 20 names"
    )


def test_thousands_of_names(world: World) -> None:
    answer = ask(csr(dns(*(f"host{number}.example.org" for number in range(7_000))), subject=[]), world)
    assert not answer.refused()


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


# Random requests: whatever is issued keeps the same promises.
HOSTS = (
    "www.example.org",
    "a.b.example.org",
    "*.example.org",
    "EXAMPLE.org",
    "example.org.",
    "xn--bcher-kva.example.org",
)
POOL = st.sampled_from((*HOSTS, *HOSTS, *FOREIGN))
LABEL = st.text(st.sampled_from("abcxyz019-._*АéＡ \0"), min_size=1, max_size=12)
TEXT = st.one_of(POOL, LABEL.map(lambda label: f"{label}.example.org"), LABEL)


def ascii_only(make: Callable[[str], x509.GeneralName]) -> Callable[[str], x509.GeneralName]:
    return lambda text: make(text.encode("ascii", "ignore").decode())


GENERAL = st.one_of(
    TEXT.map(ascii_only(x509.DNSName)),
    TEXT.map(ascii_only(x509.DNSName)),
    TEXT.map(ascii_only(x509.UniformResourceIdentifier)),
    st.ip_addresses().map(x509.IPAddress),
    st.sampled_from(list(OTHER_KINDS.values())),
)
FLAGS = ("digital_signature", "content_commitment", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
PURPOSES = (
    ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.OCSP_SIGNING,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
)  # fmt: skip
SUBJECT = st.lists(
    st.one_of(
        TEXT.filter(lambda text: 0 < len(text.encode()) <= 64).map(
            lambda text: x509.NameAttribute(NameOID.COMMON_NAME, text)
        ),
        st.sampled_from([NameOID.ORGANIZATION_NAME, NameOID.EMAIL_ADDRESS, NameOID.USER_ID]).map(
            lambda oid: x509.NameAttribute(oid, "evil@example.org")
        ),
    ),
    max_size=2,
)
BESIDES = st.one_of(
    st.just(()),
    st.just(()),
    st.booleans().map(lambda ca: ((x509.BasicConstraints(ca=ca, path_length=None), True),)),
    st.lists(st.sampled_from(FLAGS), min_size=1).map(lambda names: ((key_usage(*names), True),)),
    st.lists(st.sampled_from(PURPOSES), min_size=1, unique=True).map(
        lambda oids: ((x509.ExtendedKeyUsage(oids), False),)
    ),
    st.sampled_from([((x509.OCSPNoCheck(), False),), ((x509.NameConstraints([x509.DNSName("org")], None), True),)]),
)


@given(subject=SUBJECT, names=st.lists(GENERAL, max_size=3), besides=BESIDES)
@examples(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_requests(subject: Any, names: Any, besides: Any, world: World) -> None:
    pem = csr(*([san(*names)] if names else []), *besides, subject=subject)
    answer = ask(pem, world)
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert not beyond(answer, pem)
    else:
        assert not answer.refused()


@given(names=st.lists(st.sampled_from(HOSTS), min_size=1, max_size=4), organization=st.text("ab ", max_size=5))
@examples(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_modest_requests(names: Any, organization: str, world: World) -> None:
    """So that the other test sees certificates, and not refusals alone."""
    more = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization.strip() else []
    pem = csr(dns(*names), subject=[*cn(names[0]), *more])
    answer = ask(pem, world)
    assert answer.status == 200, answer.response.content
    assert not beyond(answer, pem)
