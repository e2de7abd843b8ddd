"""Every certificate this package writes, for every kind of key it makes, before the eyes of an independent linter."""

from datetime import timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import inspection, keys, lint, profiles, signing
from pki.errors import PkiError
from pki.extensions import Extensions, KeyUsage
from pki.keys import KEY_SPECS, KeySpec
from pki.names import parse
from pki.subjects import Subject
from tests import pki_material
from tests.pki_material import Pair, material

pytestmark = pytest.mark.slow

# What the linter says about how a key identifier was made, which it only tells.
TOLD = {"INFO", "DEBUG"}
URLS = Extensions(
    crl_urls=("http://pki.example.com/1/ca.crl",),
    ocsp_urls=("http://pki.example.com/1/ocsp",),
    issuer_urls=("http://pki.example.com/1/ca.crt",),
)
NAMES = {
    "server": [
        ("DNSName", "www.example.com"),
        ("DNSName", "*.example.com"),
        ("DNSName", "intranet"),
        ("IPAddress", "2001:db8::1"),
    ],
    "client": [("rfc822Name", "alice@example.com"), ("DNSName", "alice.example.com")],
    "server-and-client": [("DNSName", "both.example.com"), ("uniformResourceIdentifier", "spiffe://example.com/both")],
}


@cache
def key_of(spec_name):
    return keys.generate(KeySpec.parse(spec_name))


@cache
def authority(kind, spec_name):
    issuer = authority("root", spec_name) if kind == "intermediate" else None
    return Pair(
        issued(kind, spec_name, issuer, Subject(common_name=f"Example {kind}", organization="Example")),
        key_of(spec_name),
    )


def issued(profile_name, spec_name, issuer, subject, asked=None):
    """By the way every certificate goes: check, settle, draft, sign."""
    profile, key = profiles.BUILT_IN[profile_name], key_of(spec_name)
    asked = asked or Extensions(names=tuple(parse(*name) for name in NAMES.get(profile_name, ())))
    profiles.check(profile, asked=asked, subject=subject.to_name(), key_type=spec_name)
    settled = profiles.settle(profile, asked, key_type=spec_name)
    if issuer:
        settled = Extensions(
            **(vars(settled) | {field: getattr(URLS, field) for field in ("crl_urls", "ocsp_urls", "issuer_urls")})
        )
    draft = signing.draft(
        subject=subject.to_name(),
        public_key=key.public_key(),
        issuer=issuer.certificate if issuer else None,
        signer_public_key=(issuer.key if issuer else key).public_key(),
        serial=signing.random_serial(),
        not_before=pki_material.now(),
        not_after=pki_material.now() + timedelta(days=90),
        extensions=settled,
    )
    return signing.sign(draft, issuer.key if issuer else key)


@pytest.mark.parametrize("spec_name", KEY_SPECS)
@pytest.mark.parametrize("profile_name", profiles.BUILT_IN)
def test_nothing_is_found_in_what_we_issue(profile_name, spec_name):
    if profiles.BUILT_IN[profile_name].ca:
        certificate = authority(profile_name, spec_name).certificate
    else:
        subject = Subject(common_name="www.example.com", organization="Example Inc", country="DE")
        certificate = issued(profile_name, spec_name, authority("intermediate", spec_name), subject)
    assert [finding for finding in lint.lint(certificate) if finding.severity not in TOLD] == []


def test_nothing_is_found_under_an_empty_subject():
    certificate = issued("server", "ECCPRIME256V1", authority("intermediate", "ECCPRIME256V1"), Subject())
    assert [finding for finding in lint.lint(certificate) if finding.severity not in TOLD] == []


def test_a_draft_can_be_linted_before_it_is_signed():
    signed = issued(
        "server", "ECCPRIME256V1", authority("intermediate", "ECCPRIME256V1"), Subject(common_name="x.example")
    )
    draft = inspection.load(signed.public_bytes(Encoding.DER))
    assert {finding.severity for finding in lint.lint(draft)} <= TOLD


def test_errors_come_first():
    key = pki_material.p256()
    subject = pki_material.name("Not OK", country_name="DE")
    usage = pki_material.key_usage(KeyUsage.KEY_CERT_SIGN)
    bad = pki_material.certificate(subject, key, material().root, extensions=[(usage, False)])
    found = lint.lint(bad)
    assert found[0].severity == "ERROR"
    assert found[0].is_error
    assert not found[-1].is_error
    assert [lint.SEVERITIES.index(finding.severity) for finding in found] == sorted(
        lint.SEVERITIES.index(finding.severity) for finding in found
    )
    assert "pkix.key_usage_extension_not_critical" in {finding.code for finding in found}


def test_names_that_are_wrong_are_found():
    key = pki_material.p256()
    names = x509.SubjectAlternativeName([x509.DNSName("-a-.example"), x509.UniformResourceIdentifier("no uri")])
    bad = pki_material.certificate(pki_material.name("x"), key, material().root, extensions=[(names, False)])
    codes = [finding.code for finding in lint.lint(bad) if finding.is_error]
    assert {"pkix.invalid_domain_name_syntax", "pkix.invalid_uri_syntax"} <= set(codes)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_certificates_give_findings_or_a_pki_error(data):
    der = bytearray(data.draw(st.sampled_from([material().leaf.der, material().root.der, material().ed25519_leaf.der])))
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, 300))] = data.draw(st.integers(0, 255))
    try:
        found = lint.lint(inspection.load(bytes(der)))
    except PkiError:
        return
    assert all(finding.code for finding in found)
