"""Plugins that do what a test says, for what happens by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from certificates.models import Certificate
from lifecycle.models import Endpoint
from plugins import network
from stores import service as stores
from stores.models import Destination, Source
from tests import odd_endpoints, odd_stores
from tests.factories import a_certificate


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    odd_stores.register(monkeypatch)
    odd_endpoints.register(monkeypatch)


@pytest.fixture
def loopback():
    """Servers of tests may be looked at."""
    network.configure(allow=["127.0.0.0/8"])
    yield
    network.configure(allow=[])


@pytest.fixture
def leaf(people, root_ca) -> Certificate:
    """Alice's, which renews itself."""
    return a_certificate(people.alice, root_ca, rotation=True)


@pytest.fixture
def a_source(people) -> Callable[..., Source]:
    def make(plugin: str = "balancer-source", label: str = "balancer") -> Source:
        return stores.create(Source, label=label, plugin=plugin, by=people.root)

    return make


@pytest.fixture
def a_destination(people) -> Callable[..., Destination]:
    def make(label: str = "web", plugin: str = "keeping-destination") -> Destination:
        return stores.create(Destination, label=label, plugin=plugin, by=people.root)

    return make


@pytest.fixture
def an_endpoint(a_source) -> Callable[..., Endpoint]:
    def make(certificate: Certificate, port: int = 443, *, source: Source | None = None, host="127.0.0.1") -> Endpoint:
        return Endpoint.objects.create(
            name=host, dnsname=host, port=port, type="tls", certificate=certificate, source=source or a_source()
        )

    return make
