"""Cloudflare's DNS, through version 4 of its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from pydantic import Field, SecretStr, model_validator

from plugins.dns.zones import ZoneOptions, ZoneProvider
from plugins.errors import Misconfigured, Permanent
from plugins.json_api import JsonApi
from plugins.options import TARGET
from plugins.values import TxtRecord

PUBLIC: Final = "https://api.cloudflare.com/client/v4"


class CloudflareDns(ZoneProvider):
    """Each value of a name is a record with an id; `reference` is the zone's and the record's."""

    slug = "cloudflare-dns"
    title = "Cloudflare"
    description = "Zones at Cloudflare, with an API token that may edit their DNS."

    class Options(ZoneOptions):
        token: SecretStr | None = Field(None, description="An API token with Zone:Read and DNS:Edit for the zones.")
        email: str = Field("", max_length=255, description="Of the account, where the global key is used instead.")
        key: SecretStr | None = Field(None, description="The account's global API key. A token is better: it can less.")
        url: str = Field(
            PUBLIC,
            pattern=r"^https?://\S+$",
            max_length=255,
            description="Where the API is.",
            json_schema_extra=TARGET,
        )

        @model_validator(mode="after")
        def _has_credential(self) -> Self:
            if self.token is None and (self.key is None or not self.email):
                raise ValueError("Give a token, or the account's email and global key.")
            return self

    options: Options

    def check(self) -> None:
        self._call("GET", "zones", params={"per_page": "5"})

    def zone_of(self, name: str) -> str:
        return self._zone(name)[0]

    def add(self, record: TxtRecord) -> str:
        zone = self._zone(record.zone)[1]
        known = next(self._records(zone, record), None)
        if known is None:
            content = {"type": "TXT", "name": record.name, "content": f'"{record.value}"', "ttl": self.options.ttl}
            known = _id(self._call("POST", f"zones/{zone}/dns_records", body=content))
        return f"{zone}/{known}"

    def remove(self, record: TxtRecord) -> None:
        zone = self._zone(record.zone)[1]
        for known in list(self._records(zone, record)):
            self._call("DELETE", f"zones/{zone}/dns_records/{known}")

    def _records(self, zone: str, record: TxtRecord) -> Iterator[str]:
        """The ids of those that have this value."""
        asked = {"type": "TXT", "name": record.name, "per_page": "100"}
        for found in _list(self._call("GET", f"zones/{zone}/dns_records", params=asked)):
            if str(found.get("content", "")).strip('"') == record.value:
                yield _id(found)

    def _zone(self, name: str) -> tuple[str, str]:
        """Name and id of the zone that the name is in; a token sees its own zones alone."""
        labels = name.split(".")
        for start in range(len(labels) - 1):
            zone = ".".join(labels[start:])
            if found := _list(self._call("GET", "zones", params={"name": zone})):
                return zone, _id(found[0])
        raise Misconfigured(f"Cloudflare has no zone that {name} is in, or the credential may not see it.")

    def _call(self, method: str, path: str, **asked: Any) -> Any:
        answer = JsonApi("Cloudflare", self.options.url, self._credential).call(method, path, **asked)
        if not isinstance(answer, Mapping) or answer.get("success") is not True:
            raise _strange()
        return answer.get("result")

    @property
    def _credential(self) -> dict[str, str]:
        if self.options.token is not None:
            return {"Authorization": f"Bearer {self.options.token.get_secret_value()}"}
        key = self.options.key.get_secret_value() if self.options.key else ""
        return {"X-Auth-Email": self.options.email, "X-Auth-Key": key}


def _list(result: Any) -> list[Mapping[str, Any]]:
    if not isinstance(result, list) or not all(isinstance(one, Mapping) for one in result):
        raise _strange()
    return result


def _id(result: Any) -> str:
    """Of what the answer is about, safe to stand in an address."""
    found = result.get("id") if isinstance(result, Mapping) else None
    if not isinstance(found, str) or not found.isalnum():
        raise _strange()
    return found


def _strange() -> Permanent:
    return Permanent("Cloudflare answered something that is none of its answers: is the address its API's?")
