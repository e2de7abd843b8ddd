"""What a scan looks at: names, addresses and networks, at ports that begin with TLS or come to it (STARTTLS)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import chain
from typing import Final

from plugins.addresses import Network
from plugins.starttls import PROTOCOLS

MOST_PLACES: Final = 4096
"""Addresses times ports of one source: what can be looked at within the lease of a job though nobody answers."""
_USUAL: Final = {25: "smtp", 587: "smtp", 143: "imap", 389: "ldap", 5432: "postgres"}
_HOST: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_PORT: Final = re.compile(r"([0-9]{1,5})(?:/([a-z]+))?")


@dataclass(frozen=True)
class Port:
    """A port, and what is spoken there before TLS: one of `plugins.starttls.PROTOCOLS`."""

    number: int
    protocol: str


@dataclass(frozen=True)
class Targets:
    """Whatever is looked at; a single address is a network of one."""

    names: tuple[str, ...]
    networks: tuple[Network, ...]
    ports: tuple[Port, ...]

    def places(self) -> Iterator[tuple[str, Port]]:
        """Every host, names first, at every port."""
        for host in chain(self.names, (str(one) for network in self.networks for one in network.hosts())):
            for port in self.ports:
                yield host, port


def read_hosts(text: str) -> tuple[tuple[str, ...], tuple[Network, ...]]:
    """Names and networks, each once, with spaces, commas or lines between them. ValueError names what is neither."""
    names, networks = dict[str, None](), dict[Network, None]()
    for word in re.split(r"[\s,]+", text.strip()):
        network = _network(word)
        if network is not None:
            networks[network] = None
        elif _HOST.fullmatch(word) and not re.fullmatch(r"[0-9.]+", word):
            names[word.lower().rstrip(".")] = None
        else:
            raise ValueError(f"'{word[:60]}' is neither a name, an address nor a network such as 10.0.0.0/24")
    return tuple(names), tuple(networks)


def _network(word: str) -> Network | None:
    try:
        return ip_network(word.removeprefix("[").removesuffix("]"), strict=False)
    except ValueError:
        return None


def read_ports(text: str) -> tuple[Port, ...]:
    """`443, 25, 8389/ldap`; those of mail, directories and PostgreSQL begin as is usual there. ValueError."""
    return tuple(dict.fromkeys(_port(word) for word in re.split(r"[\s,]+", text.strip())))


def _port(word: str) -> Port:
    found = _PORT.fullmatch(word)
    number = int(found[1]) if found else 0
    protocol = (found and found[2]) or _USUAL.get(number, "tls")
    if not 1 <= number <= 65_535 or protocol not in PROTOCOLS:
        raise ValueError(f"'{word[:60]}' is no port such as 443 or 8389/ldap; there are: {', '.join(PROTOCOLS)}")
    return Port(number, protocol)


def require_few(names: Sequence[str], networks: Sequence[Network], ports: Sequence[Port]) -> None:
    """ValueError if there are more places than one source may have."""
    places = (len(names) + sum(network.num_addresses for network in networks)) * len(ports)
    if places > MOST_PLACES:
        raise ValueError(f"these are {places} places to look at; one source has at most {MOST_PLACES}")
