"""The audit log: complete, in the same transaction, never changed."""

from __future__ import annotations

import logging

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.service import ensure_owner_role
from core.audit import Event, acting, acting_as, record
from core.models import AuditEntry
from lemur_site.celery import app as celery

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


def _changed(entry, **changes):
    for name, value in (changes or {"actor_name": "x"}).items():
        setattr(entry, name, value)
    return entry


@pytest.fixture
def past(people):
    """What the log holds already."""
    record(Event.USER_UPDATED, people.bob, by=people.root)
    record(Event.USER_UPDATED, people.alice, by=people.root)
    return list(AuditEntry.objects.values())


ATTACKS = {
    "save": lambda entry: entry.save(),
    "save what is new": lambda entry: AuditEntry(pk=entry.pk, actor_name="x").save(),
    "delete": lambda entry: entry.delete(),
    "delete what only this object calls demo data": lambda entry: _changed(entry, demo=True).delete(),
    "update all": lambda entry: AuditEntry.objects.update(actor_name="x"),
    "update some": lambda entry: AuditEntry.objects.filter(pk=entry.pk).update(demo=True),
    "update by the base manager": lambda entry: AuditEntry._base_manager.update(actor_name="x"),
    "update in bulk": lambda entry: AuditEntry.objects.bulk_update([_changed(entry)], ["actor_name"]),
    "update or create": lambda entry: AuditEntry.objects.update_or_create({"actor_name": "x"}, pk=entry.pk),
    "create over it": lambda entry: AuditEntry.objects.bulk_create(
        [_changed(entry)], update_conflicts=True, update_fields=["actor_name"], unique_fields=["id"]
    ),
    "delete all": lambda entry: AuditEntry.objects.all().delete(),
    "delete some": lambda entry: AuditEntry.objects.filter(pk=entry.pk).delete(),
    "delete by the base manager": lambda entry: AuditEntry._base_manager.all().delete(),
    "delete raw": lambda entry: AuditEntry.objects.all()._raw_delete("default"),
    "delete demo data and others": lambda entry: AuditEntry.objects.filter(demo__in=[True, False]).delete(),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
def test_the_past_cannot_be_changed_in_python(past, attack):
    with pytest.raises(TypeError, match="append-only"), transaction.atomic():
        attack(AuditEntry.objects.first())
    assert list(AuditEntry.objects.values()) == past


IN_SQL = {
    "update": "UPDATE core_auditentry SET actor_name = 'x'",
    "call it demo data": "UPDATE core_auditentry SET demo = TRUE",
    "delete": "DELETE FROM core_auditentry",
    "go around DELETE": {
        "sqlite": "INSERT OR REPLACE INTO core_auditentry SELECT * FROM core_auditentry",
        "postgresql": "TRUNCATE core_auditentry",
    }[connection.vendor],
}


@pytest.mark.parametrize("statement", IN_SQL.values(), ids=list(IN_SQL))
def test_nor_in_the_database(past, statement):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert list(AuditEntry.objects.values()) == past


def test_entries_about_demo_data_may_go_with_it(people):
    with acting_as(demo=True):
        record(Event.USER_UPDATED, people.bob, by=people.root)
        record(Event.USER_UPDATED, people.alice, by=people.root)
    AuditEntry.objects.filter(demo=True).first().delete()
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


def test_a_task_says_that_it_is_one(people):
    @celery.task(name="tests.audited")
    def audited():
        ensure_owner_role("task@example.org")

    audited.apply(task_id="t-1")
    entry = AuditEntry.objects.first()
    assert (entry.event, entry.actor_name) == ("role.created", "system")
    assert entry.context == {"kind": "task", "request_id": "t-1"}


def test_a_task_within_a_request_is_still_one(people):
    @celery.task(name="tests.audited_within")
    def audited_within():
        ensure_owner_role("within@example.org")

    with acting_as(kind="request", user=people.alice, address="192.0.2.7", api_key="3"):
        audited_within()
        assert acting().user == people.alice
    assert AuditEntry.objects.first().context == {"kind": "task"}
