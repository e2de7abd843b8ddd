"""An honest OpenID Connect provider for browsers, oidc-provider-mock: whoever types a subject is that subject."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.servers.running import free_port, running


@dataclass(frozen=True)
class MockProvider:
    """Where it is, and whom it knows."""

    issuer: str

    def knows(self, subject: str, **claims: Any) -> None:
        """From now on this is what it says of them."""
        requests.put(f"{self.issuer}/users/{subject}", json=claims, timeout=10).raise_for_status()


@contextmanager
def mock_provider(folder: Path) -> Iterator[MockProvider]:
    port = free_port()
    command = (sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce")
    with running(*command, port=port, log=folder / "oidc.log"):
        yield MockProvider(f"http://127.0.0.1:{port}")
