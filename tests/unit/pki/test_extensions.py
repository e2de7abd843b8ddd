"""pki.extensions: typed values round-trip through X.509, strange input is kept or refused, never fatal."""

from __future__ import annotations

import datetime
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import extensions, names
from pki.errors import BadExtension, BadName, PkiError
from pki.extensions import PURPOSES, BasicConstraints, Custom, Extensions, KeyUsage

KEY = ec.generate_private_key(ec.SECP256R1())
NULL = b"\x05\x00"


def in_a_request(*pairs: tuple[x509.ExtensionType, bool]) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    for extension, critical in pairs:
        builder = builder.add_extension(extension, critical)
    return builder.sign(KEY, hashes.SHA256())


def through_x509(e: Extensions) -> Extensions:
    return extensions.read(in_a_request(*extensions.write(e)).extensions)


def raw(oid: str, value: str) -> tuple[x509.ExtensionType, bool]:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(value)), False


FULL = Extensions(
    names=(
        names.parse("DNSName", "*.example.com"),
        names.parse("DNSName", "bücher.example"),
        names.parse("IPAddress", "2001:db8::1"),
        names.parse("uniformResourceIdentifier", "spiffe://cluster.local/ns/a"),
        names.parse("rfc822Name", "joe@example.com"),
        names.parse("registeredID", "1.2.3"),
        names.parse("directoryName", "CN=Joe,O=Example"),
    ),
    basic_constraints=BasicConstraints(ca=True, path_length=2),
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_CERT_SIGN}),
    extended_key_usage=frozenset({PURPOSES["server_authentication"], "1.2.3.4"}),
    crl_urls=("http://pki.example.com/1.crl", "http://other.example.com/1.crl"),
    ocsp_urls=("http://ocsp.example.com/",),
    issuer_urls=("http://pki.example.com/1.crt",),
    policies=("2.23.140.1.2.1", "1.2.3"),
    must_staple=True,
    custom=(Custom("1.2.3.4.5", NULL), Custom("1.2.3.4.6", b"\x0c\x01a", critical=True)),
)
NAMES = st.sampled_from(FULL.names)
VALUES = st.builds(
    Extensions,
    names=st.lists(NAMES, unique=True).map(tuple),
    basic_constraints=st.none()
    | st.just(BasicConstraints(ca=False))
    | st.builds(lambda length: BasicConstraints(ca=True, path_length=length), st.none() | st.integers(0, 255)),
    key_usage=st.none() | st.frozensets(st.sampled_from(list(KeyUsage)[:7]), min_size=1),
    extended_key_usage=st.none() | st.frozensets(st.sampled_from(list(PURPOSES.values())), min_size=1),
    crl_urls=st.sampled_from([(), FULL.crl_urls]),
    ocsp_urls=st.sampled_from([(), FULL.ocsp_urls]),
    issuer_urls=st.sampled_from([(), FULL.issuer_urls]),
    policies=st.sampled_from([(), FULL.policies]),
    must_staple=st.booleans(),
    custom=st.lists(
        st.builds(Custom, oid=st.sampled_from(["1.2.3", "1.2.4"]), value=st.just(NULL), critical=st.booleans()),
        unique_by=lambda custom: custom.oid,
    ).map(tuple),
)


class TestRoundTrip:
    def test_everything_at_once(self):
        assert through_x509(FULL) == FULL

    def test_nothing(self):
        assert extensions.write(Extensions()) == []
        assert through_x509(Extensions()) == Extensions()

    @given(VALUES)
    @settings(max_examples=100, deadline=None)
    def test_any_value(self, value):
        assert through_x509(value) == value

    @pytest.mark.parametrize("only", [KeyUsage.ENCIPHER_ONLY, KeyUsage.DECIPHER_ONLY])
    def test_only_usages_imply_key_agreement(self, only):
        assert through_x509(Extensions(key_usage=frozenset({only}))).key_usage == {only, KeyUsage.KEY_AGREEMENT}

    def test_empty_sets_say_nothing(self):
        assert extensions.write(Extensions(key_usage=frozenset(), extended_key_usage=frozenset())) == []

    def test_repeated_names_and_policies_are_written_once(self):
        twice = Extensions(names=FULL.names[:1] * 2, policies=("1.2.3", "1.2.3"))
        assert through_x509(twice) == Extensions(names=FULL.names[:1], policies=("1.2.3",))


