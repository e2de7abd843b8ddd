"""Files of other projects are what their makers published: each folder's SHA256SUMS says so, and names every file."""

from __future__ import annotations

import hashlib

import pytest

from tests.system.installation import ROOT


@pytest.mark.parametrize("folder", ["static/vendor", "tests/ui/vendor"])
def test_vendored_files_are_unchanged(folder: str) -> None:
    lines = (ROOT / folder / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    there = {str(path.relative_to(ROOT / folder)): path for path in (ROOT / folder).rglob("*") if path.is_file()}
    del there["SHA256SUMS"]
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in there.items()} == listed
