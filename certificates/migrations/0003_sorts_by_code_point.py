"""Lists are sorted by code point."""

from django.db import migrations

from core.operations import SortByCodePoint


class Migration(migrations.Migration):
    dependencies = [("certificates", "0002_default_rotation_policy")]
    operations = [
        SortByCodePoint(
            "certificate.name",
            "certificate.cn",
            "certificate.owner",
            "certificate.issuer",
            "domain.name",
        )
    ]
