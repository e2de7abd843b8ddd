"""Which certificate a server shows: against real servers on loopback addresses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from plugins import network
from plugins.errors import Temporary
from plugins.handshake import serves
from plugins.network import Target
from tests import pki_material
from tests.pki_material import Pair, material
from tests.servers.tls import tls_server

HOST = "127.0.0.1"


@pytest.fixture(autouse=True)
def loopback() -> Iterator[None]:
    network.configure(allow=["127.0.0.0/8"])
    yield
    network.configure(allow=[])


def ask(port: int, pair: Pair, *, names=("www.example.com",), seconds: float = 120) -> bool:
    return serves(HOST, port, pair.certificate, names=names, target=Target.FOUND, seconds=seconds)


def another(key=None) -> Pair:
    key = key or pki_material.p256()
    return Pair(pki_material.certificate(pki_material.name("other.example"), key), key)


def test_this_one_or_another():
    leaf = material().leaf
    with tls_server(leaf) as port:
        assert ask(port, leaf)
        assert not ask(port, another())


def test_the_kind_of_key_is_asked_for():
    """A server with two certificates shows a client of today the other one first."""
    both = (another(rsa.generate_private_key(65537, 2048)), material().leaf)
    with tls_server(*both) as port:
        assert ask(port, both[0])
        assert ask(port, both[1])


def test_the_name_is_asked_for():
    leaf, other = material().leaf, another()
    with tls_server(other, by_name={"www.example.com": leaf}) as port:
        assert ask(port, leaf, names=("x.example", "www.example.com"))
        assert not ask(port, leaf, names=("x.example",))


@contextmanager
def odd_server(answer: bytes | None) -> Iterator[int]:
    """One that says this to everybody, or nothing at all."""
    with socket.create_server((HOST, 0)) as listener:
        held: list[socket.socket] = []

        def run() -> None:
            with suppress(OSError):
                while True:
                    held.append(listener.accept()[0])
                    if answer is not None:
                        held[-1].sendall(answer)
                        held[-1].close()

        threading.Thread(target=run, daemon=True).start()
        yield listener.getsockname()[1]
        for one in held:
            one.close()


@pytest.mark.parametrize("answer", [b"220 mail.example ESMTP\r\n", b""])
def test_no_tls(answer):
    with odd_server(answer) as port, pytest.raises(Temporary, match="could not be asked: "):
        ask(port, material().leaf)


def test_silence_has_an_end():
    with odd_server(None) as port, pytest.raises(Temporary, match="could not be asked"):
        ask(port, material().leaf, seconds=0.2)


def test_nobody_listens():
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Temporary, match="Connection refused"):
        ask(port, material().leaf)


def test_what_may_not_be_contacted_is_not():
    network.configure(allow=[])
    with tls_server(material().leaf) as port, pytest.raises(Temporary, match="OUTBOUND_ALLOW can permit it"):
        ask(port, material().leaf)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 300])
def test_names_that_cannot_be_asked_for(name):
    with tls_server(material().leaf) as port, pytest.raises(Temporary, match="could not be asked"):
        ask(port, material().leaf, names=(name,))
