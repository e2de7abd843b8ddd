"""An identity provider, and a browser that goes there and back."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from tests.servers.oidc import FalseProvider, false_provider


@pytest.fixture(scope="session")
def _provider() -> Iterator[FalseProvider]:
    with false_provider() as provider:
        yield provider


@pytest.fixture
def provider(_provider: FalseProvider, settings: object) -> FalseProvider:
    """The product knows it; Jane sits at the browser."""
    _provider.reset()
    cache.clear()
    for name, value in _provider.settings.items():
        setattr(settings, name, value)
    return _provider


class Traveller:
    """A browser, as far as a log-in takes one."""

    def __init__(self) -> None:
        self.client = Client()

    def leave(self, address: str = "/login/oidc") -> str:
        """To the provider; where it sends the browser back to, as a path of this site."""
        there = self.client.get(address)["Location"]
        back = urlsplit(requests.get(there, allow_redirects=False, timeout=10).headers["Location"])
        return f"{back.path}?{back.query}"

    def log_in(self, address: str = "/login/oidc") -> HttpResponse:
        return self.client.get(self.leave(address))

    @property
    def who(self) -> str | None:
        """The id of who is logged in."""
        return self.client.session.get("_auth_user_id")

    @property
    def told(self) -> list[str]:
        """The messages on the log-in page."""
        return [str(one) for one in self.client.get("/login").context["messages"]]


@pytest.fixture
def traveller(db: None) -> Traveller:
    return Traveller()
