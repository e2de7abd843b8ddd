"""Names on the wire and in Python."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.spelling import camel, snake

WORD = st.from_regex(r"[a-z][a-z0-9]*", fullmatch=True)


@pytest.mark.parametrize(
    ("wire", "python"),
    [
        ("subAltNames", "sub_alt_names"),
        ("includeSKI", "include_ski"),
        ("cRLDistributionPoints", "c_rl_distribution_points"),  # contract 1.2
        ("useEapOverLAN", "use_eap_over_lan"),
        ("useOCSPSigning", "use_ocsp_signing"),
        ("notAfter__lte", "not_after__lte"),
        ("owner", "owner"),
        ("already_snake", "already_snake"),
        ("", ""),
    ],
)
def test_snake(wire: str, python: str) -> None:
    assert snake(wire) == python


@pytest.mark.parametrize(
    ("python", "wire"),
    [
        ("sub_alt_names", "subAltNames"),
        ("_schema", "_schema"),
        ("Schema", "Schema"),
        ("notAfter", "notAfter"),
        ("", ""),
    ],
)
def test_camel(python: str, wire: str) -> None:
    assert camel(python) == wire


@given(st.lists(WORD, min_size=1, max_size=5).map("_".join))
def test_camel_is_stable(name: str) -> None:
    assert camel(camel(name)) == camel(name)


@given(st.lists(st.from_regex(r"[a-z]{2,6}", fullmatch=True), min_size=1, max_size=5).map("_".join))
def test_snake_undoes_camel(name: str) -> None:
    assert snake(camel(name)) == name


@given(st.text(max_size=200))
def test_any_text_has_a_spelling(text: str) -> None:
    assert snake(snake(text)) == snake(text)
    assert isinstance(camel(text), str)
