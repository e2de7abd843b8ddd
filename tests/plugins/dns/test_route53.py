"""route53-dns against moto, which imitates AWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from plugins import Misconfigured, OptionErrors, Temporary, aws
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

    def add(self, name: str, value: str) -> None:
        """A value beside those that are there."""
        client, values = self.moto.client("route53"), [*self.records(name, "TXT"), f'"{value}"']
        rows = {"Name": name, "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": one} for one in values]}
        change = {"Action": "UPSERT", "ResourceRecordSet": rows}
        client.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch={"Changes": [change]})


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
        raise AssertionError("moto asks nobody for credentials")

    def test_a_wrong_credential_is_for_somebody_to_change(self) -> None:
        """As AWS words it."""
        for code, status in (("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403), ("AccessDenied", 403)):
            told = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
            with pytest.raises(Misconfigured, match=f"refuses: {code}, no"), aws.explained("Route 53"):
                raise ClientError(told, "ListHostedZones")

    @pytest.mark.parametrize(("code", "status"), [("Throttling", 400), ("InternalFailure", 500), ("Busy", 429)])
    def test_a_service_that_is_busy_is_worth_another_try(self, code: str, status: int) -> None:
        told = {"Error": {"Code": code, "Message": "later"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        with pytest.raises(Temporary), aws.explained("Route 53"):
            raise ClientError(told, "ListHostedZones")

    def unreachable(self) -> Any:
        return self.make(endpointUrl=f"http://127.0.0.1:{free_port()}")

    def test_a_role_of_another_account_is_taken(self) -> None:
        """There, the zones of this account are not seen."""
        other = self.make(account_id="222222222222")
        with pytest.raises(Misconfigured, match="no zone"):
            other.create_txt(self.new_name(), "value")

    def test_half_a_key_is_none(self) -> None:
        for name in ("accessKeyId", "secretAccessKey"):
            with pytest.raises(OptionErrors, match="both halves"):
                self.make(**{name: None})

    def test_a_change_that_comes_between_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """AWS refuses to take away a record set that is another one by now; then it is read again."""
        plugin, name, client = self.make(), self.new_name(), aws.client
        plugin.create_txt(name, "first-value")
        refusals = [{"Error": {"Code": "InvalidChangeBatch", "Message": "values provided do not match"}}]

        def between(*args: Any, **kwargs: Any) -> Any:
            made = client(*args, **kwargs)
            change = made.change_resource_record_sets

            def refuse_once(**asked: Any) -> Any:
                if refusals:
                    self.world.add(name, "second-value")
                    raise made.exceptions.InvalidChangeBatch(refusals.pop(), "ChangeResourceRecordSets")
                return change(**asked)

            made.change_resource_record_sets = refuse_once
            return made

        monkeypatch.setattr(aws, "client", between)
        plugin.create_txt(name, "third-value")
        assert self.there(name) == {"first-value", "second-value", "third-value"}
