"""A certificate and its key in a directory: two files that change in one step, so that nobody finds them mismatched.

Each version is a directory that is whole before anybody is led to it. The names that servers read are symbolic links
through `.current`, which leads to one version; `.previous` leads to the one before it, which is kept.

    www.example.org/
        .0b1c…  .9f3e…              versions
        .current -> .9f3e…          the only thing that changes
        .previous -> .0b1c…
        www.example.org.key -> .current/www.example.org.key
        www.example.org.pem -> .current/www.example.org.pem
"""

from __future__ import annotations

import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Final, Protocol

from cryptography import x509

from plugins.destinations import layout
from plugins.destinations.layout import File
from plugins.errors import Misconfigured, Permanent, PluginError, during

CURRENT, PREVIOUS = ".current", ".previous"
LARGEST: Final = 256 * 1024
"""Bytes that are read of a file that is there."""
WRITING, PLACING, RETURNING = (
    "Writing the new files",
    "Putting the new files in place",
    "Putting the previous files back",
)
_VERSION: Final = re.compile(r"\.[0-9a-f]{16}\.[0-9a-f]{8}")
_ABANDONED: Final = re.compile(rf"{_VERSION.pattern}|\.new\.[0-9a-f]{{8}}")
_UNREADABLE: Final = "0" * 16


class Folder(Protocol):
    """A directory here or elsewhere; paths are relative to it. Whatever fails within `explained` is a PluginError."""

    def explained(self) -> AbstractContextManager[None]: ...
    def kind(self, path: str) -> int:
        """The type bits of what bears this name, not of what it may lead to; 0 if nothing does."""

    def names(self, path: str) -> list[str]: ...
    def make(self, path: str) -> None:
        """A directory that nobody else may enter."""

    def open_up(self, path: str) -> None:
        """Everybody may enter this directory."""

    def write(self, path: str, file: File) -> None:
        """A new file: all of it, or an error."""

    def read(self, path: str, most: int) -> bytes: ...
    def link(self, target: str, path: str) -> None: ...
    def target(self, path: str) -> str: ...
    def rename(self, old: str, new: str) -> None:
        """In one step, whatever bore the new name."""

    def remove(self, path: str) -> None: ...
    def remove_directory(self, path: str) -> None: ...
    def sync(self, path: str) -> None:
        """What was renamed in this directory stays so if the power fails, where that can be had."""


