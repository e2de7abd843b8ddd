"""What a password must be made of, besides being long and uncommon (contract 11)."""

from __future__ import annotations

import re
from typing import Any

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
