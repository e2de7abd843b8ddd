"""Each name of the documentation that Lemur's users hold exists, takes the documented arguments, and is tested."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.urls import Resolver404, resolve

from certificates.models import Certificate
from tests.unit.certificates.seed import FUNCTIONS, MODEL, RESOURCES

TESTS = Path(__file__).parent.parent.parent
HERE = {"seed.py", "test_seed.py"}
CALLS = [(module, name, said) for module, functions in FUNCTIONS.items() for name, said in functions.items()]


@pytest.mark.parametrize(("module", "name", "said"), CALLS, ids=[f"{module}.{name}" for module, name, _ in CALLS])
def test_a_function_takes_the_documented_arguments(module: str, name: str, said: str) -> None:
    """In their order and by their names; what is ours besides need not be given."""
    function = getattr(importlib.import_module(module), name)
    documented = inspect.signature(eval(f"lambda {said[1:-1]}: None"))  # noqa: S307  from our own list
    ours = inspect.signature(function)
    plain = [one for one in documented.parameters.values() if one.kind is not one.VAR_KEYWORD]
    takes_any = any(one.kind is one.VAR_KEYWORD for one in ours.parameters.values())
    named_only = [one for one in ours.parameters.values() if one.kind is one.KEYWORD_ONLY]
    if any(one.kind is one.VAR_KEYWORD for one in documented.parameters.values()):
        assert takes_any or named_only
    else:
        ours.bind(*("x" for _ in plain))
    given = [one.name for one in ours.parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert given[: len(plain)] == [one.name for one in plain]
    for one in plain:
        assert one.default is one.empty or ours.parameters[one.name].default == one.default
    assert function.__doc__


@pytest.mark.parametrize("name", MODEL)
def test_an_attribute_exists(name: str) -> None:
    assert hasattr(Certificate, name)


@pytest.mark.parametrize("request_", RESOURCES)
def test_a_resource_answers(request_: str) -> None:
    method, _, address = request_.partition(" ")
    try:
        view = resolve(f"/api/1{address}").func
    except Resolver404:
        pytest.fail(f"there is no {address}")
    assert method.lower() in view.actions


def test_the_module_of_errors() -> None:
    errors = importlib.import_module("certificates.exceptions")
    assert all(issubclass(getattr(errors, name), Exception) for name in errors.__all__)


@cache
def _sources() -> str:
    return "\n".join(path.read_text() for path in TESTS.rglob("test_*.py") if path.name not in HERE)


def _used(name: str) -> Iterator[re.Match[str]]:
    yield from re.finditer(rf"(?:service|models|verify|naming)?\.?\b{name}\(", _sources())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for _, name, _ in CALLS])
def test_a_function_is_called_by_a_test(name: str) -> None:
    assert any(_used(name)), f"no test calls {name}"


@pytest.mark.parametrize("name", MODEL)
def test_an_attribute_is_looked_at_by_a_test(name: str) -> None:
    assert re.search(rf"\.{name}\b|[\"']{name}[\"']|\b{name}=", _sources()), f"no test looks at {name}"
