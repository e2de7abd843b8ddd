"""What all password-protected key containers have in common: the passphrase that opens them and the alias inside."""

from __future__ import annotations

import re
import secrets
import string
from typing import Annotated

from cryptography.x509.oid import NameOID
from pydantic import AfterValidator, Field, SecretStr

from pki import subjects
from plugins.options import PluginOptions
from plugins.values import Bundle

SPECIAL = "@$!%*#?&"
PATTERN = r"^(?=.*[A-Za-z])(?=.*\d)(?=.*[$@$!%*#?&])[A-Za-z\d$@$!%*#?&]{8,}$"
GENERATED_LENGTH = 24
LONGEST_ALIAS = 128


def _passes(passphrase: str) -> bool:
    return re.fullmatch(PATTERN, passphrase, re.ASCII) is not None


def _strong_enough(value: SecretStr) -> SecretStr:
    if not _passes(value.get_secret_value()):
        raise ValueError(
            f"a passphrase has at least 8 characters, with a letter, a digit and one of {SPECIAL}, and no others"
        )
    return value


Passphrase = Annotated[SecretStr, AfterValidator(_strong_enough), Field(json_schema_extra={"pattern": PATTERN})]


class ContainerOptions(PluginOptions):
    passphrase: Passphrase | None = Field(
        None,
        description="If no passphrase is given one will be generated for you, we highly recommend this. "
        "Minimum length is 8.",
    )
    alias: str | None = Field(
        None,
        max_length=LONGEST_ALIAS,
        description="Enter the alias you wish to use for the keystore. Default: the common name.",
    )

    def chosen_passphrase(self) -> str:
        """What was given, or a new random one: call it once per file."""
        return generate_passphrase() if self.passphrase is None else self.passphrase.get_secret_value()

    def alias_for(self, bundle: Bundle) -> str:
        """What was given, else the common name, else the name; reduced to what both PKCS#12 and Java can hold."""
        wanted = self.alias or subjects.first(bundle.certificate.subject, NameOID.COMMON_NAME) or ""
        return _storable(wanted) or _storable(bundle.name) or "certificate"


def generate_passphrase() -> str:
    """24 random characters that also pass the rule for passphrases people choose."""
    alphabet = string.ascii_letters + string.digits + SPECIAL
    while True:
        candidate = "".join(secrets.choice(alphabet) for _ in range(GENERATED_LENGTH))
        if _passes(candidate):
            return candidate


def _storable(text: str) -> str:
    """Both formats hold 16-bit characters only, and a control character in an alias serves nobody."""
    return "".join(c if c.isprintable() and ord(c) <= 0xFFFF else "?" for c in text.strip())[:LONGEST_ALIAS]
