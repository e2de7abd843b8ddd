"""Any DNS server that takes dynamic updates: BIND, Knot, Windows, PowerDNS and others."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.update
from pydantic import Field, SecretStr, field_validator

from plugins.dns import lookup
from plugins.dns.lookup import NameServer
from plugins.dns.zones import ZoneOptions, ZoneProvider
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary
from plugins.options import TARGET
from plugins.values import TxtRecord

Algorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1"]


class Rfc2136Dns(ZoneProvider):
    """Dynamic updates (RFC 2136), signed with a shared key (TSIG, RFC 8945)."""

    slug = "rfc2136-dns"
    title = "RFC 2136"
    description = "Dynamic updates with a TSIG key: BIND, Knot and other servers of your own."

    class Options(ZoneOptions):
        server: str = Field(max_length=255, description="The zone's primary server.", json_schema_extra=TARGET)
        port: int = Field(53, ge=1, le=65535, description="Where it listens.", json_schema_extra=TARGET)
        zone: str = Field("", max_length=255, description="A zone of it, with which the key is tried.")
        key_name: str = Field(max_length=255, description="The name of the TSIG key.")
        key_secret: SecretStr = Field(description="Its secret, in base64.")
        key_algorithm: Algorithm = Field("hmac-sha256", description="What it signs with.")

        @field_validator("key_name", "zone")
        @classmethod
        def _is_name(cls, text: str) -> str:
            try:
                dns.name.from_text(text)
            except (dns.exception.DNSException, UnicodeError):
                raise ValueError("it is no name that DNS can hold") from None
            return text

        @field_validator("key_secret")
        @classmethod
        def _is_base64(cls, secret: SecretStr) -> SecretStr:
            try:
                base64.b64decode(secret.get_secret_value(), validate=True)
            except (binascii.Error, ValueError):
                raise ValueError("it is not base64") from None
            return secret

    options: Options

    def check(self) -> None:
        """An update of the zone that changes nothing. Without a zone, whether the server answers: it tells of its keys
        only to who asks for a zone of its own."""
        if self.options.zone:
            self._send(self._update(self.options.zone), self.options.zone)
        else:
            lookup.exchange(self._server, dns.message.make_query(".", "SOA"))

    def zone_of(self, name: str) -> str:
        return lookup.zone_of(name, self._server)

    def add(self, record: TxtRecord) -> str:
        update = self._update(record.zone)
        update.add(dns.name.from_text(record.name), self.options.ttl, "TXT", _quoted(record.value))
        self._send(update, record.name)
        return ""

    def remove(self, record: TxtRecord) -> None:
        update = self._update(record.zone)
        update.delete(dns.name.from_text(record.name), "TXT", _quoted(record.value))
        self._send(update, record.name)

    def _update(self, zone: str) -> Any:
        return dns.update.UpdateMessage(zone, keyring=self._keyring, keyalgorithm=self.options.key_algorithm)

    def _send(self, update: Any, name: str) -> None:
        answered = lookup.exchange(self._server, update).rcode()
        if answered != dns.rcode.NOERROR:
            raise _problem(answered, f"{self._server} does not change {name}")

    @property
    def _server(self) -> NameServer:
        return NameServer(self.options.server, self.options.port)

    @property
    def _keyring(self) -> dict[dns.name.Name, dns.tsig.Key]:
        secret = self.options.key_secret.get_secret_value()
        key = dns.tsig.Key(self.options.key_name, secret, self.options.key_algorithm)
        return {key.name: key}


def _problem(answered: dns.rcode.Rcode, what: str) -> PluginError:
    said = f"{what}: it answered {dns.rcode.to_text(answered)}"
    match answered:
        case dns.rcode.REFUSED | dns.rcode.NOTAUTH:
            return Misconfigured(f"{said}. Let the TSIG key change TXT records there, and name the primary server.")
        case dns.rcode.SERVFAIL:
            return Temporary(f"{said}.")
    return Permanent(f"{said}.")


def _quoted(value: str) -> str:
    """As in a zone file; base64url and the like need no escapes."""
    if not value.isascii() or not value.isprintable() or any(c in value for c in '"\\'):
        raise Permanent("The value of a TXT record that is written here has no quotes, backslashes or line breaks.")
    return f'"{value}"'
