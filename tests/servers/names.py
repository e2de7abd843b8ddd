"""A small DNS server in this process, for services that keep records and serve none where tests can ask."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

from tests.servers.accepting import accepting

Records = Callable[[str, str], Iterable[str]]


@contextmanager
def name_server(records: Records) -> Iterator[str]:
    """Over TCP, on a free port of 127.0.0.1: its address. `records` tells the values of a name and a type."""
    with accepting(lambda connection, _: _serve(connection, records), suppressed=(OSError, struct.error)) as port:
        yield f"127.0.0.1:{port}"


def _serve(connection: socket.socket, records: Records) -> None:
    (length,) = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))
    query = dns.message.from_wire(connection.recv(length, socket.MSG_WAITALL))
    question = query.question[0]
    kind = dns.rdatatype.to_text(question.rdtype)
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.AA
    values = list(records(question.name.to_text(omit_final_dot=True).lower(), kind))
    if values:
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
    wire = answer.to_wire()
    connection.sendall(struct.pack("!H", len(wire)) + wire)
