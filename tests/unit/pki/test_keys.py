"""pki.keys: every kind round-trips, weak and foreign keys are refused with the reason, no input crashes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, mldsa, rsa, x25519
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import keys
from pki.errors import BadKey, PkiError, WeakKey

# RSA key generation is slow, and its length makes no difference to what is tested here.
QUICK = [spec for spec in keys.KEY_SPECS.values() if spec.name not in {"RSA3072", "RSA4096"}]
KEYS = {spec.name: keys.generate(spec) for spec in QUICK}
SHORT_RSA = rsa.generate_private_key(65537, 1024)
PAIRS = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())


def encrypted(key: keys.PrivateKey, passphrase: bytes, form: serialization.PrivateFormat) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(passphrase))


def rsa_public(n: int, e: int = 65537) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(e, n).public_key()


class TestKeySpec:
    @pytest.mark.parametrize("name", keys.KEY_SPECS)
    def test_parse_takes_every_offered_name_in_any_case(self, name):
        assert keys.KeySpec.parse(name.lower()).name == name

    @pytest.mark.parametrize(
        ("synonym", "name"), [("ECCSECP256R1", "ECCPRIME256V1"), ("EccPrime256v1", "ECCPRIME256V1")]
    )
    def test_parse_knows_synonyms(self, synonym, name):
        assert keys.KeySpec.parse(synonym) is keys.KEY_SPECS[name]

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("ECCPRIME192V1", "192 bits"),
            ("ECCSECP192R1", "192 bits"),
            ("ECCSECT163K1", "binary fields"),
            ("ECCSECT571R1", "binary fields"),
            ("ECCSECT571R2", "binary fields"),
            ("ECCSECP224R1", "refuse this curve"),
            ("ECCSECP256K1", "refuse this curve"),
        ],
    )
    def test_weak_and_unusual_curves_are_refused_by_name(self, name, reason):
        with pytest.raises(BadKey, match=reason) as caught:
            keys.KeySpec.parse(name)
        assert name in caught.value.message
        assert "ECCPRIME256V1" in caught.value.message
        assert caught.value.field == "key_type"

    @pytest.mark.parametrize("name", ["", "RSA1024", "RSA2048 ", "rsa", "ß", "\ud800"])
    def test_anything_else_is_no_choice(self, name):
        with pytest.raises(BadKey, match=r"^Not a valid choice\.$"):
            keys.KeySpec.parse(name)

    def test_only_offered_kinds_are_generated(self):
        with pytest.raises(BadKey, match="RSA512"):
            keys.generate(keys.KeySpec("RSA512", "RSA", 512))


class TestKinds:
    @pytest.mark.parametrize("spec", QUICK, ids=lambda spec: spec.name)
    def test_a_generated_key_is_what_was_asked_for(self, spec):
        public = KEYS[spec.name].public_key()
        assert keys.key_type(public) == spec.name
        assert keys.bits(public) == spec.size

    @pytest.mark.parametrize(
        ("curve", "name"),
        [
            (ec.SECP192R1(), "ECCPRIME192V1"),
            (ec.SECP224R1(), "ECCSECP224R1"),
            (ec.SECP256K1(), "ECCSECP256K1"),
            (ec.BrainpoolP256R1(), None),
        ],
    )
    def test_curves_have_the_names_of_the_contract(self, curve, name):
        public = ec.generate_private_key(curve).public_key()
        assert keys.key_type(public) == name
        assert keys.bits(public) == curve.key_size

    @pytest.mark.parametrize(
        ("key", "name", "bits"),
        [
            (ed448.Ed448PrivateKey.generate(), "ED448", 456),
            (mldsa.MLDSA44PrivateKey.generate(), "MLDSA44", None),
            (mldsa.MLDSA65PrivateKey.generate(), "MLDSA65", None),
            (mldsa.MLDSA87PrivateKey.generate(), "MLDSA87", None),
            (dsa.generate_private_key(2048), None, 2048),
            (x25519.X25519PrivateKey.generate(), None, None),
        ],
        ids=["ED448", "MLDSA44", "MLDSA65", "MLDSA87", "DSA", "X25519"],
    )
    def test_kinds_we_do_not_make_are_recognised(self, key, name, bits):
        assert keys.key_type(key.public_key()) == name
        assert keys.bits(key.public_key()) == bits

    @pytest.mark.parametrize(
        ("name", "algorithm"),
        [
            ("RSA2048", hashes.SHA256),
            ("ECCPRIME256V1", hashes.SHA256),
            ("ECCSECP384R1", hashes.SHA384),
            ("ECCSECP521R1", hashes.SHA512),
            ("ED25519", type(None)),
        ],
    )
    def test_the_hash_matches_the_strength_of_the_key(self, name, algorithm):
        assert isinstance(keys.hash_for(KEYS[name]), algorithm)
        assert isinstance(keys.hash_for(KEYS[name].public_key()), algorithm)


class TestSerialising:
    @PAIRS
    def test_pem_round_trip(self, key):
        text = keys.private_key_pem(key)
        assert keys.belongs(keys.load_private_key(text), key.public_key())
        assert keys.belongs(keys.load_private_key(text.encode()), key.public_key())

    @PAIRS
    def test_der_round_trip(self, key):
        der = keys.private_key_der(key)
        assert keys.private_key_der(keys.load_private_key(der)) == der
        assert keys.private_key_der(keys.load_private_key_trusted(der)) == der

    def test_ml_dsa_keys_are_taken_too(self):
        key = mldsa.MLDSA65PrivateKey.generate()
        assert keys.belongs(keys.load_private_key(keys.private_key_pem(key)), key.public_key())

    @pytest.mark.parametrize(
        ("name", "label"),
        [
            ("RSA2048", "RSA PRIVATE KEY"),
            ("ECCPRIME256V1", "EC PRIVATE KEY"),
            ("ECCSECP521R1", "EC PRIVATE KEY"),
            ("ED25519", "PRIVATE KEY"),
        ],
    )
    def test_pem_is_traditional_where_that_form_exists(self, name, label):
        assert keys.private_key_pem(KEYS[name]).startswith(f"-----BEGIN {label}-----\n")

    def test_belongs_tells_keys_apart(self):
        assert not keys.belongs(KEYS["ECCPRIME256V1"], keys.generate(keys.KEY_SPECS["ECCPRIME256V1"]).public_key())
        assert not keys.belongs(KEYS["ECCPRIME256V1"], KEYS["RSA2048"].public_key())

    @PAIRS
    def test_spki_sha256_is_the_digest_openssl_shows(self, key):
        der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(der)
        assert keys.spki_sha256(key.public_key()) == digest.finalize().hex()


class TestLoading:
    PEM = keys.private_key_pem(KEYS["ECCPRIME256V1"])

    def test_comments_and_ec_parameters_around_the_key_are_fine(self):
        parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        assert keys.load_private_key(f"my key\n{parameters}{self.PEM}the end")

    @pytest.mark.parametrize(
        "data", ["", "nonsense", b"", b"\x30\x00", "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----"]
    )
    def test_what_is_no_key_is_refused_with_the_text_of_the_contract(self, data):
        with pytest.raises(BadKey, match=r"^Private key presented is not valid\.$") as caught:
            keys.load_private_key(data)
        assert caught.value.field == "private_key"

    def test_two_keys_are_refused(self):
        with pytest.raises(BadKey, match="exactly one private key, but the text holds 2"):
            keys.load_private_key(self.PEM + keys.private_key_pem(KEYS["ED25519"]))

    def test_a_block_of_another_kind_is_refused(self):
        block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        with pytest.raises(BadKey, match="holds a block 'CERTIFICATE'"):
            keys.load_private_key(self.PEM + block)

    def test_a_block_without_end_is_refused(self):
        with pytest.raises(BadKey, match="no END line"):
            keys.load_private_key(self.PEM[:-20])

    def test_a_key_that_cannot_sign_is_refused(self):
        pem = x25519.X25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with pytest.raises(BadKey, match="cannot sign"):
            keys.load_private_key(pem)

    @pytest.mark.parametrize(
        "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
    )
    @pytest.mark.parametrize("name", ["RSA2048", "ECCPRIME256V1"])
    def test_encrypted_keys_open_with_their_passphrase_only(self, form, name):
        pem = encrypted(KEYS[name], b"open sesame", form)
        opened = keys.load_private_key(pem, passphrase=b"open sesame")
        assert keys.belongs(opened, KEYS[name].public_key())
        with pytest.raises(BadKey, match="encrypted: give its passphrase"):
            keys.load_private_key(pem)
        with pytest.raises(BadKey, match="passphrase"):
            keys.load_private_key(pem, passphrase=b"open barley")

    def test_every_wrong_passphrase_is_called_one(self):
        """One in 256 gives octets whose padding is right by chance."""
        pem = self.PEM.encode()
        command = ["openssl", "pkcs8", "-topk8", "-iter", "1", "-passout", "pass:right"]
        sealed = subprocess.run(command, input=pem, capture_output=True, check=True).stdout
        for number in range(1000):
            with pytest.raises(BadKey, match="passphrase"):
                keys.load_private_key(sealed, passphrase=b"wrong %d" % number)

    def test_a_needless_passphrase_is_named(self):
        with pytest.raises(BadKey, match="not encrypted"):
            keys.load_private_key(self.PEM, passphrase=b"x")

    def test_an_inconsistent_rsa_key_is_refused(self):
        n = KEYS["RSA2048"].private_numbers()
        other = rsa.generate_private_key(65537, 2048).private_numbers()
        wrong = rsa.RSAPrivateNumbers(n.p, n.q, other.d, other.dmp1, n.dmq1, n.iqmp, n.public_numbers)
        key = wrong.private_key(unsafe_skip_rsa_key_validation=True)
        with pytest.raises(BadKey, match="do not make an RSA key"):
            keys.load_private_key(keys.private_key_pem(key))

    def test_an_oversized_rsa_key_is_refused_before_it_costs_time(self):
        p, q = (1 << 4607) - 1, (1 << 4606) - 1
        numbers = rsa.RSAPrivateNumbers(p, q, 3, 3, 3, 3, rsa.RSAPublicNumbers(65537, p * q))
        key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
        with pytest.raises(BadKey, match="longer than 8192 bits"):
            keys.load_private_key(keys.private_key_der(key))

    @given(data=st.data())
    @settings(max_examples=150, deadline=None)
    def test_mutated_and_truncated_keys_raise_nothing_else(self, data):
        key = KEYS[data.draw(st.sampled_from(sorted(KEYS)))]
        source = data.draw(st.sampled_from([keys.private_key_der(key), keys.private_key_pem(key).encode()]))
        mutant = bytearray(source[: data.draw(st.integers(0, len(source)))] if data.draw(st.booleans()) else source)
        for _ in range(data.draw(st.integers(0, 3))):
            if mutant:
                mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
        for load in (keys.load_private_key, keys.load_private_key_trusted):
            with suppress(PkiError):
                loaded = load(bytes(mutant))
                keys.private_key_pem(loaded)
                keys.check_strength(loaded.public_key())

    @given(st.text() | st.binary(max_size=200))
    @settings(max_examples=100, deadline=None)
    def test_any_text_raises_nothing_else(self, data):
        with suppress(PkiError):
            keys.load_private_key(data)
        with suppress(PkiError):
            keys.KeySpec.parse(str(data))


class TestStrength:
    @PAIRS
    def test_generated_keys_pass(self, key):
        keys.check_strength(key.public_key())
        keys.check_strength(key.public_key(), for_import=True)

    @pytest.mark.parametrize(
        ("public", "reason"),
        [
            (SHORT_RSA.public_key(), "at least 2048 bits, this one has 1024"),
            (rsa_public(KEYS["RSA2048"].public_key().public_numbers().n, e=3), "exponent"),
            (ec.generate_private_key(ec.SECP192R1()).public_key(), "fewer than 224 bits"),
            (dsa.generate_private_key(2048).public_key(), "DSA"),
        ],
        ids=["short RSA", "RSA e=3", "P-192", "DSA"],
    )
    def test_weak_kinds_are_refused_but_may_be_imported(self, public, reason):
        with pytest.raises(WeakKey, match=reason) as caught:
            keys.check_strength(public)
        assert caught.value.field == "key_type"
        keys.check_strength(public, for_import=True)

    def test_oversized_rsa_is_refused_at_once(self):
        public = rsa_public((1 << 16383) + 1)
        with pytest.raises(WeakKey, match="longer than 8192"):
            keys.check_strength(public)

    @pytest.mark.parametrize("for_import", [False, True])
    def test_close_primes_are_found(self, for_import):
        half = 1 << 1024
        with pytest.raises(WeakKey, match="fermat"):
            keys.check_strength(rsa_public((half + 643) * (half + 1639)), for_import=for_import)

    @pytest.mark.parametrize("for_import", [False, True])
    def test_small_factors_are_found(self, for_import):
        public = rsa_public(3 * ((1 << 2046) + 981))
        with pytest.raises(WeakKey, match="smallfactors"):
            keys.check_strength(public, for_import=for_import)

    @pytest.mark.parametrize("for_import", [False, True])
    def test_roca_keys_are_found(self, for_import):
        with pytest.raises(WeakKey, match="roca"):
            keys.check_strength(rsa_public(_roca_product()), for_import=for_import)

    def test_an_even_exponent_is_refused(self):
        numbers = KEYS["RSA2048"].public_key().public_numbers()
        for e in (2, 65538):
            with suppress(ValueError):  # the library may refuse to make it, which is as good
                public = rsa_public(numbers.n, e=e)
                with pytest.raises(WeakKey):
                    keys.check_strength(public)

    def test_badkeys_is_loaded_only_when_asked(self):
        code = "import sys, pki.keys; sys.exit('badkeys' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": "."}).returncode == 0


def _roca_product() -> int:
    """A modulus with the structure of CVE-2017-15361: a power of 65537 modulo the product of small primes."""
    primes = [p for p in range(3, 168) if all(p % d for d in range(2, p))]
    modulus = 1
    for prime in primes:
        modulus *= prime
    residue = pow(65537, 1234567, modulus)
    n = residue + (modulus << (2048 - modulus.bit_length()))
    return n if n % 2 else n + modulus
