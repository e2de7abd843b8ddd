"""Switch somebody off from the command line, for what learns elsewhere that they have left."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import service
from accounts.models import User
from core.commands import BaseCommand


class Command(BaseCommand):
    help = "Switches a person off: their sessions, tokens and API keys open nothing from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user called {options['username']}.")
        service.update_user(user, is_active=False)
        self.stdout.write(f"{user.username} is switched off.")
