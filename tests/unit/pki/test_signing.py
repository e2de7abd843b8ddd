from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import asn1, chains, inspection, signing
from pki.errors import BadCertificate, BadChain, BadExtension, BadKey, PkiError
from pki.extensions import BasicConstraints, Custom, Extensions, KeyUsage
from pki.names import Name, NameType
from pki.signing import Revoked
from tests import pki_material
from tests.endings import ends
from tests.pki_material import material

START = datetime(2026, 5, 1, tzinfo=UTC)
END = datetime(2026, 7, 30, 23, 59, 59, tzinfo=UTC)
KINDS = {
    "RSA2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA3072": lambda: rsa.generate_private_key(65537, 3072),
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate,
}
DIGESTS = {"RSA2048": "sha256", "RSA3072": "sha256", "P-256": "sha256", "P-384": "sha384", "P-521": "sha512"}
AUTHORITY = Extensions(
    basic_constraints=BasicConstraints(ca=True), key_usage=frozenset({KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN})
)
SERVER = Extensions(
    names=(Name(NameType.DNS, "www.example.com"), Name(NameType.IP, "192.0.2.1")),
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    extended_key_usage=frozenset({"1.3.6.1.5.5.7.3.1"}),
    crl_urls=("http://pki.example.com/ca.crl",),
    issuer_urls=("http://pki.example.com/ca.crt",),
    custom=(Custom("1.2.3.4", b"\x0c\x02hi"),),
)


def drafted(issuer=None, **changes):
    """A draft of a server certificate, of the intermediate unless an issuer is given."""
    issuer = material().intermediate if issuer is None else issuer
    fields = {
        "subject": pki_material.name("www.example.com"),
        "public_key": material().leaf.key.public_key(),
        "issuer": issuer.certificate,
        "signer_public_key": issuer.key.public_key() if issuer.key else None,
        "serial": 0x1234,
        "not_before": START,
        "not_after": END,
        "extensions": SERVER,
    }
    return signing.draft(**(fields | changes))


def root_of(key, **changes):
    fields = {
        "subject": pki_material.name("Root"),
        "key": key,
        "serial": 1,
        "not_before": START,
        "not_after": END,
        "extensions": AUTHORITY,
    }
    return signing.self_signed_ca(**(fields | changes))


class TestDraftAndSign:
    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_signed_is_what_was_drafted(self, kind):
        issuer = pki_material.Pair(root_of(key := KINDS[kind]()), key)
        draft = drafted(issuer)
        signed = signing.sign(draft, key)
        assert signed.tbs_certificate_bytes == draft.tbs_certificate_bytes
        assert (
            signing.tbs_sha256(signed) == signing.tbs_sha256(draft) == sha256(signed.tbs_certificate_bytes).hexdigest()
        )
        assert signed.signature != draft.signature
        assert chains.is_signed_by(signed, issuer.certificate) is True
        assert chains.is_signed_by(draft, issuer.certificate) is False
        assert inspection.facts(signed).signing_algorithm == DIGESTS.get(kind, kind.lower())

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_same_order_gives_the_same_bytes_again(self, kind):
        issuer = pki_material.Pair(root_of(key := KINDS[kind]()), key)
        assert drafted(issuer).tbs_certificate_bytes == drafted(issuer).tbs_certificate_bytes
        assert signing.tbs_sha256(drafted(issuer, serial=2)) != signing.tbs_sha256(drafted(issuer))

    def test_what_was_asked_for_stands_in_it(self):
        signed = signing.sign(drafted(), material().intermediate.key)
        facts = inspection.facts(signed)
        assert facts.extensions == SERVER
        assert facts.names == SERVER.names
        assert (facts.serial, facts.not_before, facts.not_after) == (0x1234, START, END)
        assert (facts.subject, facts.issuer) == ("CN=www.example.com", "ExampleIssuingCA")
        assert facts.key_type == "ECCPRIME256V1"
        assert signed.version is x509.Version.v3
        assert signed.issuer == material().intermediate.certificate.subject

    def test_the_library_accepts_the_chain(self):
        signed = signing.sign(drafted(), material().intermediate.key)
        signed.verify_directly_issued_by(material().intermediate.certificate)

    def test_names_are_critical_only_under_an_empty_subject(self):
        for subject, critical in ((pki_material.name("x"), False), (x509.Name([]), True)):
            found = drafted(subject=subject).extensions.get_extension_for_class(x509.SubjectAlternativeName)
            assert found.critical is critical

    def test_a_custom_extension_is_written_as_it_is_even_if_the_library_would_write_it_otherwise(self):
        # Name constraints with an explicit minimum of 0: BER that a DER writer leaves out.
        value = bytes.fromhex("3013a011300f820a6578616d706c652e636f800100")
        extensions = Extensions(custom=(Custom("2.5.29.30", value, critical=True),))
        signed = signing.sign(drafted(extensions=extensions), material().intermediate.key)
        assert value in signed.tbs_certificate_bytes

    def test_sign_keeps_what_stands_in_a_draft_read_from_a_database(self):
        stored = inspection.load(inspection.pem(drafted()))
        assert signing.sign(stored, material().intermediate.key).tbs_certificate_bytes == stored.tbs_certificate_bytes


