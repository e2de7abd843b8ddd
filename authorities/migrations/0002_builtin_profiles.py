"""The built-in profiles, as pki.profiles had them when this was written."""

from django.db import migrations

BUILT_IN = [
    {
        "name": "server",
        "ca": False,
        "path_length": None,
        "key_usage": ["digital_signature", "key_agreement", "key_encipherment"],
        "default_key_usage": ["digital_signature", "key_encipherment"],
        "extended_key_usage": ["1.3.6.1.5.5.7.3.1"],
        "default_extended_key_usage": ["1.3.6.1.5.5.7.3.1"],
        "key_types": ["ECCPRIME256V1", "ECCSECP384R1", "ECCSECP521R1", "ED25519", "RSA2048", "RSA3072", "RSA4096"],
        "name_types": ["DNSName", "IPAddress"],
        "longest_days": 825,
        "default_days": 365,
        "subject_fields": [
            "common_name",
            "country",
            "email",
            "location",
            "organization",
            "organizational_unit",
            "state",
        ],
        "subject_required": [],
        "custom_oids": [],
    },
    {
        "name": "client",
        "ca": False,
        "path_length": None,
        "key_usage": ["content_commitment", "digital_signature", "key_agreement", "key_encipherment"],
        "default_key_usage": ["digital_signature"],
        "extended_key_usage": ["1.3.6.1.5.5.7.3.2"],
        "default_extended_key_usage": ["1.3.6.1.5.5.7.3.2"],
        "key_types": ["ECCPRIME256V1", "ECCSECP384R1", "ECCSECP521R1", "ED25519", "RSA2048", "RSA3072", "RSA4096"],
        "name_types": ["DNSName", "IPAddress", "rfc822Name", "uniformResourceIdentifier"],
        "longest_days": 825,
        "default_days": 365,
        "subject_fields": [
            "common_name",
            "country",
            "email",
            "location",
            "organization",
            "organizational_unit",
            "state",
        ],
        "subject_required": [],
        "custom_oids": [],
    },
    {
        "name": "server-and-client",
        "ca": False,
        "path_length": None,
        "key_usage": ["digital_signature", "key_agreement", "key_encipherment"],
        "default_key_usage": ["digital_signature", "key_encipherment"],
        "extended_key_usage": ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
        "default_extended_key_usage": ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
        "key_types": ["ECCPRIME256V1", "ECCSECP384R1", "ECCSECP521R1", "ED25519", "RSA2048", "RSA3072", "RSA4096"],
        "name_types": ["DNSName", "IPAddress", "uniformResourceIdentifier"],
        "longest_days": 825,
        "default_days": 365,
        "subject_fields": [
            "common_name",
            "country",
            "email",
            "location",
            "organization",
            "organizational_unit",
            "state",
        ],
        "subject_required": [],
        "custom_oids": [],
    },
    {
        "name": "intermediate",
        "ca": True,
        "path_length": 0,
        "key_usage": ["crl_sign", "digital_signature", "key_cert_sign"],
        "default_key_usage": ["crl_sign", "key_cert_sign"],
        "extended_key_usage": [
            "1.3.6.1.4.1.311.20.2.2",
            "1.3.6.1.5.5.7.3.1",
            "1.3.6.1.5.5.7.3.13",
            "1.3.6.1.5.5.7.3.14",
            "1.3.6.1.5.5.7.3.2",
            "1.3.6.1.5.5.7.3.3",
            "1.3.6.1.5.5.7.3.4",
            "1.3.6.1.5.5.7.3.8",
        ],
        "default_extended_key_usage": [],
        "key_types": ["ECCPRIME256V1", "ECCSECP384R1", "ECCSECP521R1", "ED25519", "RSA2048", "RSA3072", "RSA4096"],
        "name_types": [],
        "longest_days": 10980,
        "default_days": 1825,
        "subject_fields": [
            "common_name",
            "country",
            "email",
            "location",
            "organization",
            "organizational_unit",
            "state",
        ],
        "subject_required": ["common_name"],
        "custom_oids": [],
    },
]

DESCRIPTIONS = {
    "server": "A service that clients reach by name or address over TLS.",
    "client": "A person, device or service that identifies itself to others.",
    "server-and-client": "A service that does both, as peers of a cluster do.",
    "intermediate": "An authority under another one.",
}


def forwards(apps, schema_editor):
    profile_model = apps.get_model("authorities", "Profile")
    for fields in BUILT_IN:
        profile_model.objects.using(schema_editor.connection.alias).create(
            description=DESCRIPTIONS[fields["name"]], **fields
        )


class Migration(migrations.Migration):
    dependencies = [("authorities", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
