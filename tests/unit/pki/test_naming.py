from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import naming
from pki.errors import BadName
from tests import pki_material
from tests.pki_material import Pair, material

SERIAL = 0xAFF2DB4F8D2D4D8E80FA382AE27C2333
HEX = "AFF2DB4F8D2D4D8E80FA382AE27C2333"
slug_characters = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


def default_name(cn="example.com", issuer="Example Inc,", **changes):
    defaults = {
        "not_before": datetime(2015, 5, 7, tzinfo=UTC),
        "not_after": datetime(2015, 5, 12, tzinfo=UTC),
        "san": None,
        "domains": (),
        "serial": 0x1F,
    }
    return naming.default_name(cn=cn, issuer=issuer, **(defaults | changes))


def increase(name, serial=SERIAL, *existing):
    return naming.increase(
        name,
        serial,
        taken=existing.__contains__,
        starting_with=lambda prefix: [other for other in existing if other.lower().startswith(prefix.lower())],
    )


class TestDefaultName:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ({}, "example.com-ExampleInc-20150507-20150512"),
            ({"san": True}, "SAN-example.com-ExampleInc-20150507-20150512"),
            (
                {"cn": "xn--mnchen-3ya.de", "issuer": "Vertrauenswürdig Autorität"},
                "xn--mnchen-3ya.de-VertrauenswurdigAutoritat-20150507-20150512",
            ),
            (
                {
                    "cn": "selfie.example.org",
                    "issuer": "<selfsigned>",
                    "not_after": datetime(2025, 5, 12, tzinfo=UTC),
                },
                "selfie.example.org-selfsigned-20150507-20250512",
            ),
            (
                {"cn": "", "issuer": "<selfsigned>", "domains": ["san-example"]},
                "san-example-selfsigned-20150507-20150512",
            ),
            (
                {"cn": None, "issuer": "<selfsigned>", "san": True, "domains": ["san1", "san2"]},
                "SAN-san1-selfsigned-20150507-20150512",
            ),
            ({"cn": "*.wild.example.org", "issuer": "X"}, "WILDCARD.wild.example.org-X-20150507-20150512"),
            (
                {
                    "cn": "*.test.example.net",
                    "issuer": "SymantecCorporation",
                    "not_before": datetime(2016, 6, 3, tzinfo=UTC),
                    "not_after": datetime(2018, 1, 12, tzinfo=UTC),
                },
                "WILDCARD.test.example.net-SymantecCorporation-20160603-20180112",
            ),
            ({"cn": "  ", "issuer": "<unknown>"}, "1F-unknown-20150507-20150512"),
            ({"cn": "☃", "domains": ["☃", "b.example"]}, "b.example-ExampleInc-20150507-20150512"),
            ({"not_before": datetime(50, 1, 2, tzinfo=UTC)}, "example.com-ExampleInc-00500102-20150512"),
            ({"cn": "My Server: (old)"}, "My-Server-old-ExampleInc-20150507-20150512"),
            ({"serial": 0, "cn": None}, "0-ExampleInc-20150507-20150512"),
        ],
    )
    def test_vectors(self, arguments, expected):
        assert default_name(**arguments) == expected

    def test_a_long_subject_is_cut_and_the_rest_kept(self):
        name = default_name(cn=("a" * 63 + ".") * 5)
        assert len(name) == 256
        assert name.endswith("a-ExampleInc-20150507-20150512")

    @given(
        cn=st.none() | st.text(max_size=300),
        issuer=st.text(max_size=128),
        san=st.sampled_from([True, None]),
        domains=st.lists(st.text(max_size=40), max_size=3),
        serial=st.integers(),
    )
    def test_is_a_slug_that_fits_whatever_the_input(self, cn, issuer, san, domains, serial):
        name = default_name(cn=cn, issuer=issuer, san=san, domains=domains, serial=serial)
        assert 0 < len(name) <= 256
        assert set(name) <= slug_characters
        assert name.endswith("-20150507-20150512")


class TestSlug:
    @pytest.mark.parametrize(
        ("text", "joiner", "slug"),
        [
            ("test - string", "-", "test-string"),
            ("test - string", "", "teststring"),
            ("föö bär", "-", "foo-bar"),
            ("☃", "-", ""),
            ("snow☃man", "-", "snow-man"),
            ("xn--i1b6eqas.xn--xmpl-loa9b3671b.com", "-", "xn--i1b6eqas.xn--xmpl-loa9b3671b.com"),
            ("xn--i1b6eqas.xn--xmpl-loa9b3671b.com", "", "xn--i1b6eqas.xn--xmplloa9b3671b.com"),
            ("-a--b-", "-", "a-b"),
            ("My Custom: Name!", "-", "My-Custom-Name"),
            ("", "-", ""),
        ],
    )
    def test_vectors(self, text, joiner, slug):
        assert naming.text_to_slug(text, joiner) == slug

    def test_too_long_a_text_is_refused(self):
        assert naming.text_to_slug("a" * 10_000) == "a" * 10_000
        with pytest.raises(BadName, match=r"^Input value is too long\.$"):
            naming.text_to_slug("a" * 10_001)

    @given(st.text(max_size=200))
    def test_a_slug_is_its_own_slug(self, text):
        slug = naming.text_to_slug(text)
        assert naming.text_to_slug(slug) == slug
        assert set(slug) <= slug_characters


