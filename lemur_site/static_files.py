"""Static files: hashed and compressed where they were collected, served from where they lie where they were not."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage

STAMP = ".collected"
UNUSED = ["redoc"]  # the second viewer in drf-spectacular's package: half of all there would be to compress


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Plain names until `collectstatic` has run, so that `migrate` and `runserver` alone make a working site."""

    def url(self, name: str | None, force: bool = False) -> str:
        if not self.hashed_files:
            return StaticFilesStorage.url(self, name)
        return str(super().url(name, force))


def collect(root: Path) -> None:
    """Run `collectstatic` into `root` when any static file changed since the last time."""
    stamp = root / STAMP
    found = _digest()
    if not stamp.exists() or stamp.read_text() != found:
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED)
        stamp.write_text(found)


def _digest() -> str:
    """Changes with the path, size or time of any static file that an app or the project brings."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