class TestKeyIdentifiers:
    def test_the_subjects_is_the_short_sha256_of_its_key(self):
        key = material().leaf.key.public_key()
        info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        expected = sha256(asn1.subject_public_key(info)).hexdigest()[:40]
        assert inspection.facts(drafted()).subject_key_identifier == expected

    def test_the_authoritys_is_the_one_of_the_issuer_whatever_its_method(self):
        issuer = inspection.facts(material().intermediate.certificate)
        assert inspection.facts(drafted()).authority_key_identifier == issuer.subject_key_identifier != ""

    def test_an_issuer_without_one_gets_it_computed(self):
        key = pki_material.p256()
        bare = pki_material.Pair(pki_material.certificate(pki_material.name("Bare"), key), key)
        again = root_of(key)
        assert (
            inspection.facts(drafted(bare)).authority_key_identifier == inspection.facts(again).subject_key_identifier
        )

    def test_a_root_is_its_own_authority(self):
        facts = inspection.facts(root_of(pki_material.p256()))
        assert facts.authority_key_identifier == facts.subject_key_identifier != ""
        assert facts.self_signed


class TestRefusals:
    def test_a_signing_key_that_is_not_the_issuers(self):
        with pytest.raises(BadKey, match="not that of the issuer's certificate"):
            drafted(signer_public_key=material().root.key.public_key())

    @pytest.mark.parametrize("other", ["Ed25519", "RSA2048", "ML-DSA-65"])
    def test_a_key_of_another_kind_than_the_drafts(self, other):
        with pytest.raises(BadKey, match="kind"):
            signing.sign(drafted(), KINDS[other]())

    def test_a_dsa_key_signs_nothing(self):
        key = dsa.generate_private_key(2048)
        with pytest.raises(BadKey, match="Keys of this kind cannot sign"):
            root_of(key)
        with pytest.raises(BadKey, match="another kind"):
            signing.sign(drafted(), key)

    def test_an_issuer_whose_key_cannot_sign(self):
        key = x25519.X25519PrivateKey.generate().public_key()
        issuer = signing.sign(drafted(public_key=key), material().intermediate.key)
        with pytest.raises(BadKey, match="Keys of this kind cannot sign"):
            drafted(issuer=pki_material.Pair(issuer, None), signer_public_key=key)

    def test_an_issuer_whose_key_is_unknown(self):
        der = material().root.der.replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d027f"))
        strange = x509.load_der_x509_certificate(der)
        with pytest.raises(BadChain, match="key of the issuer 'Example Root' is of an unknown kind"):
            drafted(issuer=pki_material.Pair(strange, material().root.key))

    @pytest.mark.parametrize(
        "changes",
        [
            {"serial": 0},
            {"serial": -1},
            {"serial": 1 << 160},
            {"not_before": END, "not_after": START},
            {"not_before": datetime(1949, 1, 1, tzinfo=UTC)},
        ],
    )
    def test_what_a_certificate_cannot_say(self, changes):
        with pytest.raises(BadCertificate, match="The certificate cannot be written: "):
            drafted(**changes)

    def test_extensions_that_cannot_be_written_keep_their_own_error(self):
        with pytest.raises(BadExtension):
            drafted(extensions=Extensions(basic_constraints=BasicConstraints(ca=True, path_length=-1)))

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_mutated_drafts_are_signed_as_they_are_or_refused(self, data):
        der = bytearray(drafted().public_bytes(Encoding.DER))
        for _ in range(data.draw(st.integers(1, 3))):
            der[data.draw(st.integers(0, 500))] = data.draw(st.integers(0, 255))
        try:
            draft = inspection.load(bytes(der))
            signed = signing.sign(draft, material().intermediate.key)
        except PkiError:
            return
        assert signed.tbs_certificate_bytes == draft.tbs_certificate_bytes


