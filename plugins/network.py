"""The way out, and the only module that opens sockets for it: each address is judged just before it is used.

The name is resolved once, and the connection goes to the very address that was judged, so that neither a redirect nor a
DNS answer that changes between two look-ups gets around it (decision 0008).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from plugins.addresses import LOOPBACK, NEVER, NOT_PUBLIC, PRIVATE, Network, networks
from plugins.errors import Misconfigured, Permanent, Temporary
from plugins.trust import tls_context

Address = IPv4Address | IPv6Address

CONNECT_SECONDS: Final = 3.05
READ_SECONDS: Final = 6.0
"""Of silence."""
TOTAL_SECONDS: Final = 15.0
"""From connecting to the last byte, however many addresses a name has and however slowly bytes drip."""
LONGEST_BODY: Final = 32 * 1024 * 1024
"""Bytes; the largest public CRLs have some ten million."""


class Target(Enum):
    """Who has named the address: whoever runs this installation, in a setting; an administrator, in an option of a
    connector; or a document, such as a certificate."""

    SETTING = "setting"
    CONFIGURED = "configured"
    FOUND = "found"


class Refused(requests.ConnectionError):
    """The address is one that this server does not contact."""


class AddressRefused(Misconfigured):
    """What `connect` and `fetch` make of Refused, and of URLs that are not of HTTP: nobody was asked."""


class Unreachable(requests.ConnectionError):
    """No connection came about, so that nothing was sent."""


class TooLarge(requests.RequestException):
    """The body is longer than was asked for, or compressed."""


_NAMED_BY: Final = {
    Target.SETTING: (*PRIVATE, *LOOPBACK),
    Target.CONFIGURED: PRIVATE,
    Target.FOUND: (),
}
_allowed: tuple[Network, ...] = ()


def configure(*, allow: Iterable[str]) -> None:
    """Networks that may be contacted although they are not public; ValueError names the one that is none."""
    global _allowed  # noqa: PLW0603  one setting of the process, set when it starts
    _allowed = tuple(map(_network, allow))


def session(
    target: Target = Target.CONFIGURED, *, longest: int = LONGEST_BODY, roots: str | None = None
) -> requests.Session:
    """A session that follows no redirect, asks no proxy, and gives a body of at most `longest` bytes, read already.

    `roots`: PEM, trusted besides the public ones. Raises what requests raises; besides Refused, Unreachable, TooLarge.
    """
    return _Session(target, longest, roots)


def connect(
    host: str, port: int, target: Target = Target.CONFIGURED, *, seconds: float = CONNECT_SECONDS
) -> socket.socket:
    """A TCP connection, for what does not speak HTTP; within so many seconds, however many addresses the host has.

    Raises AddressRefused, or what `socket` raises. The caller bounds what it does with it, and closes it.
    """
    call = _Call(target, time.monotonic() + seconds)
    try:
        return _dial(host, port, call, seconds)
    except OSError as error:
        if call.refusals:
            raise AddressRefused(str(call.refusals[0])) from error
        raise
    finally:
        call.close()


def addresses(host: str) -> list[str]:
    """All that the name stands for, of both kinds, each once; Temporary if that cannot be found out."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Temporary(f"{host} has no address: {getattr(error, 'strerror', None) or error}.") from error
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


@contextmanager
def connected(host: str, port: int, *, target: Target, seconds: float) -> Iterator[socket.socket]:
    """A connection that is cut off after so many seconds, whatever is said over it. Raises OSError, besides Refused."""
    call = _Call(target, ends=time.monotonic() + seconds)
    watch = threading.Timer(seconds, call.cut_off)
    watch.daemon = True
    watch.start()
    try:
        with _dial(host, port, call, seconds) as made:
            yield made
    except OSError:
        if call.refusals and not call.sockets:
            raise call.refusals[0] from None
        raise
    finally:
        watch.cancel()
        call.close()


def fetch(
    url: str,
    *,
    target: Target = Target.FOUND,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    longest: int = LONGEST_BODY,
) -> bytes:
    """The body of the answer 200 to a GET, or with a `body` to a POST.

    Raises Temporary or Permanent (AddressRefused where nobody was asked) with the URL and what is wrong.
    """
    method = "GET" if body is None else "POST"
    with explained(url), session(target, longest=longest) as made:
        answer = made.request(method, url, data=body, headers=dict(headers or {}))
    if answer.status_code != requests.codes.ok:
        problem = Temporary if answer.status_code >= 500 or answer.status_code == 429 else Permanent
        raise problem(f"{url} answered with status {answer.status_code}.")
    return answer.content


