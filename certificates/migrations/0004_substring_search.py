"""On PostgreSQL, parts of names are found by an index of trigrams instead of a look at every row.

The extension pg_trgm comes with PostgreSQL and may be installed by the owner of the database. The expression is the one
that Django's ``icontains`` compares.
"""

from django.db import migrations

COLUMNS = ("name", "cn", "owner", "issuer", "domain_names")


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        columns = ", ".join(f"UPPER({column}::text) gin_trgm_ops" for column in COLUMNS)
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        schema_editor.execute(f"CREATE INDEX certificate_search ON certificates_certificate USING gin ({columns})")


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX certificate_search")


class Migration(migrations.Migration):
    dependencies = [("certificates", "0003_sorts_by_code_point")]
    operations = [migrations.RunPython(create, drop)]
