"""Verifying without a responder: what cannot be told, whom we take for the issuer, and that the chain must hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction

from authorities import ledger
from certificates import service, verify
from certificates.exceptions import CrlUnavailable, NoDistributionPoint
from certificates.remembering import Memory
from pki.errors import BadCertificate, BadChain
from pki.revocation import Status
from plugins import network
from tests import pki_material
from tests.factories import a_certificate
from tests.pki_material import Pair, as_pem, material
from tests.servers.openssl_ca import Place, serving

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0)
NOWHERE = "http://crl.nowhere.invalid/ca.crl"


@pytest.fixture(autouse=True)
def _reachable() -> object:
    verify.forget()
    before = network._allowed
    network.configure(allow=["127.0.0.0/8"])
    yield
    network._allowed = before


@pytest.fixture
def place() -> object:
    with serving() as server:
        yield server


def url(place: Place, path: str = "/ca.crl") -> str:
    return f"http://127.0.0.1:{place.server_port}{path}"


def points(*urls: str) -> tuple[x509.ExtensionType, bool]:
    names = [x509.UniformResourceIdentifier(one) for one in urls]
    return x509.CRLDistributionPoints([x509.DistributionPoint([name], None, None, None) for name in names]), False


def ca(*urls: str, issuer: Pair | None = None, cn: str = "CA", **how: object) -> Pair:
    key = pki_material.p256()
    extensions = [*pki_material.ca_extensions(key), *([points(*urls)] if urls else ())]
    return Pair(pki_material.certificate(pki_material.name(cn), key, issuer, extensions=extensions, **how), key)


def leaf(*urls: str, issuer: Pair | None = None, **how: object) -> x509.Certificate:
    issuer = issuer or material().intermediate
    extensions = [*pki_material.leaf_extensions(issuer, ["www.example.com"]), *([points(*urls)] if urls else ())]
    subject = pki_material.name("www.example.com")
    return pki_material.certificate(subject, pki_material.p256(), issuer, extensions=extensions, **how)


def crl(signer: Pair, *revoked: x509.Certificate, hours: float = 1) -> bytes:
    entries = [
        x509.RevokedCertificateBuilder().serial_number(one.serial_number).revocation_date(NOW).build()
        for one in revoked
    ]
    builder = (
        x509.CertificateRevocationListBuilder(revoked_certificates=entries)
        .issuer_name(signer.certificate.subject)
        .last_update(NOW - timedelta(hours=1))
        .next_update(NOW + timedelta(hours=hours))
    )
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def written(tmp_path: Path, *certificates: x509.Certificate) -> Path:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.pem"
    path.write_text(as_pem(*certificates))
    return path


class TestWithoutMeans:
    """Contract 8.2: nothing that could be asked."""

    def test_neither_crl_nor_ocsp(self, tmp_path):
        chain = written(tmp_path, *material().chain)
        assert verify.verify_string(as_pem(material().leaf.certificate), as_pem(*material().chain)) is None
        assert verify.verify_string(as_pem(material().root.certificate), "") is None
        assert verify.verify(written(tmp_path, material().leaf.certificate), chain) is None
        assert verify.ocsp_verify(written(tmp_path, material().leaf.certificate), chain) is None
        assert "neither" in verify.verdict(material().leaf.certificate, []).why_unknown

    def test_no_distribution_point(self, tmp_path):
        with pytest.raises(NoDistributionPoint, match="no CRL distribution point"):
            verify.crl_verify(written(tmp_path, material().leaf.certificate))

    def test_a_scheme_that_nobody_asks_is_not_good(self, tmp_path):
        one = leaf("ldap://crl.example.com/cn=CA", "file:///etc/passwd", "ftp://crl.example.com/")
        assert verify.crl_verify(written(tmp_path, one, *material().chain)) is None
        assert verify.verify_string(as_pem(one), as_pem(*material().chain)) is None

    def test_unreachable(self, tmp_path):
        one = leaf(NOWHERE)
        with pytest.raises(CrlUnavailable, match=f"Unable to retrieve CRL: {re.escape(NOWHERE)}"):
            verify.crl_verify(written(tmp_path, one, *material().chain))
        assert verify.verify(written(tmp_path, one), written(tmp_path, *material().chain)) is None

    def test_unreachable_of_its_own_issuer(self, tmp_path):
        with pytest.raises(CrlUnavailable, match="Unable to retrieve CRL"):
            verify.crl_verify(written(tmp_path, ca(NOWHERE).certificate))

    def test_an_unknown_issuer(self, tmp_path, place):
        one = leaf(url(place))
        assert verify.crl_verify(written(tmp_path, one)) is None
        assert verify.verify_string(as_pem(one), as_pem(material().other_root.certificate)) is None
        assert "issuer is not known" in verify.verdict(one, []).why_unknown
        assert place.asked == 0

    def test_what_is_no_certificate(self, tmp_path):
        for read in (
            verify.crl_verify,
            lambda path: verify.verify(path, path),
            lambda path: verify.ocsp_verify(path, path),
        ):
            with pytest.raises(BadCertificate, match="no certificate in"):
                read(written(tmp_path))
        with pytest.raises(BadCertificate):
            verify.verify_string("junk", "")
        with pytest.raises(BadChain):
            verify.verify_string(as_pem(material().leaf.certificate), "junk")
        with pytest.raises(FileNotFoundError):
            verify.crl_verify(tmp_path / "missing.pem")


class TestTheIssuer:
    def test_one_of_the_same_name_signed_nothing(self, place):
        """His CRL is in order, and his certificate bears the right name; but he did not sign the certificate."""
        thief = ca(cn="Example Issuing CA")
        place.content = crl(thief)
        assert verify.verify_string(as_pem(leaf(url(place))), as_pem(thief.certificate)) is None
        assert place.asked == 0

    def test_one_who_cannot_be_checked(self, tmp_path, place):
        """By an algorithm that nobody knows: he may have signed it or not, so his CRL proves nothing."""
        known, unknown = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d04037f")
        der = leaf(url(place)).public_bytes(Encoding.DER).replace(known, unknown)
        odd = x509.load_der_x509_certificate(der)
        place.content = crl(material().intermediate)
        assert verify.crl_verify(written(tmp_path, odd, *material().chain)) is None
        assert verify.verify_string(as_pem(odd), as_pem(*material().chain)) is None

    def test_one_that_we_know(self, people, tmp_path, place):
        one = leaf(url(place))
        place.content = crl(material().intermediate, one)
        path = written(tmp_path, one)
        assert verify.crl_verify(path) is None
        service.upload(by=people.root, owner="pki@example.org", body=material().intermediate.pem)
        assert verify.crl_verify(path) is False
        assert verify.verify_string(as_pem(one), "") is False

    def test_in_any_order_of_the_chain(self, place):
        place.content = crl(material().intermediate)
        chain = [material().other_root.certificate, *reversed(material().chain)]
        assert verify.verify_string(as_pem(leaf(url(place))), as_pem(*chain)) is True


class TestOurOwn:
    """What an authority of ours issued is looked up in its ledger; nobody is asked, even where nobody can be."""

    @pytest.fixture
    def own(self, people, root_ca):
        return a_certificate(people.root, root_ca, cn="own.example.org")

    def test_good_and_then_revoked(self, own, people):
        assert verify.verify_string(own.body, own.chain) is True
        service.revoke(own, by=people.root, reason="superseded")
        found = verify.verdict(own.parsed, own.issuers)
        assert (found.status, found.by, found.reason) == (Status.REVOKED, "ledger", "superseded")

    def test_the_same_serial_by_somebody_else_is_not_ours(self, own):
        stranger = material().intermediate
        other = pki_material.certificate(
            pki_material.name("own.example.org"), pki_material.p256(), stranger, serial=own.parsed.serial_number
        )
        found = verify.verdict(other, material().chain)
        assert (found.status, found.by) == (Status.UNKNOWN, "")

    def test_many_are_looked_up_at_once(self, people, root_ca, django_assert_num_queries):
        good, bad = (a_certificate(people.root, root_ca, cn=f"{name}.example.org") for name in ("good", "bad"))
        service.revoke(bad, by=people.root, reason="superseded")
        with django_assert_num_queries(1):
            lines = ledger.Lines((one.parsed, one.issuers) for one in (good, bad))
            found = [verify.verdict(one.parsed, one.issuers, lines=lines).status for one in (good, bad)]
        assert found == [Status.GOOD, Status.REVOKED]

    def test_one_whose_issuer_was_not_in_its_chain_is_looked_up_by_itself(self, own):
        lines = ledger.Lines([(own.parsed, [])])
        assert lines.of(own.parsed, own.issuers[0]).serial == own.serial
        assert lines.of(own.parsed, own.parsed) is None


class TestTheChain:
    def test_good_needs_a_chain_that_holds(self, place):
        place.content = crl(material().intermediate)
        old = leaf(url(place), not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))
        assert verify.verify_string(as_pem(leaf(url(place))), as_pem(*material().chain)) is True
        found = verify.verdict(old, material().chain)
        assert found.status is Status.UNKNOWN
        assert "has expired" in found.why_unknown

    def test_revoked_does_not(self, place):
        old = leaf(url(place), not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))
        place.content = crl(material().intermediate, old)
        assert verify.verify_string(as_pem(old), as_pem(*material().chain)) is False

    def test_an_issuer_that_may_issue_nothing(self, place):
        key = pki_material.p256()
        extensions = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (pki_material.key_usage("crl_sign"), True),
        ]
        server = pki_material.certificate(pki_material.name("x"), key, material().intermediate, extensions=extensions)
        signer = Pair(server, key)
        place.content = crl(signer)
        assert verify.verify_string(as_pem(leaf(url(place), issuer=signer)), as_pem(server, *material().chain)) is None

    def test_a_revoked_authority_above(self, place):
        with serving() as above:
            issuing = ca(url(above, "/root.crl"), issuer=material().root, cn="Issuing")
            one = leaf(url(place), issuer=issuing)
            chain = [issuing.certificate, material().root.certificate]
            place.content, above.content = crl(issuing), crl(material().root)
            assert verify.verdict(one, chain).status is Status.GOOD
            assert verify.verdict(one, chain).status is Status.GOOD
            assert (place.asked, above.asked) == (1, 1)
            verify.forget()
            above.content = crl(material().root, issuing.certificate)
            found = verify.verdict(one, chain)
            assert (found.status, found.by) == (Status.REVOKED, "CRL, of its issuer 'Issuing'")

    def test_authorities_that_cannot_be_asked_do_no_harm(self, place):
        issuing = ca(NOWHERE, issuer=material().root, cn="Issuing")
        place.content = crl(issuing)
        chain = [issuing.certificate, material().root.certificate]
        assert verify.verdict(leaf(url(place), issuer=issuing), chain).status is Status.GOOD


class TestSeveralPoints:
    def test_the_first_that_can_tell_counts(self, place):
        one = leaf("ldap://crl.example.com/", NOWHERE, url(place))
        place.content = crl(material().intermediate, one)
        assert verify.verify_string(as_pem(one), as_pem(*material().chain)) is False

    def test_delta(self, place):
        """Beside the CRL there is one with what has changed since: without it nothing is good."""
        with serving() as changes:
            freshest = x509.FreshestCRL(points(url(changes))[0])
            extensions = [points(url(place)), (freshest, False)]
            one = pki_material.certificate(
                pki_material.name("x"), pki_material.p256(), material().intermediate, extensions=extensions
            )
            place.content, changes.content = numbered(1), numbered(2, since=1)
            assert verify.verdict(one, material().chain).status is Status.GOOD
            verify.forget()
            changes.content = numbered(2, one, since=1)
            assert verify.verdict(one, material().chain).status is Status.REVOKED
            verify.forget()
            changes.status = 404
            assert verify.verdict(one, material().chain).status is Status.UNKNOWN


def numbered(number: int, *revoked: x509.Certificate, since: int | None = None) -> bytes:
    signer = material().intermediate
    entries = [
        x509.RevokedCertificateBuilder().serial_number(one.serial_number).revocation_date(NOW).build()
        for one in revoked
    ]
    builder = (
        x509.CertificateRevocationListBuilder(revoked_certificates=entries)
        .issuer_name(signer.certificate.subject)
        .last_update(NOW - timedelta(hours=1))
        .next_update(NOW + timedelta(hours=1))
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    if since is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(since), critical=True)
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


class TestRemembering:
    def test_a_crl_until_its_end_and_no_longer_than_a_day(self, place, time_machine):
        one = leaf(url(place))
        place.content = crl(material().intermediate, hours=48)
        for hours, asked in ((0, 1), (23, 1), (25, 2)):
            time_machine.move_to(NOW + timedelta(hours=hours, minutes=1), tick=False)
            assert verify.verdict(one, material().chain).status is Status.GOOD
            assert place.asked == asked

    def test_a_new_one_is_seen_after_the_end(self, place, time_machine):
        one = leaf(url(place))
        place.content = crl(material().intermediate, hours=1)
        assert verify.verdict(one, material().chain).status is Status.GOOD
        place.content = crl(material().intermediate, one, hours=3)
        assert verify.verdict(one, material().chain).status is Status.GOOD
        time_machine.move_to(NOW + timedelta(hours=1, seconds=1), tick=False)
        assert verify.verdict(one, material().chain).status is Status.REVOKED

    def test_bounded_and_the_least_used_go_first(self):
        memory: Memory[bytes] = Memory(10, size=len)
        for key in "abc":
            memory.put(key, b"123", NOW + timedelta(hours=1))
        memory.get("a", NOW)
        memory.put("d", b"123", NOW + timedelta(hours=1))
        assert [memory.get(key, NOW) for key in "abcd"] == [b"123", None, b"123", b"123"]

    def test_a_thing_that_is_too_large_is_not_kept(self):
        memory: Memory[bytes] = Memory(10, size=len)
        memory.put("a", b"123", NOW + timedelta(hours=1))
        memory.put("b", b"1" * 11, NOW + timedelta(hours=1))
        assert memory.get("b", NOW) is None
        memory.put("c", b"123", NOW + timedelta(hours=1))
        assert memory.get("c", NOW) == b"123"

    def test_the_end_and_replacement(self):
        memory: Memory[str] = Memory(2)
        memory.put("a", "old", NOW + timedelta(hours=1))
        memory.put("a", "new", NOW + timedelta(hours=1))
        assert memory.get("a", NOW) == "new"
        assert memory.get("a", NOW + timedelta(hours=1)) is None
        memory.put("b", "x", NOW)
        assert memory.get("b", NOW) is None


@pytest.mark.django_db
def test_never_within_a_transaction(tmp_path):
    one = leaf(NOWHERE)
    path, chain = written(tmp_path, one, *material().chain), written(tmp_path, *material().chain)
    for ask in (
        lambda: verify.verdict(one, material().chain),
        lambda: verify.crl_verify(path),
        lambda: verify.ocsp_verify(path, chain),
    ):
        with transaction.atomic(), pytest.raises(RuntimeError, match="outside of transactions"):
            ask()
