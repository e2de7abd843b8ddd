"""On PostgreSQL, text that lists are sorted by is compared by code point, as on SQLite, whatever the database's locale."""

from django.db import migrations

COLUMNS = {
    "certificates_certificate": {
        "name": "varchar(256)",
        "cn": "varchar(255)",
        "owner": "varchar(128)",
        "issuer": "varchar(128)",
    },
    "authorities_authority": {"name": "varchar(128)", "owner": "varchar(128)"},
    "authorities_profile": {"name": "varchar(64)"},
}


def collate(collation):
    def on_postgresql(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            for table, columns in COLUMNS.items():
                for column, kind in columns.items():
                    schema_editor.execute(
                        f'ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind} COLLATE "{collation}"'
                    )

    return on_postgresql


class Migration(migrations.Migration):
    dependencies = [("certificates", "0001_initial"), ("authorities", "0002_builtin_profiles")]
    operations = [migrations.RunPython(collate("C"), collate("default"))]
