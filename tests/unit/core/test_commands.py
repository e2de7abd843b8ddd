"""The kernel's and the people's commands."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connection

from accounts import service
from accounts.models import ApiKey
from core import keys
from pki.envelope import Keyring, new_key
from pki.keys import KEY_SPECS


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_a_new_encryption_key_can_be_used_as_it_is_printed():
    first, second = run("create_encryption_key"), run("create_encryption_key")
    assert first != second
    ring = Keyring.parse(f"{first}\n{second}")
    assert ring.unseal(ring.seal(b"secret", "here"), "here") == b"secret"


@pytest.mark.django_db
def test_rewrap_keys_counts_and_names_a_missing_key(settings):
    keys.generate(KEY_SPECS["ECCPRIME256V1"])[0].save()
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = f"{new_key()},{old}"
    assert run("rewrap_keys") == "Rewrapped 1 of 1 secrets."
    settings.ENCRYPTION_KEYS = new_key()
    with pytest.raises(CommandError, match="Nothing is lost"):
        run("rewrap_keys")


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, ProgrammingError])
def test_a_database_that_is_away_or_not_prepared_is_one_sentence(error):
    def refuse(*_: object) -> None:
        raise error("no such table: core_sweeprun\nLINE 1: SELECT")

    with connection.execute_wrapper(refuse), pytest.raises(CommandError) as ended:
        run("sweep")
    assert str(ended.value) == (
        "The database cannot be used: no such table: core_sweeprun. Is it there, and has `manage.py migrate` been run?"
    )


@pytest.mark.django_db
def test_an_api_key_is_printed_once_and_revoked_by_id(people):
    token = run("apikey", "alice", "--name", "ci", "--days", "7", "--read-only")
    key = ApiKey.objects.get(name="ci")
    assert service.use_token(token).pk == key.pk
    assert key.scope == ApiKey.Scope.READ
    assert run("apikey", "alice", "--revoke", str(key.pk)) == "Revoked: ci."
    for wrong in (["nobody"], ["alice", "--days", "0"], ["bob", "--revoke", str(key.pk)]):
        with pytest.raises(CommandError):
            run("apikey", *wrong)
