"""Certificates that servers show to whoever connects: at named hosts, at each of their addresses, and in networks."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Final

from pydantic import Field, ValidationInfo, field_validator

from pki import inspection
from plugins import handshake, network
from plugins.contracts import SeesEndpoints, Source
from plugins.errors import PluginError, Temporary, refusing
from plugins.network import Target
from plugins.options import TEXTAREA, PluginOptions
from plugins.sources.targets import Port, Targets, read_hosts, read_ports, require_few
from plugins.starttls import PROTOCOLS
from plugins.values import FoundCertificate, FoundEndpoint

log = logging.getLogger(__name__)

AT_ONCE: Final = 64
SECONDS: Final = 5.0
"""For one place, from connecting to the end of the handshake."""
TRIAL_SECONDS: Final = 20.0
MOST_ADDRESSES: Final = 16
"""Of one name."""


class TlsSource(Source, SeesEndpoints):
    """Nothing is asked of a server but its certificate. The places are looked at side by side, in their order."""

    slug = "tls-source"
    title = "TLS scan"
    description = "Servers that show their certificates, at hosts, networks and ports."

    class Options(PluginOptions):
        hosts: str = Field(
            max_length=65_536,
            description="Names, addresses and networks such as 10.0.0.0/24, one a line or with commas between them.",
            json_schema_extra=TEXTAREA,
        )
        ports: str = Field(
            "443",
            max_length=500,
            validate_default=True,
            description=(
                "Ports with commas between them. STARTTLS is spoken at 25, 587 (SMTP), 143 (IMAP), 389 (LDAP) and 5432 "
                "(PostgreSQL); elsewhere if it is named: 8389/ldap, 2525/smtp."
            ),
        )
        server_name: str | None = Field(
            None,
            max_length=253,
            pattern=r"^[A-Za-z0-9._-]+$",
            description="Which name to ask for at addresses and in networks; none, if there is none.",
        )

        @field_validator("hosts")
        @classmethod
        def _hosts_can_be_read(cls, text: str) -> str:
            read_hosts(text)
            return text

        @field_validator("ports")
        @classmethod
        def _ports_can_be_read(cls, text: str, info: ValidationInfo) -> str:
            ports = read_ports(text)
            if hosts := info.data.get("hosts"):
                require_few(*read_hosts(hosts), ports)
            return text

    options: Options

    def check(self) -> None:
        """Until the first server shows a certificate; AddressRefused if none of them may be contacted."""
        with closing(self._looked(time.monotonic() + TRIAL_SECONDS)) as looking:
            next(looking)

    def certificates(self) -> Iterator[FoundCertificate]:
        """Each once, wherever it was seen first. Temporary if nobody shows any: then nothing is known."""
        seen = set()
        for one in self.endpoints():
            if one.certificate is not None and one.fingerprint not in seen:
                seen.add(one.fingerprint)
                where = _in_words(one.host, one.port, one.address)
                yield FoundCertificate(certificate=one.certificate, chain=one.chain, where=where)

    def endpoints(self) -> Iterator[FoundEndpoint]:
        """One for each address of a name. Errors as `certificates`."""
        return self._looked(None)

    def _looked(self, ends: float | None) -> Generator[FoundEndpoint, None, None]:
        problem: PluginError = Temporary("there is no address")
        found = False
        for result in self._results():
            if isinstance(result, FoundEndpoint):
                found = True
                yield result
            else:
                problem = result
            if ends is not None and time.monotonic() > ends:
                break
        if not found:
            raise type(problem)(f"Nobody shows a certificate. The last that was asked: {problem}")

    def _results(self) -> Iterator[FoundEndpoint | PluginError]:
        """In the order of the places, as many at once as may be. Who stops asking stops the scan."""
        given, waiting = self.options, deque[Future[list[FoundEndpoint | PluginError]]]()
        targets = Targets(*read_hosts(given.hosts), read_ports(given.ports))
        named = frozenset(targets.names)
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="scan")
        try:
            for host, port in targets.places():
                name = host if host in named else given.server_name
                waiting.append(pool.submit(_look, host, port, name))
                if len(waiting) > AT_ONCE:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _look(host: str, port: Port, name: str | None) -> list[FoundEndpoint | PluginError]:
    """At each address of the host. What cannot be looked at is logged."""
    try:
        addresses = network.addresses(host)[:MOST_ADDRESSES]
    except Temporary as error:
        return [_left_out(host, port, None, error)]
    return [_look_at(host, address, port, name) for address in addresses]


def _look_at(host: str, address: str, port: Port, name: str | None) -> FoundEndpoint | PluginError:
    before = PROTOCOLS[port.protocol]
    try:
        shown = handshake.look(
            address, port.number, name=name, target=Target.CONFIGURED, seconds=SECONDS, before=before
        )
        with refusing("its certificate cannot be read"):
            certificates = [inspection.load_der(one) for one in shown.certificates]
            fingerprint = inspection.facts(certificates[0]).fingerprint
    except PluginError as error:
        return _left_out(host, port, address, error)
    return FoundEndpoint(
        host=host,
        port=port.number,
        kind=port.protocol,
        fingerprint=fingerprint,
        certificate=certificates[0],
        chain=tuple(certificates[1:]),
        address=address,
        policy=shown.version,
        ciphers=(shown.cipher,),
    )


def _left_out(host: str, port: Port, address: str | None, error: PluginError) -> PluginError:
    where = _in_words(host, port.number, address)
    log.info("source.endpoint_left_out", extra={"endpoint": where, "reason": error.message})
    return type(error)(f"{where}: {error.message}")


def _in_words(host: str, port: int, address: str | None) -> str:
    at = f" ({address})" if address and address != host else ""
    return f"[{host}]:{port}{at}" if ":" in host else f"{host}:{port}{at}"
