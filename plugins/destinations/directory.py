"""Files of this machine: certificate, chain and key below a directory that its operator has opened for it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from plugins import commands
from plugins.destinations.files import RELOAD_SECONDS, FileDestination
from plugins.destinations.layout import FORMATS, ExportFormat, File
from plugins.directories import OpenedDirectories
from plugins.errors import Misconfigured, PluginError, Temporary
from plugins.options import PluginOptions

directories: Final = OpenedDirectories("DESTINATION_DIRECTORIES")

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PRIVATE: Final = 0o700
_FOR_SOMEBODY: Final = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP}


class DirectoryDestination(FileDestination):
    """The operator's word counts when the options are set, and again at each delivery."""

    slug = "directory-destination"
    title = "Directory"
    description = "Files for nginx, Apache or HAProxy on this machine, below a directory that its operator has allowed."

    class Options(PluginOptions):
        path: Annotated[str, StringConstraints(max_length=1024), AfterValidator(directories.allowed)] = Field(
            description=(
                "The directory; each certificate gets one in it. It must lie within one that "
                f"{directories.setting} names."
            )
        )
        export_format: ExportFormat = Field("NGINX", description=FORMATS)
        reload_command: Annotated[str, StringConstraints(max_length=64), AfterValidator(commands.allowed)] | None = (
            Field(
                None,
                description=f"Run after a delivery: the name of one of the commands that {commands.SETTING} names.",
            )
        )

    options: Options

    @property
    def layout(self) -> ExportFormat:
        return self.options.export_format

    def check(self) -> None:
        """Make and remove a directory where certificates would go."""
        with self.place() as place, place.explained():
            with suppress(OSError):
                place.remove_directory(".lemur-check")
            place.make(".lemur-check")
            place.remove_directory(".lemur-check")

    @contextmanager
    def place(self) -> Iterator[LocalPlace]:
        with directories.entered(self.options.path) as descriptor:
            yield LocalPlace(descriptor, self.options.path, self.options.reload_command)


class LocalPlace:
    """A directory by its descriptor. No symbolic link is followed on the way to what is written, read or removed."""

    def __init__(self, descriptor: int, path: str, command: str | None) -> None:
        self.descriptor, self.path, self.command = descriptor, path, command

    def reload(self) -> None:
        if self.command is not None:
            commands.run(self.command, seconds=RELOAD_SECONDS)

    @contextmanager
    def explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._of(error) from error

    def _of(self, error: OSError) -> PluginError:
        kind = Misconfigured if error.errno in _FOR_SOMEBODY else Temporary
        return kind(f"{self.path} cannot be written to: {error.strerror or error}.")

    def kind(self, path: str) -> int:
        try:
            with self._above(path) as (above, name):
                return stat.S_IFMT(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return 0

    def names(self, path: str) -> list[str]:
        with self._opened(path) as folder:
            return os.listdir(folder)

    def make(self, path: str) -> None:
        with self._above(path) as (above, name):
            os.mkdir(name, _PRIVATE, dir_fd=above)

    def open_up(self, path: str) -> None:
        with self._opened(path) as folder:
            os.fchmod(folder, 0o755)

    def write(self, path: str, file: File) -> None:
        with self._above(path) as (above, name), os.fdopen(os.open(name, _NEW, 0o600, dir_fd=above), "wb") as made:
            made.write(file.data)
            made.flush()
            os.fchmod(made.fileno(), file.mode)
            os.fsync(made.fileno())

    def read(self, path: str, most: int) -> bytes:
        with self._above(path) as (above, name), os.fdopen(os.open(name, _OLD, dir_fd=above), "rb") as file:
            return file.read(most)

    def link(self, target: str, path: str) -> None:
        with self._above(path) as (above, name):
            os.symlink(target, name, dir_fd=above)

    def target(self, path: str) -> str:
        with self._above(path) as (above, name):
            return os.readlink(name, dir_fd=above)

    def rename(self, old: str, new: str) -> None:
        with self._above(old) as (above, before), self._above(new) as (below, after):
            os.replace(before, after, src_dir_fd=above, dst_dir_fd=below)

    def remove(self, path: str) -> None:
        with self._above(path) as (above, name):
            os.unlink(name, dir_fd=above)

    def remove_directory(self, path: str) -> None:
        with self._above(path) as (above, name):
            os.rmdir(name, dir_fd=above)

    def sync(self, path: str) -> None:
        with self._opened(path) as folder:
            os.fsync(folder)

    @contextmanager
    def _above(self, path: str) -> Iterator[tuple[int, str]]:
        """The directory that it is in, and its name there."""
        *folders, name = path.split("/")
        with self._opened("/".join(folders)) as above:
            yield above, name

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        descriptor = os.dup(self.descriptor)
        try:
            for part in filter(None, path.split("/")):
                above, descriptor = descriptor, os.open(part, _DIRECTORY, dir_fd=descriptor)
                os.close(above)
            yield descriptor
        finally:
            os.close(descriptor)
