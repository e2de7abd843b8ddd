"""The state directory of one installation: makes it, and the two secrets in it, on first use."""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from pki.envelope import new_key

DATABASE = "lemur.sqlite3"
SECRET_KEY = "secret-key"  # noqa: S105 - a file's name
ENCRYPTION_KEYS = "encryption-keys"

_MAKERS: dict[str, Callable[[], str]] = {
    SECRET_KEY: lambda: secrets.token_urlsafe(50),
    ENCRYPTION_KEYS: new_key,
}


class HomeError(ImproperlyConfigured):
    """The state directory cannot be used; the message is one sentence for a person."""


def prepare(home: Path) -> None:
    """Make the directory (0700) and whichever secret is missing (0600); running it again changes nothing.

    Raises HomeError where it cannot be written, and where the key-encryption keys are gone although a database exists:
    new ones would not open what that database holds.
    """
    _make_directory(home)
    with _only_one(home):
        for name, make in _MAKERS.items():
            if not (home / name).exists():
                _refuse_new_keys(home, name)
                write_private(home / name, make() + "\n")


def read_secret(home: Path, name: str, *, create: bool) -> str:
    """The stripped text of one secret, made first if `create` allows it and it is missing."""
    path = home / name
    if create and not _exists(path):
        prepare(home)
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        variable = name.replace("-", "_").upper()
        raise HomeError(f"{path} is missing: restore it, or set {variable} or {variable}_FILE.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise HomeError(f"{path} cannot be read: {_reason(error)}.") from error
    if not text:
        raise HomeError(f"{path} is empty: restore it from a backup.")
    return text


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read: after a crash it is there whole, or as it was before."""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).rename(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        _sync_directory(path.parent)
    except OSError as error:
        raise HomeError(f"{path} cannot be written: {_reason(error)}.") from error


def claim(home: Path) -> None:
    """Lock the directory for as long as this process lives, also as a supervisor: two would share one queue.

    Raises HomeError where another process has it.
    """
    lock = os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise HomeError(f"Lemur is already running on {home}: stop it, or set LEMUR_HOME.") from None
    os.set_inheritable(lock, True)  # noqa: FBT003


def check_writable(home: Path) -> None:
    """Raises HomeError unless a file can be made in the directory, which is made if it is missing."""
    _make_directory(home)
    try:
        tempfile.TemporaryFile(dir=home).close()
    except OSError as error:
        raise HomeError(_unwritable(home, error)) from error


def _make_directory(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if home.stat().st_mode & 0o077:
            _close_to_others(home)
    except OSError as error:
        raise HomeError(_unwritable(home, error)) from error


def _close_to_others(home: Path) -> None:
    inside = {path.name for path in home.iterdir()} - {"lost+found"}
    if inside and not inside & {DATABASE, *_MAKERS}:
        raise HomeError(
            f"The state directory {home} is open to other users and holds files that are not Lemur's: "
            "set LEMUR_HOME to a directory of its own."
        )
    home.chmod(0o700)


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Two processes that start together must not each make a key, of which one would be lost."""
    descriptor = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _refuse_new_keys(home: Path, name: str) -> None:
    if name == ENCRYPTION_KEYS and (home / DATABASE).exists():
        raise HomeError(
            f"{home / name} is missing, and without it the private keys in {home / DATABASE} cannot be opened: "
            "restore it from a backup, or set ENCRYPTION_KEYS or ENCRYPTION_KEYS_FILE."
        )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise HomeError(f"{path} cannot be read: {_reason(error)}.") from error


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(home: Path, error: OSError) -> str:
    return f"The state directory {home} cannot be written ({_reason(error)}): set LEMUR_HOME to a directory that can."


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is not UTF-8 text"
