"""Lists are sorted by code point."""

from django.db import migrations

from core.operations import SortByCodePoint


class Migration(migrations.Migration):
    dependencies = [("stores", "0001_initial")]
    operations = [SortByCodePoint("destination.label", "source.label")]
