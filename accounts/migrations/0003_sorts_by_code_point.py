"""Lists are sorted by code point."""

from django.db import migrations

from core.collation import sorted_by_code_point


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_builtin_roles")]
    operations = [sorted_by_code_point("accounts", "role.name", "user.username", "user.email")]
