"""Private keys sealed in the database."""

from __future__ import annotations

import pytest

from pki import keys
from pki.envelope import Keyring, new_key
from pki.keys import KEY_SPECS, KeySpec
from plugins import ExportsKeys, Permanent
from plugins.custody.sealed import SealedCustody
from plugins.testing import KeyCustodyContract

FIRST, SECOND = new_key(), new_key()
P256 = KeySpec.parse("ECCPRIME256V1")


def custody(*encryption_keys: str) -> SealedCustody:
    return SealedCustody(Keyring.parse("\n".join(encryption_keys)))


class TestSealed(KeyCustodyContract):
    plugin_class = SealedCustody
    key_types = ("RSA2048", "ECCPRIME256V1", "ECCSECP384R1", "ECCSECP521R1", "ED25519")


def test_it_can_give_keys_away() -> None:
    assert issubclass(SealedCustody, ExportsKeys)


def test_the_old_encryption_key_still_opens_after_a_new_one_was_put_first() -> None:
    reference, key = custody(FIRST).generate(P256)
    spki = keys.spki_sha256(key.public_key())
    assert keys.belongs(custody(SECOND, FIRST).signer(reference, spki), key.public_key())


def test_another_installation_cannot_open_it() -> None:
    reference, key = custody(FIRST).generate(P256)
    with pytest.raises(Permanent, match="ENCRYPTION_KEYS"):
        custody(SECOND).signer(reference, keys.spki_sha256(key.public_key()))


def test_the_same_key_is_never_sealed_the_same_way_twice() -> None:
    key = keys.generate(P256)
    assert custody(FIRST).store(key) != custody(FIRST).store(key)


def test_destroying_is_dropping_the_reference() -> None:
    kept = custody(FIRST)
    reference, _ = kept.generate(P256)
    assert kept.destroy(reference) is None


def test_every_kind_of_key_we_generate_can_be_kept() -> None:
    assert set(KEY_SPECS) - {"RSA3072", "RSA4096"} == set(TestSealed.key_types)
