"""Certificates in files of this machine: below one of the directories that the operator has opened for it."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from pki import containers, pem
from pki.errors import PkiError
from plugins.contracts import Source
from plugins.errors import Misconfigured, Permanent
from plugins.options import PluginOptions
from plugins.values import FoundCertificate

log = logging.getLogger(__name__)

SETTING: Final = "SOURCE_DIRECTORIES"
LARGEST_FILE: Final = 1024 * 1024
"""Bytes; larger files hold something else."""
MOST_FILES: Final = 100_000
DEEPEST: Final = 32
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_DER_SEQUENCE: Final = b"\x30"

_roots: tuple[PurePosixPath, ...] = ()


def configure(*, roots: Iterable[str]) -> None:
    """The directories that may be looked into, with all below them; none until this is called.

    ValueError names the one that is no absolute path.
    """
    global _roots  # noqa: PLW0603  one setting of the process, set when it starts
    _roots = tuple(_absolute(text) for text in roots)


def _absolute(text: str) -> PurePosixPath:
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{SETTING}: '{text[:200]}' is no absolute path without '..'.")
    return path


def _within_a_root(text: str) -> str:
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("it must be an absolute path without '..'")
    if _root_of(path) is None:
        there_are = ", ".join(map(str, _roots)) or "none"
        raise ValueError(f"it is not within the directories that {SETTING} allows: {there_are}")
    return str(path)


def _root_of(path: PurePosixPath) -> PurePosixPath | None:
    return next((root for root in _roots if path.is_relative_to(root)), None)


class DirectorySource(Source):
    """PEM (a certificate, its chain, perhaps its key) and DER, whatever the names of the files.

    The operator's word counts when the options are set and again at each look. Symbolic links are not followed, from
    the opened directory downwards, and what is no regular file is not opened.
    """

    slug = "directory-source"
    title = "Directory"
    description = "PEM and DER files of this machine, below a directory that its operator has allowed."

    class Options(PluginOptions):
        path: Annotated[str, StringConstraints(max_length=1024), AfterValidator(_within_a_root)] = Field(
            description=f"The directory, read with all below it. It must lie within one that {SETTING} names."
        )

    options: Options

    def check(self) -> None:
        """Can the directory be entered and listed?"""
        with self._opened() as folder:
            os.listdir(folder)

    def certificates(self) -> Iterator[FoundCertificate]:
        """Misconfigured if the directory cannot be read; Permanent if there are too many files in it."""
        with self._opened() as folder:
            for number, (where, file) in enumerate(_files(folder, PurePosixPath())):
                if number >= MOST_FILES:
                    os.close(file)
                    raise Permanent(f"{self.options.path} holds more than {MOST_FILES} files; choose a smaller one.")
                found = _read(file, where)
                if found is not None:
                    yield found

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The directory, reached from the allowed one step by step."""
        path = PurePosixPath(self.options.path)
        root = _root_of(path)
        if root is None:
            raise Misconfigured(f"{path} is not within the directories that {SETTING} allows.")
        descriptor = -1
        try:
            descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # the operator's may be a link
            for part in path.relative_to(root).parts:
                above, descriptor = descriptor, os.open(part, _DIRECTORY, dir_fd=descriptor)
                os.close(above)
            yield descriptor
        except OSError as error:
            raise Misconfigured(f"The directory {path} cannot be read: {error.strerror}.") from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def _files(folder: int, where: PurePosixPath) -> Iterator[tuple[PurePosixPath, int]]:
    """Every regular file, opened for the caller to close, in the order of names."""
    for name in sorted(os.listdir(folder)):
        path = where / name
        kind = _kind(folder, name)
        if not (stat.S_ISREG(kind) or (stat.S_ISDIR(kind) and len(path.parts) <= DEEPEST)):
            continue
        try:
            descriptor = os.open(name, _FILE, dir_fd=folder)
        except OSError as error:
            _left_out(path, error.strerror)
            continue
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISREG(kind):
            yield path, descriptor
            continue
        try:
            if stat.S_ISDIR(kind):
                yield from _files(descriptor, path)
        finally:
            os.close(descriptor)


def _kind(folder: int, name: str) -> int:
    """The mode of what bears this name, not of what it may point to; 0 if it is gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _read(descriptor: int, where: PurePosixPath) -> FoundCertificate | None:
    """What is in the file, which is closed; None if that is no certificate."""
    try:
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        _left_out(where, error.strerror)
        return None
    if len(data) > LARGEST_FILE or not (pem.looks_like_pem(data) or data.startswith(_DER_SEQUENCE)):
        return None
    try:
        found = containers.read_any(data)
    except PkiError as error:
        _left_out(where, error.message)
        return None
    if found.certificate is None:
        return None
    return FoundCertificate(
        certificate=found.certificate, chain=found.chain, private_key=found.key, where=_shown(where)
    )


def _left_out(where: PurePosixPath, reason: str | None) -> None:
    log.warning("source.file_left_out", extra={"file": _shown(where), "reason": reason})


def _shown(where: PurePosixPath) -> str:
    """A path for people: names of files are bytes, and may be anything."""
    return "".join(c if c.isprintable() else "?" for c in os.fsencode(str(where)).decode("utf-8", "replace"))
