"""docs/howto/behind-a-proxy.md: Caddy and nginx with the page's own configuration, and somebody who logs in through them."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.pki_material import material
from tests.servers.running import free_port, running
from tests.system.api import first_password
from tests.system.documents import blocks
from tests.system.installation import Installation, wait_until

PAGE = "docs/howto/behind-a-proxy.md"
SITE, PKI = "lemur.example.com", "pki.example.com"
CALLER = "127.0.0.2"  # of this machine as well, but not the proxy's
FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Real-Ip": "203.0.113.9"}
ADDRESSES = """
import json
from core.models import AuditEntry
entries = AuditEntry.objects.filter(event__in=("login.succeeded", "login.failed")).order_by("id")
print(json.dumps([entry.context["address"] for entry in entries]))
"""


@dataclass
class Proxy:
    """Where it listens for HTTPS and for HTTP."""

    secure: int
    plain: int

    def has_certificate(self) -> bool:
        """Caddy listens first, and makes its certificate then."""
        try:
            self.ask("GET", "/login").close()
        except ssl.SSLError:
            return False
        return True

    def ask(self, method: str, path: str, *, secure: bool = True, body: str = "", **headers: str) -> HTTPResponse:
        """As a browser that calls from :data:`CALLER` and would like to be somebody else."""
        host, port = (SITE, self.secure) if secure else (PKI, self.plain)
        made = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(CALLER, 0))
        connection = HTTPConnection(host)
        connection.sock = _unverified().wrap_socket(made, server_hostname=host) if secure else made
        sent = {"Host": host, **FORGED, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, path, body or None, sent)
        return connection.getresponse()


def _unverified() -> ssl.SSLContext:
    """Whose certificate it is, is not the point here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Running, with the page's settings."""
    [settings] = blocks(PAGE, "ini")
    named = dict(line.split("=", 1) for line in settings.splitlines())
    place = Installation(tmp_path_factory.mktemp("proxied") / "home", LEMUR_DEMO="0", **named)
    with place.running():
        yield place


@contextmanager
def caddy(place: Installation, folder: Path) -> Iterator[Proxy]:
    """Caddy's own CA signs, since no other would; nothing is put into the machine's store."""
    proxy = Proxy(free_port(), free_port())
    ours = f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttp_port {proxy.plain}\n\thttps_port {proxy.secure}\n}}\n"
    [page] = blocks(PAGE, "caddyfile")
    file = folder / "Caddyfile"
    file.write_text(ours + page.replace("127.0.0.1:8000", f"127.0.0.1:{place.port}"))
    command = ("caddy", "run", "--config", file, "--adapter", "caddyfile")
    kept = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with running(*command, port=proxy.secure, log=folder / "log", environment=kept):
        wait_until(proxy.has_certificate)
        yield proxy


@contextmanager
def nginx(place: Installation, folder: Path) -> Iterator[Proxy]:
    proxy = Proxy(free_port(), free_port())
    leaf = material().leaf
    (folder / "cert.pem").write_text(leaf.pem)
    (folder / "key.pem").write_text(leaf.key_pem)
    [page] = blocks(PAGE, "nginx")
    for invented, real in {
        "listen 443 ssl": f"listen 127.0.0.1:{proxy.secure} ssl",
        "listen 80": f"listen 127.0.0.1:{proxy.plain}",
        "/etc/ssl/lemur.example.com.pem": str(folder / "cert.pem"),
        "/etc/ssl/private/lemur.example.com.key": str(folder / "key.pem"),
        "127.0.0.1:8000": f"127.0.0.1:{place.port}",
    }.items():
        assert invented in page, invented
        page = page.replace(invented, real)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ours = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; user root; pid {folder}/pid; error_log {folder}/errors;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{ours}{page}}}\n"
    )
    with running("nginx", "-c", file, "-p", folder, port=proxy.secure, log=folder / "log"):
        yield proxy


PROXIES = [
    pytest.param(caddy, marks=pytest.mark.server("caddy"), id="caddy"),
    pytest.param(nginx, marks=pytest.mark.server("nginx"), id="nginx"),
]


@pytest.mark.parametrize("start", PROXIES)
def test_somebody_logs_in_through_it(start, place: Installation, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with start(place, tmp_path) as proxy:
        page = proxy.ask("GET", "/login")
        assert (page.status, page.headers["Strict-Transport-Security"]) == (200, "max-age=31536000")
        cookie, token = _csrf(page)
        assert "Secure" in page.headers["Set-Cookie"]
        form = {"username": "admin", "password": first_password(place), "csrfmiddlewaretoken": token}
        how = {"Cookie": cookie, "Content_Type": "application/x-www-form-urlencoded"}
        wrong = proxy.ask("POST", "/login", body=urlencode({**form, "password": "x"}), Origin=f"https://{SITE}", **how)
        assert wrong.status == 200
        foreign = proxy.ask("POST", "/login", body=urlencode(form), Origin="https://evil.example", **how)
        assert foreign.status == 403
        answer = proxy.ask("POST", "/login", body=urlencode(form), Origin=f"https://{SITE}", **how)
        assert (answer.status, answer.headers["Location"]) == (302, "/")
        session = next(one for one in answer.headers.get_all("Set-Cookie", []) if one.startswith("sessionid="))
        assert all(word in session for word in ("Secure", "HttpOnly", "SameSite=Lax"))
        assert proxy.ask("GET", "/account", Cookie=session.partition(";")[0]).status == 200
        assert proxy.ask("GET", "/healthz", secure=False).status == 200
    seen = json.loads(place.manage("shell", "--no-imports", "-c", ADDRESSES).stdout)
    assert seen[-2:] == [CALLER, CALLER]


def _csrf(page: HTTPResponse) -> tuple[str, str]:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
    assert found is not None
    return str(page.headers["Set-Cookie"]).partition(";")[0], found[1]


def test_whoever_calls_without_a_proxy_is_believed_nothing(place: Installation) -> None:
    """Not even from this machine: the nearest address is their own."""
    connection = HTTPConnection("127.0.0.1", place.port, timeout=30, source_address=(CALLER, 0))
    connection.request("GET", "/login", headers={"Host": SITE, **FORGED})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Strict-Transport-Security"]) == (200, None)
