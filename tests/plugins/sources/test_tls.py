"""tls-source against real servers: TLS, STARTTLS of every protocol, names, networks, and whom it leaves alone."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificate

from pki import inspection
from plugins import Bundle, FoundEndpoint, Misconfigured, OptionErrors, Temporary, network, parse
from plugins.sources import targets, tls
from plugins.sources.tls import TlsSource
from plugins.testing import sample_pki
from plugins.testing_stores import EndpointContract
from tests.endings import ends
from tests.pki_material import Pair
from tests.servers import starttls
from tests.servers.sftp import free_port
from tests.servers.smtp import mail_server
from tests.servers.tls import tls_server

pytestmark = pytest.mark.server("openssl")


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our servers listen."""
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.0/8"), ip_network("::1/128")))


def source(hosts: str, *ports: object, **changes: Any) -> TlsSource:
    values = {"hosts": hosts, "ports": ",".join(map(str, ports)), **changes}
    return TlsSource(parse(TlsSource.Options, values))


def looked(hosts: str, *ports: object, **changes: Any) -> list[FoundEndpoint]:
    return list(source(hosts, *ports, **changes).endpoints())


class TestTlsSource(EndpointContract):
    plugin_class = TlsSource
    wrong_values = {"hosts": "10.0.0.0/8/9", "ports": "70000", "serverName": "two words"}

    @pytest.fixture(autouse=True)
    def _places(self) -> Iterator[None]:
        self.ports: list[int] = []
        with ExitStack() as self.running:
            self.put(sample_pki().bundle("first"))
            yield

    @property
    def values(self) -> dict[str, Any]:  # type: ignore[override]
        return {"hosts": "127.0.0.1", "ports": ",".join(map(str, self.ports))}

    def put(self, bundle: Bundle) -> None:
        self.ports.append(self.running.enter_context(starttls.openssl_server(bundle)))

    def spoil(self) -> None:
        self.ports.append(free_port())

    def broken(self) -> Any:
        return source("127.0.0.1", free_port())

    def serve(self, bundle: Bundle) -> tuple[str, int]:
        self.put(bundle)
        return "127.0.0.1", self.ports[-1]

    def served(self, endpoint: FoundEndpoint) -> str:
        text = ssl.get_server_certificate((endpoint.host, endpoint.port))
        return inspection.fingerprint(load_pem_x509_certificate(text.encode()))


def test_what_an_endpoint_says() -> None:
    bundle = sample_pki().bundle()
    with starttls.openssl_server(bundle, "-tls1_2") as port:
        [found] = looked("127.0.0.1", port)
    assert (found.host, found.port, found.kind, found.address) == ("127.0.0.1", port, "tls", "127.0.0.1")
    assert (found.certificate, found.fingerprint) == (bundle.certificate, inspection.fingerprint(bundle.certificate))
    assert found.chain == (bundle.chain[0],)
    assert found.policy == "TLSv1.2"
    assert found.ciphers[0].startswith("ECDHE-ECDSA-")


REAL = {
    "ldap": starttls.ldap_server,
    "imap": starttls.imap_server,
    "postgres": starttls.postgres_server,
}


