"""Lists are sorted by code point."""

from django.db import migrations

from core.operations import SortByCodePoint


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_builtin_roles")]
    operations = [SortByCodePoint("role.name", "user.username", "user.email")]
