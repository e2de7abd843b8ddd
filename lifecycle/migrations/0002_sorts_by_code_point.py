"""Lists are sorted by code point."""

from django.db import migrations

from core.operations import SortByCodePoint


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0001_initial")]
    operations = [SortByCodePoint("endpoint.name", "endpoint.dnsname")]