def test_random_serials_are_positive_and_have_159_bits():
    serials = {signing.random_serial() for _ in range(2000)}
    assert len(serials) == 2000
    assert all(0 < serial < 1 << 159 for serial in serials)
    ones = sum(serial.bit_count() for serial in serials) / len(serials)
    assert 77 < ones < 82, "half of 159 bits, within 15 standard deviations"


class TestCrl:
    NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def signed(self, revoked=(), **changes):
        fields = {
            "issuer": material().intermediate.certificate,
            "key": material().intermediate.key,
            "number": 7,
            "this_update": self.NOW,
            "next_update": self.NOW + timedelta(days=1),
            "revoked": revoked,
        }
        return signing.sign_crl(**(fields | changes))

    def test_says_who_when_and_which_number(self):
        crl = self.signed()
        issuer = material().intermediate.certificate
        key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        assert crl.is_signature_valid(issuer.public_key())
        assert crl.issuer == issuer.subject
        assert (crl.last_update_utc, crl.next_update_utc) == (self.NOW, self.NOW + timedelta(days=1))
        assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7
        assert crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == key_id
        assert len(crl) == 0

    def test_holds_the_revoked_with_their_reasons(self):
        crl = self.signed(
            [
                Revoked(1, self.NOW, x509.ReasonFlags.key_compromise),
                Revoked(2, self.NOW - timedelta(days=2)),
                Revoked(3, self.NOW, x509.ReasonFlags.unspecified),
            ]
        )
        first, second, third = crl
        assert (first.serial_number, first.revocation_date_utc) == (1, self.NOW)
        assert first.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
        assert second.revocation_date_utc == self.NOW - timedelta(days=2)
        assert len(second.extensions) == len(third.extensions) == 0
        assert crl.get_revoked_certificate_by_serial_number(2).serial_number == 2
        assert crl.get_revoked_certificate_by_serial_number(4) is None

    @pytest.mark.parametrize("kind", KINDS)
    def test_under_every_kind_of_key(self, kind):
        root = root_of(key := KINDS[kind]())
        assert self.signed(issuer=root, key=key).is_signature_valid(key.public_key())

    def test_another_key_than_the_issuers_is_refused(self):
        with pytest.raises(BadKey, match="not that of the issuer"):
            self.signed(key=material().root.key)

    def test_remove_from_crl_is_for_delta_crls(self):
        with pytest.raises(PkiError, match="delta CRLs only"):
            self.signed([Revoked(1, self.NOW, x509.ReasonFlags.remove_from_crl)])

    @pytest.mark.parametrize(
        "changes",
        [
            {"revoked": [Revoked(0, NOW)]},
            {"next_update": NOW - timedelta(days=1)},
            {"number": -1},
        ],
    )
    def test_what_a_crl_cannot_say(self, changes):
        with pytest.raises(BadCertificate, match="The CRL cannot be written: "):
            self.signed(**changes)

    def test_many_entries_are_quick(self):
        with ends():
            crl = self.signed([Revoked(serial, self.NOW) for serial in range(1, 10_001)])
        assert len(crl) == 10_000
