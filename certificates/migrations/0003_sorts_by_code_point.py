"""Lists are sorted by code point."""

from django.db import migrations

from core.collation import sorted_by_code_point


class Migration(migrations.Migration):
    dependencies = [("certificates", "0002_default_rotation_policy")]
    operations = [
        sorted_by_code_point(
            "certificates",
            "certificate.name",
            "certificate.cn",
            "certificate.owner",
            "certificate.issuer",
            "domain.name",
        )
    ]
