"""The linter's contracts name every module: its wildcards stand for whole names, so a new file could be left out."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from tests.architecture.source import PYPROJECT, Module, modules
from tests.architecture.test_layers import APPS, OF_REST_FRAMEWORK

BELOW_ENTRY_POINTS = {"filters"}  # decision 0006


def contract(name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = PYPROJECT["tool"]["importlinter"]["contracts"]
    return next(one for one in found if one["name"] == name)


def top(module: Module) -> str:
    """``certificates.service`` of certificates.service.orders."""
    return ".".join(module.name.split(".")[:2])


def entry_points() -> set[str]:
    """``views_orders`` and the like."""
    found = {top(module).partition(".")[2] for module in modules().values() if module.is_entry_point}
    assert len(found) > 20
    return found


def insides() -> set[str]:
    apart = (module for module in modules().values() if module.package in APPS and "." in module.name)
    return {top(module) for module in apart if not module.is_entry_point}


def test_entry_points_stand_above_all_insides() -> None:
    named = set(contract("Insides go down")["ignore_imports"])
    expected = {f"**.{name}{'.**' if name == 'management' else ''} -> **" for name in entry_points()}
    assert named == expected


def test_every_entry_point_is_kept_from_insides() -> None:
    named = set(contract("Nobody imports an entry point")["forbidden_modules"])
    assert named == {f"*.{name}" for name in entry_points() - BELOW_ENTRY_POINTS}


def test_every_inside_is_looked_at() -> None:
    for name, apart in (
        ("Nobody imports an entry point", set()),
        ("Insides speak neither HTTP nor Celery", OF_REST_FRAMEWORK),
    ):
        patterns = contract(name)["source_modules"]
        forgotten = {one for one in insides() if not any(fnmatchcase(one, pattern) for pattern in patterns)}
        assert forgotten == apart, name
        gone = {one for one in patterns if "*" not in one} - insides() - {"web"}
        assert not gone, name
