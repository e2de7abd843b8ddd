"""How the API describes itself in OpenAPI 3.1: each operation, from what its view says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import AllowAny

from core.permissions import Rule
from web.rest import schema_fields, schema_filters  # noqa: F401  spectacular finds what it has extensions for
from web.rest.fields import Text
from web.rest.idempotency import HEADER
from web.rest.schema_answers import answered, component, refused
from web.rest.schema_texts import ANYTHING, ANYTHING_ELSE, Schema, opened
from web.rest.serializers import Deleted, ModelSerializer

STANDARD = {
    "list": "List {plural}",
    "retrieve": "Show {a_thing}",
    "create": "Make {a_thing}",
    "update": "Change {a_thing}",
    "partial_update": "Change {a_thing}",
    "destroy": "Delete {a_thing}",
}
KEY = {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"}
ACTS = {"retrieve": "view", "create": "create", "update": "change", "partial_update": "change", "destroy": "delete"}


class AutoSchema(SpectacularSchema):
    """What :class:`web.rest.views.Described` and the view's docstrings say, as an operation."""

    view: Any

    @property
    def _name(self) -> str:
        """Of the action; of a view without actions, of the method."""
        return getattr(self.view, "action", None) or self.method.lower()

    @property
    def _handler(self) -> Any:
        return getattr(self.view, self._name, None)

    @property
    def _action(self) -> Any:
        """The ``@action`` that the handler belongs to, if it is one."""
        known: list[Any] = getattr(self.view, "get_extra_actions", list)()
        return next((one for one in known if self._name in one.mapping.values()), None)

    def get_operation_id(self) -> str:
        tokens = [token for token in self._tokenize_path() if "{" not in token]
        if self._action is not None:
            own = [part for part in self._action.url_path.split("/") if "<" not in part]
            tokens = tokens[: len(tokens) - len(own)]
        shown = "retrieve" if "{" in self.path else "show"
        name = self._name if hasattr(self.view, "action") else {"get": shown, "post": "send"}[self._name]
        return "_".join([*tokens, name.strip("_")]).replace("-", "_")

    def get_summary(self) -> str:
        """One line: of what every resource has, the same words everywhere."""
        if self._name in STANDARD and self._action is None and getattr(self.view, "queryset", None) is not None:
            meta = self.view.queryset.model._meta
            one, several = (_acronyms(str(name)) for name in (meta.verbose_name, meta.verbose_name_plural))
            article = "an" if one[0].lower() in "aeio" else "a"
            return STANDARD[self._name].format(plural=several, a_thing=f"{article} {one}")
        return re.split(r"[.;:](?:\s|$)", self._told(), maxsplit=1)[0]

    def get_description(self) -> str:  # type: ignore[override]  # as spectacular's own
        return f"{self._told()}\n\n**Who may:** {self._who()}"

    def _told(self) -> str:
        return plain(getattr(self._handler, "__doc__", None) or type(self.view).__doc__ or "")

    def _who(self) -> str:
        if self._is_open:
            return "Anybody, without logging in."
        rules = getattr(getattr(self.view, "permissions", None), "rules", {})
        names = {**ACTS, "list": getattr(self.view, "list_action", "view"), **self.view.allows}
        rule = names.get(self._name, self._name if self._name in rules else "view")
        rule = rule if isinstance(rule, Rule) else rules.get(rule)
        return plain(rule.words) if rule else "Everybody who is logged in."

    @property
    def _is_open(self) -> bool:
        return any(isinstance(permission, AllowAny) for permission in self.view.get_permissions())

    def get_request_serializer(self) -> Any:
        return self.view.inputs.get(self._name)

    def _get_request_body(self, direction: Any = "request") -> Schema | None:
        """Also of a DELETE that takes one. There must be a body, even where nothing in it must be."""
        serializer = self.get_request_serializer()
        if serializer is None:
            return None
        schema, _ = self._get_request_for_media_type(serializer, direction)  # type: ignore[no-untyped-call]
        body: Schema = {"content": {media: {"schema": schema} for media in self.map_parsers()}}
        return body if self._name in self.view.bodies_left_out else {**body, "required": True}

    def get_response_serializers(self) -> Any:
        if self._name in self.view.outputs:
            return self.view.outputs[self._name]
        if self._name == "destroy":
            return Deleted
        return super().get_response_serializers()

    def _is_list_view(self, serializer: Any = None) -> bool:
        """An ``@action`` that names a FilterSet answers with a list."""
        return self._name == "list" or "filterset_class" in getattr(self._action, "kwargs", {})

    def get_override_parameters(self) -> list[Any]:
        parameters = list(self.view.parameters.get(self._name, []))
        if getattr(self._handler, "idempotent", False):
            told = "The same key and the same request get the same answer for 24 hours; nothing is done twice."
            parameters.append(OpenApiParameter(HEADER, KEY, "header", description=told))
        return parameters

    def _resolve_path_parameters(self, variables: Any) -> list[Schema]:
        found: list[Schema] = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        for parameter in found:
            if parameter["schema"]["type"] == "integer":
                parameter["schema"] |= {"minimum": 0}
            else:
                parameter["schema"] |= {"pattern": r"^[^/\u0000]+$"}
        return found

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        given = self.get_response_serializers()
        given = given if isinstance(given, Mapping) else {200: given}
        described: Any = self._get_response_for_code
        answers = {str(code): described(one, str(code)) for code, one in given.items()}
        refusals = refused(self.registry, self._refusals() - answers.keys())
        twice = getattr(self._handler, "idempotent", False)
        answers = {code: answered(self.registry, one, idempotent=twice) for code, one in answers.items()}
        return dict(sorted({**answers, **refusals}.items()))

    def _refusals(self) -> set[str]:
        codes = {"400", "500", "503"} | set(self.view.refusals.get(self._name, ()))
        if not self._is_open:
            codes |= {"401", "403"}
        if "{" in self.path:
            codes |= {"404"}
        if self.method != "GET" and not self._is_open:
            codes |= {"409", "412"}
        return codes | {"415"} if self.get_request_serializer() else codes

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        """What shows a model shows all of it, whatever the model's defaults."""
        schema: Schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, ModelSerializer):
            schema["required"] = sorted(schema["properties"])
        if getattr(getattr(serializer, "Meta", None), "something", False) and not serializer.partial:
            schema["minProperties"] = 1
        if names := getattr(serializer, "any_of", []):
            schema["anyOf"] = [{"required": [name]} for name in names]
        if direction == "request":
            component(self.registry, ANYTHING_ELSE, "schemas", ANYTHING)
            schema = opened(schema)
        if "description" in schema:
            schema["description"] = plain(schema["description"])
        return schema

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        """Fields of ours have said what they take, blank texts included."""
        if not isinstance(field, Text):
            super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]


def tidy(result: Schema, **kwargs: Any) -> Schema:
    """A postprocessing hook: without the marks that spectacular leaves for hooks of its own."""
    return cast("Schema", _without_marks(result))


def _without_marks(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_marks(one) for one in part]
    if isinstance(part, dict):
        return {name: _without_marks(one) for name, one in part.items() if name != "x-spec-enum-id"}
    return part


def _acronyms(name: str) -> str:
    return re.sub(r"\b(api|dns)\b", lambda found: found[0].upper(), name)


def plain(docstring: str) -> str:
    """The first paragraph of a docstring as a line for people who have no source at hand."""
    line = " ".join(docstring.partition("\n\n")[0].split())
    return re.sub(r" \(contract [^)]*\)", "", line).replace("``", "`")
