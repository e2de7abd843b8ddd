"""Handing tasks to the broker, and leaving it alone while it is down."""

from __future__ import annotations

from typing import Any

import pytest
from kombu.exceptions import OperationalError

from lemur_site import celery


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the broker is asked; it is down."""
    found: list[tuple[Any, ...]] = []

    def send_task(*args: Any, **options: Any) -> None:
        found.append(args)
        raise OperationalError("connection refused")

    monkeypatch.setattr(celery, "_silent_until", 0.0)
    monkeypatch.setattr(celery.app, "send_task", send_task)
    return found


def test_a_broker_that_is_down_is_left_alone_for_a_while(
    asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    celery.send("certificates.deploy", (1,))
    celery.send("certificates.deploy", (2,))
    assert asked == [("certificates.deploy", (1,))]
    monkeypatch.setattr(celery, "_silent_until", 0.0)
    celery.send("certificates.deploy", (3,))
    assert len(asked) == 2
