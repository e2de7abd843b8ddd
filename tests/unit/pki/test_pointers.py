"""Distribution points and key identifiers in every form that RFC 5280 allows."""

from __future__ import annotations

import pytest
from cryptography import x509

from pki import inspection
from tests import pki_material

URI = x509.UniformResourceIdentifier("http://pki.example/ca.crl")
LDAP = x509.UniformResourceIdentifier("ldap://pki.example/cn=CA")
CA = x509.DirectoryName(pki_material.name("Other CA"))
RELATIVE = x509.RelativeDistinguishedName(list(pki_material.name("part 7")))
SOME = frozenset({x509.ReasonFlags.ca_compromise, x509.ReasonFlags.key_compromise})


def facts(*values: x509.ExtensionType) -> inspection.Facts:
    made = pki_material.certificate(
        pki_material.name("odd.example"), pki_material.p256(), extensions=[(value, False) for value in values]
    )
    return inspection.facts(made)


@pytest.mark.parametrize(
    ("point", "text"),
    [
        (([URI], None, None, None), "http://pki.example/ca.crl"),
        (([URI, LDAP], None, None, None), "http://pki.example/ca.crl, ldap://pki.example/cn=CA"),
        (([URI], None, SOME, None), "http://pki.example/ca.crl (only keyCompromise, cACompromise)"),
        (([URI], None, None, [CA]), "http://pki.example/ca.crl (issued by CN=Other CA)"),
        (
            ([URI], None, SOME, [CA]),
            "http://pki.example/ca.crl (only keyCompromise, cACompromise; issued by CN=Other CA)",
        ),
        ((None, RELATIVE, None, None), "CN=part 7 below the name of the CRL's issuer"),
        ((None, None, None, [CA]), "(issued by CN=Other CA)"),
        (([CA], None, None, None), "CN=Other CA"),
    ],
)
def test_a_distribution_point(point, text):
    found = facts(x509.CRLDistributionPoints([x509.DistributionPoint(*point)]))
    assert found.crl_points == (text,)


def test_several_and_none():
    points = [x509.DistributionPoint([one], None, None, None) for one in (URI, LDAP)]
    assert facts(x509.CRLDistributionPoints(points)).crl_points == (URI.value, LDAP.value)
    assert facts().crl_points == ()


def test_who_is_said_to_have_signed():
    by_name = facts(x509.AuthorityKeyIdentifier(None, [CA], 0xAB05))
    assert (by_name.authority_key_identifier, by_name.authority_key_issuer) == ("", "CN=Other CA, serial number AB05")
    both = facts(x509.AuthorityKeyIdentifier(b"\x01", [CA], 255))
    assert (both.authority_key_identifier, both.authority_key_issuer) == ("01", "CN=Other CA, serial number FF")
    by_key = facts(x509.AuthorityKeyIdentifier(b"\x01", None, None))
    assert (by_key.authority_key_identifier, by_key.authority_key_issuer) == ("01", "")
