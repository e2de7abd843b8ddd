"""Verifying against real ones: a responder and CRLs of the `openssl` program, and what can be wrong with either."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from certificates import verify
from certificates.exceptions import CrlUnavailable, NoDistributionPoint
from pki import inspection
from pki.errors import BadAnswer
from pki.revocation import Status, ocsp_question
from plugins import network
from plugins.errors import Temporary
from tests.servers.openssl_ca import OpensslCa, Place, free_port, serving

pytestmark = [pytest.mark.server("openssl"), pytest.mark.django_db]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> OpensslCa:
    """With three certificates: `good`, `bad` (revoked) and `held`; and three that may or may not answer for it."""
    made = OpensslCa(tmp_path_factory.mktemp("ca"), ocsp_port=free_port(), crl_port=free_port())
    for name in ("good", "bad", "held"):
        made.issue(name)
    made.revoke("bad")
    made.revoke("held", "certificateHold")
    made.issue("delegate", "responder")
    made.issue("usurper", "no_responder")
    made.issue("antique", "responder", "-md", "sha1")
    return made


@pytest.fixture(scope="module")
def crl(ca: OpensslCa) -> bytes:
    return ca.crl()


@pytest.fixture(autouse=True)
def _reachable() -> object:
    verify.forget()
    before = network._allowed
    network.configure(allow=["127.0.0.0/8"])
    yield
    network._allowed = before


@pytest.fixture
def place(ca: OpensslCa, crl: bytes) -> object:
    """Where the CRL is."""
    with serving(ca.crl_port or 0) as server:
        server.content = crl
        yield server


def paths(ca: OpensslCa, name: str) -> tuple[Path, Path]:
    return ca.home / f"{name}.pem", ca.home / "ca.pem"


def verdict(ca: OpensslCa, name: str):
    return verify.verdict(inspection.load(ca.issued[name].read_text()), [ca.certificate])


class TestOcsp:
    @pytest.mark.parametrize(
        ("signer", "how"),
        [
            *((signer, how) for signer in ("ca", "delegate") for how in ("", "-nmin 5", "-resp_key_id", "-rmd sha384")),
            ("ca", "-resp_no_certs"),
        ],
    )
    def test_good_and_revoked(self, ca, signer, how):
        with ca.answering(*how.split(), signer=signer):
            assert verify.ocsp_verify(*paths(ca, "good")) is True
            assert verify.ocsp_verify(*paths(ca, "bad")) is False
            assert verify.verify(*paths(ca, "good")) is True
            assert verify.verify(*paths(ca, "bad")) is False

    def test_the_whole_verdict(self, ca):
        with ca.answering("-nmin", "5"):
            bad, held, good = (verdict(ca, name) for name in ("bad", "held", "good"))
        assert (bad.status, bad.by, bad.reason) == (Status.REVOKED, "OCSP", "keyCompromise")
        assert (held.status, held.reason) == (Status.REVOKED, "certificateHold")
        assert (good.status, good.by) == (Status.GOOD, "OCSP")
        assert good.fresh_until

    def test_one_that_does_not_know_it(self, ca, tmp_path):
        empty = tmp_path / "index.txt"
        empty.touch()
        with ca.answering("-index", str(empty)):
            assert verify.ocsp_verify(*paths(ca, "good")) is None
            assert "does not know" in verdict(ca, "good").why_unknown

    def test_one_for_another_authority(self, ca, tmp_path):
        other = OpensslCa(tmp_path / "other", ocsp_port=ca.ocsp_port)
        with other.answering(), pytest.raises(BadAnswer, match="not from the issuer"):
            verify.ocsp_verify(*paths(ca, "good"))
        with other.answering("-resp_no_certs"), pytest.raises(BadAnswer, match="does not verify"):
            verify.ocsp_verify(*paths(ca, "good"))

    def test_a_corrupt_signature(self, ca):
        with ca.answering("-badsig"), pytest.raises(BadAnswer):
            verify.ocsp_verify(*paths(ca, "good"))

    def test_a_certificate_of_the_authority_that_is_not_for_it(self, ca):
        with ca.answering(signer="usurper"):
            with pytest.raises(BadAnswer, match="somebody who may not"):
                verify.ocsp_verify(*paths(ca, "bad"))
            assert verdict(ca, "good").status is Status.UNKNOWN

    def test_a_delegate_whose_certificate_can_be_forged(self, ca):
        with ca.answering(signer="antique"), pytest.raises(BadAnswer, match="not from the issuer"):
            verify.ocsp_verify(*paths(ca, "good"))

    def test_about_several_at_once(self, ca, tmp_path):
        """The library does not show the extensions of each, which could change what it means: good is not enough."""
        with serving(ca.ocsp_port) as server:
            server.content = recorded(ca, tmp_path, "-cert", "bad.pem", "-no_nonce")
            assert verify.ocsp_verify(*paths(ca, "good")) is None
            assert verify.ocsp_verify(*paths(ca, "bad")) is False
            assert "several certificates" in verdict(ca, "good").why_unknown

    def test_an_answer_that_was_recorded(self, ca, tmp_path):
        """Made by a client for a question of its own; with a nonce it is a replay, later on it is stale."""
        with serving(ca.ocsp_port) as server:
            server.content = recorded(ca, tmp_path, "-nonce")
            with pytest.raises(BadAnswer, match="nonce is not ours"):
                verify.ocsp_verify(*paths(ca, "bad"))
            server.content = recorded(ca, tmp_path, "-no_nonce")
            assert verify.ocsp_verify(*paths(ca, "good")) is True

    def test_a_stale_one(self, ca, tmp_path, time_machine):
        content = recorded(ca, tmp_path, "-no_nonce")
        time_machine.move_to(time.time() + 6 * 60, tick=True)
        with serving(ca.ocsp_port) as server:
            server.content = content
            assert verify.ocsp_verify(*paths(ca, "good")) is None
            assert "stale" in verdict(ca, "good").why_unknown

    @pytest.mark.parametrize("end", [0, 1, 2, 50, -1])
    def test_a_truncated_one(self, ca, tmp_path, end):
        with serving(ca.ocsp_port) as server:
            server.content = recorded(ca, tmp_path, "-no_nonce")[:end]
            with pytest.raises(BadAnswer):
                verify.ocsp_verify(*paths(ca, "good"))
            assert verdict(ca, "good").status is Status.UNKNOWN

    def test_junk_and_errors(self, ca):
        with serving(ca.ocsp_port) as server:
            server.content = b"<html>good</html>"
            with pytest.raises(BadAnswer):
                verify.ocsp_verify(*paths(ca, "good"))
            server.status = 500
            with pytest.raises(Temporary, match="status 500"):
                verify.ocsp_verify(*paths(ca, "good"))

    def test_nobody_there(self, ca):
        with pytest.raises(Temporary, match="could not be reached"):
            verify.ocsp_verify(*paths(ca, "good"))
        found = verdict(ca, "good")
        assert found.status is Status.UNKNOWN
        assert "could not be reached" in found.why_unknown
        assert "Unable to retrieve CRL" in found.why_unknown
        assert verify.verify(*paths(ca, "good")) is None

    def test_openssl_agrees(self, ca):
        """The question is one that the program reads as we do."""
        question = ocsp_question(inspection.load(ca.issued["good"].read_text()), ca.certificate)
        (ca.home / "question.der").write_bytes(question.request)
        text = ca.openssl("ocsp", "-reqin", "question.der", "-req_text")
        serial = inspection.load(ca.issued["good"].read_text()).serial_number
        assert f"Serial Number: {serial:04X}" in text
        assert "OCSP Nonce" in text


def recorded(ca: OpensslCa, folder: Path, *how: str) -> bytes:
    """An answer about `good`, five minutes fresh; `how` are arguments of the client that asks."""
    about = ("-issuer", "ca.pem", "-cert", "good.pem", *how)
    ca.openssl("ocsp", *about, "-reqout", str(folder / "question"))
    signing = ("-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-nmin", "5")
    ca.openssl("ocsp", *signing, "-reqin", str(folder / "question"), "-respout", str(folder / "answer"))
    return (folder / "answer").read_bytes()


class TestCrl:
    def test_good_and_revoked(self, ca, place: Place):
        assert verify.crl_verify(bundle(ca, "good")) is True
        assert verify.crl_verify(bundle(ca, "bad")) is False

    def test_instead_of_a_responder_that_is_not_there(self, ca, place: Place):
        good, bad = verdict(ca, "good"), verdict(ca, "bad")
        assert (good.status, good.by) == (Status.GOOD, "CRL")
        assert (bad.status, bad.by, bad.reason) == (Status.REVOKED, "CRL", "keyCompromise")
        assert verify.verify_string(ca.issued["bad"].read_text(), ca.pem) is False

    def test_it_is_asked_for_once_until_it_ends(self, ca, place: Place, time_machine):
        for name in ("good", "bad", "good"):
            verdict(ca, name)
        assert place.asked == 1
        time_machine.move_to(time.time() + 25 * 3600, tick=True)
        place.content = ca.crl()
        assert verdict(ca, "good").status is Status.UNKNOWN  # the new one is from the past: the program's clock stands
        assert place.asked == 2

    def test_a_stale_one_is_not_good(self, ca, place: Place):
        place.content = ca.crl("-crlsec", "1")
        time.sleep(1.1)
        found = verdict(ca, "good")
        assert found.status is Status.UNKNOWN
        assert "stale" in found.why_unknown

    def test_one_of_another_authority(self, ca, place: Place, tmp_path):
        place.content = OpensslCa(tmp_path / "other").crl()
        with pytest.raises(BadAnswer, match="not signed with the issuer's key"):
            verify.crl_verify(bundle(ca, "bad"))
        place.content = OpensslCa(tmp_path / "another", name="Another").crl()
        with pytest.raises(BadAnswer, match="another issuer"):
            verify.crl_verify(bundle(ca, "bad"))

    def test_a_forged_one_is_not_kept(self, ca, place: Place, tmp_path, crl):
        place.content = OpensslCa(tmp_path / "other").crl()
        assert verdict(ca, "bad").status is Status.UNKNOWN
        place.content = crl
        assert verdict(ca, "bad").status is Status.REVOKED

    @pytest.mark.parametrize("end", [0, 1, 60, -1])
    def test_a_truncated_one(self, ca, place: Place, end):
        place.content = place.content[:end]
        with pytest.raises(BadAnswer):
            verify.crl_verify(bundle(ca, "good"))
        assert verdict(ca, "good").status is Status.UNKNOWN

    def test_one_that_is_not_there(self, ca, place: Place):
        place.status = 404
        with pytest.raises(CrlUnavailable, match=rf"Unable to retrieve CRL: http://127\.0\.0\.1:{ca.crl_port}/ca\.crl"):
            verify.crl_verify(bundle(ca, "good"))

    def test_no_point(self, ca):
        with pytest.raises(NoDistributionPoint):
            verify.crl_verify(ca.home / "ca.pem")


class TestWhomWeAsk:
    def test_nobody_but_the_public_unless_it_is_allowed(self, ca, place: Place):
        network.configure(allow=[])
        with ca.answering():
            assert verify.ocsp_verify(*paths(ca, "good")) is None
            assert verify.crl_verify(bundle(ca, "good")) is None
            assert "OUTBOUND_ALLOW can permit it" in verdict(ca, "good").why_unknown
        assert place.asked == 0

    def test_only_hosts_that_are_trusted(self, ca, place: Place, settings):
        settings.LEMUR_TRUSTED_OCSP_HOSTS = settings.LEMUR_TRUSTED_CRL_HOSTS = ["pki.example.com"]
        with ca.answering():
            assert verify.ocsp_verify(*paths(ca, "good")) is None
            assert verify.crl_verify(bundle(ca, "good")) is None
            assert "LEMUR_TRUSTED_CRL_HOSTS does not list its host" in verdict(ca, "good").why_unknown
            settings.LEMUR_TRUSTED_OCSP_HOSTS = settings.LEMUR_TRUSTED_CRL_HOSTS = ["127.0.0.1"]
            assert verify.ocsp_verify(*paths(ca, "good")) is True
            assert verify.crl_verify(bundle(ca, "good")) is True


def bundle(ca: OpensslCa, name: str) -> Path:
    """The certificate and its issuer's in one file."""
    made = ca.home / f"{name}-bundle.pem"
    issuer = ca.certificate.public_bytes(Encoding.PEM).decode()
    made.write_text(ca.issued[name].read_text() + issuer)
    return made
