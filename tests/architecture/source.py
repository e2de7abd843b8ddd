"""The product's source as the structural tests read it: modules, what their names stand for, and who calls whom."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
# From the bottom up. Those on one level, written "a | b", do not use each other.
LAYERS: list[list[str]] = [
    [name.strip() for name in level.split("|")]
    for level in reversed(PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"])
]
PACKAGES = [name for level in LAYERS for name in level]
HEIGHT = {name: height for height, level in enumerate(LAYERS) for name in level}

ENTRY_POINTS = {"api", "views", "admin", "tasks", "management", "serializers", "filters", "forms", "urls"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Module:
    """A source file. ``names`` maps what it imports to the full dotted name of that."""

    name: str
    path: Path
    tree: ast.Module
    names: dict[str, str]
    functions: dict[str, Function]

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def kind(self) -> str:
        """What sort of module of its package it is: ``views``, ``service``, ``models`` …; "" for the package.

        ``api_orders`` is a part of the app's ``api``.
        """
        name = [*self.name.split("."), ""][1]
        first = name.partition("_")[0]
        return first if first in ENTRY_POINTS else name

    @property
    def is_entry_point(self) -> bool:
        return self.kind in ENTRY_POINTS and self.package not in ("web", "lemur_site", "plugins", "pki")

    def at(self, node: ast.AST) -> str:
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


@cache
def modules() -> dict[str, Module]:
    """Every module of the product but migrations, by dotted name."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {m.name: m for m in map(_module, paths) if ".migrations" not in m.name}


def _module(path: Path) -> Module:
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    tree = ast.parse(path.read_text())
    return Module(dotted, path, tree, dict(_imported(tree)), dict(_functions(tree)))


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)


def _functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{part.name}", part) for part in node.body if isinstance(part, Function))


def imports(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Each thing that a module imports, with the statement: modules by their name, the rest as module.name."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)


def is_within(dotted: str, *packages: str) -> bool:
    """Is this one of those, or something in one of them?"""
    return any(dotted == package or dotted.startswith(f"{package}.") for package in packages)


class Ref(NamedTuple):
    """A function or method of the product."""

    module: str
    function: str

    def __str__(self) -> str:
        return f"{self.module}.{self.function}"

    @property
    def source(self) -> Module:
        return modules()[self.module]

    @property
    def node(self) -> Function:
        return self.source.functions[self.function]

    @property
    def public(self) -> bool:
        return not self.function.rpartition(".")[2].startswith("_")

    @property
    def parameters(self) -> set[str]:
        arguments = self.node.args
        return {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def dotted_name(module: Module, node: ast.AST) -> str:
    """What an expression such as ``service.create`` stands for, in full; "" if it is no name of a module."""
    if isinstance(node, ast.Name):
        return module.names.get(node.id, f"{module.name}.{node.id}")
    if isinstance(node, ast.Attribute) and (value := dotted_name(module, node.value)):
        return f"{value}.{node.attr}"
    return ""


def function(dotted: str) -> Ref | None:
    """The function of the product with this name, also where a package exports it again under its own."""
    parts = dotted.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = modules().get(".".join(parts[:cut]))
        if module is not None:
            rest = ".".join(parts[cut:])
            if rest in module.functions:
                return Ref(module.name, rest)
            again = module.names.get(parts[cut])
            return function(".".join([again, *parts[cut + 1 :]])) if again and again != dotted else None
    return None


def called(module: Module, node: ast.Call) -> str:
    """The full name of what is called; "" if it is a method of some value."""
    found = function(name := dotted_name(module, node.func))
    return str(found) if found else name


def is_call_of(module: Module, node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and called(module, node) in names
