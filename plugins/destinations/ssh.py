"""An SFTP session with a server whose host key was made known before, and what can go wrong with it in our words."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import logging
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from plugins import network
from plugins.commands import LONGEST_OUTPUT, in_one_line
from plugins.errors import Misconfigured, PluginError, Temporary

CONNECT_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 20.0
"""Longest silence of the server within a session."""
TOTAL_SECONDS: Final = 90.0
"""Longest session, however slowly bytes drip: well below the lease of a job."""
TRIAL_SECONDS: Final = 30.0
"""The same while somebody waits for it: well below the longest that a web server lets a request run."""
_TRIAL_STATUS: Final = 73
WEAK: Final = {
    "ciphers": ["aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"],
    "macs": ["hmac-sha1", "hmac-md5", "hmac-sha1-96", "hmac-md5-96"],
}
_FINGERPRINT: Final = re.compile(r"(SHA256:[A-Za-z0-9+/]{43})=?")
_KEYS: Final = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
# Whatever it has to say it raises as well.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class HostKey:
    """A server's key as we know it: `fingerprint` as OpenSSH prints it (SHA256:…), `kind` where the key was given."""

    fingerprint: str
    kind: str = ""

    @classmethod
    def of(cls, key: paramiko.PKey) -> HostKey:
        return cls(_fingerprint(key.asbytes()), key.get_name())


@dataclass(frozen=True)
class Account:
    """Where to log in, as whom and with what. `key` is tried first, then `password`; no agent, no files of ours."""

    host: str
    port: int
    user: str
    known: Sequence[HostKey]
    key: paramiko.PKey | None
    password: str | None

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


