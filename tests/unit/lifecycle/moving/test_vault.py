"""Lemur's encryption keys, and private keys held against their certificates."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.errors import Invalid
from lifecycle.moving.vault import Locked, Vault, parse_keys
from tests.pki_material import Pair, material

KEYS = [Fernet.generate_key().decode() for _ in range(3)]


@pytest.mark.parametrize(
    "text", [",".join(KEYS), "\n".join(KEYS) + "\n", str(KEYS), str([key.encode() for key in KEYS]), ", ".join(KEYS)]
)
def test_keys_are_read_as_they_stand_in_lemurs_configuration(text: str) -> None:
    assert parse_keys(text) == KEYS


def test_any_of_them_opens() -> None:
    for key in KEYS:
        assert Vault(KEYS).open(Fernet(key).encrypt(b"text")) == "text"
    with pytest.raises(Locked, match="none of the encryption keys given opens it"):
        Vault(KEYS[:1]).open(Fernet(KEYS[1]).encrypt(b"text"))


def test_a_key_that_is_none_is_named_by_its_place_alone() -> None:
    with pytest.raises(Invalid, match="Number 2 of Lemur's") as caught:
        Vault([KEYS[0], "secret"])
    assert "secret" not in str(caught.value)


LEAVES = ["leaf", "rsa_leaf", "p384_leaf", "p521_leaf", "ed25519_leaf", "ed448_leaf", "mldsa_leaf", "dsa_leaf"]


@pytest.mark.parametrize("name", LEAVES)
def test_the_key_of_a_certificate_opens(name: str) -> None:
    pair: Pair = getattr(material(), name)
    sealed = Fernet(KEYS[0]).encrypt(pair.key_pem.encode())
    assert Vault(KEYS).private_key(sealed, pair.certificate).public_key() == pair.key.public_key()


def test_numbers_that_are_no_pair_are_refused() -> None:
    """The public half is that of the certificate; what the private half signs does not verify."""
    pair = material().rsa_leaf
    assert isinstance(pair.key, rsa.RSAPrivateKey)
    numbers = pair.key.private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        p=numbers.p, q=numbers.q, d=numbers.d + 2, dmp1=numbers.dmp1 + 2, dmq1=numbers.dmq1, iqmp=numbers.iqmp,
        public_numbers=numbers.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)  # fmt: skip
    text = wrong.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    with pytest.raises(Locked, match="not that of the certificate"):
        Vault(KEYS).private_key(Fernet(KEYS[0]).encrypt(text), pair.certificate)
