"""Asking name servers: where a name leads, which servers a zone has, and whether they have a record already.

Over TCP alone, which every server speaks (RFC 7766), so that each connection is one that `plugins.network` has judged.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Final

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.tsig

from plugins import network
from plugins.errors import Misconfigured, Permanent, Temporary
from plugins.network import Target

PORT: Final = 53
SECONDS: Final = 5.0
"""For connecting, and again for the answer."""
LONGEST_CHAIN: Final = 8
"""Of aliases that lead from one to the next; resolvers give up at about as many."""
Message = dns.message.Message
NO_DNS = "answers something that is no DNS message"


@dataclass(frozen=True)
class NameServer:
    """Where it listens, and who has named it."""

    host: str
    port: int = PORT
    target: Target = Target.CONFIGURED

    @classmethod
    def parse(cls, text: str) -> NameServer:
        """`host`, `host:port`, or an IPv6 address, in brackets if a port follows. ValueError."""
        host, separator, port = text.strip().rpartition(":")
        if not separator or _is_ipv6(text):
            return cls(text.strip().strip("[]"))
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"'{text[:64]}' is neither a name server nor a name server and its port, host:port")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        return self.host if self.port == PORT else f"{self.host}:{self.port}"


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text.strip())
    except ValueError:
        return False
    return True


def parse_servers(text: str) -> tuple[NameServer, ...]:
    """With commas between them. ValueError says which one is none."""
    return tuple(NameServer.parse(part) for part in text.split(",") if part.strip())


def exchange(server: NameServer, query: Message) -> Message:
    """What the server answers. Temporary if it does not, Misconfigured if it refuses our key, else Permanent."""
    try:
        with network.connect(server.host, server.port, server.target, seconds=SECONDS) as connection:
            connection.settimeout(0)
            return dns.query.tcp(query, server.host, timeout=SECONDS, sock=connection)
    except (dns.tsig.PeerBadTime, dns.tsig.BadTime) as error:
        raise Misconfigured(f"The clocks of {server} and of this machine differ too much for a TSIG key.") from error
    except (dns.tsig.PeerError, dns.tsig.BadSignature, dns.message.UnknownTSIGKey) as error:
        raise Misconfigured(
            f"{server} does not accept the TSIG key: it knows no such key, has another secret or algorithm for it, or "
            "does not let it do this."
        ) from error
    except (OSError, EOFError, dns.exception.Timeout) as error:
        raise Temporary(f"The name server {server} does not answer.") from error
    except dns.exception.DNSException as error:
        raise Permanent(f"{server} {NO_DNS}.") from error


def ask(servers: Sequence[NameServer], name: str, kind: str, *, also: Collection[dns.rcode.Rcode] = ()) -> Message:
    """The answer of the first of these that has one: records, that there are none, or a code of ``also``.

    Temporary if none has.
    """
    query, problem = dns.message.make_query(_name(name), kind), "There is no name server to ask."
    for server in servers:
        try:
            answer = exchange(server, query)
        except Temporary as error:
            problem = error.message
            continue
        if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, *also):
            return answer
        problem = f"The name server {server} has no answer for {name}: {dns.rcode.to_text(answer.rcode())}."
    raise Temporary(problem)


def canonical(name: str, servers: Sequence[NameServer]) -> str:
    """Where the aliases (CNAME) that begin at a name end: the name itself if it is none.

    Servers of one's own zones refuse to tell of others, and then the name is the last that can be known.
    """
    for _ in range(LONGEST_CHAIN):
        found = _values(ask(servers, name, "CNAME", also=[dns.rcode.REFUSED]), name, "CNAME")
        if not found:
            return name
        name = found[0].rstrip(".")
    raise Permanent(f"The aliases of {name} go round in a circle, or over more than {LONGEST_CHAIN} names.")


def servers_of(zone: str, resolvers: Sequence[NameServer]) -> tuple[NameServer, ...]:
    """The servers that a zone names for itself. Permanent if it names none."""
    named = _values(ask(resolvers, zone, "NS"), zone, "NS")
    if not named:
        raise Permanent(f"No name server is known for the zone {zone}; say which ones to ask in 'nameservers'.")
    return tuple(NameServer(name.rstrip("."), target=Target.FOUND) for name in named)


def zone_of(name: str, server: NameServer) -> str:
    """The zone of this server that the name is in, by the SOA record it answers with. Misconfigured if it has none."""
    answer = exchange(server, dns.message.make_query(_name(name), "SOA"))
    zones = [rrset.name for rrset in (*answer.answer, *answer.authority) if rrset.rdtype == dns.rdatatype.SOA]
    if not zones:
        raise Misconfigured(f"{server} serves no zone that {name} is in.")
    return zones[0].to_text(omit_final_dot=True)


def has_txt(server: NameServer, name: str, value: str) -> bool:
    """Does it answer with this value, among others perhaps? Not if it does not answer at all."""
    try:
        answer = ask([server], name, "TXT")
    except Temporary:
        return False
    return value in _values(answer, name, "TXT")


def system_resolvers() -> tuple[NameServer, ...]:
    """Those that this machine itself asks."""
    try:
        found = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration as error:
        raise Misconfigured(
            "This machine has no name server configured; say which ones to ask in 'nameservers'."
        ) from error
    return tuple(NameServer(str(address), target=Target.SETTING) for address in found)


def _values(answer: Message, name: str, kind: str) -> list[str]:
    """Of the records of this very name and type; the strings of a text as one."""
    rdtype = dns.rdatatype.from_text(kind)
    rrsets = [one for one in answer.answer if one.rdtype == rdtype and one.name == _name(name)]
    return [_text(rdata) for rrset in rrsets for rdata in rrset]


def _text(rdata: Any) -> str:
    if rdata.rdtype == dns.rdatatype.TXT:
        return b"".join(rdata.strings).decode("ascii", "replace")
    return str(rdata.target)


def _name(text: str) -> dns.name.Name:
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise Permanent(f"'{text[:64]}' is no name that DNS can hold.") from error