class Pair:
    """What is in `at` under one name. Every method may be called again after it died half-way."""

    def __init__(self, at: Folder, name: str) -> None:
        self.at, self.name = at, name
        self.ours = layout.names(name)

    def put(self, fingerprint: str, files: Mapping[str, File]) -> bool:
        """These files, of the certificate with this fingerprint, are there now: in the place of another one?

        What was there is untouched until all files are written, and kept as the previous version.
        """
        with self._step(WRITING):
            self._require_directory()
            self._adopt()
            version = self._write(fingerprint, files)
        with self._step(PLACING):
            before = self._version(CURRENT)
            replaced = before is not None and not _is_of(before, fingerprint)
            if before is not None and replaced:
                self._point(PREVIOUS, before)
            self._point(CURRENT, version)
            self._show(version)
            self._prune()
        return replaced

    def held(self) -> str | None:
        """The fingerprint of the certificate that is there; "" if what is there is none, None if nothing is."""
        with self.at.explained():
            return self._held()

    def shown(self) -> x509.Certificate | None:
        """The certificate that is there, if what is there is one."""
        with self.at.explained():
            return layout.certificate_in(self._content() or b"")

    def take_back(self, fingerprint: str) -> None:
        """The previous version, if this certificate is there. Permanent if there is none."""
        with self._step(RETURNING):
            if self._held() != fingerprint:
                return
            previous = self._version(PREVIOUS)
            if previous is None:
                raise Permanent(f"nothing is kept of what was there under '{self.name}' before.")
            self._point(CURRENT, previous)
            self._show(previous)
            self._remove(PREVIOUS)
            self._prune()

    def take_away(self, fingerprint: str) -> None:
        """This certificate with all that is kept, if it is there; if it is the previous one, that one is not kept.

        Keys go first and the certificate last, so that a second try knows what was there.
        """
        with self.at.explained():
            previous = self._version(PREVIOUS)
            if previous is not None and _is_of(previous, fingerprint):
                self._remove(PREVIOUS)
                self._prune()
            if self._held() == fingerprint:
                self._remove(PREVIOUS)
                self._prune()
                self._remove_all()

    @contextmanager
    def _step(self, doing: str) -> Iterator[None]:
        with during(doing), self.at.explained():
            yield

    def _path(self, path: str) -> str:
        return f"{self.name}/{path}"

    def _kind(self, path: str) -> int:
        return self.at.kind(self._path(path))

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self.at.remove(self._path(path))

    def _require_directory(self) -> None:
        """It is there, a directory of its own and no link to another place."""
        if not self.at.kind(self.name):
            self.at.make(self.name)
            self.at.open_up(self.name)
        if not stat.S_ISDIR(self.at.kind(self.name)):
            raise Misconfigured(f"{self.name} is no directory of its own; remove it there.")

    def _adopt(self) -> None:
        """Files that lie there without links, from Lemur or by hand, become a version without anybody noticing."""
        if not any(stat.S_ISREG(self._kind(name)) for name in self.ours):
            return
        found = {name: self._read(seen) for name in self.ours if (seen := self._seen(name))}
        if self.ours[-1] in found:
            fingerprint = layout.fingerprint_in(found[self.ours[-1]]) or _UNREADABLE
            version = self._write(fingerprint, {name: layout.found(data) for name, data in found.items()})
            self._point(CURRENT, version)
            self._show(version)

    def _seen(self, name: str) -> str | None:
        """Where that lies which one reads under this name; None if there is nothing."""
        kind, version = self._kind(name), self._version(CURRENT)
        if stat.S_ISREG(kind):
            return name
        led = stat.S_ISLNK(kind) and version is not None and self._kind(f"{version}/{name}")
        return f"{version}/{name}" if led else None

    def _read(self, path: str) -> bytes:
        return self.at.read(self._path(path), LARGEST)

    def _write(self, fingerprint: str, files: Mapping[str, File]) -> str:
        version = f".{fingerprint[:16]}.{secrets.token_hex(4)}"
        with ExitStack() as undo:
            undo.callback(self._tidy, version)
            self.at.make(self._path(version))
            for name, file in files.items():
                self.at.write(self._path(f"{version}/{name}"), file)
            self.at.open_up(self._path(version))
            self.at.sync(self._path(version))
            undo.pop_all()
        return version

    def _tidy(self, version: str) -> None:
        """What did not become whole goes; where that fails, what has kept it from becoming whole is what is told."""
        with suppress(OSError, EOFError, PluginError):
            self._discard(version)

    def _version(self, link: str) -> str | None:
        """The version that a link leads to, if there is one with a certificate in it."""
        if not stat.S_ISLNK(self._kind(link)):
            return None
        target = self.at.target(self._path(link))
        return target if _VERSION.fullmatch(target) and self._kind(f"{target}/{self.ours[-1]}") else None

    def _point(self, link: str, target: str) -> None:
        """Have a link lead there, in one step."""
        fresh = self._path(f".new.{secrets.token_hex(4)}")
        self.at.link(target, fresh)
        self.at.rename(fresh, self._path(link))
        self.at.sync(self.name)

    def _show(self, version: str) -> None:
        """The names that servers read lead to the files of the current version, and no others are left."""
        there = set(self.at.names(self._path(version)))
        for name in self.ours:
            target, kind = f"{CURRENT}/{name}", self._kind(name)
            if name not in there:
                self._remove(name)
            elif not stat.S_ISLNK(kind) or self.at.target(self._path(name)) != target:
                self._point(name, target)

    def _prune(self) -> None:
        """What nothing leads to: versions before the previous one, and what a delivery left that died."""
        kept = {self._version(CURRENT), self._version(PREVIOUS)}
        for name in self.at.names(self.name):
            if _ABANDONED.fullmatch(name) and name not in kept:
                self._discard(name)

    def _discard(self, name: str) -> None:
        if not stat.S_ISDIR(self._kind(name)):
            self._remove(name)
            return
        for file in self.at.names(self._path(name)):
            self._remove(f"{name}/{file}")
        self.at.remove_directory(self._path(name))

    def _held(self) -> str | None:
        content = self._content()
        return None if content is None else layout.fingerprint_in(content)

    def _content(self) -> bytes | None:
        """Of the file with the certificate, if there is one."""
        seen = self._seen(self.ours[-1])
        return None if seen is None else self._read(seen)

    def _remove_all(self) -> None:
        version = self._version(CURRENT)
        for name in self.ours[:-1]:
            if version is not None:
                self._remove(f"{version}/{name}")
            self._remove(name)
        if version is not None:
            self._discard(version)
        self._remove(self.ours[-1])
        self._remove(CURRENT)
        with suppress(OSError):  # something of somebody else's is in it
            self.at.remove_directory(self.name)


def _is_of(version: str, fingerprint: str) -> bool:
    return version.startswith(f".{fingerprint[:16]}.")
