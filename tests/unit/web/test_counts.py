"""Large counts are remembered, small ones are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from web import counts
from web.counts import remembered


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setattr(counts, "COUNTED_EXACTLY", 10)
    answers: Iterator[int] = iter([5, 20, 30, 40])

    def ask(question: object = "rows") -> int:
        return remembered(question, lambda: next(answers), size=int, seconds=60)

    return ask


def test_a_small_count_is_made_again(ask: Callable[..., int]) -> None:
    assert [ask(), ask()] == [5, 20]


def test_a_large_count_is_remembered_for_its_question(ask: Callable[..., int]) -> None:
    assert [ask(), ask(), ask(), ask(("other", 1)), ask()] == [5, 20, 20, 30, 20]


def test_an_empty_answer_is_an_answer() -> None:
    assert remembered("nothing", dict, size=len, seconds=60) == {}