def read_host_keys(text: str) -> list[HostKey]:
    """One key a line: as ssh-keyscan, known_hosts or a .pub file has it, or its fingerprint. ValueError."""
    lines = [line.strip() for line in text.splitlines()]
    found = [_host_key(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise ValueError("there is no key in it")
    return found


def _host_key(line: str) -> HostKey:
    words = line.split()
    for word in words:
        if match := _FINGERPRINT.fullmatch(word):
            return HostKey(match[1])
    for kind, text in pairwise(words):
        if kind.startswith(("ssh-", "ecdsa-")):
            return HostKey(_fingerprint(_blob(text, kind)), kind)
    raise ValueError(f"'{line[:40]}' is neither a public key (ssh-ed25519 AAAA…) nor a fingerprint (SHA256:…)")


def _blob(text: str, kind: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
        paramiko.PKey.from_type_string(kind, blob)
    except (ValueError, paramiko.SSHException, paramiko.UnknownKeyType) as error:
        raise ValueError(f"what follows {kind[:40]} is no such public key") from error
    return blob


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def read_private_key(text: str, passphrase: str | None) -> paramiko.PKey:
    """An Ed25519, ECDSA or RSA key in OpenSSH's format or PEM. ValueError says what is wrong, and repeats nothing."""
    secret = passphrase.encode() if passphrase else None
    data = (text.strip() + "\n").encode()
    load: Any = serialization.load_ssh_private_key if b"OPENSSH" in data else serialization.load_pem_private_key
    try:
        plain = load(data, secret).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
    except TypeError as error:  # one of the two is missing
        if secret is None:
            raise ValueError("it is encrypted: give its passphrase as well") from error
        raise ValueError("it is not encrypted: leave out the passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("it is no private key, or the passphrase does not open it") from error
    for kind in _KEYS:
        with suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(io.StringIO(plain.decode()))
    raise ValueError("it is neither an Ed25519, ECDSA nor RSA key")


@contextmanager
def session(account: Account, *, seconds: float = TOTAL_SECONDS) -> Iterator[paramiko.SFTPClient]:
    """A session, closed at its end and after so many seconds. Whatever goes wrong in it is a PluginError."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(_Pinned(account))
    watch = threading.Timer(seconds, client.close)
    watch.daemon = True
    watch.start()
    try:
        with explained(account):
            yield _open(client, account)
    finally:
        watch.cancel()
        client.close()


def _open(client: paramiko.SSHClient, account: Account) -> paramiko.SFTPClient:
    client.connect(
        account.host,
        account.port,
        account.user,
        password=account.password,
        pkey=account.key,
        sock=network.connect(account.host, account.port, seconds=CONNECT_SECONDS),
        timeout=CONNECT_SECONDS,
        banner_timeout=CONNECT_SECONDS,
        auth_timeout=CONNECT_SECONDS,
        channel_timeout=CONNECT_SECONDS,
        allow_agent=False,
        look_for_keys=False,
        disabled_algorithms=WEAK,
        transport_factory=lambda *args, **options: _transport(account, *args, **options),
    )
    opened = client.open_sftp()
    opened.get_channel().settimeout(SILENT_SECONDS)
    return opened


def _transport(account: Account, *args: Any, **options: Any) -> paramiko.Transport:
    """One that asks the server for a kind of key that we know, if it has several."""
    transport = paramiko.Transport(*args, **options)
    security = transport.get_security_options()
    wanted = {kind for key in account.known for kind in _algorithms(key.kind)}
    security.key_types = sorted(security.key_types, key=lambda kind: kind not in wanted)
    return transport


def _algorithms(kind: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def run(sftp: paramiko.SFTPClient, command: str, *, seconds: float) -> None:
    """Have the account's shell run it. Temporary, with its status and what it said, unless that is 0 by then."""
    status, said = _run(sftp, command, seconds)
    if status != 0:
        ended = f"ended with status {status}" if status > 0 else "was ended by a signal"
        raise Temporary(f"the command '{command}' {ended}: {said or 'it said nothing'}.")


def require_shell(sftp: paramiko.SFTPClient, account: str) -> None:
    """Misconfigured if the server only seems to run commands, as one does that is made for SFTP alone."""
    if _run(sftp, f"exit {_TRIAL_STATUS}", CONNECT_SECONDS)[0] != _TRIAL_STATUS:
        raise Misconfigured(f"{account} may not run commands; leave out 'reloadCommand', or let the account do so.")


def _run(sftp: paramiko.SFTPClient, command: str, seconds: float) -> tuple[int, str]:
    """The status, -1 if there is none, and the end of what it said."""
    ends = time.monotonic() + seconds
    transport = sftp.get_channel().get_transport()
    with closing(transport.open_session(timeout=CONNECT_SECONDS)) as channel:
        channel.set_combine_stderr(True)
        channel.exec_command(command)
        channel.shutdown_write()
        said = _said(channel, ends)
        if not channel.status_event.wait(max(0.0, ends - time.monotonic())):
            raise Temporary(f"the command '{command}' did not end within {seconds:g} seconds.")
        return channel.recv_exit_status(), in_one_line(said)


def _said(channel: paramiko.Channel, ends: float) -> bytes:
    """Until it ends: a daemon that it has started may keep its output open."""
    said = b""
    channel.settimeout(0.2)
    while time.monotonic() < ends and (channel.recv_ready() or not channel.exit_status_ready()):
        try:
            part = channel.recv(4096)
        except TimeoutError:
            continue
        if not part:
            break
        said = (said + part)[-LONGEST_OUTPUT:]
    return said


class _Pinned(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # paramiko has no types
    """Lets nobody in but the server whose key we know: no key is known to paramiko, so it asks here each time."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        shown = HostKey.of(key)
        if shown.fingerprint not in {known.fingerprint for known in self.account.known}:
            raise Misconfigured(
                f"{self.account.host} shows another host key than the option 'hostKey' says: {shown.kind} "
                f"{shown.fingerprint}. Find out whether its key was changed, or whether this is another machine."
            )


@contextmanager
def explained(account: Account) -> Iterator[None]:
    """What paramiko and the server say, as Temporary or Misconfigured."""
    try:
        yield
    except PluginError:
        raise
    except paramiko.AuthenticationException as error:
        raise Misconfigured(f"{account.host} does not let {account.user} in with this password or key.") from error
    except paramiko.IncompatiblePeer as error:
        raise Misconfigured(f"{account.host} and this program have no algorithm in common: {error}.") from error
    except (paramiko.SSHException, EOFError) as error:
        raise Temporary(f"The connection to {account} failed: {_reason(error)}.") from error
    except OSError as error:
        raise _of_files(account, error) from error


def _of_files(account: Account, error: OSError) -> PluginError:
    match error.errno:
        case errno.EACCES:
            return Misconfigured(f"{account} may not write there: {_reason(error)}.")
        case errno.ENOENT if error.filename is None and not isinstance(error, TimeoutError):
            return Misconfigured(f"{account} does not have that place: {_reason(error)}.")
    return Temporary(f"{account} cannot be used now: {_reason(error)}.")


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200].rstrip(".: ")
    if text == "Failure":
        return "the server says only 'Failure', as it does when its disk is full"
    return text or {"TimeoutError": "it does not answer"}.get(type(error).__name__, "the connection was cut")
