"""What a tag may be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.tags import LONGEST, MOST, normal_tags, typed_tags
from core.errors import Invalid


@pytest.mark.parametrize(
    ("given", "tags"),
    [
        ([], ()),
        (["env:prod"], ("env:prod",)),
        (["  Env:PROD\n", "env:prod"], ("env:prod",)),
        (["team/web", "a.b-c_d", "7"], ("7", "a.b-c_d", "team/web")),
        (["x" * LONGEST], ("x" * LONGEST,)),
    ],
)
def test_each_is_there_once_in_small_letters(given: list[str], tags: tuple[str, ...]) -> None:
    assert normal_tags(given) == tags


@pytest.mark.parametrize(
    "text",
    ["", " ", "two words", "a,b", "x" * (LONGEST + 1), "größe", "\u212aelvin", "a\0b", "a\u00a0", "<b>", "a\nb", "%"],
)
def test_what_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        normal_tags(["fine", text])
    (sentence,) = refused.value.reasons.values()
    assert set(refused.value.reasons) == {"tags"}
    assert "is no tag: use 1 to 64 letters a to z, digits" in sentence
    assert sentence.isprintable()
    assert len(sentence) < 500


def test_there_is_a_most() -> None:
    assert len(normal_tags([str(number) for number in range(MOST)])) == MOST
    with pytest.raises(Invalid, match="Validation Error") as refused:
        normal_tags([str(number) for number in range(MOST + 1)])
    assert refused.value.reasons == {"tags": "A certificate has at most 50 tags; leave some out."}


@given(st.text())
def test_whatever_is_typed_is_taken_or_refused(text: str) -> None:
    try:
        found = normal_tags(typed_tags(text))
    except Invalid:
        return
    assert all(re.fullmatch(r"[a-z0-9._:/-]{1,64}", tag, re.ASCII) for tag in found)
    assert normal_tags(typed_tags(", ".join(found))) == found


def test_several_are_typed_with_anything_between() -> None:
    assert typed_tags(" env:prod, team/web\r\npci,,cdn ") == ["env:prod", "team/web", "pci", "cdn"]
