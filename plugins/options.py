"""A plugin's options, declared once as a frozen pydantic model: parsed from what people send, described for who asks.

On the wire an option has its camelCase name (`verify_tls` is `verifyTls`). A value of null or "" means "not given", as
it does in a form. Options of one of pydantic's secret types are secrets: nothing here shows their value but
`dump_secrets`. Options that say where secrets are sent are marked as targets.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Secret, SecretBytes, SecretStr, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from plugins.errors import Misconfigured

SECRET_TYPES = (Secret, SecretStr, SecretBytes)
TYPE_NAMES = {"string": "str", "integer": "int", "number": "str", "boolean": "bool", "textarea": "textarea"}
TEXTAREA: Final[dict[str, Any]] = {"type": "textarea"}
"""`Field(json_schema_extra=TEXTAREA)`: a text of several lines."""
TARGET: Final[dict[str, Any]] = {"target": True}
"""`json_schema_extra` of an option that says where one connects: host, port, URL. Stored secrets are for that place."""
SHAPE = 'Options are an object, or a list of objects with a "name" and a "value".'


class PluginOptions(BaseModel):
    """Base of every plugin's `Options`. A text of several lines is `Field(json_schema_extra=TEXTAREA)`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        regex_engine="python-re",  # the other engine has no look-ahead, which Lemur's patterns use
    )


class NoOptions(PluginOptions):
    """For plugins with nothing to configure."""


Options = TypeVar("Options", bound=PluginOptions)


class OptionErrors(Misconfigured):
    """`errors` holds one sentence per option, by wire name; "" stands for the options as a whole."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


def parse(cls: type[Options], values: Mapping[str, Any] | Sequence[Any] | None) -> Options:
    """From a mapping, or Lemur's list of `{"name", "value", …}` of which nothing else is believed. OptionErrors."""
    given = by_name(values)
    known = _fields(cls)
    errors = {name: _unknown(name, known) for name in given if name not in known}
    for name in given.keys() & known.keys():
        if _types(cls)[name] != "textarea" and _has_control_character(given[name]):
            errors[name] = (
                f"Option '{name}' cannot be validated: it contains a line break or another control character."
            )
    try:
        options = cls.model_validate({n: v for n, v in given.items() if n not in errors}, by_alias=True, by_name=False)
    except ValidationError as error:
        secrets = [str(given[name]) for name in secret_names(cls) & given.keys()]
        raise OptionErrors(errors | _messages(cls, error, secrets, skip=errors)) from None
    if errors:
        raise OptionErrors(errors)
    return options


@cache
def _types(cls: type[PluginOptions]) -> dict[str, str]:
    return {option["name"]: option["type"] for option in describe(cls)}


def describe(cls: type[PluginOptions]) -> list[dict[str, Any]]:
    """Lemur's `pluginOptions`, the required ones first; a new list each time.

    Each has name, type (str, int, bool, select, textarea), required, helpMessage, sensitive, and where there is one
    validation, available, default. TypeError for a field no form could show.
    """
    return [_copy(option) for option in _described(cls)]


def _copy(option: Mapping[str, Any]) -> dict[str, Any]:
    """With lists of its own; ``deepcopy`` takes ten times as long, and lists of certificates describe many options."""
    return {name: [*value] if isinstance(value, list) else value for name, value in option.items()}


@cache
def _described(cls: type[PluginOptions]) -> list[dict[str, Any]]:
    schema = cls.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    options = [
        _describe_one(name, field, _resolve(schema["properties"][name], schema), required=name in required)
        for name, field in _fields(cls).items()
    ]
    return sorted(options, key=lambda option: not option["required"])


def secret_names(cls: type[PluginOptions]) -> frozenset[str]:
    """Wire names of the secret options."""
    return frozenset(name for name, field in _fields(cls).items() if _is_secret(field))


def target_names(cls: type[PluginOptions]) -> frozenset[str]:
    """Wire names of the options that say where one connects."""
    return frozenset(name for name, field in _fields(cls).items() if _is_target(field))


def _is_target(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("target"))


def values(options: PluginOptions) -> dict[str, Any]:
    """All of them by wire name as they are compared, secrets included: not to be shown."""
    return {**dump(options), **dump_secrets(options)}


def dump(options: PluginOptions) -> dict[str, Any]:
    """JSON values by wire name, secrets left out: what may be stored in the clear and shown."""
    values: dict[str, Any] = options.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {name: value for name, value in values.items() if name not in secret_names(type(options))}


