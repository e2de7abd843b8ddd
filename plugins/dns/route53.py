"""Amazon Route 53."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plugins import aws
from plugins.dns.zones import ZoneOptions, ZoneProvider, enclosing
from plugins.errors import Temporary
from plugins.values import TxtRecord

NAME: Final = "Route 53"
REGION: Final = "us-east-1"
"""A global service, whose requests are signed for this one."""
TRIES: Final = 3


class Route53Dns(ZoneProvider):
    """All values of a name are one record set. Each change takes away exactly the set it has read and puts the new one
    there, in one step, so that two at the same time do not undo each other.
    """

    slug = "route53-dns"
    title = "Amazon Route 53"
    description = "Public hosted zones of an AWS account."

    class Options(ZoneOptions, aws.AwsOptions):
        """Whose account, and how its zones are asked."""

    options: Options

    def check(self) -> None:
        with aws.explained(NAME):
            self._client().list_hosted_zones(MaxItems="1")

    def zone_of(self, name: str) -> str:
        with aws.explained(NAME):
            return enclosing(name, _zones(self._client()), service=NAME)[0]

    def add(self, record: TxtRecord) -> str:
        self._change(record, present=True)
        return ""

    def remove(self, record: TxtRecord) -> None:
        self._change(record, present=False)

    def _change(self, record: TxtRecord, *, present: bool) -> None:
        with aws.explained(NAME):
            client = self._client()
            zone = enclosing(record.zone, _zones(client), service=NAME)[1]
            for _ in range(TRIES):
                if self._changed(client, zone, record, present=present):
                    return
        raise Temporary(f"Somebody else changes {record.name} in {NAME} at the same time.")

    def _changed(self, client: Any, zone: str, record: TxtRecord, *, present: bool) -> bool:
        """Is it as wanted, now or already? Not if another change came between."""
        old = _record_set(client, zone, record.name)
        values = [one["Value"] for one in old["ResourceRecords"]] if old else []
        wanted = f'"{record.value}"'
        if (wanted in values) == present:
            return True
        others = [value for value in values if value != wanted]
        new = _set_of(record.name, [*others, wanted] if present else others, self.options.ttl)
        steps = [("DELETE", old), ("CREATE", new)]
        changes = [{"Action": action, "ResourceRecordSet": rows} for action, rows in steps if rows]
        try:
            client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
        except client.exceptions.InvalidChangeBatch:
            return False
        return True

    def _client(self) -> Any:
        return aws.client("route53", self.options, region=REGION)


def _zones(client: Any) -> Iterator[tuple[str, str]]:
    """Name and id of the public ones."""
    for page in client.get_paginator("list_hosted_zones").paginate():
        for zone in page["HostedZones"]:
            if not zone.get("Config", {}).get("PrivateZone"):
                yield zone["Name"], zone["Id"].rpartition("/")[2]


def _record_set(client: Any, zone: str, name: str) -> dict[str, Any] | None:
    asked = {"StartRecordName": name, "StartRecordType": "TXT", "MaxItems": "1"}
    found = client.list_resource_record_sets(HostedZoneId=zone, **asked)["ResourceRecordSets"]
    same = [one for one in found if (one["Name"].rstrip("."), one["Type"]) == (name, "TXT")]
    return same[0] if same else None


def _set_of(name: str, values: list[str], ttl: int) -> dict[str, Any] | None:
    if not values:
        return None
    return {"Name": name, "Type": "TXT", "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}
