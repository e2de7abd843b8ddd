"""Make a key-encryption key."""

from typing import Any

from django.core.management.base import BaseCommand

from pki.envelope import new_key


class Command(BaseCommand):
    help = "Prints a new key-encryption key, for ENCRYPTION_KEYS: put it first in the list to seal with it."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(new_key())
