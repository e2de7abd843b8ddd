"""SQLite refuses it as well. Whatever rebuilds this table later must make the triggers anew: they go with the old one."""

from django.db import migrations

from core.operations import RunSqlOn

CREATE = [
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
]
DROP = [
    "DROP TRIGGER audit_log_is_never_replaced",
    "DROP TRIGGER audit_log_is_never_emptied",
    "DROP TRIGGER audit_log_is_never_changed",
]


class Migration(migrations.Migration):
    dependencies = [("core", "0002_audit_log_is_append_only")]
    operations = [RunSqlOn("sqlite", CREATE, DROP)]
