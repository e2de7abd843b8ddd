"""The rotation policy that certificates have unless they name another."""

from django.db import migrations


def forwards(apps, schema_editor):
    policy_model = apps.get_model("certificates", "RotationPolicy")
    policy_model.objects.using(schema_editor.connection.alias).create(name="default", days=30)


class Migration(migrations.Migration):
    dependencies = [("certificates", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
