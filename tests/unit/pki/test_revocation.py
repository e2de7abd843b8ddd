"""OCSP questions and answers: genuine, forged, stale, unauthorised, replayed, truncated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.errors import BadAnswer, BadChain, PkiError
from pki.revocation import Status, judge_ocsp, ocsp_question
from tests import pki_material
from tests.pki_material import Pair, material

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
WITHOUT_DIGEST = (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey, mldsa.MLDSA65PrivateKey)


def leaf():
    return material().leaf.certificate


def issuer():
    return material().intermediate


def delegate(
    signer=None,
    *,
    key=None,
    purposes=(ExtendedKeyUsageOID.OCSP_SIGNING,),
    usages=("digital_signature",),
    more=(),
    **how,
):
    extensions = [(pki_material.key_usage(*usages), True), *more]
    if purposes:
        extensions.append((x509.ExtendedKeyUsage(purposes), False))
    key = key or pki_material.p256()
    made = pki_material.certificate(
        pki_material.name("responder"), key, signer or issuer(), extensions=extensions, **how
    )
    return Pair(made, key)


def answer(
    status=GOOD,
    *,
    certificate=None,
    of=None,
    signer=None,
    by_key=False,
    attached=(),
    this_update=NOW - HOUR,
    next_update=NOW + HOUR,
    nonce=None,
    naming=None,
    reason=None,
    extensions=(),
):
    """DER of an answer about `certificate`, as if from the issuer `of`, by `signer`."""
    of, signer = of or issuer(), signer or of or issuer()
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificate or leaf(),
        of.certificate,
        naming or hashes.SHA1(),
        status,
        this_update,
        next_update,
        NOW - timedelta(days=2) if status is REVOKED else None,
        reason,
    )
    encoding = ocsp.OCSPResponderEncoding.HASH if by_key else ocsp.OCSPResponderEncoding.NAME
    builder = builder.responder_id(encoding, signer.certificate)
    if attached:
        builder = builder.certificates(list(attached))
    for extension, critical in [*([(x509.OCSPNonce(nonce), False)] if nonce else ()), *extensions]:
        builder = builder.add_extension(extension, critical=critical)
    algorithm = None if isinstance(signer.key, WITHOUT_DIGEST) else hashes.SHA256()
    return builder.sign(signer.key, algorithm).public_bytes(Encoding.DER)


def judge(der, *, certificate=None, of=None, now=NOW, nonce=None):
    return judge_ocsp(der, certificate or leaf(), (of or issuer()).certificate, now=now, nonce=nonce)


def with_access(*urls, method=AuthorityInformationAccessOID.OCSP):
    access = x509.AuthorityInformationAccess(
        [x509.AccessDescription(method, pki_material.general_name(url)) for url in urls]
    )
    return pki_material.certificate(pki_material.name("x"), pki_material.p256(), issuer(), extensions=[(access, False)])


class TestQuestion:
    def test_names_the_certificate_and_has_a_nonce_of_its_own(self):
        certificate = with_access("http://ocsp.example.com/")
        first, second = (ocsp_question(certificate, issuer().certificate) for _ in range(2))
        request = ocsp.load_der_ocsp_request(first.request)
        assert first.url == "http://ocsp.example.com/"
        assert request.serial_number == certificate.serial_number
        assert request.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == first.nonce
        assert len(first.nonce) == 32
        assert first.nonce != second.nonce

    def test_without_a_responder_there_is_none(self):
        assert ocsp_question(leaf(), issuer().certificate) is None
        for other in (
            with_access("ldap://ocsp.example.com/"),
            with_access("http://ca.example.com/", method=AuthorityInformationAccessOID.CA_ISSUERS),
        ):
            assert ocsp_question(other, issuer().certificate) is None

    def test_the_first_that_speaks_http_is_asked(self):
        certificate = with_access("ldap://one.example.com/", "HTTPS://two.example.com/", "http://three.example.com/")
        assert ocsp_question(certificate, issuer().certificate).url == "HTTPS://two.example.com/"

    def test_of_another_issuer_nothing_is_asked(self):
        with pytest.raises(BadChain, match="names another issuer"):
            ocsp_question(leaf(), material().root.certificate)


class TestGenuine:
    def test_good(self):
        verdict = judge(answer())
        assert (verdict.status, verdict.by, verdict.fresh_until) == (Status.GOOD, "OCSP", NOW + HOUR)

    def test_revoked(self):
        verdict = judge(answer(REVOKED, reason=x509.ReasonFlags.key_compromise))
        assert (verdict.status, verdict.reason) == (Status.REVOKED, "keyCompromise")
        assert verdict.revoked_at == NOW - timedelta(days=2)

    def test_revoked_without_a_reason(self):
        verdict = judge(answer(REVOKED))
        assert (verdict.status, verdict.reason) == (Status.REVOKED, "")

    def test_unknown_is_not_good(self):
        verdict = judge(answer(UNKNOWN))
        assert verdict.status is Status.UNKNOWN
        assert "does not know" in verdict.why_unknown

    @pytest.mark.parametrize("naming", [hashes.SHA1(), hashes.SHA256(), hashes.SHA512()])
    def test_the_certificate_may_be_named_by_any_digest(self, naming):
        assert judge(answer(naming=naming)).status is Status.GOOD

    @pytest.mark.parametrize("by_key", [True, False])
    @pytest.mark.parametrize(
        "make",
        [
            pki_material.p256,
            lambda: rsa.generate_private_key(65537, 2048),
            ed25519.Ed25519PrivateKey.generate,
            ed448.Ed448PrivateKey.generate,
        ],
    )
    def test_every_kind_of_key_answers(self, make, by_key):
        signer = delegate(key=make())
        assert judge(answer(signer=signer, by_key=by_key, attached=[signer.certificate])).status is Status.GOOD

    def test_a_delegate_answers(self):
        signer = delegate(more=[(x509.OCSPNoCheck(), False)])
        assert judge(answer(REVOKED, signer=signer, attached=[signer.certificate])).status is Status.REVOKED

    def test_the_issuer_may_attach_itself(self):
        assert judge(answer(attached=[issuer().certificate])).status is Status.GOOD


class TestForged:
    def test_with_another_key(self):
        key = pki_material.p256()
        thief = Pair(pki_material.certificate(issuer().certificate.subject, key), key)
        with pytest.raises(BadAnswer, match="does not verify"):
            judge(answer(signer=thief))

    def test_with_a_certificate_of_the_issuers_name(self):
        key = pki_material.p256()
        thief = Pair(
            pki_material.certificate(issuer().certificate.subject, key, extensions=pki_material.ca_extensions(key)), key
        )
        with pytest.raises(BadAnswer, match="not from the issuer"):
            judge(answer(signer=thief, attached=[thief.certificate]))

    def test_by_a_delegate_that_another_authority_has_named(self):
        for other in (material().root, material().other_root):
            signer = delegate(other)
            with pytest.raises(BadAnswer, match="not from the issuer"):
                judge(answer(signer=signer, attached=[signer.certificate]))

    @pytest.mark.parametrize(
        "purposes", [(), (ExtendedKeyUsageOID.SERVER_AUTH,), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)]
    )
    def test_by_a_certificate_that_is_not_for_it(self, purposes):
        signer = delegate(purposes=purposes)
        with pytest.raises(BadAnswer, match="not for signing OCSP answers"):
            judge(answer(signer=signer, attached=[signer.certificate]))

    def test_by_the_certificate_itself(self):
        with pytest.raises(BadAnswer, match="not for signing OCSP answers"):
            judge(answer(signer=material().leaf, attached=[leaf()]))

    @pytest.mark.parametrize(
        "how",
        [
            {"not_after": NOW - timedelta(seconds=1), "not_before": NOW - HOUR},
            {"not_before": NOW + HOUR, "not_after": NOW + 2 * HOUR},
        ],
    )
    def test_by_a_delegate_that_is_not_valid(self, how):
        signer = delegate(**how)
        with pytest.raises(BadAnswer, match="not valid now"):
            judge(answer(signer=signer, attached=[signer.certificate]))

    def test_by_a_delegate_whose_key_is_for_something_else(self):
        signer = delegate(usages=("key_encipherment",))
        with pytest.raises(BadAnswer, match="not for signatures"):
            judge(answer(signer=signer, attached=[signer.certificate]))

    def test_by_a_delegate_with_an_unknown_critical_extension(self):
        signer = delegate(more=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)])
        with pytest.raises(BadAnswer, match="critical extension"):
            judge(answer(signer=signer, attached=[signer.certificate]))

    def test_by_a_delegate_that_is_not_there(self):
        with pytest.raises(BadAnswer, match="does not verify"):
            judge(answer(signer=delegate()))

    def test_another_status_than_was_signed(self):
        der = answer(REVOKED)
        single = ocsp.load_der_ocsp_response(der).tbs_response_bytes
        revoked = single.index(b"\xa1\x11\x18\x0f")
        altered = single[:revoked] + b"\x80\x00" + single[revoked + 19 :]
        with pytest.raises(BadAnswer):
            judge(der.replace(single, altered))

    def test_with_a_digest_that_can_be_forged(self):
        signer = delegate(key=rsa.generate_private_key(65537, 2048))
        der = answer(signer=signer)
        with_sha256, with_sha1 = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))
        assert der.count(with_sha256) == 1
        with pytest.raises(BadAnswer, match="signed with sha1, which can be forged"):
            judge(der.replace(with_sha256, with_sha1))


class TestAboutOthers:
    def test_another_serial(self):
        other = material().leaf_with(cn="other.example.com").certificate
        verdict = judge(answer(certificate=other))
        assert verdict.status is Status.UNKNOWN
        assert "other certificates" in verdict.why_unknown

    def test_the_same_serial_of_another_issuer(self):
        """By a delegate of ours, about what an issuer of another name and key has issued under our serial."""
        twin = material().leaf_with(cn="twin", issuer=material().other_root, serial=leaf().serial_number)
        verdict = judge(answer(certificate=twin.certificate, of=material().other_root, signer=issuer()))
        assert verdict.status is Status.UNKNOWN

    def test_the_same_name_and_serial_under_another_key(self):
        key = pki_material.p256()
        namesake = Pair(
            pki_material.certificate(issuer().certificate.subject, key, extensions=pki_material.ca_extensions(key)), key
        )
        assert judge(answer(of=namesake, signer=issuer())).status is Status.UNKNOWN

    def test_another_issuer_given(self):
        with pytest.raises(BadChain, match="names another issuer"):
            judge(answer(), of=material().root)

    def test_a_critical_extension_that_is_unknown(self):
        odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
        with pytest.raises(BadAnswer, match="critical extension"):
            judge(answer(extensions=[(odd, True)]))


class TestTimes:
    def test_stale(self):
        verdict = judge(answer(next_update=NOW - timedelta(seconds=1)))
        assert verdict.status is Status.UNKNOWN
        assert "stale" in verdict.why_unknown

    def test_the_end_itself_is_stale(self):
        assert judge(answer(next_update=NOW)).status is Status.UNKNOWN

    def test_a_stale_revocation_is_unknown_too(self):
        assert judge(answer(REVOKED, next_update=NOW)).status is Status.UNKNOWN

    def test_from_the_future(self):
        der = answer(this_update=NOW + timedelta(minutes=4), next_update=NOW + HOUR)
        assert judge(der).status is Status.GOOD
        verdict = judge(der, now=NOW - timedelta(minutes=2))
        assert verdict.status is Status.UNKNOWN
        assert "from the future" in verdict.why_unknown

    def test_without_an_end_it_holds_for_an_hour(self):
        der = answer(this_update=NOW, next_update=None)
        assert judge(der).fresh_until == NOW + HOUR
        assert judge(der, now=NOW + timedelta(minutes=59)).status is Status.GOOD
        assert judge(der, now=NOW + HOUR).status is Status.UNKNOWN


class TestNonce:
    def test_ours_comes_back(self):
        assert judge(answer(nonce=b"n" * 32), nonce=b"n" * 32).status is Status.GOOD

    def test_another_is_a_replay(self):
        with pytest.raises(BadAnswer, match="nonce is not ours"):
            judge(answer(nonce=b"o" * 32), nonce=b"n" * 32)

    def test_responders_may_leave_it_out(self):
        assert judge(answer(), nonce=b"n" * 32).status is Status.GOOD

    def test_one_that_was_not_asked_for_does_no_harm(self):
        assert judge(answer(nonce=b"o" * 32)).status is Status.GOOD


class TestNoAnswer:
    def test_unauthorized_is_unknown(self):
        der = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED).public_bytes(
            Encoding.DER
        )
        verdict = judge(der)
        assert verdict.status is Status.UNKNOWN
        assert "unauthorized" in verdict.why_unknown

    @pytest.mark.parametrize(
        "status", [one for one in ocsp.OCSPResponseStatus if one.name not in ("SUCCESSFUL", "UNAUTHORIZED")]
    )
    def test_failures_are_errors(self, status):
        der = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
        with pytest.raises(BadAnswer, match="reports a failure"):
            judge(der)

    @pytest.mark.parametrize("junk", [b"", b"<html>", b"0", b"\x30\x00", b"\x30\x80", b"\x00" * 100])
    def test_junk(self, junk):
        with pytest.raises(BadAnswer, match="cannot be read"):
            judge(junk)

    def test_truncated(self):
        der = genuine()
        for end in range(0, len(der), 7):
            with pytest.raises(BadAnswer):
                judge(der[:end])

    def test_with_something_behind_it(self):
        with pytest.raises(BadAnswer):
            judge(genuine() + b"\0")


@cache
def genuine():
    signer = delegate()
    return answer(signer=signer, attached=[signer.certificate], nonce=b"n" * 32)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_altered_answer_is_good_and_none_crashes(data):
    der = bytearray(genuine())
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        verdict = judge(bytes(der), nonce=b"n" * 32)
    except PkiError:
        return
    # What is outside of the signature may change without harm: unused bits of the certificate that is attached.
    signed = ocsp.load_der_ocsp_response(bytes(der)).tbs_response_bytes
    assert verdict.status is not Status.GOOD or signed == ocsp.load_der_ocsp_response(genuine()).tbs_response_bytes


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_crash(junk):
    with pytest.raises(PkiError):
        judge(junk)
