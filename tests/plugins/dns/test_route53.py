"""route53-dns against moto, which imitates AWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from plugins import Misconfigured
from plugins.dns import route53
from plugins.dns.route53 import Route53Dns
from plugins.testing_dns import DnsProviderContract
from tests.servers.moto import Moto, moto_server
from tests.servers.names import name_server
from tests.servers.running import free_port


@dataclass
class World:
    """moto, and a name server that answers with what it holds."""

    moto: Moto
    zone: str
    names: str = ""

    def records(self, name: str, kind: str) -> Iterable[str]:
        if (name, kind) == ("_acme-challenge.www.example.net", "CNAME"):
            return ["www.example.org."]
        sets = self.moto.client("route53").list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        same = [one for one in sets if (one["Name"].rstrip("."), one["Type"]) == (name, kind)]
        return [record["Value"] for one in same for record in one["ResourceRecords"]]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with moto_server(INITIAL_NO_AUTH_ACTION_COUNT="1000000") as moto:
        made = moto.client("route53").create_hosted_zone(Name="example.org.", CallerReference="1")
        world = World(moto, made["HostedZone"]["Id"])
        with name_server(world.records) as world.names:
            yield world


class TestRoute53(DnsProviderContract):
    plugin_class = Route53Dns
    wrong_values = {"account_id": "123", "endpointUrl": "aws", "nameservers": "x:", "ttl": 0}

    @pytest.fixture(autouse=True)
    def _running(self, world: World) -> None:
        self.world = world
        self.values = world.moto.options(nameservers=world.names)  # type: ignore[misc]

    def there(self, name: str) -> set[str]:
        return {value.strip('"') for value in self.world.records(name, "TXT")}

    def refused(self) -> Any:
        pytest.skip("moto asks nobody for credentials: see test_a_refusal_of_aws_is_for_somebody_to_change")

    def unreachable(self) -> Any:
        return self.make(endpointUrl=f"http://127.0.0.1:{free_port()}")

    def test_a_role_of_another_account_is_taken(self) -> None:
        """There, the zones of this account are not seen."""
        other = self.make(account_id="222222222222")
        with pytest.raises(Misconfigured, match="no zone"):
            other.create_txt(self.new_name(), "value")

    def test_half_a_key_is_none(self) -> None:
        with pytest.raises(Misconfigured, match="both halves"):
            self.make(secretAccessKey=None).check()

    def test_a_change_that_comes_between_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """AWS refuses to take away a record set that is another one by now; then it is read again."""
        first, name = self.make(), self.new_name()
        first.create_txt(name, "first-value")
        read, between = route53._record_set, [True]

        def stale(client: Any, zone: str, of: str) -> Any:
            found = read(client, zone, of)
            if between and between.pop():
                self.make().create_txt(name, "second-value")
            return found

        monkeypatch.setattr(route53, "_record_set", stale)
        first.create_txt(name, "third-value")
        assert self.there(name) == {"first-value", "second-value", "third-value"}
