"""PEM text (RFC 7468) cut into its blocks, in one pass and without decoding them."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Final

from pki.errors import PkiError

CERTIFICATE_LABELS: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})

_BEGIN: Final = b"-----BEGIN "
_DASHES: Final = b"-----"
_LONGEST_LABEL: Final = 64


@dataclass(frozen=True)
class Block:
    """One block with its BEGIN and END lines; what stands between is not checked."""

    label: str
    text: bytes

    @property
    def is_certificate(self) -> bool:
        return self.label in CERTIFICATE_LABELS

    @property
    def is_private_key(self) -> bool:
        return self.label.endswith("PRIVATE KEY")

    @property
    def content(self) -> bytes:
        """What stands between the lines, decoded. ValueError where it is no base64."""
        return b64decode(self.text.partition(b"\n")[2].rpartition(b"-----END")[0])

    def __repr__(self) -> str:
        return f"Block({self.label!r}, {len(self.text)} bytes)"


def as_bytes(data: str | bytes) -> bytes:
    """Text of a request may hold lone surrogates, which have no UTF-8 form."""
    return data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data)


def looks_like_pem(data: bytes) -> bool:
    return _BEGIN in data


def blocks(data: str | bytes) -> list[Block]:
    """All blocks in order; whatever stands between them is taken for a comment.

    Linear in the size of the text: the first block without an END line ends the search.
    """
    text = as_bytes(data)
    found: list[Block] = []
    start = text.find(_BEGIN)
    while start >= 0:
        block, end = _block(text, start, number=len(found) + 1)
        found.append(block)
        start = text.find(_BEGIN, end)
    return found


def _block(text: bytes, start: int, *, number: int) -> tuple[Block, int]:
    after = start + len(_BEGIN)
    dashes = text.find(_DASHES, after, after + _LONGEST_LABEL)
    label = text[after:dashes] if dashes >= 0 else b""
    if not label or not label.isascii() or not label.decode("ascii").isprintable():
        raise PkiError(f"PEM block {number} has no readable BEGIN line.")
    footer = b"-----END " + label + _DASHES
    end = text.find(footer, dashes)
    if end < 0:
        raise PkiError(f"PEM block {number} ({label.decode('ascii')}) has no END line.")
    end += len(footer)
    return Block(label.decode("ascii"), text[start:end]), end
