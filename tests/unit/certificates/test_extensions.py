"""The extensions object of contract 3.4: what a certificate has is said, however odd, and nothing else."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from certificates import extensions
from core.errors import Invalid
from pki import inspection
from tests import pki_material

URI = x509.UniformResourceIdentifier("http://pki.example/x")
CA = x509.DirectoryName(pki_material.name("CA"))
TIMESTAMPING = x509.ObjectIdentifier("1.3.6.1.5.5.7.48.3")
ACCESS = {"certificate_info_access": {"include_aia": True}}


def said(*values: x509.ExtensionType) -> dict:
    made = pki_material.certificate(
        pki_material.name("odd.example"), pki_material.p256(), extensions=[(value, False) for value in values]
    )
    shown = extensions.describe(inspection.facts(made))
    assert shown.pop("sub_alt_names") == {"names": []}
    assert extensions.from_wire(extensions.to_wire(shown)) == shown
    return shown


def by(*, key: bool, certificate: bool) -> dict:
    return {"authority_key_identifier": {"use_key_identifier": key, "use_authority_cert": certificate}}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (x509.AuthorityKeyIdentifier(b"\x01", None, None), by(key=True, certificate=False)),
        (x509.AuthorityKeyIdentifier(None, [CA], 5), by(key=False, certificate=True)),
        (x509.AuthorityKeyIdentifier(b"\x01", [CA], 5), by(key=True, certificate=True)),
        (x509.AuthorityKeyIdentifier(None, None, None), by(key=False, certificate=False)),
        (x509.SubjectKeyIdentifier(b""), {"subject_key_identifier": {"include_ski": True}}),
        (x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, URI)]), ACCESS),
        (x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, CA)]), ACCESS),
        (x509.AuthorityInformationAccess([x509.AccessDescription(TIMESTAMPING, URI)]), ACCESS),
        (
            x509.CRLDistributionPoints([x509.DistributionPoint([URI], None, None, [CA])]),
            {"crl_distribution_points": {"include_crl_dp": "http://pki.example/x (issued by CN=CA)"}},
        ),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x30\xff"), {}),
        (x509.FreshestCRL([x509.DistributionPoint([URI], None, None, None)]), {}),
    ],
)
def test_what_is_there_is_said(value, shown):
    assert said(value) == shown


def test_nothing_is_said_of_what_is_not_there():
    assert said() == {}


def test_depth_of_what_is_respelled():
    custom = {"custom": [{"isCritical": [["x"]]}]}
    assert extensions.from_wire(custom) == {"custom": [{"is_critical": [["x"]]}]}
    assert custom == {"custom": [{"isCritical": [["x"]]}]}, "what came in stays as it is"
    with pytest.raises(Invalid, match="nested too deeply"):
        extensions.from_wire({"custom": [{"isCritical": [[["x"]]]}]})
