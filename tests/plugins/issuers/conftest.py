"""Our servers listen on loopback, which only OUTBOUND_ALLOW permits; a name server and Pebble for the module."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from plugins import network
from tests.servers.challenges import Board, challenge_server
from tests.servers.knot import Knot, knot
from tests.servers.pebble import Pebble, pebble


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.1/32"),))


@pytest.fixture(scope="module")
def names() -> Iterator[Knot]:
    with knot() as running:
        yield running


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with challenge_server() as running:
        yield running


@pytest.fixture(scope="module")
def ca(names: Knot, board: Board) -> Iterator[Pebble]:
    with pebble(names.address, http_port=board.port) as running:
        yield running
