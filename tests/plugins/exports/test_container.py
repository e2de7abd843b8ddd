"""Passphrases and aliases of key containers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from plugins.exports.container import PATTERN, ContainerOptions, generate_passphrase
from plugins.options import OptionErrors, describe, parse
from plugins.testing import sample_pki


def test_a_generated_passphrase_is_long_random_and_passes_its_own_rule() -> None:
    made = {generate_passphrase() for _ in range(50)}
    assert len(made) == 50
    assert all(len(passphrase) == 24 and re.fullmatch(PATTERN, passphrase) for passphrase in made)


@pytest.mark.parametrize("good", ["Abcdef1!", "a1$aaaaa", "UAWOHW#&@%!tnwmxh832025"])
def test_a_good_passphrase_is_taken_as_it_is(good: str) -> None:
    assert parse(ContainerOptions, {"passphrase": good}).chosen_passphrase() == good


@pytest.mark.parametrize(
    "bad", ["Abcd1!", "abcdefgh1", "abcdefgh!", "12345678!", "Abcdef1! x", "Abcdéf1!", "Abcdef1!\u0663", "Abcdef1!\n"]
)
def test_a_bad_passphrase_is_refused_without_repeating_it(bad: str) -> None:
    with pytest.raises(OptionErrors) as caught:
        parse(ContainerOptions, {"passphrase": bad})
    assert list(caught.value.errors) == ["passphrase"]
    assert bad not in str(caught.value)


def test_no_passphrase_means_another_one_each_time() -> None:
    options = parse(ContainerOptions, {"passphrase": ""})
    assert options.chosen_passphrase() != options.chosen_passphrase()


def test_the_form_shows_the_rule_and_hides_the_value() -> None:
    passphrase, alias = describe(ContainerOptions)
    assert (passphrase["validation"], passphrase["sensitive"], passphrase["type"]) == (PATTERN, True, "str")
    assert (alias["name"], alias["required"], alias["sensitive"]) == ("alias", False, False)


@pytest.mark.parametrize(
    ("values", "alias"),
    [
        ({}, "www.example.org"),
        ({"alias": " my key "}, "my key"),
        ({"alias": "größe"}, "größe"),
        ({"alias": "a\u202eb\U0001f600c"}, "a?b?c"),
        ({"alias": "  "}, "sample"),
    ],
)
def test_the_alias_is_the_given_one_or_the_common_name(values: dict[str, Any], alias: str) -> None:
    assert parse(ContainerOptions, values).alias_for(sample_pki().bundle()) == alias


def test_an_alias_is_never_empty() -> None:
    bundle = replace(sample_pki().bundle(), name="")
    assert parse(ContainerOptions, {"alias": " "}).alias_for(bundle) == "certificate"