class TestWrite:
    @pytest.mark.parametrize("subject_empty", [False, True])
    def test_what_is_critical(self, subject_empty):
        critical = {
            extension.oid for extension, critical in extensions.write(FULL, subject_empty=subject_empty) if critical
        }
        expected = {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, x509.ObjectIdentifier("1.2.3.4.6")}
        assert critical == (expected | {ExtensionOID.SUBJECT_ALTERNATIVE_NAME} if subject_empty else expected)

    @pytest.mark.parametrize(
        ("value", "field", "reason"),
        [
            (
                Extensions(key_usage=frozenset({KeyUsage.ENCIPHER_ONLY, KeyUsage.DECIPHER_ONLY})),
                "key_usage",
                "cannot have both Encipher Only and Decipher Only Extended Key Usages",
            ),
            (
                Extensions(basic_constraints=BasicConstraints(ca=True, path_length="1")),  # type: ignore[arg-type]
                "basic_constraints",
                "must be None or an integer",
            ),
            (
                Extensions(basic_constraints=BasicConstraints(ca=True, path_length=True)),
                "basic_constraints",
                "must be None or an integer",
            ),
            (Extensions(basic_constraints=BasicConstraints(ca=False, path_length=0)), "basic_constraints", "Only a CA"),
            (Extensions(basic_constraints=BasicConstraints(ca=True, path_length=-1)), "basic_constraints", "0 to 255"),
            (
                Extensions(basic_constraints=BasicConstraints(ca=True, path_length=10**30)),
                "basic_constraints",
                "0 to 255",
            ),
            (Extensions(extended_key_usage=frozenset({"server"})), "extended_key_usage", "object identifier"),
            (Extensions(policies=("1.2.x",)), "policies", "object identifier"),
            (Extensions(custom=(Custom("1.2.3.", NULL),)), "custom", "object identifier"),
            (Extensions(custom=(Custom("1.2.3", b"plain text"),)), "custom", "not DER"),
            (Extensions(custom=(Custom("1.2.3", NULL), Custom("1.2.3", NULL))), "custom", "given twice"),
        ],
    )
    def test_reasons(self, value, field, reason):
        with pytest.raises(BadExtension, match=reason) as caught:
            extensions.write(value)
        assert caught.value.field == f"extensions.{field}"

    @pytest.mark.parametrize("oid", sorted(extensions.MODELLED))
    def test_modelled_extensions_cannot_come_as_custom(self, oid):
        with pytest.raises(BadExtension, match="field of its own"):
            extensions.write(Extensions(custom=(Custom(oid, bytes.fromhex("30030101ff")),)))

    def test_other_spellings_of_an_oid_do_not_help(self):
        with pytest.raises(BadExtension, match="object identifier"):
            extensions.write(Extensions(custom=(Custom("2.5.29.019", bytes.fromhex("30030101ff")),)))

    @pytest.mark.parametrize("url", ["", "pki.example.com/1.crl", "http://ü.example/", "http://a b/", "http:///1.crl"])
    def test_only_absolute_urls_are_written(self, url):
        for value in (Extensions(crl_urls=(url,)), Extensions(ocsp_urls=(url,)), Extensions(issuer_urls=(url,))):
            with pytest.raises(BadExtension, match="URI"):
                extensions.write(value)

    def test_names_that_cannot_be_issued_are_refused(self):
        with pytest.raises(BadName, match="otherName cannot be issued"):
            extensions.write(Extensions(names=(names.Name(names.NameType.OTHER, "1.2.3:0500"),)))

    def test_crl_urls_are_one_point(self):
        [(points, critical)] = extensions.write(Extensions(crl_urls=FULL.crl_urls))
        assert isinstance(points, x509.CRLDistributionPoints)
        assert [len(point.full_name or ()) for point in points] == [2]
        assert not critical


