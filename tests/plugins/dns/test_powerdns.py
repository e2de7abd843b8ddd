"""powerdns-dns against PowerDNS's own server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from plugins import Permanent
from plugins.dns.powerdns import PowerDns
from plugins.testing_dns import DnsProviderContract
from tests.servers.powerdns import PowerDnsServer, powerdns
from tests.servers.running import free_port

pytestmark = pytest.mark.server("pdns_server")


@pytest.fixture(scope="module")
def server() -> Iterator[PowerDnsServer]:
    with powerdns() as running:
        yield running


class TestPowerDns(DnsProviderContract):
    plugin_class = PowerDns
    wrong_values = {"url": "dns.example.org", "serverId": "a/b", "nameservers": "x:", "ttl": 0}

    @pytest.fixture(autouse=True)
    def _running(self, server: PowerDnsServer) -> None:
        self.server = server
        self.values = server.options()  # type: ignore[misc]

    def there(self, name: str) -> set[str]:
        return self.server.texts(self.zone, name)

    def refused(self) -> Any:
        return self.make(apiKey="wrong-Horse-7-battery")

    def unreachable(self) -> Any:
        return self.make(url=f"http://127.0.0.1:{free_port()}")

    def test_a_server_that_it_does_not_have(self) -> None:
        with pytest.raises(Permanent, match="refuses"):
            self.make(serverId="nowhere").check()
