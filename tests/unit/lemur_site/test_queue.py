"""The queue in a folder: whoever reads while somebody writes gets whole messages, each once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from lemur_site.celery import app
from lemur_site.queue import QUEUES
from lemur_site.schedule import PERIODS

MESSAGES = 400


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Any]:
    """Of the transport that the settings name."""
    folder = str(tmp_path)
    options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": str(tmp_path / "control")}
    with Connection(transport=app.conf.broker_transport, transport_options=options) as connection:
        yield connection.channel()


def message(body: object) -> dict[str, object]:
    return {"body": body, "properties": {"delivery_info": {}, "delivery_tag": "1"}}


class Looking:
    """A message that looks into the folder while it is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __json__(self) -> list[str]:
        return os.listdir(self.folder)


def test_a_message_is_not_there_before_it_is_written(channel: Any, tmp_path: Path) -> None:
    channel._put("celery", message(Looking(tmp_path)))
    assert channel._get("celery")["body"] == []
    assert os.listdir(tmp_path) == []


def test_a_reader_meets_no_half_message(channel: Any) -> None:
    def write() -> None:
        for number in range(MESSAGES):
            channel._put("celery", message(number))

    writer = threading.Thread(target=write)
    writer.start()
    read: list[int] = []
    over = False
    while not over:
        over = not writer.is_alive()  # asked before the folder is looked into
        with suppress(Empty):
            while True:
                read.append(channel._get("celery")["body"])
    assert sorted(read) == list(range(MESSAGES))


def test_the_oldest_message_comes_first(channel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers go by the names of files, in which 1000 is before 999."""
    for milliseconds in (999, 1000):
        monkeypatch.setattr("lemur_site.queue.monotonic_ns", lambda now=milliseconds: now * 1_000_000)
        channel._put("celery", message(milliseconds))
    assert [channel._get("celery")["body"] for _ in range(2)] == [999, 1000]


@pytest.mark.parametrize("text", ["", '{"body": "W1sx', "\xff", "[1]", '{"properties": {}}'])
def test_what_is_no_message_is_left_out(text: str, channel: Any, tmp_path: Path) -> None:
    (tmp_path / f"{0:015}_torn.celery.msg").write_text(text)
    channel._put("celery", message("after it"))
    assert channel._get("celery")["body"] == "after it"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("task", PERIODS)
def test_a_task_waits_in_the_queue_of_its_app(task: str) -> None:
    assert app.amqp.router.route({}, task)["queue"].name == task.partition(".")[0]


def test_a_worker_that_is_not_told_otherwise_serves_every_queue() -> None:
    assert set(app.amqp.queues.consume_from) == set(QUEUES)
