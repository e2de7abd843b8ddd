"""Lists are sorted by code point."""

from django.db import migrations

from core.collation import sorted_by_code_point


class Migration(migrations.Migration):
    dependencies = [("authorities", "0002_builtin_profiles")]
    operations = [sorted_by_code_point("authorities", "authority.name", "authority.owner", "profile.name")]
