"""OpenSSH's own SFTP server, on a free port of 127.0.0.1, for an account that exists while the tests run."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import missing, require

CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host_ed25519
HostKey {home}/host_rsa
PidFile none
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
AuthorizedKeysFile {home}/authorized_keys
StrictModes no
LogLevel ERROR
Subsystem sftp {command}
{more}
"""
# What a session of each kind meets. "full": a file cannot grow, as on a disk without space.
COMMANDS = {
    "": "internal-sftp -u 0077",
    "read-only": "internal-sftp -R",
    "full": "{home}/full",
    "no shell": "internal-sftp",
}
MORE = {"no shell": "ForceCommand internal-sftp"}
FULL = "#!/bin/sh\ntrap '' XFSZ\nulimit -f 0\nexec /usr/lib/openssh/sftp-server\n"


@dataclass(frozen=True)
class SftpServer:
    """A running server. ``files`` is a directory that its account may write to; ``keys`` holds keys by file name."""

    port: int
    user: str
    password: str
    files: Path
    keys: Path

    def public(self, name: str = "host_ed25519") -> str:
        return (self.keys / f"{name}.pub").read_text().strip()

    def private(self, name: str = "user_ed25519") -> str:
        return (self.keys / name).read_text()

    def options(self, **changes: object) -> dict[str, object]:
        """Options of sftp-destination that work."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "hostKey": self.public(),
            "destinationPath": str(self.files),
            "privateKey": self.private(),
            **changes,
        }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def sftp_server(kind: str = "") -> Iterator[SftpServer]:
    """One for each kind of :data:`COMMANDS`."""
    program = require("sshd")
    if os.geteuid() != 0:
        missing("sshd, which only root can let another account in with a password")
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it
    home = Path(tempfile.mkdtemp(prefix="lemur-sftp-"))
    home.chmod(0o755)
    try:
        with _account() as (user, password):
            yield from _serve(program, home, kind, user=user, password=password)
    finally:
        shutil.rmtree(home)


@contextmanager
def _account() -> Iterator[tuple[str, str]]:
    user, password = f"lemur-{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    subprocess.run(["useradd", "--no-create-home", "--shell", "/bin/sh", user], check=True)
    try:
        subprocess.run(["chpasswd"], input=f"{user}:{password}\n", text=True, check=True)
        yield user, password
    finally:
        subprocess.run(["userdel", "--force", user], check=True, capture_output=True)


def _serve(program: str, home: Path, kind: str, *, user: str, password: str) -> Iterator[SftpServer]:
    _make_key(home / "host_ed25519", "ed25519")
    _make_key(home / "host_rsa", "rsa")
    _make_key(home / "user_ed25519", "ed25519")
    _make_key(home / "user_locked", "ecdsa", passphrase="open sesame")
    _make_key(home / "user_rsa", "rsa", "-m", "PEM")
    _make_key(home / "stranger", "ed25519")
    allowed = ["user_ed25519", "user_locked", "user_rsa"]
    (home / "authorized_keys").write_text("".join((home / f"{name}.pub").read_text() for name in allowed))
    files = home / "files"
    files.mkdir()
    os.chown(files, *_ids(user))
    server = SftpServer(free_port(), user, password, files, home)
    (home / "full").write_text(FULL)
    (home / "full").chmod(0o755)
    command = COMMANDS[kind].format(home=home)
    (home / "config").write_text(CONFIG.format(port=server.port, home=home, command=command, more=MORE.get(kind, "")))
    process = subprocess.Popen([program, "-D", "-e", "-f", str(home / "config")], stderr=subprocess.DEVNULL)
    try:
        _wait(process, server.port)
        yield server
    finally:
        process.terminate()
        process.wait(10)


def _ids(user: str) -> tuple[int, int]:
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def _make_key(path: Path, kind: str, *more: str, passphrase: str = "") -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path), *more], check=True)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 15
    while True:
        assert process.poll() is None, "sshd ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, "sshd does not answer"
        time.sleep(0.05)
