"""Lists are sorted by code point."""

from django.db import migrations

from core.operations import SortByCodePoint


class Migration(migrations.Migration):
    dependencies = [("authorities", "0002_builtin_profiles")]
    operations = [SortByCodePoint("authority.name", "authority.owner", "profile.name")]