def dump_secrets(options: PluginOptions) -> dict[str, str]:
    """The secrets that are set, by wire name: to be sealed at once. With `dump` it parses back to equal options."""
    found = {}
    for attribute, field in type(options).model_fields.items():
        value = getattr(options, attribute)
        if _is_secret(field) and value is not None:
            text = value.get_secret_value()
            found[_wire_name(attribute, field)] = text.decode() if isinstance(text, bytes) else str(text)
    return found


def _wire_name(attribute: str, field: FieldInfo) -> str:
    return field.alias or attribute


def _fields(cls: type[PluginOptions]) -> dict[str, FieldInfo]:
    return {_wire_name(attribute, field): field for attribute, field in cls.model_fields.items()}


def emptied(values: Mapping[str, Any] | Sequence[Any] | None) -> frozenset[str]:
    """The names whose value is "", which takes away a stored secret; null keeps it. OptionErrors as `by_name`."""
    return frozenset(name for name, value in _pairs({} if values is None else values) if value == "")


def by_name(values: Mapping[str, Any] | Sequence[Any] | None) -> dict[str, Any]:
    """What is given, from a mapping or Lemur's list; null and "" are not given. OptionErrors if it is neither."""
    pairs: dict[str, Any] = {}
    for name, value in _pairs({} if values is None else values):
        if name in pairs:
            raise OptionErrors({name: f"Option '{_shown(name)}' is given twice."})
        pairs[name] = value
    return {name: value for name, value in pairs.items() if value is not None and value != ""}


def _pairs(values: Mapping[str, Any] | Sequence[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(values, Mapping):
        entries: list[Any] = [{"name": name, "value": value} for name, value in values.items()]
    elif isinstance(values, list | tuple):
        entries = list(values)
    else:
        raise OptionErrors({"": SHAPE})
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            raise OptionErrors({"": SHAPE})
        yield entry["name"], entry.get("value")


def _unknown(name: str, known: Mapping[str, FieldInfo]) -> str:
    if not known:
        return f"There is no option '{_shown(name)}'; there are none."
    return f"There is no option '{_shown(name)}'; there are: {', '.join(known)}."


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:64])


def _has_control_character(value: object) -> bool:
    return isinstance(value, str) and any(unicodedata.category(c) == "Cc" for c in value)


def _messages(
    cls: type[PluginOptions], error: ValidationError, secrets: Sequence[str], skip: Mapping[str, str]
) -> dict[str, str]:
    """The first complaint about each option; one that quotes a secret is replaced."""
    found: dict[str, str] = {}
    wire = {attribute: _wire_name(attribute, field) for attribute, field in cls.model_fields.items()}
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        name = wire.get(name, name)  # of a default that is refused pydantic tells the attribute
        reason = detail["msg"].removeprefix("Value error, ").rstrip(".")
        if any(secret in reason for secret in secrets):
            reason = "the value is not accepted"
        if name not in skip:
            found.setdefault(name, _message(name, detail["type"], reason))
    return found


def _message(name: str, kind: str, reason: str) -> str:
    match kind:
        case "missing":
            return f"Option '{name}' is required."
        case "literal_error" | "enum":
            return f"Option '{name}' doesn't match available options: {reason.removeprefix('Input should be ')}."
    return f"Option '{name}' cannot be validated: {reason}." if name else f"{reason}."


def _resolve(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """One property of a JSON schema without its references and without the alternative null."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rsplit("/", 1)[-1]] | {k: v for k, v in part.items() if k != "$ref"}
    arms = [arm for arm in part.get("anyOf", []) if arm.get("type") != "null"]
    if len(arms) == 1:
        part = _resolve(arms[0], schema) | {k: v for k, v in part.items() if k != "anyOf"}
    return part


def _describe_one(name: str, field: FieldInfo, part: dict[str, Any], *, required: bool) -> dict[str, Any]:
    choices = part.get("enum", [part["const"]] if "const" in part else None)
    kind = "select" if choices else TYPE_NAMES.get(part.get("type", ""))
    if kind is None:
        raise TypeError(f"Option '{name}' has a type that no form can show: {field.annotation!r}.")
    option: dict[str, Any] = {
        "name": name,
        "type": kind,
        "required": required,
        "helpMessage": field.description or field.title or "",
        "sensitive": _is_secret(field),
    }
    if choices:
        option["available"] = list(choices)
    if "pattern" in part:
        option["validation"] = part["pattern"]
    if part.get("default") is not None and not option["sensitive"]:
        option["default"] = json.loads(json.dumps(part["default"]))
    return option


def _is_secret(field: FieldInfo) -> bool:
    return _holds_secret(field.annotation)


def _holds_secret(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    if isinstance(origin, type) and issubclass(origin, SECRET_TYPES):
        return True
    return any(_holds_secret(argument) for argument in get_args(annotation))
