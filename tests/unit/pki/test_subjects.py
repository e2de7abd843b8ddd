"""pki.subjects: round trips, RFC 5280 bounds, and names from the wild that must still be readable."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import subjects
from pki.errors import BadSubject, PkiError
from pki.subjects import Subject
from tests.endings import ends

FULL = Subject(
    common_name="www.example.com",
    email="joe@example.com",
    organization="Example, Inc.",
    organizational_unit="Operations + Research",
    country="DE",
    state="Bayern",
    location="München",
)
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=16)
SUBJECTS = st.builds(
    Subject,
    common_name=TEXT,
    organization=TEXT,
    organizational_unit=TEXT,
    state=TEXT,
    location=TEXT,
    country=st.sampled_from(["", "DE", "US"]),
    email=st.sampled_from(["", "joe@example.com"]),
)


def name_of(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.Name([x509.NameAttribute(oid, value, _validate=False) for oid, value in attributes])


class TestToName:
    def test_order_is_that_of_the_contract(self):
        assert [attribute.oid for attribute in FULL.to_name()] == [
            NameOID.EMAIL_ADDRESS,
            NameOID.COMMON_NAME,
            NameOID.ORGANIZATION_NAME,
            NameOID.ORGANIZATIONAL_UNIT_NAME,
            NameOID.COUNTRY_NAME,
            NameOID.STATE_OR_PROVINCE_NAME,
            NameOID.LOCALITY_NAME,
        ]

    def test_blank_fields_are_left_out(self):
        name = Subject(common_name=" www.example.com ", organization="  ", country="").to_name()
        assert name == x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.example.com")])
        assert list(Subject().to_name()) == []

    def test_values_have_one_form(self):
        name = Subject(country="de", location="Mu\u0308nchen", email="Joe@EXAMPLE.com").to_name()
        assert Subject.from_name(name) == Subject(country="DE", location="München", email="Joe@example.com")

    @pytest.mark.parametrize(
        ("field", "value", "reason"),
        [
            ("common_name", "x" * 65, "longer than 64 bytes"),
            ("common_name", "ü" * 33, "longer than 64 bytes"),
            ("organization", "x" * 65, "longer than 64 characters"),
            ("organizational_unit", "x" * 65, "longer than 64 characters"),
            ("state", "x" * 129, "longer than 128 characters"),
            ("location", "x" * 129, "longer than 128 characters"),
            ("location", "x" * 1_000_000, "longer than 128 characters"),
            ("country", "D", "two-letter code"),
            ("country", "DEU", "two-letter code"),
            ("country", "D1", "two-letter code"),
            ("country", "ÄÖ", "two-letter code"),
            ("country", "Germany, Federal Republic", "longer than 2"),
            ("email", "joe", "e-mail address"),
            ("email", "x" * 2000 + "@example.com", "e-mail address"),
            ("common_name", "a\x00b", "invisible or control"),
            ("organization", "a\nb", "invisible or control"),
            ("organization", "a\u202eb", "invisible or control"),
            ("location", "a\u2028b", "invisible or control"),
            ("state", "\ud800", "invisible or control"),
        ],
    )
    def test_reasons(self, field, value, reason):
        with pytest.raises(BadSubject, match=reason) as caught:
            replace(FULL, **{field: value}).to_name()
        assert caught.value.field == field
        assert field == "email" or field.replace("_", " ") in caught.value.message

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("common_name", "x" * 64),
            ("organization", "ü" * 64),
            ("state", "x" * 128),
            ("organization", "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc"),
            ("organization", "Müller & Söhne \U0001f512"),
        ],
    )
    def test_what_fits_is_taken(self, field, value):
        assert getattr(Subject.from_name(replace(FULL, **{field: value}).to_name()), field) == value

    @pytest.mark.parametrize("unit", ["\ufdfa", "\u0344", "a\u0300"])
    def test_hostile_length_costs_no_time(self, unit):
        with ends(), pytest.raises(BadSubject):
            Subject(organization=unit * 1_000_000).to_name()

    @given(SUBJECTS)
    @settings(max_examples=100, deadline=None)
    def test_round_trip(self, subject):
        try:
            name = subject.to_name()
        except BadSubject as error:
            assert error.field
            return
        again = Subject.from_name(name)
        assert again.to_name() == name
        assert x509.Name.from_bytes(name.public_bytes()) == name

    @given(st.sampled_from([field.name for field in fields(Subject)]), st.text())
    @settings(max_examples=200, deadline=None)
    def test_any_text_raises_nothing_else(self, field, value):
        try:
            name = replace(FULL, **{field: value}).to_name()
        except PkiError as error:
            assert error.field == field
        else:
            name.public_bytes()


class TestFromName:
    def test_the_first_of_each_stripped(self):
        name = name_of(
            (NameOID.COMMON_NAME, " first "), (NameOID.COMMON_NAME, "second"), (NameOID.SERIAL_NUMBER, "ignored")
        )
        assert Subject.from_name(name) == Subject(common_name="first")

    def test_malformed_values_are_read_as_they_are(self):
        name = name_of((NameOID.COUNTRY_NAME, "Germany"), (NameOID.COMMON_NAME, "x" * 200))
        assert Subject.from_name(name) == Subject(country="Germany", common_name="x" * 200)

    def test_first_is_none_where_absent(self):
        assert subjects.first(FULL.to_name(), NameOID.COUNTRY_NAME) == "DE"
        assert subjects.first(FULL.to_name(), NameOID.TITLE) is None
        assert subjects.first(x509.Name([]), NameOID.COMMON_NAME) is None

    def test_bit_strings_are_not_text(self):
        oid = NameOID.X500_UNIQUE_IDENTIFIER
        name = x509.Name([x509.NameAttribute(oid, b"\x00\x01", x509.name._ASN1Type.BitString)])
        assert subjects.first(name, oid) is None
        assert subjects.rfc4514(name) == "2.5.4.45=#0001"


class TestRfc4514:
    def test_most_specific_first_and_escaped(self):
        assert subjects.rfc4514(FULL.to_name()) == (
            "L=München,ST=Bayern,C=DE,OU=Operations \\+ Research,O=Example\\, Inc.,CN=www.example.com,"
            "1.2.840.113549.1.9.1=joe@example.com"
        )
        assert subjects.rfc4514(x509.Name([])) == ""

    @given(st.lists(st.tuples(st.sampled_from(list(subjects.ATTRIBUTES.values())), st.text()), max_size=5))
    @settings(max_examples=100, deadline=None)
    def test_never_raises(self, attributes):
        assert isinstance(subjects.rfc4514(name_of(*attributes)), str)
