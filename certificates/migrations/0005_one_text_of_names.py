"""On PostgreSQL, name, common name and domains are searched as one text: one look-up, and a third of the index.

The expressions are those that lookups without regard to case compare, see core.lookups.
"""

from django.db import migrations

from core.operations import RunSqlOn

COLUMNS = ("name", "cn", "owner", "issuer", "domain_names")
EACH = ", ".join(f"UPPER({column}::text) gin_trgm_ops" for column in COLUMNS)
NAMES = "name || E'\\n' || COALESCE(cn, '') || E'\\n' || domain_names"
TOGETHER = ", ".join(f'UPPER(({text})::text COLLATE "C") gin_trgm_ops' for text in (NAMES, "owner", "issuer"))
DROP = "DROP INDEX certificate_search"
CREATE = "CREATE INDEX certificate_search ON certificates_certificate USING gin"


class Migration(migrations.Migration):
    dependencies = [("certificates", "0004_substring_search")]
    operations = [RunSqlOn("postgresql", [DROP, f"{CREATE} ({TOGETHER})"], [DROP, f"{CREATE} ({EACH})"])]
