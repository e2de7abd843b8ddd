"""Our servers listen on loopback, which only OUTBOUND_ALLOW permits."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from plugins import network


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.0/8"),))
