"""Names in signing requests: only those that their sender may have are issued, in whatever spelling they come."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from certificates.models import Domain
from pki.names import normalise_dns
from tests.daily import samples
from tests.pki_material import key_usage
from tests.security.signing_requests import ALLOWED, CN, ask, beyond, cn, csr, dns, names_of, san
from tests.security.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def allowed_domains(settings: Any) -> None:
    settings.LEMUR_ALLOWED_DOMAINS = [ALLOWED]


OTHER_KINDS: dict[str, x509.GeneralName] = {
    "e-mail": x509.RFC822Name("root@example.org"),
    "URI": x509.UniformResourceIdentifier("https://www.example.org/"),
    "SPIFFE": x509.UniformResourceIdentifier("spiffe://example.org/admin"),
    "directory name": x509.DirectoryName(x509.Name([CN])),
    "registered id": x509.RegisteredID(ObjectIdentifier("1.2.3.4")),
    "other name": x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x05admin"),
    "network": x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")),
}


@pytest.mark.parametrize("name", samples(OTHER_KINDS.values(), every=2), ids=samples(OTHER_KINDS, every=2))
def test_kinds_of_names_that_the_profile_does_not_have(name: x509.GeneralName, world: World) -> None:
    for pem in (csr(san(name)), csr(san(x509.DNSName("www.example.org"), name)), csr(san(name), subject=[])):
        assert not ask(pem, world, profile="server").refused(naming="extensions.subAltNames.names")


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


@pytest.mark.parametrize("text", samples(FOREIGN, every=3), ids=lambda text: repr(text)[:40])
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
    answer = ask(pem, world, profile="server")
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
