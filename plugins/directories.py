"""Directories of this machine that its operator has opened, by a setting, to those who use the pages and the API."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Final

from plugins.errors import Misconfigured

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OpenedDirectories:
    """What one setting allows: each directory, and all below it; nothing until `configure` is called."""

    def __init__(self, setting: str) -> None:
        self.setting = setting
        self.roots: tuple[PurePosixPath, ...] = ()

    def configure(self, roots: Iterable[str]) -> None:
        """ValueError names the one that is no absolute path."""
        self.roots = tuple(self._absolute(text) for text in roots)

    def allowed(self, text: str) -> str:
        """The path, normalised; ValueError, for the validator of an option, if it is not within one of them."""
        path = PurePosixPath(text)
        if not path.is_absolute() or ".." in path.parts:
            raise ValueError("it must be an absolute path without '..'")
        if self._root_of(path) is None:
            there_are = ", ".join(map(str, self.roots)) or "none"
            raise ValueError(f"it is not within the directories that {self.setting} allows: {there_are}")
        return str(path)

    @contextmanager
    def entered(self, text: str) -> Iterator[int]:
        """A descriptor of the directory, reached step by step from the allowed one: no symbolic link leads elsewhere.

        Raises Misconfigured; the operator's last word counts.
        """
        path = PurePosixPath(text)
        root = self._root_of(path)
        if root is None:
            raise Misconfigured(f"{path} is not within the directories that {self.setting} allows.")
        try:
            descriptor = _open(root, path)
        except OSError as error:
            raise Misconfigured(f"The directory {path} cannot be read: {error.strerror}.") from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _root_of(self, path: PurePosixPath) -> PurePosixPath | None:
        return next((root for root in self.roots if path.is_relative_to(root)), None)

    def _absolute(self, text: str) -> PurePosixPath:
        path = PurePosixPath(text)
        if not path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{self.setting}: '{text[:200]}' is no absolute path without '..'.")
        return path


def _open(root: PurePosixPath, path: PurePosixPath) -> int:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # the operator's may be a link
    for part in path.relative_to(root).parts:
        above = descriptor
        try:
            descriptor = os.open(part, _DIRECTORY, dir_fd=above)
        finally:
            os.close(above)
    return descriptor
