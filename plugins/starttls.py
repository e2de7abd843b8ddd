"""What must be said over a plain connection before TLS begins on it, by protocol; no answer is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

LONGEST: Final = 64 * 1024
"""Bytes of an answer."""
_EXTENDED_REQUEST: Final = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
_SSL_REQUEST: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class Line(Protocol):
    """A connection."""

    def recv(self, most: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> None: ...


def smtp(line: Line) -> None:
    """RFC 3207."""
    _smtp_answer(line, b"220")
    line.sendall(b"EHLO lemur.invalid\r\n")
    _smtp_answer(line, b"250")
    line.sendall(b"STARTTLS\r\n")
    _smtp_answer(line, b"220")


def imap(line: Line) -> None:
    """RFC 9051, 6.2.1."""
    _text(line, lambda said: said.startswith(b"* ") and said.endswith(b"\n"))
    line.sendall(b"a STARTTLS\r\n")
    said = _text(line, lambda said: said.endswith(b"\n") and b"\na " in b"\n" + said)
    if b"\na OK" not in b"\n" + said.replace(b"ok", b"OK"):
        raise _refused("IMAP", said)


def ldap(line: Line) -> None:
    """RFC 4511, 4.14: an ExtendedRequest, answered by an ExtendedResponse (tag 0x78) with the result code 0."""
    line.sendall(_EXTENDED_REQUEST)
    said = _text(line, lambda said: len(said) > 1 and len(said) >= 2 + said[1] % 0x80)
    if b"\x78" not in said or b"\x0a\x01\x00" not in said.partition(b"\x78")[2]:
        raise _refused("LDAP", b"")


def postgres(line: Line) -> None:
    """The SSLRequest of PostgreSQL's protocol, answered by one letter."""
    line.sendall(_SSL_REQUEST)
    if line.recv(1) != b"S":
        raise _refused("PostgreSQL", b"")


PROTOCOLS: Final[Mapping[str, Callable[[Line], None] | None]] = {
    "tls": None,
    "smtp": smtp,
    "imap": imap,
    "ldap": ldap,
    "postgres": postgres,
}


def _smtp_answer(line: Line, wanted: bytes) -> None:
    """Up to the line of the answer that has a space after its code."""
    said = _text(line, lambda said: said.endswith(b"\n") and said.splitlines()[-1][3:4] in (b" ", b""))
    if said.splitlines()[-1][:3] != wanted:
        raise _refused("SMTP", said)


def _text(line: Line, is_whole: Callable[[bytes], bool]) -> bytes:
    said = b""
    while not (said and is_whole(said)):
        part = line.recv(4096)
        if not part or len(said) > LONGEST:
            raise ConnectionError("it does not speak this protocol")
        said += part
    return said


def _refused(protocol: str, said: bytes) -> ConnectionError:
    text = said.decode("utf-8", "replace").strip()[:100]
    return ConnectionError(f"it offers no TLS over {protocol}{': ' + text if text else ''}")
