"""Hashes that were taken over from Lemur."""

from __future__ import annotations

import bcrypt
import pytest
from django.contrib.auth.hashers import check_password, identify_hasher
from django.test import override_settings

from accounts.passwords import LemurHasher

HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "accounts.passwords.LemurHasher"]


def taken_over(password: str, prefix: bytes = b"2b") -> str:
    """As Lemur hashed it: bcrypt over the first 72 octets."""
    digest = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4))
    return "bcrypt$" + digest.replace(b"$2b$", b"$" + prefix + b"$").decode()


@pytest.mark.parametrize("prefix", [b"2a", b"2b", b"2y"])
@pytest.mark.parametrize("password", ["Correct horse 1!", "Grüße ☃ 1!", "x" * 72, "é" * 100])
@override_settings(PASSWORD_HASHERS=HASHERS)
def test_they_are_verified_and_replaced(password: str, prefix: bytes) -> None:
    stored, fresh = taken_over(password, prefix), []
    assert isinstance(identify_hasher(stored), LemurHasher)
    assert not check_password("y" + password, stored, fresh.append)
    assert fresh == []
    assert check_password(password, stored, fresh.append)
    assert fresh == [password]


@override_settings(PASSWORD_HASHERS=HASHERS)
def test_a_long_password_is_no_error() -> None:
    assert not check_password("z" * 10_000, taken_over("Correct horse 1!"))
