"""What a function does to the database and the world, itself and through whatever of the product it calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.architecture.source import Module, Ref, called, dotted_name, function, is_call_of, modules

COMMITTING = "core.commits.committing"
ATOMIC = "django.db.transaction.atomic"
RECORD = "core.audit.record"
OUTSIDE = "core.failpoints.around"

WRITES = {"save", "delete", "create", "update", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
WRITES_OF_RELATIONS = {"add", "remove", "set", "clear"}
WRITES_OF_JOBS = {"succeed", "fail", "wait", "doubt"}
WITH_NAMES_ONLY = {"create", "update"}  # of querysets; those of views, dictionaries and hashes take positions


class Effect(NamedTuple):
    """``kind``: writes, records, asks (a permission), atomic, outside. ``guarded``: within ``committing``."""

    kind: str
    at: str
    function: Ref
    guarded: bool

    def __str__(self) -> str:
        return f"{self.at} {self.kind}"


def is_guarded(ref: Ref) -> bool:
    """Is the whole function one transaction of :func:`core.commits.committing`?"""
    return any(is_call_of(ref.source, decorator, COMMITTING) for decorator in ref.node.decorator_list)


def effects(ref: Ref, *, guarded: bool = False) -> list[Effect]:
    """In the order of the source, each once."""
    return list(dict.fromkeys(_effects(ref, guarded, frozenset())))


def _effects(ref: Ref, guarded: bool, above: frozenset[Ref]) -> Iterator[Effect]:
    guarded = guarded or is_guarded(ref)
    if ref not in above:
        for effect, callee, within in own(ref, guarded):
            if effect is not None:
                yield effect
            if callee is not None:
                yield from _effects(callee, within, above | {ref})


@cache
def own(ref: Ref, guarded: bool) -> list[tuple[Effect | None, Ref | None, bool]]:
    """What the function does itself, and whom it calls, in the order of the source."""
    found: list[tuple[Effect | None, Ref | None, bool]] = []
    for node, within in _calls(ref.source, ref.node.body, guarded):
        kind = kind_of(ref.source, node)
        effect = Effect(kind, ref.source.at(node), ref, within) if kind else None
        found.append((effect, _callee(ref, node), within))
    return found


def _calls(module: Module, nodes: list[ast.stmt] | list[ast.AST], guarded: bool) -> Iterator[tuple[ast.Call, bool]]:
    for node in nodes:
        if isinstance(node, ast.With):
            within = guarded or any(is_call_of(module, item.context_expr, COMMITTING) for item in node.items)
            yield from _calls(module, [item.context_expr for item in node.items], guarded)
            yield from _calls(module, node.body, within)
            continue
        yield from _calls(module, list(ast.iter_child_nodes(node)), guarded)
        if isinstance(node, ast.Call):
            yield node, guarded


def _callee(ref: Ref, node: ast.Call) -> Ref | None:
    callee = function(called(ref.source, node))
    inside = callee is not None and callee.module not in ("core.audit", "core.commits", "core.failpoints")
    return callee if inside else None


def kind_of(module: Module, node: ast.Call) -> str:
    """What one call does; "" if nothing that matters here."""
    known = {RECORD: "records", ATOMIC: "atomic", OUTSIDE: "outside"}
    if kind := known.get(called(module, node)):
        return kind
    if not isinstance(node.func, ast.Attribute):
        return ""
    method, receiver = node.func.attr, node.func.value
    if method in ("require", "can") and "permissions" in ast.unparse(receiver):
        return "asks"
    if method in WITH_NAMES_ONLY and node.args:
        return ""
    return "writes" if _is_write(module, method, receiver) else ""


def _is_write(module: Module, method: str, receiver: ast.expr) -> bool:
    if isinstance(receiver, ast.Name) and dotted_name(module, receiver) in modules():
        return False  # a function of the product: followed, not judged by its name
    if method in WRITES_OF_RELATIONS:
        return isinstance(receiver, ast.Attribute)  # user.roles.add, but not names.add
    return method in WRITES | WRITES_OF_JOBS


def scopes() -> Iterator[tuple[str, Ref, list[ast.stmt]]]:
    """Every transaction of a verb: where, in which function, and what is done in it."""
    for module in modules().values():
        for name in module.functions:
            ref = Ref(module.name, name)
            if is_guarded(ref):
                yield module.at(ref.node), ref, ref.node.body
            for node in ast.walk(ref.node):
                if isinstance(node, ast.With) and any(
                    is_call_of(module, item.context_expr, COMMITTING) for item in node.items
                ):
                    yield module.at(node), ref, node.body


def calls_in(ref: Ref, nodes: list[ast.stmt]) -> Iterator[tuple[str, Ref | None]]:
    """What is called there: its full name, and the function if it is one of ours."""
    for node in nodes:
        for call in ast.walk(node):
            if isinstance(call, ast.Call):
                yield called(ref.source, call), _callee(ref, call)