class TestCustomName:
    def test_is_the_slug(self):
        assert naming.custom_name("My Custom: Name!") == "My-Custom-Name"

    def test_is_cut_to_what_can_be_stored_without_a_dash_at_the_end(self):
        assert naming.custom_name("a" * 255 + " b") == "a" * 255

    @pytest.mark.parametrize("text", ["", "☃", " - "])
    def test_nothing_left_is_refused(self, text):
        with pytest.raises(BadName, match="no letter and no digit") as caught:
            naming.custom_name(text)
        assert caught.value.field == "name"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("foo", ("foo", None)),
        ("foo-bar", ("foo-bar", None)),
        ("foo-1", ("foo", 1)),
        ("a-b-2", ("a-b", 2)),
        ("foo-1234567", ("foo", 1234567)),
        ("foo-12345678", ("foo-12345678", None)),
        ("foo--1", ("foo-", 1)),
        ("foo-1-", ("foo-1-", None)),
        ("foo-¹", ("foo-¹", None)),
        ("foo-" + "9" * 5000, ("foo-" + "9" * 5000, None)),
        ("", ("", None)),
    ],
)
def test_get_sequence(name, expected):
    assert naming.get_sequence(name) == expected


class TestIncrease:
    @pytest.mark.parametrize(
        ("name", "existing", "expected"),
        [
            ("X", [], "X"),
            ("X", ["x"], "X"),
            ("X", ["X"], f"X-{HEX}"),
            ("test-cert-11111111-1", ["test-cert-11111111-1"], f"test-cert-11111111-1-{HEX}"),
            ("certificate1", ["certificate1", f"certificate1-{HEX}"], f"certificate1-{HEX}-1"),
            ("c", ["c", f"c-{HEX}", f"c-{HEX}-1", f"c-{HEX}-7", f"c-{HEX}-x"], f"c-{HEX}-8"),
            ("c", ["c", f"c-{HEX}", f"C-{HEX}-4"], f"c-{HEX}-1"),
        ],
    )
    def test_vectors(self, name, existing, expected):
        assert increase(name, SERIAL, *existing) == expected

    @pytest.mark.parametrize(
        ("name", "existing", "expected"),
        [
            ("X", [], "X"),
            ("X", ["X"], "X-1"),
            ("X", ["X", "X-1", "X-2", "X-old", "XY-9"], "X-3"),
            ("X-1", ["X-1"], "X-2"),
            ("X-20150512", ["X-20150512"], "X-20150512-1"),
        ],
    )
    def test_without_a_serial_number_it_is_counted(self, name, existing, expected):
        assert increase(name, None, *existing) == expected

    def test_what_makes_it_unique_is_never_cut_off(self):
        long = "a" * 256
        first = increase(long, SERIAL, long)
        assert (len(first), first[-33:]) == (256, f"-{HEX}")
        second = increase(long, SERIAL, long, first)
        assert (len(second), second[-2:]) == (256, "-1")
        assert increase(long, None, long) == "a" * 254 + "-1"

    def test_gaps_where_the_listing_is_blind_are_stepped_over(self):
        taken = {"X", "X-1", "X-2"}
        assert naming.increase("X", None, taken=taken.__contains__, starting_with=lambda _: []) == "X-3"

    def test_it_gives_up_when_every_name_is_taken(self):
        with pytest.raises(BadName, match="No free name begins with 'X'"):
            naming.increase("X", None, taken=lambda _: True, starting_with=lambda _: [])

    @settings(max_examples=50)
    @given(
        names=st.lists(st.sampled_from(["a", "a-1", "a-1F", "a" * 256]), min_size=1, max_size=12),
        serial=st.none() | st.just(0x1F),
    )
    def test_names_given_out_one_after_the_other_are_all_different(self, names, serial):
        existing: list[str] = []
        for name in names:
            existing.append(increase(name, serial, *existing))
        assert len(set(existing)) == len(names)
        assert max(map(len, existing)) <= 256


class TestIssuerSlug:
    def issued_by(self, *attributes):
        key = pki_material.p256()
        name = x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])
        issuer = Pair(pki_material.certificate(name, key), key)
        return pki_material.certificate(pki_material.name("leaf"), pki_material.p256(), issuer)

    def test_self_signed(self):
        assert naming.issuer_slug(material().root.certificate) == "<selfsigned>"
        assert naming.issuer_slug(material().self_signed_leaf.certificate) == "<selfsigned>"

    def test_common_name_before_organisation(self):
        issued = self.issued_by(
            (NameOID.COMMON_NAME, "Vertrauenswürdig Autorität"), (NameOID.ORGANIZATION_NAME, "Other")
        )
        assert naming.issuer_slug(issued) == "VertrauenswurdigAutoritat"

    @pytest.mark.parametrize("common_name", [[], [(NameOID.COMMON_NAME, "☃")], [(NameOID.COMMON_NAME, " ")]])
    def test_organisation_without_a_usable_common_name(self, common_name):
        issued = self.issued_by(*common_name, (NameOID.ORGANIZATION_NAME, "Example Inc,"))
        assert naming.issuer_slug(issued) == "ExampleInc"

    def test_unknown(self):
        assert naming.issuer_slug(self.issued_by((NameOID.COUNTRY_NAME, "DE"))) == "<unknown>"

    def test_is_cut_to_its_column(self):
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "a" * 300, _validate=False)])
        assert naming.slug_of_issuer(name, self_signed=False) == "a" * 128
