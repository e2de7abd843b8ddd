"""rfc2136-dns against Knot."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from typing import Any

import pytest

from plugins import Misconfigured, Permanent
from plugins.dns.rfc2136 import Rfc2136Dns
from plugins.testing_dns import DnsProviderContract
from tests.servers.knot import Knot, knot
from tests.servers.running import free_port

pytestmark = pytest.mark.server("knotd")


@pytest.fixture(scope="module")
def server() -> Iterator[Knot]:
    with knot() as running:
        yield running


class TestRfc2136(DnsProviderContract):
    plugin_class = Rfc2136Dns
    wrong_values = {
        "port": 70_000,
        "keySecret": "no base64!",
        "keyAlgorithm": "hmac-md5",
        "keyName": "a..b",
        "zone": "a..b",
        "nameservers": "127.0.0.1:no-port",
        "ttl": 0,
    }

    @pytest.fixture(autouse=True)
    def _running(self, server: Knot) -> None:
        self.server = server
        self.values = server.options()  # type: ignore[misc]

    def there(self, name: str) -> set[str]:
        return self.server.texts(name)

    def refused(self) -> Any:
        return self.make(keySecret=base64.b64encode(os.urandom(32)).decode())

    def unreachable(self) -> Any:
        return self.make(port=free_port())

    def test_a_key_that_the_server_does_not_know(self) -> None:
        with pytest.raises(Misconfigured, match="does not accept the TSIG key"):
            self.make(keyName="nobody").check()

    def test_a_key_that_may_change_nothing(self) -> None:
        plugin = self.make(keyName="powerless")
        for attempt in (plugin.check, lambda: plugin.create_txt(self.new_name(), "value")):
            with pytest.raises(Misconfigured):
                attempt()

    def test_without_a_zone_the_server_is_tried_and_the_key_is_not(self) -> None:
        self.make(zone="", keyName="nobody").check()

    def test_a_server_that_has_the_record_and_one_that_does_not(self) -> None:
        record = self.make().create_txt(self.new_name(), "value")
        with knot() as other:
            both = self.make(nameservers=f"{self.server.address},{other.address}")
            assert not both.is_served(record)
        assert not both.is_served(record), "one that does not answer does not serve it"

    def test_a_value_that_would_break_the_record_is_refused(self) -> None:
        with pytest.raises(Permanent, match="no quotes"):
            self.make().create_txt(self.new_name(), 'a" "b')
