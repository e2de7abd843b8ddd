"""Wrap every stored secret's data key with the first key-encryption key, so that an old one can be retired."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from core.commands import BaseCommand
from core.secrets import rewrap
from pki.errors import SealError


class Command(BaseCommand):
    help = (
        "Rewraps the data keys of all sealed private keys and other secrets with the first of ENCRYPTION_KEYS. "
        "It can be interrupted and run again; afterwards the other keys are not needed any more."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rewrapped, total = rewrap()
        except SealError as error:
            raise CommandError(
                f"{error} Nothing is lost: add the missing key to ENCRYPTION_KEYS and run this again."
            ) from error
        self.stdout.write(f"Rewrapped {rewrapped} of {total} secrets.")
