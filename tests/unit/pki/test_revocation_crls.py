"""CRLs: genuine, forged, stale, out of scope, partitioned, indirect, delta; beside what PKITS tries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.errors import BadAnswer, BadChain, PkiError
from pki.revocation import Status, crl_expires, crl_locations, delta_locations, judge_crl
from tests import pki_material
from tests.pki_material import Pair, material

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
HERE, THERE = "http://crl.example.com/1", "http://crl.example.com/2"
DELTA = "http://crl.example.com/delta"


def issuer():
    return material().intermediate


def leaf():
    return material().leaf.certificate


def point(*urls, reasons=None, crl_issuer=None):
    names = [x509.UniformResourceIdentifier(url) for url in urls]
    return x509.DistributionPoint(names or None, None, reasons, crl_issuer)


def certificate(*points, ca=False, freshest=(), serial=None):
    extensions = [(x509.BasicConstraints(ca=ca, path_length=None), True)]
    if points:
        extensions.append((x509.CRLDistributionPoints(points), False))
    if freshest:
        extensions.append((x509.FreshestCRL([point(url) for url in freshest]), False))
    return pki_material.certificate(
        pki_material.name("x"), pki_material.p256(), issuer(), extensions=extensions, serial=serial
    )


def entry(serial, reason=None, *, owner=None, critical=()):
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - timedelta(days=1))
    if reason:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    if owner:
        builder = builder.add_extension(x509.CertificateIssuer([x509.DirectoryName(owner)]), critical=True)
    for extension in critical:
        builder = builder.add_extension(extension, critical=True)
    return builder.build()


def crl(*entries, signer=None, number=1, this_update=NOW - HOUR, next_update=NOW + HOUR, extensions=(), digest=None):
    signer = signer or issuer()
    builder = (
        x509.CertificateRevocationListBuilder(revoked_certificates=list(entries))
        .issuer_name(signer.certificate.subject)
        .last_update(this_update)
        .next_update(next_update)
    )
    for extension, critical in [*([(x509.CRLNumber(number), False)] if number else ()), *extensions]:
        builder = builder.add_extension(extension, critical=critical)
    algorithm = None if isinstance(signer.key, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
    return builder.sign(signer.key, algorithm).public_bytes(Encoding.DER)


def scope(*urls, **flags):
    """The critical extension issuingDistributionPoint."""
    names = [x509.UniformResourceIdentifier(url) for url in urls] or None
    values = dict.fromkeys(
        ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl", "only_contains_attribute_certs"), False
    )
    given_ = {"full_name": names, "relative_name": None, "only_some_reasons": None, **values, **flags}
    return x509.IssuingDistributionPoint(**given_), True


def delta(*entries, since=1, number=2, **how):
    extensions = [(x509.DeltaCRLIndicator(since), True), *how.pop("extensions", ())]
    return crl(*entries, number=number, extensions=extensions, **how)


def judge(der, one=None, *, of=None, now=NOW, delta=None):
    return judge_crl(der, one or leaf(), (of or issuer()).certificate, now=now, delta=delta)


def status(*args, **kwargs):
    return judge(*args, **kwargs).status


class TestLocations:
    def test_all_urls_in_their_order(self):
        directory = x509.DistributionPoint([x509.DirectoryName(pki_material.name("CRL"))], None, None, None)
        points = [point(HERE, "ldap://crl.example.com/"), directory, point(THERE, HERE)]
        assert crl_locations(certificate(*points)) == [HERE, "ldap://crl.example.com/", THERE]

    def test_none(self):
        assert crl_locations(leaf()) == []

    def test_of_deltas_by_certificate_and_crl(self):
        der = crl(extensions=[(x509.FreshestCRL([point(THERE)]), False)])
        assert delta_locations(certificate(freshest=[HERE]), der) == [HERE, THERE]
        assert delta_locations(leaf(), crl()) == []

    def test_when_a_crl_expires(self):
        assert crl_expires(crl()) == NOW + HOUR
        with pytest.raises(BadAnswer):
            crl_expires(b"junk")


class TestGenuine:
    def test_not_listed(self):
        verdict = judge(crl(entry(leaf().serial_number + 1)))
        assert (verdict.status, verdict.by, verdict.fresh_until) == (Status.GOOD, "CRL", NOW + HOUR)

    def test_empty(self):
        assert status(crl()) is Status.GOOD

    def test_listed(self):
        verdict = judge(crl(entry(1), entry(leaf().serial_number, x509.ReasonFlags.superseded)))
        assert (verdict.status, verdict.reason) == (Status.REVOKED, "superseded")
        assert verdict.revoked_at == NOW - timedelta(days=1)

    def test_on_hold_is_revoked(self):
        assert judge(crl(entry(leaf().serial_number, x509.ReasonFlags.certificate_hold))).status is Status.REVOKED

    def test_removed_from_the_crl_is_not_revoked(self):
        assert status(crl(entry(leaf().serial_number, x509.ReasonFlags.remove_from_crl))) is Status.GOOD

    def test_removed_and_revoked_again_is_revoked(self):
        again = [entry(leaf().serial_number, reason) for reason in (x509.ReasonFlags.remove_from_crl, None)]
        assert status(crl(*again)) is Status.REVOKED

    def test_as_pem(self):
        pem = x509.load_der_x509_crl(crl()).public_bytes(Encoding.PEM)
        assert status(pem) is Status.GOOD

    @pytest.mark.parametrize(
        "make", [lambda: rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate]
    )
    def test_other_keys(self, make):
        key = make()
        signer = Pair(
            pki_material.certificate(pki_material.name("CA"), key, extensions=pki_material.ca_extensions(key)), key
        )
        child = material().leaf_with(cn="x", issuer=signer).certificate
        assert status(crl(signer=signer), child, of=signer) is Status.GOOD


class TestForged:
    def test_with_another_key(self):
        with pytest.raises(BadAnswer, match="not signed with the issuer's key"):
            judge(crl(signer=Pair(issuer().certificate, pki_material.p256())))

    def test_by_another_authority(self):
        with pytest.raises(BadAnswer, match="another issuer"):
            judge(crl(signer=material().root))

    def test_for_another_issuer(self):
        with pytest.raises(BadChain, match="another issuer"):
            judge(crl(), of=material().root)

    def test_with_a_key_that_is_not_for_it(self):
        key = pki_material.p256()
        extensions = [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (pki_material.key_usage("key_cert_sign"), True),
        ]
        signer = Pair(pki_material.certificate(pki_material.name("CA"), key, extensions=extensions), key)
        child = material().leaf_with(cn="x", issuer=signer).certificate
        with pytest.raises(BadAnswer, match="not for signing CRLs"):
            judge(crl(signer=signer), child, of=signer)

    def test_with_a_digest_that_can_be_forged(self):
        key = rsa.generate_private_key(65537, 2048)
        signer = Pair(
            pki_material.certificate(pki_material.name("CA"), key, extensions=pki_material.ca_extensions(key)), key
        )
        child = material().leaf_with(cn="x", issuer=signer).certificate
        with_sha256, with_sha1 = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))
        with pytest.raises(BadAnswer, match="sha1, which can be forged"):
            judge(crl(signer=signer).replace(with_sha256, with_sha1), child, of=signer)

    def test_an_entry_taken_out(self):
        der = crl(entry(leaf().serial_number, x509.ReasonFlags.key_compromise))
        serial = leaf().serial_number.to_bytes(2, "big")
        assert der.count(serial) == 1
        with pytest.raises(BadAnswer, match="not signed"):
            judge(der.replace(serial, b"\x11\x11"))


class TestTimes:
    @pytest.mark.parametrize("entries", [(), (1,)])
    def test_stale(self, entries):
        der = crl(*(entry(leaf().serial_number) for _ in entries), next_update=NOW)
        verdict = judge(der)
        assert verdict.status is Status.UNKNOWN
        assert "stale" in verdict.why_unknown

    def test_from_the_future(self):
        der = crl(this_update=NOW + timedelta(minutes=4))
        assert status(der) is Status.GOOD
        assert "from the future" in judge(der, now=NOW - timedelta(minutes=2)).why_unknown

    def test_without_an_end(self):
        verdict = judge(without_next_update(crl()))
        assert verdict.status is Status.UNKNOWN
        assert "until when" in verdict.why_unknown


def without_next_update(der):
    """Signed anew, since the library writes none such."""
    tbs = x509.load_der_x509_crl(der).tbs_certlist_bytes
    content = tbs[3:] if tbs[1] == 0x81 else tbs[2:]
    time = b"\x17\x0d" + (NOW + HOUR).strftime("%y%m%d%H%M%SZ").encode()
    assert content.count(time) == 1
    tbs = sequence(content.replace(time, b""))
    signature = b"\0" + issuer().key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    return sequence(tbs + algorithm + b"\x03" + bytes([len(signature)]) + signature)


def sequence(content):
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x82, *len(content).to_bytes(2, "big")])
    length = bytes([0x81, len(content)]) if 128 <= len(content) < 256 else length
    return b"\x30" + length + content


class TestScope:
    def test_of_authorities_or_end_entities_only(self):
        users, authorities = (
            crl(extensions=[scope(**{f"only_contains_{kind}_certs": True})]) for kind in ("user", "ca")
        )
        assert status(users) is Status.GOOD
        assert status(authorities, certificate(ca=True)) is Status.GOOD
        assert "authorities only" in judge(authorities).why_unknown
        assert "end entities only" in judge(users, certificate(ca=True)).why_unknown

    def test_of_attribute_certificates_only(self):
        assert (
            "attribute certificates" in judge(crl(extensions=[scope(only_contains_attribute_certs=True)])).why_unknown
        )

    def test_even_revoked_is_unknown_outside_of_the_scope(self):
        der = crl(entry(leaf().serial_number), extensions=[scope(only_contains_ca_certs=True)])
        assert status(der) is Status.UNKNOWN

    def test_partitioned(self):
        one = certificate(point(HERE))
        assert status(crl(extensions=[scope(HERE)]), one) is Status.GOOD
        assert status(crl(extensions=[scope(THERE, HERE)]), one) is Status.GOOD
        verdict = judge(crl(extensions=[scope(THERE)]), one)
        assert verdict.status is Status.UNKNOWN
        assert "another distribution point" in verdict.why_unknown
        assert status(crl(extensions=[scope(HERE)]), certificate()) is Status.UNKNOWN

    def test_partitioned_by_a_relative_name(self):
        part = x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CRL1")])
        same, other = (
            x509.DistributionPoint(
                None, x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.COMMON_NAME, cn)]), None, None
            )
            for cn in ("CRL1", "CRL2")
        )
        der = crl(extensions=[scope(relative_name=part)])
        assert status(der, certificate(same)) is Status.GOOD
        assert status(der, certificate(other)) is Status.UNKNOWN

    def test_some_reasons(self):
        reasons = frozenset({x509.ReasonFlags.key_compromise})
        der = crl(extensions=[scope(only_some_reasons=reasons)])
        assert "only some reasons" in judge(der).why_unknown
        assert status(crl(entry(leaf().serial_number), extensions=[scope(only_some_reasons=reasons)])) is Status.REVOKED
        at_this_point = certificate(point(HERE, reasons=reasons))
        assert status(crl(extensions=[scope(HERE)]), at_this_point) is Status.UNKNOWN

    def test_of_another_issuers_point(self):
        elsewhere = certificate(point(HERE, crl_issuer=[x509.DirectoryName(material().root.certificate.subject)]))
        assert status(crl(extensions=[scope(HERE)]), elsewhere) is Status.UNKNOWN
        assert status(crl(extensions=[scope(HERE, indirect_crl=True)]), elsewhere) is Status.UNKNOWN

    def test_indirect(self):
        """The issuer of the entries changes on the way, and comes back to ours."""
        ours, others = issuer().certificate.subject, material().root.certificate.subject
        serial = leaf().serial_number
        entries = [entry(1), entry(2, owner=others), entry(serial)]
        assert status(crl(*entries, extensions=[scope(indirect_crl=True)])) is Status.GOOD
        assert status(crl(*entries, entry(serial, owner=ours), extensions=[scope(indirect_crl=True)])) is Status.REVOKED
        assert (
            status(crl(*entries, entry(3, owner=ours), entry(serial), extensions=[scope(indirect_crl=True)]))
            is Status.REVOKED
        )


class TestCriticalExtensions:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")

    def test_of_the_crl(self):
        assert "critical extension" in judge(crl(extensions=[(self.odd, True)])).why_unknown
        assert status(crl(extensions=[(self.odd, False)])) is Status.GOOD

    def test_of_an_entry_that_is_not_even_ours(self):
        verdict = judge(crl(entry(1), entry(2, critical=[self.odd])))
        assert verdict.status is Status.UNKNOWN
        assert "An entry" in verdict.why_unknown


class TestDelta:
    freshest = [(x509.FreshestCRL([point(DELTA)]), False)]

    def base(self, *entries, **how):
        return crl(*entries, extensions=self.freshest, **how)

    def held(self):
        return entry(leaf().serial_number, x509.ReasonFlags.certificate_hold)

    def removal(self):
        return entry(leaf().serial_number, x509.ReasonFlags.remove_from_crl)

    def test_alone_it_proves_nothing(self):
        assert status(delta()) is Status.UNKNOWN
        assert status(delta(entry(leaf().serial_number))) is Status.UNKNOWN

    def test_without_it_the_base_is_not_the_last_word(self):
        assert "delta CRL" in judge(self.base()).why_unknown
        assert "delta CRL" in judge(crl(), certificate(freshest=[DELTA])).why_unknown
        assert status(self.base(entry(leaf().serial_number))) is Status.REVOKED

    def test_nothing_changed(self):
        verdict = judge(self.base(), delta=delta(next_update=NOW + HOUR / 2))
        assert (verdict.status, verdict.fresh_until) == (Status.GOOD, NOW + HOUR / 2)

    def test_revoked_since(self):
        assert status(self.base(), delta=delta(entry(leaf().serial_number))) is Status.REVOKED

    def test_released_since(self):
        assert status(self.base(self.held())) is Status.REVOKED
        assert status(self.base(self.held()), delta=delta()) is Status.REVOKED
        assert status(self.base(self.held()), delta=delta(self.removal())) is Status.GOOD

    def test_only_a_hold_can_be_released(self):
        stolen = entry(leaf().serial_number, x509.ReasonFlags.key_compromise)
        assert status(self.base(stolen), delta=delta(self.removal())) is Status.REVOKED

    @pytest.mark.parametrize("how", [{"since": 2, "number": 3}, {"extensions": [scope(HERE)]}, {"next_update": NOW}])
    def test_one_that_does_not_fit_leaves_it_open(self, how):
        assert status(self.base(), delta=delta(**how)) is Status.UNKNOWN
        assert status(self.base(self.held()), delta=delta(self.removal(), **how)) is Status.REVOKED

    def test_one_older_than_the_base_changes_nothing(self):
        assert status(self.base(number=5), delta=delta(entry(leaf().serial_number), number=4)) is Status.GOOD

    def test_without_numbers_they_cannot_be_combined(self):
        assert status(self.base(number=None), delta=delta()) is Status.UNKNOWN

    def test_a_complete_crl_is_no_delta(self):
        assert status(self.base(), delta=crl(number=2)) is Status.UNKNOWN

    def test_forged(self):
        with pytest.raises(BadAnswer, match="not signed"):
            judge(self.base(), delta=delta(signer=Pair(issuer().certificate, pki_material.p256())))


@cache
def genuine():
    return crl(entry(1), entry(2, x509.ReasonFlags.superseded), extensions=[scope(only_contains_user_certs=True)])


def test_truncated():
    for end in range(0, len(genuine()), 3):
        with pytest.raises(BadAnswer):
            judge(genuine()[:end])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_altered_crl_is_good_and_none_crashes(data):
    der = bytearray(genuine())
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        verdict = judge(bytes(der))
    except PkiError:
        return
    # Beside what is signed, the number of unused bits of the signature may differ.
    signed = [x509.load_der_x509_crl(one).tbs_certlist_bytes for one in (bytes(der), genuine())]
    assert verdict.status is not Status.GOOD or signed[0] == signed[1]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_crash(junk):
    for read in (judge, crl_expires, lambda der: delta_locations(leaf(), der)):
        with pytest.raises(PkiError):
            read(junk)