class TestRead:
    def test_key_identifiers_are_left_out(self):
        pairs = [
            (x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()), False),
            (x509.AuthorityKeyIdentifier(b"1", None, None), False),
        ]
        assert extensions.read(in_a_request(*pairs).extensions) == Extensions()

    @pytest.mark.parametrize(
        ("extension", "der"),
        [
            (x509.NameConstraints([x509.DNSName("a")], None), "3007a0053003820161"),
            (x509.OCSPNoCheck(), "0500"),
            (x509.PrecertPoison(), "0500"),
            (x509.InhibitAnyPolicy(0), "020100"),
            (x509.IssuerAlternativeName([x509.DNSName("x")]), "3003820178"),
            (x509.TLSFeature([x509.TLSFeatureType.status_request_v2]), "3003020111"),
            (x509.PrivateKeyUsagePeriod(None, datetime.datetime(2030, 1, 1)), "3011810f32303330303130313030303030305a"),  # noqa: DTZ001
        ],
    )
    @pytest.mark.parametrize("critical", [False, True])
    def test_what_is_not_modelled_becomes_custom(self, extension, der, critical):
        found = extensions.read(in_a_request((extension, critical)).extensions)
        assert found == Extensions(custom=(Custom(extension.oid.dotted_string, bytes.fromhex(der), critical),))

    def test_pointers_that_are_no_urls_are_passed_over(self):
        directory = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
        relative = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
        url = x509.UniformResourceIdentifier("ldap:///CN=x")
        points = [
            x509.DistributionPoint([directory, url], None, None, None),
            x509.DistributionPoint(None, relative, None, None),
        ]
        access = [
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, directory),
            x509.AccessDescription(x509.ObjectIdentifier("1.2.3"), url),
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, url),
        ]
        request = in_a_request(
            (x509.CRLDistributionPoints(points), False), (x509.AuthorityInformationAccess(access), False)
        )
        assert extensions.read(request.extensions) == Extensions(
            crl_urls=("ldap:///CN=x",), issuer_urls=("ldap:///CN=x",)
        )

    def test_names_in_the_wild(self):
        other = x509.OtherName(x509.ObjectIdentifier("1.2.3"), NULL)
        request = in_a_request((x509.SubjectAlternativeName([x509.DNSName("Foo_Bar.example"), other]), False))
        assert [name.value for name in extensions.read(request.extensions).names] == ["foo_bar.example", "1.2.3:0500"]

    def test_any_bytes_in_an_unknown_extension(self):
        request = in_a_request(raw("1.2.3", "ff"))
        assert extensions.read(request.extensions).custom == (Custom("1.2.3", b"\xff"),)

    @given(st.sampled_from(sorted(extensions.MODELLED)), st.binary(max_size=24))
    @settings(max_examples=200, deadline=None)
    def test_garbage_in_a_modelled_extension_raises_nothing_else(self, oid, value):
        # The library decodes on access, outside of read(); what it lets through must be readable.
        try:
            decoded = in_a_request(raw(oid, value.hex())).extensions
        except (ValueError, TypeError, KeyError, x509.UnsupportedGeneralNameType):
            return
        with suppress(PkiError):
            found = extensions.read(decoded)
            extensions.write(found)


class TestIsDer:
    @pytest.mark.parametrize(
        "value", [b"\x05\x00", b"\x04\x01a", b"\x04\x81\x80" + bytes(128), b"\x04\x82\x01\x00" + bytes(256)]
    )
    def test_one_element(self, value):
        assert extensions.is_der(value)

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b"\x05",
            b"\x05\x00\x00",
            b"\x04\x02a",
            b"\x30\x80\x00\x00",
            b"\x04\x81\x01a",
            b"\x04\x82\x00\x80" + bytes(128),
            b"\x04\x81",
            b"\x04\x85\x01\x00\x00\x00\x00",
            b"\x1f\x81\x00\x00",
        ],
    )
    def test_anything_else(self, value):
        assert not extensions.is_der(value)


def test_key_usages_are_those_of_the_library():
    with_all = x509.KeyUsage(**dict.fromkeys([usage.value for usage in KeyUsage], True))
    assert all(getattr(with_all, usage) for usage in KeyUsage)
