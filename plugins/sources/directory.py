"""Certificates in files of this machine: below one of the directories that the operator has opened for it."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from pki import containers, pem
from pki.errors import PkiError
from plugins.contracts import Source
from plugins.directories import OpenedDirectories
from plugins.errors import Permanent
from plugins.options import PluginOptions
from plugins.values import FoundCertificate

log = logging.getLogger(__name__)

LARGEST_FILE: Final = 1024 * 1024
"""Bytes; larger files hold something else."""
MOST_FILES: Final = 100_000
DEEPEST: Final = 32
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_DER_SEQUENCE: Final = b"\x30"

directories: Final = OpenedDirectories("SOURCE_DIRECTORIES")


class DirectorySource(Source):
    """PEM (a certificate, its chain, perhaps its key) and DER, whatever the names of the files.

    The operator's word counts when the options are set and again at each look. Symbolic links are not followed, from
    the opened directory downwards, and what is no regular file is not opened.
    """

    slug = "directory-source"
    title = "Directory"
    description = "PEM and DER files of this machine, below a directory that its operator has allowed."

    class Options(PluginOptions):
        path: Annotated[str, StringConstraints(max_length=1024), AfterValidator(directories.allowed)] = Field(
            description=(
                f"The directory, read with all below it. It must lie within one that {directories.setting} names."
            )
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

    def _opened(self) -> AbstractContextManager[int]:
        return directories.entered(self.options.path)


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
