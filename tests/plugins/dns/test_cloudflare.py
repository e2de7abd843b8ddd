"""cloudflare-dns against a fake of its API, since there is no other that tests could ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from plugins import OptionErrors, Permanent
from plugins.dns.cloudflare import CloudflareDns
from plugins.testing_dns import DnsProviderContract
from tests.servers.cloudflare import EMAIL, KEY, Cloudflare, cloudflare
from tests.servers.names import name_server
from tests.servers.running import free_port


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Cloudflare, str]]:
    with cloudflare() as fake:

        def records(name: str, kind: str) -> Iterable[str]:
            if (name, kind) == ("_acme-challenge.www.example.net", "CNAME"):
                return ["www.example.org."]
            return [f'"{value}"' for value in fake.texts(name)] if kind == "TXT" else []

        with name_server(records) as names:
            yield fake, names


class TestCloudflare(DnsProviderContract):
    plugin_class = CloudflareDns
    wrong_values = {"url": "cloudflare", "nameservers": "x:", "ttl": 0}

    @pytest.fixture(autouse=True)
    def _running(self, world: tuple[Cloudflare, str]) -> None:
        self.fake, names = world
        self.values = self.fake.options(nameservers=names)  # type: ignore[misc]

    def there(self, name: str) -> set[str]:
        return self.fake.texts(name)

    def refused(self) -> Any:
        return self.make(token="wrong-Horse-7-battery")

    def unreachable(self) -> Any:
        return self.make(url=f"http://127.0.0.1:{free_port()}")

    def test_lemurs_email_and_key(self) -> None:
        plugin, name = self.make(token=None, email=EMAIL, key=KEY), self.new_name()
        plugin.create_txt(name, "value")
        assert self.there(name) == {"value"}

    def test_without_a_credential_it_is_refused(self) -> None:
        for given in ({}, {"email": EMAIL}, {"key": KEY}):
            with pytest.raises(OptionErrors, match="Give a token, or"):
                self.make(token=None, **given)

    def test_nonsense_is_told_from_refusal(self) -> None:
        self.fake.nonsense = True
        try:
            with pytest.raises(Permanent, match="no JSON"):
                self.make().check()
        finally:
            self.fake.nonsense = False
