"""The names of all failpoints, read from the source, so that none is forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = (
    "accounts",
    "authorities",
    "certificates",
    "core",
    "lemur_site",
    "lifecycle",
    "notifications",
    "pki",
    "plugins",
    "stores",
    "web",
)
# What a call with a name makes of it.
MAKERS = {
    "failpoint": ("",),
    "around": (".before", ".after"),
    "committing": (".before-commit", ".after-commit"),
}
DEFINED_IN = ("core/commits.py", "core/failpoints.py")


def collect() -> list[str]:
    """Every failpoint, sorted; one that two places share is there twice."""
    return sorted(name for path in _sources() for name in names_in(path.read_text(), str(path.relative_to(ROOT))))


def names_in(source: str, path: str) -> Iterator[str]:
    """Those of one file. A name that is not written out could not be armed, so there must be none."""
    if not any(f"{maker}(" in source for maker in MAKERS):
        return
    for node in ast.walk(ast.parse(source)):
        maker = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and maker in MAKERS:
            match node.args:
                case [ast.Constant(value=str(name)), *_]:
                    yield from (name + ending for ending in MAKERS[maker])
                case _:
                    pytest.fail(f"{path}:{node.lineno}: write the name that {maker}() is given out, as a string")


def place(name: str) -> str:
    """What a failpoint is before or after: the verb or call."""
    return name.rpartition(".")[0]


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (p for p in sorted((ROOT / package).rglob("*.py")) if str(p.relative_to(ROOT)) not in DEFINED_IN)


NAMES = collect()
