"""The audit log: complete, in the same transaction, never changed."""

from __future__ import annotations

import logging

import pytest
from django.db import DatabaseError, connection, transaction

from core.audit import Event, acting_as, record
from core.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_what_and_from_where(people):
    with acting_as(kind="request", request_id="r-1", address="192.0.2.7", api_key="3"):
        record(Event.USER_UPDATED, people.bob, by=people.root, fields=["email"])
    entry = AuditEntry.objects.first()
    assert (entry.event, entry.actor, entry.actor_name) == ("user.updated", people.root, "root")
    assert (entry.target_type, entry.target_id, entry.target_name) == ("accounts.user", str(people.bob.pk), "bob")
    assert entry.details == {"fields": ["email"]}
    assert entry.context == {"kind": "request", "request_id": "r-1", "address": "192.0.2.7", "api_key": "3"}


def test_an_entry_goes_with_its_transaction(people):
    before = AuditEntry.objects.count()
    with transaction.atomic():
        record(Event.USER_UPDATED, people.bob, by=people.root)
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    "attack",
    [
        lambda entry: entry.save(),
        lambda entry: entry.delete(),
        lambda entry: AuditEntry.objects.update(actor_name="x"),
        lambda entry: AuditEntry.objects.all().delete(),
    ],
    ids=["save", "delete", "update all", "delete all"],
)
def test_the_past_cannot_be_changed_in_python(people, attack):
    with pytest.raises(TypeError, match="append-only"):
        attack(AuditEntry.objects.first())


@pytest.mark.parametrize("statement", ["UPDATE core_auditentry SET actor_name = 'x'", "DELETE FROM core_auditentry"])
def test_nor_in_postgresql(people, statement):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no such trigger of ours")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_entries_about_demo_data_may_go_with_it(people):
    with acting_as(demo=True):
        record(Event.USER_UPDATED, people.bob, by=people.root)
    AuditEntry.objects.filter(demo=True).delete()
    assert not AuditEntry.objects.filter(demo=True).exists()


def test_each_entry_leaves_as_a_line_after_commit(people, caplog, django_capture_on_commit_callbacks):
    caplog.set_level(logging.INFO, logger="audit")
    with django_capture_on_commit_callbacks(execute=True):
        record(Event.USER_UPDATED, people.bob, by=people.root)
        with transaction.atomic():
            record(Event.PASSWORD_CHANGED, people.bob, by=people.root)
            transaction.set_rollback(True)
        assert caplog.text == ""
    assert "user.updated" in caplog.text
    assert "password.changed" not in caplog.text
