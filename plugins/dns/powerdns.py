"""PowerDNS, through the HTTP API of its authoritative server."""

from __future__ import annotations

from urllib.parse import quote

from pydantic import Field, SecretStr

from plugins.dns.zones import ZoneOptions, ZoneProvider, enclosing
from plugins.errors import Permanent, Temporary
from plugins.json_api import JsonApi
from plugins.options import TARGET
from plugins.values import TxtRecord

TRIES = 3


class PowerDns(ZoneProvider):
    """The API replaces all values of a name at once, so that each change looks whether another one came between."""

    slug = "powerdns-dns"
    title = "PowerDNS"
    description = "The HTTP API of a PowerDNS authoritative server."

    class Options(ZoneOptions):
        url: str = Field(
            pattern=r"^https?://\S+$",
            max_length=255,
            description="Where the API is, as https://dns.example.com:8081.",
            json_schema_extra=TARGET,
        )
        api_key: SecretStr = Field(description="The server's api-key.")
        server_id: str = Field(
            "localhost", pattern=r"^[A-Za-z0-9._-]+$", max_length=64, description="The server's name in its own API."
        )

    options: Options

    def check(self) -> None:
        self._zones()

    def zone_of(self, name: str) -> str:
        return enclosing(name, ((zone, None) for zone in self._zones()), service="PowerDNS")[0]

    def add(self, record: TxtRecord) -> str:
        self._change(record, present=True)
        return ""

    def remove(self, record: TxtRecord) -> None:
        self._change(record, present=False)

    def _change(self, record: TxtRecord, *, present: bool) -> None:
        for _ in range(TRIES):
            values = self._values(record)
            if (record.value in values) == present:
                return
            others = [value for value in values if value != record.value]
            self._replace(record, [*others, record.value] if present else others)
        raise Temporary(f"Somebody else changes {record.name} in PowerDNS at the same time.")

    def _values(self, record: TxtRecord) -> list[str]:
        zone = self._api.call("GET", self._path(record), params={"rrset_name": f"{record.name}.", "rrset_type": "TXT"})
        try:
            # An older server takes no notice of the parameters, and answers with the whole zone.
            sets = [one for one in zone["rrsets"] if (one["name"], one["type"]) == (f"{record.name}.", "TXT")]
            return [each["content"].strip('"') for one in sets for each in one["records"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise _strange() from error

    def _replace(self, record: TxtRecord, values: list[str]) -> None:
        written = [{"content": f'"{value}"', "disabled": False} for value in values]
        change = {"changetype": "REPLACE", "ttl": self.options.ttl, "records": written}
        rrset = {"name": f"{record.name}.", "type": "TXT", **(change if values else {"changetype": "DELETE"})}
        self._api.call("PATCH", self._path(record), body={"rrsets": [rrset]})

    def _zones(self) -> list[str]:
        found = self._api.call("GET", self._base)
        try:
            return [str(zone["name"]) for zone in found]
        except (KeyError, TypeError) as error:
            raise _strange() from error

    def _path(self, record: TxtRecord) -> str:
        return f"{self._base}/{quote(record.zone, safe='')}."

    @property
    def _base(self) -> str:
        return f"api/v1/servers/{self.options.server_id}/zones"

    @property
    def _api(self) -> JsonApi:
        return JsonApi("PowerDNS", self.options.url, {"X-API-Key": self.options.api_key.get_secret_value()})


def _strange() -> Permanent:
    return Permanent("PowerDNS answered something that is no zone: is the address its API's?")
