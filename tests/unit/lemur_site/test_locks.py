"""The lock files pin what the requirements ask for, with hashes, and the larger one repeats the smaller one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
NAMES = ("requirements", "requirements-dev")


def pins(name: str) -> dict[str, str]:
    """The version of each package in a lock file."""
    lines = (ROOT / f"{name}.lock").read_text().splitlines()
    found = [re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([^ ;]+)", line) for line in lines]
    return {canonicalize_name(pin[1]): pin[2] for pin in found if pin}


def asked(name: str) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / f"{name}.txt").read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-r")]


@pytest.mark.parametrize("name", NAMES)
def test_every_requirement_is_pinned_as_asked(name: str) -> None:
    locked = pins(name)
    wrong = [str(r) for r in asked(name) if not r.specifier.contains(locked.get(canonicalize_name(r.name), "0"))]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_every_pin_has_a_hash(name: str) -> None:
    text = (ROOT / f"{name}.lock").read_text()
    without = re.findall(r"^([\w.-]+==\S+)(?: ;[^\\\n]*)?$", text, re.MULTILINE)
    assert without == []
    assert text.count("--hash=sha256:") >= len(pins(name))


def test_the_larger_lock_repeats_the_smaller_one() -> None:
    larger = pins("requirements-dev")
    assert {name: larger.get(name) for name in pins("requirements")} == pins("requirements")
