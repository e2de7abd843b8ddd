"""Small files and functions: what ruff does not count."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from statistics import median

from tests.architecture.source import Function, Module, modules

LINES_OF_A_FILE, LINES_OF_A_FUNCTION, USUAL_FUNCTION = 400, 40, 10


def functions() -> Iterator[tuple[Module, Function, int]]:
    for module in modules().values():
        for node in ast.walk(module.tree):
            if isinstance(node, Function):
                yield module, node, (node.end_lineno or 0) - node.lineno + 1


def test_files_are_short() -> None:
    long = {
        m.name: lines for m in modules().values() if (lines := len(m.path.read_text().splitlines())) > LINES_OF_A_FILE
    }
    assert not long


def test_functions_are_short() -> None:
    long = [f"{module.at(node)} {node.name}: {n} lines" for module, node, n in functions() if n > LINES_OF_A_FUNCTION]
    assert not long, "\n".join(long)


def test_most_functions_are_very_short() -> None:
    assert median(lines for _, _, lines in functions()) < USUAL_FUNCTION
