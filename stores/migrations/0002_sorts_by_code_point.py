"""Lists are sorted by code point."""

from django.db import migrations

from core.collation import sorted_by_code_point


class Migration(migrations.Migration):
    dependencies = [("stores", "0001_initial")]
    operations = [sorted_by_code_point("stores", "destination.label", "source.label")]
