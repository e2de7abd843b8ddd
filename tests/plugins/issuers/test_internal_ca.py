"""The internal CA: the contract of issuers, and what only a CA that signs itself can get wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from pki import chains, inspection, keys, signing
from pki.keys import KeySpec
from plugins import CreatesAuthorities, Misconfigured, Permanent, RevokeRequest, Revokes
from plugins.issuers.internal_ca import InternalCa
from plugins.testing import IssuerContract, SamplePki, sample_pki
from plugins.values import CaMaterial, Issued, IssueRequest

P256 = KeySpec.parse("ECCPRIME256V1")


class TestInternalCa(IssuerContract):
    plugin_class = InternalCa


@pytest.fixture
def request_() -> IssueRequest:
    return sample_pki().issue_request(keys.generate(P256))


def test_it_creates_authorities_and_revokes() -> None:
    assert issubclass(InternalCa, CreatesAuthorities)
    assert issubclass(InternalCa, Revokes)


def test_it_signs_exactly_what_was_drafted(request_: IssueRequest) -> None:
    assert request_.draft is not None
    issued = InternalCa().issue(request_)
    certificate = inspection.load(issued.body)
    assert signing.tbs_sha256(certificate) == signing.tbs_sha256(request_.draft)
    assert certificate.serial_number == request_.serial
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (
        request_.not_before,
        request_.not_after,
    )
    certificate.verify_directly_issued_by(sample_pki().intermediate.certificate)


def test_asking_twice_makes_the_same_certificate_but_for_the_signature(request_: IssueRequest) -> None:
    first, second = (inspection.load(InternalCa().issue(request_).body) for _ in range(2))
    assert first.tbs_certificate_bytes == second.tbs_certificate_bytes


def test_the_chain_starts_at_the_direct_issuer_and_ends_with_the_root(request_: IssueRequest) -> None:
    pki = sample_pki()
    chain = InternalCa().issue(request_).chain
    assert chain == (inspection.pem(pki.intermediate.certificate), inspection.pem(pki.root.certificate))


def test_without_the_authoritys_key_it_cannot_sign(request_: IssueRequest) -> None:
    with pytest.raises(Misconfigured, match="no certificate with a private key"):
        InternalCa().issue(replace(request_, material=None))


def test_a_key_of_another_authority_is_refused(request_: IssueRequest) -> None:
    intermediate = sample_pki().intermediate
    wrong = CaMaterial(intermediate.certificate, intermediate.chain, sample_pki().root.key)
    with pytest.raises(Misconfigured, match="belongs to another certificate"):
        InternalCa().issue(replace(request_, material=wrong))


def test_without_a_draft_there_is_nothing_to_sign(request_: IssueRequest) -> None:
    with pytest.raises(Permanent, match="needs a draft"):
        InternalCa().issue(replace(request_, draft=None))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda r: replace(r, serial=r.serial + 1), "another serial number"),
        (lambda r: replace(r, not_after=r.not_before), "another validity"),
        (lambda r: replace(r, material=sample_pki().root), "another issuer"),
        (lambda r: replace(r, csr=sample_pki().issue_request(keys.generate(P256)).csr), "another public key"),
        (lambda r: replace(r, csr="nonsense"), "The CSR cannot be used"),
    ],
)
def test_a_draft_that_is_not_what_was_ordered_is_refused(
    request_: IssueRequest, spoil: Callable[[IssueRequest], IssueRequest], reason: str
) -> None:
    with pytest.raises(Permanent, match=reason):
        InternalCa().issue(spoil(request_))


def test_it_makes_a_root_that_signs_itself() -> None:
    request = sample_pki().ca_request("New Root", parent=None)
    issued = InternalCa().create_authority(request)
    root = inspection.load(issued.body)
    assert issued.chain == ()
    assert inspection.facts(root).self_signed
    assert inspection.facts(root).is_ca
    assert keys.belongs(request.key, root.public_key())


def test_it_makes_an_intermediate_under_a_parent() -> None:
    pki = sample_pki()
    issued = InternalCa().create_authority(pki.ca_request("Lower", parent=pki.intermediate))
    chain = [inspection.load(pem) for pem in issued.chain]
    assert chain == [pki.intermediate.certificate, pki.root.certificate]
    chains.verify(inspection.load(issued.body), chain)


@pytest.mark.parametrize("with_parent", [True, False])
def test_an_authority_with_another_key_or_subject_than_drafted_is_refused(with_parent: bool) -> None:
    pki = sample_pki()
    request = pki.ca_request("One", parent=pki.root if with_parent else None)
    with pytest.raises(Permanent, match="another subject or another key"):
        InternalCa().create_authority(replace(request, key=keys.generate(P256)))
    with pytest.raises(Permanent, match="another subject or another key"):
        InternalCa().create_authority(replace(request, subject=x509.Name([])))


def test_an_authority_drafted_for_another_issuer_is_refused() -> None:
    pki = sample_pki()
    with pytest.raises(Permanent, match="another issuer than its parent"):
        InternalCa().create_authority(replace(pki.ca_request("One", parent=None), parent=pki.root))
    with pytest.raises(Permanent, match="another issuer than itself"):
        InternalCa().create_authority(replace(pki.ca_request("Two", parent=pki.root), parent=None))


def test_a_parent_without_its_key_is_refused() -> None:
    pki = sample_pki()
    parent = CaMaterial(pki.root.certificate, (), keys.generate(P256))
    with pytest.raises(Misconfigured):
        InternalCa().create_authority(replace(pki.ca_request("One", parent=pki.root), parent=parent))


def test_revoking_needs_nothing_but_the_ledger() -> None:
    certificate = sample_pki().bundle().certificate
    assert InternalCa().revoke(RevokeRequest(certificate=certificate)) is None


@pytest.mark.server("openssl")
@pytest.mark.parametrize("key_type", ["RSA2048", "ECCSECP384R1", "ED25519"])
def test_openssl_verifies_what_it_issues(openssl: Callable[..., str], tmp_path: Path, key_type: str) -> None:
    pki = SamplePki(key_type)
    root = InternalCa().create_authority(pki.ca_request("Judged Root", parent=None))
    issued: Issued = InternalCa().issue(pki.issue_request(keys.generate(pki.spec)))
    assert "CN = Judged Root" in openssl("x509", "-noout", "-subject", data=root.body.encode())
    for name, text in [("leaf", issued.body), ("middle", issued.chain[0]), ("root", issued.chain[1])]:
        (tmp_path / name).write_text(text)
    files = ["-CAfile", tmp_path / "root", "-untrusted", tmp_path / "middle"]
    assert openssl("verify", "-x509_strict", "-purpose", "sslserver", *files, tmp_path / "leaf").endswith("leaf: OK\n")
