"""Plugin options: what is parsed, what is refused and how, and how they are described."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, Field, HttpUrl, Secret, SecretBytes, SecretStr, ValidationError, model_validator

from plugins.errors import Misconfigured
from plugins.options import NoOptions, OptionErrors, PluginOptions, describe, dump, dump_secrets, parse, secret_names


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def no_x(value: SecretStr) -> SecretStr:
    if "x" in value.get_secret_value():
        raise ValueError(f"{value.get_secret_value()} has an x.")
    return value


class Sample(PluginOptions):
    mount: str = "pki"
    url: HttpUrl = Field(title="Base URL")
    token: SecretStr = Field(min_length=4, description="API token")
    pin: Annotated[SecretStr, AfterValidator(no_x)] | None = None
    raw: SecretBytes | None = None
    role: str = Field("web", pattern=r"^(?=.*[a-z])[a-z-]+$", max_length=8)
    profile: Literal["server", "client"] = "server"
    colour: Colour | None = None
    timeout: int = Field(10, ge=1, le=60, description="Seconds")
    verify_tls: bool = True
    notes: str | None = Field(None, json_schema_extra={"type": "textarea"})


GOOD = {"url": "https://ca.example.org/", "token": "sesame"}


def errors_of(values: Any, cls: type[PluginOptions] = Sample) -> dict[str, str]:
    with pytest.raises(OptionErrors) as caught:
        parse(cls, values)
    return caught.value.errors


def test_a_mapping_is_parsed_by_wire_names_and_forms_may_send_text() -> None:
    options = parse(Sample, {**GOOD, "timeout": "30", "verifyTls": "false", "colour": "red"})
    assert (options.timeout, options.verify_tls, options.colour) == (30, False, Colour.RED)
    assert options.token.get_secret_value() == "sesame"
    assert (options.mount, options.profile, options.notes) == ("pki", "server", None)


def test_of_lemurs_list_only_name_and_value_are_believed() -> None:
    options = parse(
        Sample,
        [
            {"name": "url", "value": "https://ca.example.org/", "type": "int", "required": False},
            {"name": "token", "value": "sesame", "sensitive": False},
            {"name": "profile", "value": "client", "available": ["anything"]},
            {"name": "role", "helpMessage": "no value at all", "validation": "^x$"},
        ],
    )
    assert (options.profile, options.role) == ("client", "web")


@pytest.mark.parametrize("nothing", [None, {}, [], ()])
def test_nothing_given_is_fine_where_nothing_is_required(nothing: Any) -> None:
    assert parse(NoOptions, nothing) == NoOptions()


@pytest.mark.parametrize("blank", [None, ""])
def test_null_and_empty_text_mean_not_given(blank: Any) -> None:
    assert parse(Sample, {**GOOD, "role": blank, "notes": blank, "pin": blank}) == parse(Sample, GOOD)
    assert errors_of({**GOOD, "token": blank}) == {"token": "Option 'token' is required."}


def test_every_bad_option_gets_one_message() -> None:
    assert errors_of(
        {"url": "nonsense", "profile": "x", "colour": "green", "timeout": "abc", "typo": 1, "role": "A"}
    ) == {
        "typo": "There is no option 'typo'; there are: mount, url, token, pin, raw, role, profile, colour, timeout, "
        "verifyTls, notes.",
        "url": "Option 'url' cannot be validated: Input should be a valid URL, relative URL without a base.",
        "token": "Option 'token' is required.",
        "role": "Option 'role' cannot be validated: String should match pattern '^(?=.*[a-z])[a-z-]+$'.",
        "profile": "Option 'profile' doesn't match available options: 'server' or 'client'.",
        "colour": "Option 'colour' doesn't match available options: 'red' or 'blue'.",
        "timeout": "Option 'timeout' cannot be validated: Input should be a valid integer, unable to parse string as "
        "an integer.",
    }


def test_an_error_stands_under_the_wire_name_and_the_python_name_is_none() -> None:
    assert list(errors_of({**GOOD, "verifyTls": "perhaps"})) == ["verifyTls"]
    assert list(errors_of({**GOOD, "verify_tls": False})) == ["verify_tls"]


def test_an_unknown_name_is_shown_short_and_printable() -> None:
    name = "a\r\n" + "b" * 100
    assert errors_of({name: 1}, NoOptions) == {name: f"There is no option 'a??{'b' * 61}'; there are none."}


@pytest.mark.parametrize("shape", ["text", 5, ["type"], [{"value": 1}], [{"name": 1, "value": 2}], {1: 2}, [None]])
def test_any_other_shape_is_refused(shape: Any) -> None:
    assert list(errors_of(shape)) == [""]


def test_an_option_given_twice_is_refused() -> None:
    twice = [{"name": "mount", "value": "a"}, {"name": "mount", "value": "b"}]
    assert errors_of(twice) == {"mount": "Option 'mount' is given twice."}


def test_line_breaks_belong_into_long_texts_only() -> None:
    assert parse(Sample, {**GOOD, "notes": "one\ntwo"}).notes == "one\ntwo"
    assert errors_of({**GOOD, "mount": "pki\r\nX: y", "role": "role\n"}).keys() == {"mount", "role"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("token", "abc"), ("pin", "hunter2x"), ("token", ["hunter2x"]), ("token", "hunter2x\n"), ("pin", {"hunter2x": 1})],
)
def test_no_error_quotes_a_secret(name: str, value: Any) -> None:
    with pytest.raises(OptionErrors) as caught:
        parse(Sample, {**GOOD, name: value})
    error = caught.value
    assert list(error.errors) == [name]
    assert error.__cause__ is None
    for shown in (str(error), repr(error), str(error.errors)):
        assert "hunter2x" not in shown
        assert "abc" not in shown


def test_a_complaint_about_several_options_together_has_no_name_and_no_secret() -> None:
    class Both(PluginOptions):
        user: str
        password: SecretStr

        @model_validator(mode="after")
        def differ(self) -> Both:
            if self.user == self.password.get_secret_value():
                raise ValueError(f"user and password are both {self.user}")
            return self

    assert errors_of({"user": "hunter2", "password": "hunter2"}, Both) == {"": "the value is not accepted."}


def test_option_errors_are_misconfigurations_with_a_readable_text() -> None:
    error = OptionErrors({"a": "First.", "b": "Second."})
    assert isinstance(error, Misconfigured)
    assert (str(error), error.message) == ("First. Second.", "First. Second.")


def test_options_are_frozen_and_share_nothing() -> None:
    alice = parse(Sample, {**GOOD, "token": "alice-secret"})
    with pytest.raises(ValidationError):
        alice.mount = "other"  # type: ignore[misc]
    bob = parse(Sample, GOOD)
    assert bob.token.get_secret_value() == "sesame"
    assert "alice-secret" not in repr((alice, describe(Sample), Sample.model_fields))


def test_the_description_is_lemurs_plugin_options_required_first() -> None:
    assert describe(Sample) == [
        {"name": "url", "type": "str", "required": True, "helpMessage": "Base URL", "sensitive": False},
        {"name": "token", "type": "str", "required": True, "helpMessage": "API token", "sensitive": True},
        {"name": "mount", "type": "str", "required": False, "helpMessage": "", "sensitive": False, "default": "pki"},
        {"name": "pin", "type": "str", "required": False, "helpMessage": "", "sensitive": True},
        {"name": "raw", "type": "str", "required": False, "helpMessage": "", "sensitive": True},
        {
            "name": "role",
            "type": "str",
            "required": False,
            "helpMessage": "",
            "sensitive": False,
            "validation": r"^(?=.*[a-z])[a-z-]+$",
            "default": "web",
        },
        {
            "name": "profile",
            "type": "select",
            "required": False,
            "helpMessage": "",
            "sensitive": False,
            "available": ["server", "client"],
            "default": "server",
        },
        {
            "name": "colour",
            "type": "select",
            "required": False,
            "helpMessage": "",
            "sensitive": False,
            "available": ["red", "blue"],
        },
        {
            "name": "timeout",
            "type": "int",
            "required": False,
            "helpMessage": "Seconds",
            "sensitive": False,
            "default": 10,
        },
        {
            "name": "verifyTls",
            "type": "bool",
            "required": False,
            "helpMessage": "",
            "sensitive": False,
            "default": True,
        },
        {"name": "notes", "type": "textarea", "required": False, "helpMessage": "", "sensitive": False},
    ]


def test_changing_a_description_changes_nothing_else() -> None:
    described = describe(Sample)
    described[0]["value"] = "left behind"
    described[6]["available"].append("root")
    assert "value" not in describe(Sample)[0]
    assert describe(Sample)[6]["available"] == ["server", "client"]


def test_the_default_of_a_secret_is_not_described() -> None:
    class Defaulted(PluginOptions):
        password: SecretStr = SecretStr("changeit")
        pair: Secret[str] | None = None

    assert secret_names(Defaulted) == {"password", "pair"}
    assert "default" not in describe(Defaulted)[0]
    assert "changeit" not in str(describe(Defaulted))


def test_what_no_form_can_show_is_a_fault_of_the_plugin() -> None:
    class Nested(PluginOptions):
        headers: dict[str, str] = {}

    with pytest.raises(TypeError, match="Option 'headers' has a type that no form can show"):
        describe(Nested)


def test_secrets_are_kept_apart_when_options_are_stored() -> None:
    options = parse(Sample, {**GOOD, "pin": "1234", "raw": "bytes", "colour": "blue"})
    assert secret_names(Sample) == {"token", "pin", "raw"}
    assert dump(options) == {
        "mount": "pki",
        "url": "https://ca.example.org/",
        "role": "web",
        "profile": "server",
        "colour": "blue",
        "timeout": 10,
        "verifyTls": True,
    }
    assert dump_secrets(options) == {"token": "sesame", "pin": "1234", "raw": "bytes"}


printable = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


@settings(max_examples=60)
@given(
    mount=printable,
    token=printable.filter(lambda text: len(text) >= 4),
    timeout=st.integers(1, 60),
    verify=st.booleans(),
    profile=st.sampled_from(["server", "client"]),
)
def test_what_is_stored_parses_back(mount: str, token: str, timeout: int, verify: bool, profile: str) -> None:
    wire = {**GOOD, "mount": mount, "token": token, "timeout": timeout, "verifyTls": verify, "profile": profile}
    options = parse(Sample, wire)
    assert parse(Sample, dump(options) | dump_secrets(options)) == options
    assert parse(Sample, [{"name": n, "value": v} for n, v in wire.items()]) == options


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from([*(o["name"] for o in describe(Sample)), "other"]), json_values) | json_values)
def test_no_input_raises_anything_else(values: Any) -> None:
    errors: dict[str, str] = {"": "."}
    try:
        parse(Sample, values)
    except OptionErrors as error:
        errors = error.errors
    assert errors
    assert all(message.endswith(".") for message in errors.values())


def even(value: int) -> int:
    if value % 2:
        raise ValueError("it must be even")
    return value


class Odd(PluginOptions):
    retry_after: Annotated[int, AfterValidator(even)] = Field(1, validate_default=True)


def test_a_default_that_is_refused_has_its_name_on_the_wire() -> None:
    with pytest.raises(OptionErrors) as caught:
        parse(Odd, {})
    assert caught.value.errors == {"retryAfter": "Option 'retryAfter' cannot be validated: it must be even."}
