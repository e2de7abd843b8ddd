"""Nudges: after the commit, and nobody's concern."""

from __future__ import annotations

import pytest
from django.db import transaction

from core.queue import enqueue
from tests import nudges as queue

pytestmark = pytest.mark.django_db


def test_it_is_sent_once_the_transaction_is_committed(nudges, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        enqueue("certificates.deploy", 1)
        with transaction.atomic():
            enqueue("certificates.deploy", 2)
            transaction.set_rollback(True)
        assert nudges == []
    assert nudges == [("certificates.deploy", (1,))]


def test_what_fails_is_logged_and_hurts_nobody(monkeypatch, caplog, django_capture_on_commit_callbacks):
    monkeypatch.delattr(queue, "send")
    with django_capture_on_commit_callbacks(execute=True):
        enqueue("certificates.deploy", 1)
    assert "on_commit" in caplog.text
