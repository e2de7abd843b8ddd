"""The installation test says what is wrong, and what to do."""

from __future__ import annotations

import pytest

from core import checks


@pytest.mark.parametrize(
    ("check", "wrong", "identity"),
    [
        (checks.encryption_keys, {"ENCRYPTION_KEYS": ""}, "core.E001"),
        (checks.encryption_keys, {"ENCRYPTION_KEYS": "c2hvcnQ="}, "core.E001"),
        (checks.key_custody, {"KEY_CUSTODY": "nobody"}, "core.E002"),
        (checks.allowed_domains, {"LEMUR_ALLOWED_DOMAINS": ["("]}, "core.E003"),
        (checks.public_base, {"PKI_ROOT": "https://pki.example.org"}, "core.E004"),
        (checks.identity_provider, {"OIDC_ISSUER": "http://sso.example.org", "OIDC_CLIENT_ID": "x"}, "core.E005"),
        (checks.identity_provider, {"OIDC_ISSUER": f"https://{'x' * 200}", "OIDC_CLIENT_ID": "x"}, "core.E005"),
        (checks.identity_provider, {"OIDC_ISSUER": "https://sso.example.org"}, "core.E006"),
        (
            checks.identity_provider,
            {"OIDC_ISSUER": "https://sso.example.org", "OIDC_CLIENT_ID": "x", "OIDC_CA_FILE": "/nowhere/roots.pem"},
            "core.E007",
        ),
        (checks.transport, {"SITE_ROOT": "http://lemur.example.org"}, "core.W001"),
    ],
)
def test_a_wrong_setting_is_named_with_a_hint(settings, check, wrong, identity):
    assert check(None) == []
    for name, value in wrong.items():
        setattr(settings, name, value)
    [found] = check(None)
    assert found.id == identity
    assert found.hint or "regular expression" in found.msg
    assert "c2hvcnQ" not in found.msg
