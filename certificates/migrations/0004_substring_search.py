"""On PostgreSQL, parts of names are found by an index of trigrams instead of a look at every row.

The extension pg_trgm comes with PostgreSQL and may be installed by the owner of the database. The expression is the one
that Django's ``icontains`` compares.
"""

from django.db import migrations

from core.operations import RunSqlOn

COLUMNS = ("name", "cn", "owner", "issuer", "domain_names")
EXPRESSIONS = ", ".join(f"UPPER({column}::text) gin_trgm_ops" for column in COLUMNS)
CREATE = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    f"CREATE INDEX certificate_search ON certificates_certificate USING gin ({EXPRESSIONS})",
]
DROP = ["DROP INDEX certificate_search"]


class Migration(migrations.Migration):
    dependencies = [("certificates", "0003_sorts_by_code_point")]
    operations = [RunSqlOn("postgresql", CREATE, DROP)]
