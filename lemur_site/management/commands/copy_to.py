"""`manage.py copy_to URL`: moves an installation into a PostgreSQL."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from core.commands import BaseCommand
from lemur_site import home
from lemur_site.copying import Copied, CopyError, copy_all


class Command(BaseCommand):
    help = "Copy everything of this installation into an empty PostgreSQL, which DATABASE_URL may name from then on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", help="postgres://USER:PASSWORD@HOST/NAME")

    def handle(self, *_args: object, **options: Any) -> None:
        try:
            home.claim(settings.LEMUR_HOME)
            copied = copy_all(options["url"], say=self._say)
        except (home.HomeError, CopyError) as error:
            raise CommandError(str(error)) from error
        rows = sum(one.rows for one in copied)
        self.stdout.write(f"{rows:,} rows are in both databases. Set DATABASE_URL, and keep this installation's keys.")

    def _say(self, one: Copied) -> None:
        if one.rows:
            self.stdout.write(f"{one.rows:12,}  {one.table}")
            self.stdout.flush()