@pytest.mark.parametrize("protocol", REAL)
def test_starttls_of_real_servers(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = sample_pki().bundle(protocol)
    start: Callable[[Bundle], AbstractContextManager[int]] = REAL[protocol]
    with start(bundle) as port:
        [found] = looked("127.0.0.1", f"{port}/{protocol}")
        assert (found.kind, found.certificate, found.chain) == (protocol, bundle.certificate, (bundle.chain[0],))
        monkeypatch.setattr(tls, "SECONDS", 0.3)
        with pytest.raises(Temporary, match=r"the handshake failed|could not be asked"):
            looked("127.0.0.1", f"{port}/smtp" if protocol != "postgres" else f"{port}/imap")


def test_starttls_of_a_mail_server(tmp_path: Path) -> None:
    with mail_server(tmp_path, security="starttls") as server:
        [found] = looked("127.0.0.1", f"{server.port}/smtp")
        assert found.kind == "smtp"
        assert found.certificate is not None
    with mail_server(tmp_path) as server, pytest.raises(Temporary, match="offers no TLS over SMTP: 454"):
        looked("127.0.0.1", f"{server.port}/smtp")


@pytest.mark.parametrize(
    ("protocol", "answer"),
    [
        ("postgres", b"N"),
        ("ldap", b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"),
        ("imap", b"* OK hello\r\na BAD what\r\n"),
        ("smtp", b"554 go away\r\n"),
        ("smtp", b"x" * 100_000),
        ("smtp", b""),
        ("imap", b"\xff" * 5_000 + b"\r\n"),
        ("tls", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ],
)
def test_peers_that_offer_no_tls(protocol: str, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakes that say one thing, and then nothing."""
    monkeypatch.setattr(tls, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, suppress(OSError):
                client.sendall(answer)
                client.settimeout(5)
                while answer and client.recv(4096) and protocol != "postgres":
                    pass

        threading.Thread(target=serve, daemon=True).start()
        with (
            ends(),
            pytest.raises(Temporary, match=r"^Nobody shows a certificate\. The last that was asked: 127\.0\.0\.1"),
        ):
            looked("127.0.0.1", f"{listener.getsockname()[1]}/{protocol}")


def pair(bundle: Bundle) -> Pair:
    assert bundle.private_key is not None
    return Pair(bundle.certificate, bundle.private_key)  # type: ignore[arg-type]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What a resolver says; names that are not in it have no address."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def resolve(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host in known:
            return [answer for address in known[host] for answer in real(address, port, *args, **kwargs)]
        if host.endswith(".example.org"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


def test_each_address_of_a_name_is_looked_at_and_asked_for_that_name(names: dict[str, list[str]]) -> None:
    names["www.example.org"] = ["127.0.0.1", "127.0.0.2", "::1"]
    bundles = {name: sample_pki().bundle(name) for name in ("default", "www")}
    port = free_port()
    with ExitStack() as running:
        for address in ("127.0.0.1", "::1"):
            running.enter_context(_by_name(bundles, address, port))
        found = looked("www.example.org\n127.0.0.1", port)
    assert {(one.host, one.address): one.fingerprint for one in found} == {
        ("www.example.org", "127.0.0.1"): inspection.fingerprint(bundles["www"].certificate),
        ("www.example.org", "::1"): inspection.fingerprint(bundles["www"].certificate),
        ("127.0.0.1", "127.0.0.1"): inspection.fingerprint(bundles["default"].certificate),
    }


def _by_name(bundles: dict[str, Bundle], address: str, port: int) -> AbstractContextManager[int]:
    return tls_server(pair(bundles["default"]), by_name={"www.example.org": pair(bundles["www"])}, at=(address, port))


def test_a_name_for_addresses() -> None:
    bundles = {name: sample_pki().bundle(name) for name in ("default", "www")}
    with _by_name(bundles, "127.0.0.1", 0) as port:
        [found] = looked("127.0.0.1", port, serverName="www.example.org")
    assert found.certificate == bundles["www"].certificate


def test_a_network(caplog: pytest.LogCaptureFixture) -> None:
    bundle = sample_pki().bundle()
    with starttls.openssl_server(bundle) as port, caplog.at_level(logging.INFO):
        found = looked("127.0.0.0/29", port)
    assert [one.address for one in found] == ["127.0.0.1"]
    left = [line.__dict__["endpoint"] for line in caplog.records if line.message == "source.endpoint_left_out"]
    assert sorted(left) == [f"127.0.0.{number}:{port}" for number in range(2, 7)]


def test_one_certificate_at_many_places_is_found_once(names: dict[str, list[str]]) -> None:
    names["a.example.org"] = names["b.example.org"] = ["127.0.0.1"]
    with starttls.openssl_server(sample_pki().bundle()) as port:
        made = source("a.example.org b.example.org 127.0.0.1", port)
        assert len(list(made.endpoints())) == 3
        [found] = made.certificates()
    assert found.where == f"a.example.org:{port} (127.0.0.1)"


def test_names_without_an_address_are_left_out(names: dict[str, list[str]]) -> None:
    names["www.example.org"] = ["127.0.0.1"]
    with starttls.openssl_server(sample_pki().bundle()) as port:
        assert len(looked("gone.example.org, www.example.org", port)) == 1
        with pytest.raises(Temporary, match=r"gone\.example\.org has no address"):
            looked("gone.example.org", port)


def test_addresses_that_are_not_contacted(names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    names["www.example.org"] = ["169.254.169.254"]
    with starttls.openssl_server(sample_pki().bundle()) as port:
        assert len(looked("www.example.org 169.254.169.254 127.0.0.1", port)) == 1
        monkeypatch.setattr(network, "_allowed", ())
        for hosts in ("www.example.org", "127.0.0.1", "169.254.0.0/30", "[::1]"):
            for attempt in (source(hosts, port).check, lambda hosts=hosts: looked(hosts, port)):
                with pytest.raises(Misconfigured, match=r"never contacted|OUTBOUND_ALLOW can permit it"):
                    attempt()


def test_many_places_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look waits until as many others have begun."""
    together = threading.Barrier(tls.AT_ONCE, timeout=30)

    def look(*args: Any, **kwargs: Any) -> Any:
        together.wait()
        raise Temporary("nobody answers")

    monkeypatch.setattr(tls.handshake, "look", look)
    with ends(), pytest.raises(Temporary, match="nobody answers"):
        looked("10.0.0.0/30", *range(8000, 8000 + tls.AT_ONCE))


def test_who_stops_asking_stops_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = tls._look

    def counted(*args: Any) -> Any:
        asked.append(args)
        return real(*args)

    monkeypatch.setattr(tls, "_look", counted)
    with starttls.openssl_server(sample_pki().bundle()) as port:
        looking = source("127.0.0.0/21", port).endpoints()
        next(looking)
        looking.close()  # type: ignore[attr-defined]
    assert len(asked) < 3 * tls.AT_ONCE


def test_a_trial_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "SECONDS", 0.2)
    monkeypatch.setattr(tls, "TRIAL_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent, ends(), pytest.raises(Temporary):
        source("127.0.0.1", *[silent.getsockname()[1]] * 2).check()


@pytest.mark.parametrize(
    ("hosts", "ports", "wrong", "said"),
    [
        ("10.0.0.0/8", "443", "ports", "16777216 places"),
        ("2001:db8::/64", "443", "ports", "one source has at most 4096"),
        ("10.0.0.0/20", "443,8443", "ports", "8192 places"),
        ("a b;c", "443", "hosts", "'b;c' is neither"),
        ("10.0.0.300", "443", "hosts", "'10.0.0.300' is neither"),
        ("http://a", "443", "hosts", "'http://a' is neither"),
        ("a", "0", "ports", "'0' is no port"),
        ("a", "443/gopher", "ports", "there are: tls, smtp, imap, ldap, postgres"),
    ],
)
def test_what_is_too_much_or_nothing(hosts: str, ports: str, wrong: str, said: str) -> None:
    with pytest.raises(OptionErrors) as caught:
        source(hosts, ports)
    assert list(caught.value.errors) == [wrong]
    assert said in str(caught.value)


def test_usual_ports_have_their_protocols() -> None:
    found = targets.read_ports("443, 25 587\n143,389,5432, 8389/ldap, 25/tls")
    assert [(one.number, one.protocol) for one in found] == [
        (443, "tls"), (25, "smtp"), (587, "smtp"), (143, "imap"), (389, "ldap"), (5432, "postgres"), (8389, "ldap"),
        (25, "tls"),
    ]  # fmt: skip


def test_hosts_in_every_spelling() -> None:
    names, networks = targets.read_hosts("WWW.Example.org., 10.0.0.1\n[2001:db8::1] 192.168.0.7/30 www.example.org")
    assert names == ("www.example.org",)
    assert list(map(str, networks)) == ["10.0.0.1/32", "2001:db8::1/128", "192.168.0.4/30"]
