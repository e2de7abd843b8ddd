"""PostgreSQL itself refuses to change the audit log; entries about demo data may go with it."""

from django.db import migrations

from core.operations import RunSqlOn

CREATE = [
    """
    CREATE FUNCTION audit_log_is_append_only() RETURNS trigger AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.demo THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'The audit log is append-only.';
    END;
    $$ LANGUAGE plpgsql
    """,
    """
    CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only()
    """,
    """
    CREATE TRIGGER audit_log_is_not_emptied BEFORE TRUNCATE ON core_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()
    """,
]
DROP = [
    "DROP TRIGGER audit_log_is_not_emptied ON core_auditentry",
    "DROP TRIGGER audit_log_is_append_only ON core_auditentry",
    "DROP FUNCTION audit_log_is_append_only()",
]


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [RunSqlOn("postgresql", CREATE, DROP)]
