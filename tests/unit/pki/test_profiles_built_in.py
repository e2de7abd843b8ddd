"""pki.profiles, the built-in ones: what they settle is clean by RFC 5280, and stays within them whatever is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import keys, lint, names, profiles, signing
from pki.errors import PkiError
from pki.extensions import PURPOSES, BasicConstraints, Custom, Extensions, KeyUsage, write
from pki.names import Name, NameType
from pki.profiles import BUILT_IN, check, settle
from pki.subjects import Subject

NOW = datetime(2030, 1, 1, tzinfo=UTC)
INTERMEDIATE, ROOT = BUILT_IN["intermediate"], BUILT_IN["root"]
LEAVES = [profile for profile in BUILT_IN.values() if not profile.ca]
SUBJECT = Subject(common_name="www.example.com", organization="Example", country="DE").to_name()
NAMES = (names.parse("DNSName", "www.example.com"),)
KEYS = {name: keys.generate(keys.KEY_SPECS[name]) for name in ("RSA2048", "ECCPRIME256V1", "ECCSECP384R1", "ED25519")}

everyone = pytest.mark.parametrize("profile", BUILT_IN.values(), ids=BUILT_IN.keys())


class TestBuiltIn:
    def test_names(self):
        assert list(BUILT_IN) == ["server", "client", "server-and-client", "intermediate", "root"]
        assert all(profile.name == name for name, profile in BUILT_IN.items())

    @everyone
    def test_defaults_are_allowed_and_shorter_than_the_longest(self, profile):
        assert profile.default_key_usage <= profile.key_usage
        assert profile.default_extended_key_usage <= profile.extended_key_usage
        assert timedelta() < profile.default <= profile.longest

    def test_apples_limit(self):
        assert {profile.longest for profile in LEAVES} == {timedelta(days=825)}
        assert {profile.default for profile in LEAVES} == {timedelta(days=365)}

    @pytest.mark.parametrize("key_type", KEYS)
    def test_defaults_are_clean_by_rfc_5280(self, key_type):
        key = KEYS[key_type]
        root = signing.self_signed_ca(
            subject=Subject(common_name="Root").to_name(),
            key=key,
            serial=signing.random_serial(),
            not_before=NOW,
            not_after=NOW + ROOT.default,
            extensions=settle(ROOT, Extensions(), key_type=key_type),
        )
        assert errors(root) == []
        for profile in (*LEAVES, INTERMEDIATE):
            issued = signing.draft(
                subject=Subject(common_name="www.example.com").to_name(),
                public_key=key.public_key(),
                issuer=root,
                signer_public_key=key.public_key(),
                serial=signing.random_serial(),
                not_before=NOW,
                not_after=NOW + profile.default,
                extensions=settle(profile, Extensions(names=() if profile.ca else NAMES), key_type=key_type),
            )
            assert errors(issued) == []


def errors(certificate: x509.Certificate) -> list[lint.Finding]:
    return [finding for finding in lint.lint(certificate) if finding.severity in {"FATAL", "ERROR", "WARNING"}]


ANY_NAME = st.builds(
    Name, st.sampled_from(list(NameType)), st.sampled_from(["a.example", "192.0.2.1", "joe@a.example", "x:y"])
)
ANYTHING = st.builds(
    Extensions,
    names=st.lists(ANY_NAME, max_size=2).map(tuple),
    basic_constraints=st.none() | st.builds(BasicConstraints, st.booleans()),
    key_usage=st.none() | st.frozensets(st.sampled_from(list(KeyUsage)), max_size=3),
    extended_key_usage=st.none() | st.frozensets(st.sampled_from([*PURPOSES.values(), "1.2.3"]), max_size=2),
    crl_urls=st.sampled_from([(), ("http://a.example",)]),
    policies=st.sampled_from([(), ("1.2.3",)]),
    must_staple=st.booleans(),
    custom=st.sampled_from([(), (Custom("1.2.3", b"\x05\x00"),), (Custom("2.5.29.19", bytes.fromhex("30030101ff")),)]),
)


@given(profile=st.sampled_from(LEAVES), asked=ANYTHING, key_type=st.sampled_from([*keys.KEY_SPECS, "ED448", None]))
@settings(max_examples=200, deadline=None)
def test_whatever_is_asked_a_leaf_stays_within_its_profile(profile, asked, key_type):
    try:
        check(profile, asked=asked, subject=SUBJECT, key_type=key_type)
    except PkiError:
        return
    settled = settle(profile, asked, key_type=key_type)
    assert settled.basic_constraints == BasicConstraints(ca=False)
    assert settled.key_usage
    assert settled.key_usage <= profile.key_usage - profiles.NEVER_FOR_LEAVES
    assert settled.extended_key_usage
    assert settled.extended_key_usage <= profile.extended_key_usage - profiles.NEVER_FOR_LEAVES
    assert {name.type for name in settled.names} <= profile.name_types
    assert settled.custom == settled.crl_urls == settled.policies == ()
    check(profile, asked=settled, subject=SUBJECT, key_type=key_type)
    assert write(settled)
