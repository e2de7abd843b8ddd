"""pki.profiles: nothing passes that a profile does not list, and what is settled fits the key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pki import keys, names
from pki.errors import BadExtension, BadSubject, NotAllowed
from pki.extensions import MODELLED, PURPOSES, BasicConstraints, Custom, Extensions, KeyUsage
from pki.names import Name, NameType
from pki.profiles import BUILT_IN, Profile, check, settle
from pki.subjects import Subject

SERVER, CLIENT, BOTH = BUILT_IN["server"], BUILT_IN["client"], BUILT_IN["server-and-client"]
INTERMEDIATE, ROOT = BUILT_IN["intermediate"], BUILT_IN["root"]
LEAVES = [profile for profile in BUILT_IN.values() if not profile.ca]

SUBJECT = Subject(
    common_name="www.example.com", email="joe@example.com", organization="Example", country="DE"
).to_name()
NAMES = (names.parse("DNSName", "www.example.com"),)

leaves = pytest.mark.parametrize("profile", LEAVES, ids=lambda profile: profile.name)
everyone = pytest.mark.parametrize("profile", BUILT_IN.values(), ids=BUILT_IN.keys())


def usages(*names: KeyUsage) -> Extensions:
    return Extensions(key_usage=frozenset(names))


def purposes(*names: str) -> Extensions:
    return Extensions(extended_key_usage=frozenset(PURPOSES.get(name, name) for name in names))


def refused(profile: Profile, asked: Extensions = Extensions(), **changes) -> NotAllowed:  # noqa: B008  frozen
    with pytest.raises(NotAllowed) as caught:
        check(profile, asked=asked, **({"subject": SUBJECT, "key_type": "ECCPRIME256V1"} | changes))
    return caught.value


def allowed(profile: Profile, asked: Extensions = Extensions(), **changes) -> None:  # noqa: B008  frozen
    check(profile, asked=asked, **({"subject": SUBJECT, "key_type": "ECCPRIME256V1"} | changes))


class TestKeyTypes:
    @everyone
    @pytest.mark.parametrize("key_type", keys.KEY_SPECS)
    def test_all_that_are_offered(self, profile, key_type):
        allowed(profile, key_type=key_type)

    @everyone
    @pytest.mark.parametrize("key_type", [None, "RSA1024", "RSA8192", "ECCPRIME192V1", "ECCSECP256K1", "ED448", ""])
    def test_no_others(self, profile, key_type):
        error = refused(profile, key_type=key_type)
        assert error.field == "key_type"
        assert profile.name in error.message
        assert "ECCPRIME256V1" in error.message


class TestSubject:
    @everyone
    def test_an_unknown_attribute_is_named_by_its_oid(self, profile):
        name = x509.Name([*SUBJECT, x509.NameAttribute(NameOID.SERIAL_NUMBER, "1")])
        error = refused(profile, subject=name)
        assert "2.5.4.5" in error.message
        assert error.field == "subject"

    def test_a_field_the_profile_leaves_out(self):
        profile = replace(SERVER, subject_fields=frozenset({"common_name"}))
        assert refused(profile).field == "email"
        allowed(profile, subject=Subject(common_name="www.example.com").to_name())

    @everyone
    def test_a_second_common_name_would_pass_the_domain_rules_unseen(self, profile):
        name = x509.Name([*SUBJECT, x509.NameAttribute(NameOID.COMMON_NAME, "bank.example")])
        assert "more than one common name" in refused(profile, subject=name).message

    def test_a_second_common_name_in_the_same_rdn(self):
        pair = [x509.NameAttribute(NameOID.COMMON_NAME, cn) for cn in ("www.example.com", "bank.example")]
        name = x509.Name([x509.RelativeDistinguishedName(pair)])
        assert "more than one common name" in refused(SERVER, subject=name).message

    def test_required_fields(self):
        profile = replace(SERVER, subject_required=frozenset({"organization", "country"}))
        allowed(profile)
        error = refused(profile, subject=Subject(common_name="www.example.com", country="DE").to_name())
        assert error.field == "organization"

    @pytest.mark.parametrize("profile", [INTERMEDIATE, ROOT], ids=lambda profile: profile.name)
    def test_an_authority_needs_a_name(self, profile):
        assert refused(profile, subject=Subject(organization="Example").to_name()).field == "common_name"

    @leaves
    def test_a_leaf_must_name_something(self, profile):
        blank = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, " ")])
        for nobody in (x509.Name([]), blank):
            assert "name nothing" in refused(profile, subject=nobody).message
            allowed(profile, Extensions(names=NAMES), subject=nobody)

    def test_malformed_values(self):
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "x" * 65)])
        with pytest.raises(BadSubject, match="longer than 64"):
            allowed(SERVER, subject=name)


class TestNames:
    @pytest.mark.parametrize(
        ("profile", "kinds"),
        [
            (SERVER, {NameType.DNS, NameType.IP}),
            (CLIENT, {NameType.DNS, NameType.IP, NameType.EMAIL, NameType.URI}),
            (BOTH, {NameType.DNS, NameType.IP, NameType.URI}),
            (INTERMEDIATE, set()),
            (ROOT, set()),
        ],
        ids=lambda value: getattr(value, "name", ""),
    )
    def test_types(self, profile, kinds):
        examples = {
            NameType.DNS: "*.example.com",
            NameType.IP: "192.0.2.1",
            NameType.NETWORK: "192.0.2.0/24",
            NameType.URI: "spiffe://cluster.local/ns/a",
            NameType.EMAIL: "joe@example.com",
            NameType.REGISTERED_ID: "1.2.3",
            NameType.DIRECTORY: "CN=Joe",
            NameType.OTHER: "1.3.6.1.4.1.311.20.2.3:0c0161",
            NameType.X400: "x",
            NameType.EDI: "x",
        }
        assert set(examples) == set(NameType)
        for kind, value in examples.items():
            asked = Extensions(names=(*NAMES, Name(kind, value))) if kinds else Extensions(names=(Name(kind, value),))
            if kind in kinds:
                allowed(profile, asked)
            else:
                error = refused(profile, asked)
                assert kind in error.message
                assert error.field == "extensions.sub_alt_names.names"

    @pytest.mark.parametrize("value", ["foo_bar.example", "*.*.example", "a\x00.example", "192.0.2.1", ""])
    def test_names_of_a_request_must_be_well_formed(self, value):
        """Reading a CSR is lenient, issuing is not."""
        assert refused(SERVER, Extensions(names=(Name(NameType.DNS, value),))).field == names.FIELD

    def test_a_type_that_cannot_be_written_is_refused_even_if_listed(self):
        profile = replace(SERVER, name_types=frozenset(NameType))
        for name in (Name(NameType.NETWORK, "192.0.2.0/24"), Name(NameType.OTHER, "1.2.3:0500")):
            assert "cannot be issued" in refused(profile, Extensions(names=(name,))).message

    @pytest.mark.parametrize("value", ["www.example.com.", "WWW.example.com", "bücher.example", "www。example。com"])
    def test_other_spellings_would_pass_rules_about_names_unseen(self, value):
        error = refused(SERVER, Extensions(names=(Name(NameType.DNS, value),)))
        assert names.normalise_dns(value) in error.message
        assert error.field == names.FIELD

    def test_settled_names_are_written_once(self):
        assert settle(SERVER, Extensions(names=NAMES * 2), key_type="ED25519").names == NAMES


class TestUsages:
    @pytest.mark.parametrize("usage", [KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN])
    @leaves
    def test_leaves_never_sign_certificates_or_crls(self, profile, usage):
        lax = replace(profile, key_usage=frozenset(KeyUsage), default_key_usage=frozenset(KeyUsage))
        for one in (profile, lax):
            error = refused(one, usages(KeyUsage.DIGITAL_SIGNATURE, usage))
            assert usage in error.message
            assert error.field == "extensions.key_usage"
            for key_type in keys.KEY_SPECS:
                assert usage not in settle(one, usages(usage), key_type=key_type).key_usage
                assert usage not in settle(one, Extensions(), key_type=key_type).key_usage

    @leaves
    def test_leaves_never_sign_ocsp_answers(self, profile):
        everything = frozenset(PURPOSES.values())
        lax = replace(profile, extended_key_usage=everything, default_extended_key_usage=everything)
        for one in (profile, lax):
            error = refused(one, purposes("ocsp_signing"))
            assert "ocsp_signing" in error.message
            assert error.field == "extensions.extended_key_usage"
            assert PURPOSES["ocsp_signing"] not in settle(one, Extensions(), key_type="RSA2048").extended_key_usage

    @leaves
    def test_leaves_are_never_authorities(self, profile):
        for length in (None, 0):
            error = refused(profile, Extensions(basic_constraints=BasicConstraints(ca=True, path_length=length)))
            assert error.field == "extensions.basic_constraints"
        allowed(profile, Extensions(basic_constraints=BasicConstraints(ca=False)))
        settled = settle(profile, Extensions(basic_constraints=BasicConstraints(ca=True)), key_type="RSA2048")
        assert settled.basic_constraints == BasicConstraints(ca=False)

    @pytest.mark.parametrize(
        ("profile", "listed"),
        [
            (SERVER, {"server_authentication"}),
            (CLIENT, {"client_authentication"}),
            (BOTH, {"server_authentication", "client_authentication"}),
        ],
        ids=lambda value: getattr(value, "name", ""),
    )
    def test_purposes_are_those_listed(self, profile, listed):
        for purpose in (*PURPOSES, "1.2.3.4"):
            if purpose in listed:
                allowed(profile, purposes(purpose))
                assert settle(profile, purposes(purpose), key_type="ED25519").extended_key_usage == {PURPOSES[purpose]}
            else:
                assert purpose in refused(profile, purposes(*listed, purpose)).message
        assert settle(profile, Extensions(), key_type="ED25519").extended_key_usage == {PURPOSES[p] for p in listed}

    def test_any_purpose_is_allowed_only_where_listed(self):
        listed = replace(SERVER, extended_key_usage=SERVER.extended_key_usage | {PURPOSES["any"]})
        allowed(listed, purposes("any"))
        refused(INTERMEDIATE, purposes("any"))

    def test_usages_are_those_listed(self):
        assert "key_agreement" in refused(SERVER, usages(KeyUsage.CONTENT_COMMITMENT)).message
        allowed(CLIENT, usages(KeyUsage.CONTENT_COMMITMENT))
        for usage in (KeyUsage.DATA_ENCIPHERMENT, KeyUsage.ENCIPHER_ONLY, KeyUsage.DECIPHER_ONLY):
            for profile in LEAVES:
                refused(profile, usages(usage))

    @pytest.mark.parametrize(
        ("key_type", "asked", "settled"),
        [
            ("RSA2048", (), {"digital_signature", "key_encipherment"}),
            ("ECCPRIME256V1", (), {"digital_signature"}),
            ("ED25519", (), {"digital_signature"}),
            ("RSA2048", ("digital_signature", "key_agreement"), {"digital_signature"}),
            ("ECCPRIME256V1", ("digital_signature", "key_agreement"), {"digital_signature", "key_agreement"}),
            ("ECCPRIME256V1", ("digital_signature", "key_encipherment"), {"digital_signature"}),
            ("ECCPRIME256V1", ("key_encipherment",), {"digital_signature"}),
            ("ED25519", ("key_encipherment", "key_agreement"), {"digital_signature"}),
            ("RSA2048", ("key_encipherment",), {"key_encipherment"}),
        ],
    )
    def test_usages_fit_the_key(self, key_type, asked, settled):
        asked_for = usages(*map(KeyUsage, asked))
        allowed(SERVER, asked_for, key_type=key_type)
        assert settle(SERVER, asked_for, key_type=key_type).key_usage == settled


class TestAuthorities:
    def test_an_intermediate_ends_the_chain_by_default(self):
        settled = settle(INTERMEDIATE, Extensions(), key_type="RSA2048")
        assert settled.basic_constraints == BasicConstraints(ca=True, path_length=0)
        assert settled.key_usage == {KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN}
        assert settled.extended_key_usage is None

    def test_a_root_has_no_limit(self):
        assert settle(ROOT, Extensions(), key_type="ED25519").basic_constraints == BasicConstraints(ca=True)
        refused(ROOT, purposes("server_authentication"))

    def test_the_path_length_has_a_limit(self):
        two = Extensions(basic_constraints=BasicConstraints(ca=True, path_length=2))
        assert "at most 0, not 2" in refused(INTERMEDIATE, two).message
        wider = replace(INTERMEDIATE, path_length=3)
        for profile in (wider, ROOT):
            allowed(profile, two)
            assert settle(profile, two, key_type="RSA2048").basic_constraints == two.basic_constraints

    @pytest.mark.parametrize("profile", [INTERMEDIATE, ROOT], ids=lambda profile: profile.name)
    def test_they_are_authorities(self, profile):
        refused(profile, Extensions(basic_constraints=BasicConstraints(ca=False)))

    def test_the_purposes_of_an_intermediate_may_be_restricted(self):
        asked = purposes("server_authentication", "client_authentication")
        allowed(INTERMEDIATE, asked)
        assert settle(INTERMEDIATE, asked, key_type="RSA2048").extended_key_usage == asked.extended_key_usage

    def test_a_sloppy_profile_makes_no_useless_authority(self):
        profile = replace(INTERMEDIATE, default_key_usage=frozenset())
        assert settle(profile, Extensions(), key_type="RSA2048").key_usage == {
            KeyUsage.KEY_CERT_SIGN,
            KeyUsage.CRL_SIGN,
        }

    def test_an_authority_can_always_sign(self):
        asked = usages(KeyUsage.DIGITAL_SIGNATURE)
        allowed(INTERMEDIATE, asked)
        assert settle(INTERMEDIATE, asked, key_type="ED25519").key_usage == {
            KeyUsage.DIGITAL_SIGNATURE,
            KeyUsage.KEY_CERT_SIGN,
            KeyUsage.CRL_SIGN,
        }


class TestTheRest:
    @everyone
    def test_unknown_extensions_are_named_by_their_oid(self, profile):
        error = refused(profile, Extensions(custom=(Custom("1.2.3.4", b"\x05\x00"),)))
        assert "1.2.3.4" in error.message
        assert error.field == "extensions.custom"

    def test_listed_extensions_pass(self):
        profile = replace(SERVER, custom_oids=frozenset({"1.2.3.4"}))
        asked = Extensions(custom=(Custom("1.2.3.4", b"\x05\x00", critical=True),))
        allowed(profile, asked)
        assert settle(profile, asked, key_type="ED25519").custom == asked.custom

    @pytest.mark.parametrize("oid", sorted(MODELLED))
    def test_modelled_extensions_never_come_as_custom(self, oid):
        profile = replace(SERVER, custom_oids=MODELLED)
        assert oid in refused(profile, Extensions(custom=(Custom(oid, bytes.fromhex("30030101ff")),))).message

    @everyone
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("crl_urls", "http://evil.example/1.crl"),
            ("ocsp_urls", "http://evil.example/"),
            ("issuer_urls", "http://evil.example/1.crt"),
            ("policies", "2.23.140.1.1"),
        ],
    )
    def test_what_the_authority_sets_is_not_asked_for(self, profile, field, value):
        assert refused(profile, Extensions(**{field: (value,)})).field == f"extensions.{field}"

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            (Extensions(custom=(Custom("1.2.3.4", b"plain text"),)), "extensions.custom"),
            (usages(KeyUsage.ENCIPHER_ONLY, KeyUsage.DECIPHER_ONLY), "extensions.key_usage"),
            (Extensions(basic_constraints=BasicConstraints(ca=True, path_length="1")), "extensions.basic_constraints"),
        ],
    )
    def test_what_could_not_be_written_does_not_pass(self, asked, field):
        profile = replace(INTERMEDIATE, custom_oids=frozenset({"1.2.3.4"}), key_usage=frozenset(KeyUsage))
        with pytest.raises(BadExtension) as caught:
            allowed(profile, asked)
        assert caught.value.field == field

    def test_must_staple_is_for_servers(self):
        allowed(SERVER, Extensions(must_staple=True))
        allowed(BOTH, Extensions(must_staple=True))
        for profile in (CLIENT, INTERMEDIATE, ROOT):
            assert refused(profile, Extensions(must_staple=True)).field == "extensions.must_staple"
