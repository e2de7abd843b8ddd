"""The built-in profiles, as they stand in pki.profiles when this runs."""

from django.db import migrations


def forwards(apps, schema_editor):
    from authorities.models import Profile as Current
    from pki.profiles import BUILT_IN

    profile_model = apps.get_model("authorities", "Profile")
    for value in BUILT_IN.values():
        if value.name != "root":
            profile_model.objects.create(**Current.fields_of(value))


class Migration(migrations.Migration):
    dependencies = [("authorities", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
