"""What a server shows in a TLS handshake. Nothing is sent over the connection, and nothing that it says is believed."""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from plugins.errors import Temporary
from plugins.network import AddressRefused, Refused, Target, connected
from plugins.starttls import Line

# Of a server with certificates of both kinds, a client that speaks of one kind alone is shown that; TLS 1.3 has no such
# words here.
_ALONE: Final = {rsa.RSAPublicKey: "aRSA", ec.EllipticCurvePublicKey: "aECDSA"}
_ANYTHING: Final = "ALL"
_DER: Final = 2  # of the library's own encodings


def serves(
    host: str,
    port: int,
    certificate: x509.Certificate,
    *,
    names: Sequence[str],
    target: Target,
    seconds: float,
    before: Callable[[Line], None] | None = None,
) -> bool:
    """Is this certificate shown to clients that ask for one of these names? False: others are.

    `before` is what must be said before TLS begins, of `plugins.starttls.PROTOCOLS`.
    Raises Temporary, saying why, where that cannot be found out within so many seconds.
    """
    wanted, ends = certificate.fingerprint(hashes.SHA256()), time.monotonic() + seconds
    shown, problem = False, "it shows no certificate"
    for name, ciphers in _ways(certificate, names):
        if (left := ends - time.monotonic()) <= 0:
            problem = f"there was no answer within {seconds:g} seconds"
            break
        try:
            with connected(host, port, target=target, seconds=left) as plain:
                found = _shown(plain, name, ciphers, before)
        except ssl.SSLError as error:
            problem = f"the handshake failed ({error.reason or 'no TLS'})"
        except (OSError, ValueError) as error:
            raise Temporary(f"it could not be asked: {_said(error)}.") from error
        else:
            if sha256(found).digest() == wanted:
                return True
            shown = True
    if not shown:
        raise Temporary(f"it could not be asked: {problem}.")
    return False


@dataclass(frozen=True)
class Look:
    """What a server has shown, in DER: its certificate, then what it sent with it; what of TLS was agreed on."""

    certificates: tuple[bytes, ...]
    version: str
    cipher: str


def look(
    host: str,
    port: int,
    *,
    name: str | None,
    target: Target,
    seconds: float,
    before: Callable[[Line], None] | None = None,
) -> Look:
    """What is shown to whoever asks for this name, or for none; `before` is what must be said before TLS begins.

    Raises Temporary, saying why, where nothing is shown within so many seconds; AddressRefused where nobody was asked.
    """
    try:
        with connected(host, port, target=target, seconds=seconds) as plain:
            if before is not None:
                before(plain)
            with _context(_ANYTHING).wrap_socket(plain, server_hostname=name) as made:
                shown, cipher = _chain(made), made.cipher()
                if not shown:
                    raise ValueError("it shows no certificate")
                return Look(shown, made.version() or "", cipher[0] if cipher else "")
    except Refused as error:
        raise AddressRefused(str(error)) from error
    except ssl.SSLError as error:
        raise Temporary(f"the handshake failed ({error.reason or 'no TLS'}).") from error
    except (OSError, ValueError) as error:
        raise Temporary(f"it could not be asked: {_said(error)}.") from error


def _chain(made: ssl.SSLSocket) -> tuple[bytes, ...]:
    """Public since Python 3.13; before that there is only the object within."""
    if sys.version_info >= (3, 13):
        return tuple(made.get_unverified_chain())
    shown = made._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]
    return tuple(one.public_bytes(_DER) for one in shown)


def _ways(certificate: x509.Certificate, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each name, with the ciphers that one speaks of: of this kind of key alone, and any."""
    key = certificate.public_key()
    alone = [ciphers for kind, ciphers in _ALONE.items() if isinstance(key, kind)]
    for name in dict.fromkeys(names):
        for ciphers in (*alone, _ANYTHING):
            yield name, ciphers


def _shown(plain: socket.socket, name: str, ciphers: str, before: Callable[[Line], None] | None) -> bytes:
    if before is not None:
        before(plain)
    with _context(ciphers).wrap_socket(plain, server_hostname=name) as made:
        return made.getpeercert(binary_form=True) or b""


def _context(ciphers: str) -> ssl.SSLContext:
    """Whatever the server shows is only looked at, so that old protocols and unknown issuers are welcome."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if ciphers != _ANYTHING:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    return context


def _said(error: Exception) -> str:
    """Without the numbers of the operating system."""
    text = (error.strerror if isinstance(error, OSError) and not isinstance(error, Refused) else "") or str(error)
    return text.rstrip(".") or type(error).__name__
