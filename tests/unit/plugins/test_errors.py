"""Which plugin error is what, and how refusals of `pki` become one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pki.errors import BadContainer
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary, refusing


def test_a_misconfiguration_is_permanent_and_a_temporary_error_is_not() -> None:
    assert issubclass(Misconfigured, Permanent)
    assert not issubclass(Temporary, Permanent)
    assert issubclass(Temporary, PluginError)


def test_a_temporary_error_may_say_when_to_come_back() -> None:
    assert Temporary("Too many requests.").retry_after is None
    assert Temporary("Too many requests.", retry_after=timedelta(minutes=5)).retry_after == timedelta(minutes=5)


def test_what_pki_refuses_is_permanent() -> None:
    with pytest.raises(Permanent) as caught, refusing("'web' cannot be exported"):
        raise BadContainer("No.")
    assert caught.value.message == "'web' cannot be exported: No."
    assert isinstance(caught.value.__cause__, BadContainer)


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), refusing("anything"):
        raise KeyError("x")
