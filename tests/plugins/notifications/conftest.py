"""Notifiers may post to servers on this machine, where tests start them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugins import network


@pytest.fixture
def this_machine() -> Iterator[None]:
    """As OUTBOUND_ALLOW=127.0.0.0/8."""
    before = network._allowed
    network.configure(allow=["127.0.0.0/8"])
    yield
    network.configure(allow=map(str, before))
