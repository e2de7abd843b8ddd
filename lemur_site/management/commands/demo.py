"""Load the demo data, or take it away."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.service import system_user
from core.commands import BaseCommand
from lemur_site import demo


class Command(BaseCommand):
    help = "Loads a believable company to look at; with --remove takes all of it away again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true")
        parser.add_argument("--all", action="store_true", help="also what people made with the demo's authorities")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["remove"]:
            count = demo.remove(by=system_user(), with_what_people_made=options["all"])
            self.stdout.write(f"Removed the demo: {count} certificates and what hung on them.")
        else:
            demo.load()
            self.stdout.write("Loaded the demo. `manage.py demo --remove` takes it away.")