@contextmanager
def explained(place: str) -> Iterator[None]:
    """What a session raises inside becomes Temporary or Permanent, AddressRefused where nobody was asked."""
    try:
        yield
    except (Refused, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise AddressRefused(f"{place} is not asked: {error}") from error
    except requests.exceptions.MissingSchema as error:
        raise AddressRefused(f"{place} is no URL.") from error
    except TooLarge as error:
        raise Permanent(f"{place}: {error}") from error
    except requests.exceptions.SSLError as error:
        problem = Misconfigured if "CERTIFICATE_VERIFY_FAILED" in str(error) else Temporary
        raise problem(f"{place} could not be reached: {_reason(error)}.") from error
    except requests.RequestException as error:
        raise Temporary(f"{place} could not be reached: {_reason(error)}.") from error


def may_contact(address: Address, target: Target) -> bool:
    """By what it is and by OUTBOUND_ALLOW; link-local addresses and cloud metadata never."""
    inner = _embedded(address)
    if inner is not None and not may_contact(inner, target):
        return False
    if _is_in(address, NEVER):
        return False
    if _is_in(address, _allowed) or _is_in(address, _NAMED_BY[target]):
        return True
    return address.is_global and not address.is_multicast and not _is_in(address, NOT_PUBLIC)


@dataclass
class _Call:
    """One request: what it may contact, until when, and the handles by which it can be cut off."""

    target: Target
    ends: float = field(default_factory=lambda: time.monotonic() + TOTAL_SECONDS)
    refusals: list[Refused] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    is_over: bool = False

    def remaining(self, most: float) -> float:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for it is over")
        return min(left, most)

    def cut_off(self) -> None:
        self.is_over = True
        for handle in self.sockets:
            try:
                handle.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        for handle in self.sockets:
            handle.close()


_current: ContextVar[_Call] = ContextVar("outbound call")


class _Guarded(HTTPConnection):
    """Makes its socket itself; everything else, TLS and the check of its name too, is the library's."""

    def _new_conn(self) -> socket.socket:
        most = self.timeout if isinstance(self.timeout, int | float) else CONNECT_SECONDS
        return _dial(self._dns_host, self.port, _current.get(), most)


class _GuardedTls(_Guarded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTls


class _Adapter(HTTPAdapter):
    def __init__(self, roots: str | None) -> None:
        self._roots = roots
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {**pool, **({"ssl_context": tls_context(self._roots)} if verify is True else {})}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        if verify is not True:  # else the context knows whom it trusts, and need not read it anew
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


class _Session(requests.Session):
    def __init__(self, target: Target, longest: int, roots: str | None) -> None:
        super().__init__()
        self._target, self._longest = target, longest
        self.trust_env = False
        self.headers.update({"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "Lemur"})
        self.adapters.clear()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(roots))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None is followed, nor prepared: for that, requests would read the body of the redirect, however long."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        kwargs |= {"stream": True, "allow_redirects": False, "proxies": {}}
        kwargs["timeout"] = kwargs.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)
        call = _Call(self._target)
        token = _current.set(call)
        watch = threading.Timer(TOTAL_SECONDS, call.cut_off)
        watch.daemon = True
        watch.start()
        try:
            return self._read(super().send(request, **kwargs), call)
        except requests.RequestException as error:
            if (explained := _explained(error, call)) is not None:
                raise explained from None
            raise
        finally:
            watch.cancel()
            call.close()
            _current.reset(token)

    def _read(self, response: requests.Response, call: _Call) -> requests.Response:
        """The whole body, into the place where requests keeps it."""
        with response:
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise TooLarge("The answer is compressed, which was not asked for.")
            try:
                body = self._body(response)
            except (HTTPError, OSError) as error:
                raise requests.ConnectionError(str(error)) from error
        if call.is_over:
            raise requests.Timeout("cut off")
        if len(body) > self._longest:
            raise TooLarge(f"The answer is longer than {self._longest} bytes.")
        response._content, response._content_consumed = body, True  # type: ignore[attr-defined]
        return response

    def _body(self, response: requests.Response) -> bytes:
        """Only the read that finds nothing more says whether something is missing."""
        body = bytearray()
        while len(body) <= self._longest and (part := response.raw.read(64 * 1024, decode_content=False)):
            body += part
        return bytes(body)


def _dial(host: str, port: int, call: _Call, most: float) -> socket.socket:
    """To the first of the host's addresses that may be contacted and answers, each within so many seconds."""
    problem: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        address = ip_address(where[0])
        if not may_contact(address, call.target):
            call.refusals.append(_refusal(host, address, call.target))
            continue
        try:
            return _connected((family, kind, protocol), where, call, most)
        except OSError as error:
            problem = error
    raise problem


def _connected(how: tuple[int, int, int], where: Any, call: _Call, most: float) -> socket.socket:
    made = socket.socket(*how)
    try:
        made.settimeout(call.remaining(most))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.connect(where)
        # A second handle, since TLS takes the first one away.
        call.sockets.append(made.dup())
    except OSError:
        made.close()
        raise
    return made


def _explained(error: requests.RequestException, call: _Call) -> requests.RequestException | None:
    """What was really the matter, where the library only saw that a connection failed."""
    if call.refusals and not call.sockets:
        return call.refusals[0]
    if call.is_over or time.monotonic() >= call.ends:
        return requests.Timeout(f"there was no complete answer within {TOTAL_SECONDS:g} seconds")
    nothing_sent = isinstance(error, requests.ConnectionError) and not call.sockets
    return Unreachable(_reason(error)) if nothing_sent else None


def _refusal(host: str, address: Address, target: Target) -> Refused:
    host = host.rstrip(".")
    if _is_in(address, NEVER):
        return Refused(f"{host} is at {address}, an address that is never contacted.")
    what = "not public" if target is Target.FOUND else "neither public nor private"
    return Refused(f"{host} is at {address}, which is {what}; the setting OUTBOUND_ALLOW can permit it.")


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to."""
    if isinstance(address, IPv4Address) or _is_in(address, LOOPBACK):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    translated = _is_in(address, networks("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
    return IPv4Address(int(address) & 0xFFFF_FFFF) if translated else None


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _network(text: str) -> Network:
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise ValueError(f"OUTBOUND_ALLOW must list networks such as 10.0.0.0/8: {error}.") from error


def _reason(error: requests.RequestException) -> str:
    """The innermost of what the libraries have wrapped into each other, which is the one that says something."""
    inner: BaseException = error
    for _ in range(10):
        inner = inner.__cause__ or (not inner.__suppress_context__ and inner.__context__) or inner
    return str(inner).rstrip(".") or type(inner).__name__
