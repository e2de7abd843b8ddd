"""Make an API key from the command line; the token is printed once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import service
from accounts.models import ApiKey, User
from core.commands import BaseCommand


class Command(BaseCommand):
    help = "Makes an API key that acts as a user and prints its token once; or revokes one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="what the key is for")
        parser.add_argument("--days", type=int, default=365, help="life in days, -1 for ever (default 365)")
        parser.add_argument("--read-only", action="store_true")
        parser.add_argument("--revoke", type=int, metavar="ID", help="revoke the key with this id instead")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user called {options['username']}.")
        if options["revoke"] is None:
            self._create(user, options)
        else:
            self._revoke(user, options["revoke"])

    def _create(self, user: User, options: dict[str, Any]) -> None:
        _, token = service.create_api_key(
            user=user, name=options["name"], days=options["days"], read_only=options["read_only"]
        )
        self.stdout.write(token)

    def _revoke(self, user: User, pk: int) -> None:
        key = ApiKey.objects.filter(user=user, pk=pk).first()
        if key is None:
            raise CommandError(f"{user.username} has no API key {pk}.")
        service.revoke_api_key(key)
        self.stdout.write(f"Revoked: {key.name}.")
