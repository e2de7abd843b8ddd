"""What a password must be made of, besides being long and uncommon (contract 11); and the hashes that Lemur had."""

from __future__ import annotations

import re
from typing import Any

import bcrypt
from django.contrib.auth.hashers import BCryptPasswordHasher
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

KINDS = tuple(map(re.compile, ("[A-Z]", "[a-z]", "[0-9]", r"[!@#?\]]")))


class FourKindsOfCharacters:
    """A capital, a small letter, a digit, and one of ``!@#?]``; named in AUTH_PASSWORD_VALIDATORS."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError, saying what it takes."""
        if not all(kind.search(password) for kind in KINDS):
            raise ValidationError(self.get_help_text(), code="password_too_uniform")

    def get_help_text(self) -> str:
        """For the form."""
        return _("A password has a capital letter, a small letter, a digit and one of ! @ # ? ].")


class LemurHasher(BCryptPasswordHasher):
    """Verifies the bcrypt hashes that were taken over from Lemur; after the first log-in ours takes their place."""

    longest = 72  # what bcrypt looks at; Lemur cut longer ones off without a word, the library refuses them

    def encode(self, password: str, salt: str | bytes) -> str:
        """As Django writes it: ``bcrypt$`` and the hash."""
        salt = salt.encode() if isinstance(salt, str) else salt
        return f"{self.algorithm}${bcrypt.hashpw(password.encode()[: self.longest], salt).decode('ascii')}"
