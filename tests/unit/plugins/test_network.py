"""The guard of outbound HTTP, against real servers on loopback addresses and a resolver that lies."""

from __future__ import annotations

import http.server
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest
import requests

from plugins import network
from plugins.errors import Misconfigured, Permanent, Temporary
from plugins.network import Refused, Target, TooLarge, fetch, may_contact, session
from tests.endings import ends
from tests.pki_material import material
from tests.servers.smtp import free_port

REFUSED_FOUND = [
    "0.0.0.0",  # noqa: S104  an address, and nobody listens there
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.9.9.9",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
NEVER = [
    "0.0.0.0",  # noqa: S104
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
]
NEVER += ["::", "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254"]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1"]
PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd12:3456::1"]


class Handler(http.server.BaseHTTPRequestHandler):
    """`/away` redirects, `/huge`, `/slow` and the like are what they say; others answer with the Host header."""

    def do_GET(self):
        self.server.seen.append(self.path)
        action = getattr(self, f"answer_{self.path.strip('/').partition('/')[0]}", None)
        if action:
            with suppress(OSError):
                action()
        else:
            self.answer(self.headers["Host"].encode())

    def do_POST(self):
        self.server.seen.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(self.headers["Content-Type"].encode() + b" " + body)

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_away(self):
        self.answer(b"", 302, Location=f"http://127.0.0.1:{self.server.server_port}/elsewhere")

    def answer_far(self):
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        for _ in range(10_000):
            self.wfile.write(b"x" * 100_000)

    def answer_missing(self):
        self.answer(b"no", 404)

    def answer_broken(self):
        self.answer(b"no", 503)

    def answer_long(self):
        self.answer(b"x" * 1_001)

    def answer_endless(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(10_000):
            self.wfile.write(b"x" * 100_000)

    def answer_compressed(self):
        self.answer(b"\x1f\x8b", Content_Encoding="gzip")

    def answer_cut(self):
        self.answer(b"half", Content_Length="8")

    def answer_silent(self):
        time.sleep(10)

    def answer_drip(self):
        """Without a length, so that the end of the connection would look like the end of the body."""
        self.send_response(200)
        self.end_headers()
        self.drip(b"x")

    def answer_heads(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        self.drip(b"y")

    def drip(self, byte):
        for _ in range(100):
            self.wfile.write(byte)
            time.sleep(0.1)

    def log_message(self, *args):
        pass


@contextmanager
def serving(address="127.0.0.1", context=None):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = type("Server", (http.server.ThreadingHTTPServer,), {"address_family": family})
    server = kind((address, 0), Handler)
    server.seen = []
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server():
    with serving() as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_allowed():
    before = network._allowed
    network.configure(allow=[])
    yield
    network._allowed = before


@pytest.fixture
def loopback():
    network.configure(allow=["127.0.0.1/32"])


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(network, "TOTAL_SECONDS", 0.5)


@pytest.fixture
def resolver(monkeypatch):
    """Answers with the next of its list at each question; the last one stays."""
    answers = []
    asked = []

    def getaddrinfo(host, port, *args, **kwargs):
        asked.append(host)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
        return [
            (family, socket.SOCK_STREAM, 6, "", (address, port))
            for family, address in zip(families, found, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return SimpleNamespace(answers=answers, asked=asked)


def url(server, path="/", host="127.0.0.1", scheme="http"):
    return f"{scheme}://{host}:{server.server_port}{path}"


@pytest.mark.parametrize("address", REFUSED_FOUND)
def test_found_addresses_must_be_public(address):
    assert not may_contact(ipaddress.ip_address(address), Target.FOUND)


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("target", Target)
def test_public_addresses_may_be_contacted(address, target):
    assert may_contact(ipaddress.ip_address(address), target)


@pytest.mark.parametrize("address", sorted(set(REFUSED_FOUND)))
def test_configured_addresses_may_be_private_and_nothing_else(address):
    assert may_contact(ipaddress.ip_address(address), Target.CONFIGURED) == (address in {*PRIVATE, "fc00::1"})


@pytest.mark.parametrize("address", sorted(set(REFUSED_FOUND)))
def test_a_setting_may_name_this_machine_besides(address):
    ours = address.startswith("127.") or address in {*PRIVATE, "fc00::1", "::1"}
    assert may_contact(ipaddress.ip_address(address), Target.SETTING) == ours


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_may_be_allowed(address):
    network.configure(allow=["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8"])
    assert may_contact(ipaddress.ip_address(address), Target.FOUND)
    assert not may_contact(ipaddress.ip_address("100.64.0.1"), Target.FOUND)


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("target", Target)
def test_some_are_never_contacted_even_when_all_is_allowed(address, target):
    network.configure(allow=["0.0.0.0/0", "::/0"])
    assert not may_contact(ipaddress.ip_address(address), target)


def test_what_an_address_leads_to_must_be_allowed_too():
    network.configure(allow=["64:ff9b::/96"])
    assert may_contact(ipaddress.ip_address("64:ff9b::8.8.8.8"), Target.FOUND)
    assert not may_contact(ipaddress.ip_address("64:ff9b::10.0.0.1"), Target.FOUND)
    assert not may_contact(ipaddress.ip_address("::ffff:8.8.8.8"), Target.FOUND)


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "example.com", "10.0.0.0/33", ""])
def test_a_wrong_network_is_named(wrong):
    with pytest.raises(ValueError, match="OUTBOUND_ALLOW must list networks"):
        network.configure(allow=[wrong])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1"],  # noqa: S104
)
@pytest.mark.parametrize("target", [Target.CONFIGURED, Target.FOUND])
def test_our_own_machine_is_refused(server, host, target):
    with pytest.raises(Refused), session(target) as made:
        made.get(url(server, host=host))
    assert server.seen == []


def test_the_refusal_names_the_setting(server):
    with pytest.raises(network.AddressRefused, match=r"127\.0\.0\.1, which is not public; the setting OUTBOUND_ALLOW"):
        fetch(url(server))
    with pytest.raises(network.AddressRefused, match="that is never contacted"):
        fetch("http://169.254.169.254/latest/meta-data/")


@pytest.mark.usefixtures("loopback")
def test_what_is_allowed_is_fetched(server):
    host = f"127.0.0.1:{server.server_port}".encode()
    assert fetch(url(server)) == host
    assert (
        fetch(url(server), body=b"question", headers={"Content-Type": "application/ocsp-request"})
        == b"application/ocsp-request question"
    )
    with session() as made:
        assert made.get(url(server)).content == host


@pytest.mark.usefixtures("loopback")
def test_nothing_but_http(tmp_path):
    (tmp_path / "secret").write_text("x")
    for wrong in [
        f"file://{tmp_path}/secret",
        "ftp://127.0.0.1/",
        "ldap://127.0.0.1/cn=x",
        "gopher://127.0.0.1/",
        "http://",
        "http:///x",
        "x",
        "",
        "http://[::1",
    ]:
        with pytest.raises(network.AddressRefused):
            fetch(wrong)


@pytest.mark.usefixtures("loopback")
def test_redirects_are_not_followed(server):
    with session() as made:
        assert made.get(url(server, "/away"), allow_redirects=True).status_code == 302
    with pytest.raises(Permanent, match="answered with status 302"):
        fetch(url(server, "/away"))
    assert server.seen == ["/away", "/away"]


@pytest.mark.usefixtures("loopback")
def test_proxies_of_the_environment_and_netrc_are_ignored(server, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with session() as made:
        answer = made.get(url(server), proxies={"http": "http://127.0.0.1:9"})
    assert answer.status_code == 200
    assert "Authorization" not in answer.request.headers


@pytest.mark.usefixtures("loopback")
def test_a_name_is_resolved_once_and_that_address_is_contacted(server, resolver):
    resolver.answers += [["127.0.0.1"], ["127.0.0.2"]]
    assert fetch(url(server, host="www.example.com")) == f"www.example.com:{server.server_port}".encode()
    assert resolver.asked == ["www.example.com"]


def test_an_answer_that_changes_helps_nobody(server, resolver, hurry):
    """Public when judged, loopback when contacted: there is no second look-up to lie to."""
    resolver.answers += [["198.51.100.1", "127.0.0.1"], ["127.0.0.1"]]
    with pytest.raises(network.AddressRefused):
        fetch(url(server, host="rebinding.example.com"))
    assert resolver.asked == ["rebinding.example.com"]
    assert server.seen == []


@pytest.mark.usefixtures("loopback")
def test_refused_addresses_are_passed_over(server, resolver):
    resolver.answers.append(["10.0.0.1", "::1", "127.0.0.1"])
    assert fetch(url(server, host="www.example.com"))


@pytest.mark.usefixtures("loopback")
def test_every_address_is_tried(server, resolver):
    network.configure(allow=["127.0.0.0/8"])
    resolver.answers.append(["127.0.0.77", "127.0.0.1"])
    assert fetch(url(server, host="www.example.com"))


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("path", "error", "what"),
    [
        ("/missing", Permanent, "answered with status 404"),
        ("/broken", Temporary, "answered with status 503"),
        ("/compressed", Permanent, "compressed"),
        ("/cut", Temporary, "4 bytes read, 4 more expected"),
    ],
)
def test_what_is_no_answer_is_an_error(server, path, error, what):
    with pytest.raises(error, match=what):
        fetch(url(server, path))


@pytest.mark.usefixtures("loopback")
def test_nobody_there_is_temporary():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Temporary, match=r"could not be reached: .*refused"):
        fetch(f"http://127.0.0.1:{port}/")


def test_a_name_that_is_unknown_is_temporary():
    with pytest.raises(Temporary, match="could not be reached"):
        fetch("http://nowhere.invalid/")


@pytest.mark.usefixtures("loopback")
def test_bodies_have_a_limit(server):
    assert len(fetch(url(server, "/long"), longest=1_001)) == 1_001
    with pytest.raises(Permanent, match="longer than 1000 bytes"):
        fetch(url(server, "/long"), longest=1_000)
    for path in ("/endless", "/far"):
        with pytest.raises(TooLarge), session(longest=100_000) as made:
            made.get(url(server, path))


@pytest.mark.usefixtures("loopback", "hurry")
@pytest.mark.parametrize("path", ["/drip", "/heads", "/silent"])
def test_slowness_has_an_end(server, path):
    with ends(), pytest.raises(Temporary, match=r"no complete answer within 0\.5 seconds"):
        fetch(url(server, path))


@pytest.mark.usefixtures("loopback")
def test_silence_has_an_end(server):
    with pytest.raises(requests.RequestException, match="timed out"), session() as made:
        made.get(url(server, "/silent"), timeout=(1, 0.2))


@pytest.mark.usefixtures("loopback", "hurry")
def test_a_handshake_that_never_ends_has_an_end():
    """The library's own time-outs begin anew with each byte, and the deadline reaches into TLS as well."""
    with ends(), socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"https://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(Temporary, match="no complete answer"):
            fetch(address)


@pytest.fixture
def tls_server(tmp_path):
    pair = material().leaf_with(names=("www.example.com",), cn="www.example.com")
    (tmp_path / "server.pem").write_text(pair.pem + material().intermediate.pem + pair.key_pem)
    (tmp_path / "root.pem").write_text(material().root.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with serving(context=context) as made:
        made.roots = str(tmp_path / "root.pem")
        yield made


@pytest.mark.usefixtures("loopback")
def test_names_are_checked_in_tls(tls_server, resolver):
    resolver.answers.append(["127.0.0.1"])
    with session() as made:
        right = made.get(url(tls_server, host="www.example.com", scheme="https"), verify=tls_server.roots)
        assert right.content.startswith(b"www.example.com:")
        with pytest.raises(requests.exceptions.SSLError, match=r"doesn't match|mismatch"):
            made.get(url(tls_server, host="other.example.com", scheme="https"), verify=tls_server.roots)
        with pytest.raises(requests.exceptions.SSLError, match=r"self-signed|unable to get"):
            made.get(url(tls_server, host="www.example.com", scheme="https"))


@pytest.mark.usefixtures("loopback")
def test_roots_that_are_given_count_as_well(tls_server, resolver):
    resolver.answers.append(["127.0.0.1"])
    address = url(tls_server, host="www.example.com", scheme="https")
    with session(roots=material().root.pem) as made:
        assert made.get(address).content.startswith(b"www.example.com:")
        with pytest.raises(Misconfigured, match=r"place could not be reached: .*mismatch"), network.explained("place"):
            made.get(url(tls_server, host="other.example.com", scheme="https"))
    with (
        session(roots=material().other_root.pem) as made,
        pytest.raises(Misconfigured, match=r"place could not be reached: .*certificate verify failed"),
        network.explained("place"),
    ):
        made.get(address)


def test_all_addresses_of_a_name(resolver):
    resolver.answers.append(["127.0.0.1", "::1", "127.0.0.1"])
    assert network.addresses("www.example.com") == ["127.0.0.1", "::1"]


def test_a_name_without_an_address():
    for name in ("nowhere.invalid", "x" * 70 + ".invalid"):
        with pytest.raises(Temporary, match="has no address"):
            network.addresses(name)


@pytest.mark.usefixtures("loopback", "hurry")
def test_slowness_within_tls_has_an_end(tls_server, resolver):
    resolver.answers.append(["127.0.0.1"])
    with ends(), pytest.raises(requests.Timeout, match="no complete answer"), session() as made:
        made.get(url(tls_server, "/drip", host="www.example.com", scheme="https"), verify=tls_server.roots)


def test_tls_is_guarded_too(tls_server):
    with pytest.raises(Refused), session() as made:
        made.get(url(tls_server, scheme="https"), verify=tls_server.roots)


@pytest.mark.usefixtures("loopback")
def test_no_socket_stays_open(server, recwarn):
    with session() as made:
        for _ in range(3):
            made.get(url(server))
    assert not [one for one in recwarn if issubclass(one.category, ResourceWarning)]
    assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer) and not one.finished.is_set()]


def test_a_connection_for_what_is_not_http(server):
    with network.connect("127.0.0.1", server.server_port, Target.SETTING) as made:
        made.sendall(b"GET / HTTP/1.0\r\nHost: here\r\n\r\n")
        assert b" 200 " in made.recv(100)


@pytest.mark.parametrize(("host", "why"), [("127.0.0.1", "OUTBOUND_ALLOW"), ("169.254.169.254", "never contacted")])
def test_a_connection_is_judged_before_it_is_made(monkeypatch, host, why):
    monkeypatch.setattr(socket, "socket", None)
    with pytest.raises(network.AddressRefused, match=why):
        network.connect(host, 22)


def test_a_connection_goes_to_the_first_address_that_may_be_contacted(server, resolver):
    resolver.answers.append(["169.254.169.254", "127.0.0.1"])
    network.connect("both.example", server.server_port, Target.SETTING).close()
    assert resolver.asked == ["both.example"]


def test_a_connection_that_fails_says_so_as_sockets_do():
    with pytest.raises(ConnectionRefusedError):
        network.connect("127.0.0.1", free_port(), Target.SETTING)
