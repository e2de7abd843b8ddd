"""A certificate authority by the `openssl` program, with its OCSP responder and a place for CRLs: real ones, to be asked."""

from __future__ import annotations

import http.server
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

CONFIG = """
[ca]
default_ca = here
[here]
dir = {home}
database = $dir/index.txt
new_certs_dir = $dir
serial = $dir/serial
crlnumber = $dir/crlnumber
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
default_days = 30
default_crl_days = 1
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[ca_extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
authorityKeyIdentifier = keyid
{pointers}
[responder]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = null
[no_responder]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
"""


@dataclass
class OpensslCa:
    """`ocsp_port` and `crl_port` stand in the certificates that it issues, whether somebody listens there or not."""

    home: Path
    name: str = "OpenSSL CA"
    ocsp_port: int | None = None
    crl_port: int | None = None
    issued: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        pointers = []
        if self.ocsp_port:
            pointers.append(f"authorityInfoAccess = OCSP;URI:http://127.0.0.1:{self.ocsp_port}/")
        if self.crl_port:
            pointers.append(f"crlDistributionPoints = URI:http://127.0.0.1:{self.crl_port}/ca.crl")
        config = CONFIG.format(home=self.home, pointers="\n".join(pointers)).replace(
            "noCheck = ignored", "noCheck = null"
        )
        (self.home / "openssl.cnf").write_text(config)
        (self.home / "index.txt").touch()
        (self.home / "serial").write_text("1000\n")
        (self.home / "crlnumber").write_text("01\n")
        self._key("ca")
        subject = ("-subj", f"/CN={self.name}", "-days", "60", "-extensions", "ca_extensions")
        self.openssl("req", "-new", "-x509", "-key", "ca.key", "-out", "ca.pem", *subject)

    @property
    def pem(self) -> str:
        return (self.home / "ca.pem").read_text()

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.pem.encode())

    def openssl(self, command: str, *arguments: str) -> str:
        config = ("-config", "openssl.cnf") if command in ("ca", "req") else ()
        done = subprocess.run(
            ["openssl", command, *config, *arguments],
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, f"openssl {command} {' '.join(arguments)}\n{done.stderr}"
        return done.stdout

    def issue(self, name: str, extensions: str = "leaf", *how: str) -> str:
        """The new certificate as PEM; `how` are arguments of `openssl ca`."""
        self._key(name)
        self.openssl("req", "-new", "-key", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self.openssl(
            "ca", "-batch", "-notext", "-in", f"{name}.csr", "-out", f"{name}.pem", "-extensions", extensions, *how
        )
        self.issued[name] = self.home / f"{name}.pem"
        return self.issued[name].read_text()

    def revoke(self, name: str, reason: str = "keyCompromise") -> None:
        self.openssl("ca", "-revoke", f"{name}.pem", "-crl_reason", reason)

    def crl(self, *how: str) -> bytes:
        """A new CRL in DER; `how` are arguments of `openssl ca -gencrl`."""
        self.openssl("ca", "-gencrl", "-out", "crl.pem", *how)
        self.openssl("crl", "-in", "crl.pem", "-outform", "DER", "-out", "ca.crl")
        return (self.home / "ca.crl").read_bytes()

    @contextmanager
    def answering(self, *how: str, signer: str = "ca") -> Iterator[None]:
        """The responder on `ocsp_port`; `how` are arguments of `openssl ocsp`. The index is read at its start."""
        key = "ca.key" if signer == "ca" else f"{signer}.key"
        keys = ("-CA", "ca.pem", "-rsigner", f"{signer}.pem", "-rkey", key)
        command = ["openssl", "ocsp", "-index", "index.txt", "-port", str(self.ocsp_port), *keys, *how]
        output = self.home / "ocsp.log"  # it has a few lines for each question
        with output.open("wb") as log, subprocess.Popen(command, cwd=self.home, stdout=log, stderr=log) as process:
            try:
                _wait_until_listening(self.ocsp_port or 0, process, output)
                yield
            finally:
                process.terminate()

    def _key(self, name: str) -> None:
        self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")


class Place(http.server.ThreadingHTTPServer):
    """Answers everything with `content` and `status`; counts who asked."""

    content = b""
    status = 200
    asked = 0


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Place

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(port: int = 0) -> Iterator[Place]:
    """On 127.0.0.1, on a free port unless one is given."""
    with Place(("127.0.0.1", port), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _wait_until_listening(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    """By its line in the kernel's table, since each connection is a question to the responder."""
    for _ in range(200):
        assert process.poll() is None, output.read_text()
        tables = "".join(path.read_text() for path in map(Path, ("/proc/net/tcp", "/proc/net/tcp6")) if path.exists())
        if re.search(rf":{port:04X} [0-9A-F]+:0000 0A ", tables):
            return
        time.sleep(0.02)
    raise AssertionError(f"the responder does not listen on port {port}")
