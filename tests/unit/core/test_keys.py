"""The key store: keys come back only where they belong, and can be rewrapped."""

from __future__ import annotations

import pytest
from django.test import override_settings

from core import keys, secrets
from core.errors import NotFound, Unavailable
from core.models import StoredKey
from pki.envelope import new_key
from pki.keys import KEY_SPECS, spki_sha256

pytestmark = pytest.mark.django_db

P256 = KEY_SPECS["ECCPRIME256V1"]


def kept():
    """A new key whose row was saved."""
    stored, key = keys.generate(P256)
    stored.save()
    return stored, key


def test_a_key_comes_back_by_its_uri():
    stored, key = kept()
    assert keys.signer(stored.uri).private_numbers() == key.private_numbers()
    assert keys.reveal(stored.uri).private_numbers() == key.private_numbers()
    assert stored.spki_sha256 == spki_sha256(key.public_key())


def test_what_is_stored_is_not_the_key():
    stored, key = kept()
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    assert secret not in bytes(StoredKey.objects.get(pk=stored.pk).reference)


def test_two_rows_cannot_be_swapped():
    (one, _), (two, _) = kept(), kept()
    StoredKey.objects.filter(pk=one.pk).update(reference=two.reference)
    with pytest.raises(Unavailable):
        keys.signer(one.uri)


def test_a_destroyed_key_is_gone():
    stored, _ = kept()
    keys.destroy(stored.uri)
    with pytest.raises(NotFound):
        keys.signer(stored.uri)


def test_another_encryption_key_opens_nothing_and_says_so():
    stored, _ = kept()
    with override_settings(ENCRYPTION_KEYS=new_key()):
        with pytest.raises(Unavailable, match="ENCRYPTION_KEYS"):
            secrets.verify_keys()
        with pytest.raises(Unavailable):
            keys.signer(stored.uri)


def test_an_old_encryption_key_that_is_still_needed_is_missed(settings):
    kept()
    old, settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS, f"{new_key()}\n{settings.ENCRYPTION_KEYS}"
    kept()
    secrets.verify_keys()
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS.replace(f"\n{old}", "")
    with pytest.raises(Unavailable, match="ENCRYPTION_KEYS"):
        secrets.verify_keys()


def test_rewrapping_lets_an_old_encryption_key_go(settings):
    stored, key = kept()
    fresh = new_key()
    settings.ENCRYPTION_KEYS = f"{fresh}\n{settings.ENCRYPTION_KEYS}"
    assert secrets.rewrap() == (1, 1)
    assert secrets.rewrap() == (0, 1)
    settings.ENCRYPTION_KEYS = fresh
    secrets.verify_keys()
    assert keys.signer(stored.uri).private_numbers() == key.private_numbers()
