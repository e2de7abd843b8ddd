"""The built-in roles, and the user in whose name background work is done."""

from django.contrib.auth.hashers import make_password
from django.db import migrations

ROLES = {
    "admin": "May do everything but take a CA's key.",
    "operator": "May do what strict mode keeps from others.",
    "read-only": "May look, not touch.",
    "global_cert_issuer": "Needs no authorisation per domain.",
}


def forwards(apps, schema_editor):
    database = schema_editor.connection.alias
    rows = apps.get_model("accounts", "Role").objects.using(database)
    roles = {name: rows.create(name=name, description=text) for name, text in ROLES.items()}
    system = (
        apps.get_model("accounts", "User")
        .objects.using(database)
        .create(username="system", email="system@localhost.localdomain", password=make_password(None))
    )
    system.roles.add(roles["admin"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
