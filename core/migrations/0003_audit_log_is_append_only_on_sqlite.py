"""SQLite refuses it as well. Whatever rebuilds this table later must make the triggers anew: they go with the old one."""

from django.db import migrations

CREATE = (
    """
    CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE ON core_auditentry
    BEGIN SELECT RAISE(ABORT, 'The audit log is append-only.'); END
    """,
    """
    CREATE TRIGGER audit_log_is_never_emptied BEFORE DELETE ON core_auditentry WHEN NOT OLD.demo
    BEGIN SELECT RAISE(ABORT, 'The audit log is append-only.'); END
    """,
    # What INSERT OR REPLACE takes away, no trigger on DELETE sees.
    """
    CREATE TRIGGER audit_log_is_never_replaced BEFORE INSERT ON core_auditentry
    WHEN EXISTS (SELECT 1 FROM core_auditentry WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'The audit log is append-only.'); END
    """,
)
DROP = (
    "DROP TRIGGER audit_log_is_never_replaced",
    "DROP TRIGGER audit_log_is_never_emptied",
    "DROP TRIGGER audit_log_is_never_changed",
)


def run(statements):
    def on_sqlite(apps, schema_editor):
        if schema_editor.connection.vendor == "sqlite":
            for statement in statements:
                schema_editor.execute(statement)

    return on_sqlite


class Migration(migrations.Migration):
    dependencies = [("core", "0002_audit_log_is_append_only")]
    operations = [migrations.RunPython(run(CREATE), run(DROP))]
