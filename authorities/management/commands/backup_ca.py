"""Write a CA's certificate, chain and private key into an encrypted file: the only way in which a CA's key leaves."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.service import system_user
from authorities import service
from authorities.models import Authority
from core.commands import BaseCommand
from pki.errors import PkiError


class Command(BaseCommand):
    help = (
        "Writes the certificate, chain and private key of an authority into a file under a passphrase it asks for. "
        "The audit log remembers it. Keep file and passphrase apart, and away from this machine."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the authority's name")
        parser.add_argument("--out", type=Path, help="the file to write (default: NAME.p12 or NAME.pem, here)")
        parser.add_argument("--pem", action="store_true", help="encrypted PKCS#8 and certificates as PEM, not PKCS#12")
        parser.add_argument("--passphrase-file", type=Path, help="read the passphrase from there instead of asking")

    def handle(self, *args: Any, **options: Any) -> None:
        authority = Authority.objects.filter(name=options["name"]).first()
        if authority is None:
            raise CommandError(f"There is no authority called {options['name']!r}.")
        path: Path = options["out"] or Path(f"{_file_name(authority)}.{'pem' if options['pem'] else 'p12'}")
        if path.exists():
            raise CommandError(f"{path} exists; it is not overwritten.")
        passphrase = _passphrase(options["passphrase_file"])
        try:
            data = service.backup(authority, passphrase, as_pem=options["pem"], by=system_user())
        except PkiError as error:
            raise CommandError(str(error)) from error
        _write(path, data)
        self.stdout.write(f"Wrote {path}. Try it: openssl {'pkey' if options['pem'] else 'pkcs12'} -in {path}")


def _file_name(authority: Authority) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in authority.name)


def _passphrase(file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The passphrase cannot be read: {error}") from error
    first = getpass.getpass("Passphrase of the backup: ")
    if first != getpass.getpass("Again: "):
        raise CommandError("The two differ.")
    return first


def _write(path: Path, data: bytes) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
