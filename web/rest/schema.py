"""How the API describes itself in OpenAPI 3.1: inputs, lists, references, and every way an answer can be an error."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.django_filters import DjangoFilterExtension
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.plumbing import ResolvedComponent, build_array_type
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import AllowAny

from web.rest.idempotency import HEADER
from web.spelling import camel

Schema = dict[str, Any]

ERROR: Schema = {
    "type": "object",
    "properties": {
        "message": {"type": "string"},
        "error": {"type": "string", "description": "Instead of the message, for an unknown address."},
        "reasons": {
            "type": "object",
            "description": "By field: what is wrong with it. Schema.rule lists what is wrong with the whole.",
            "additionalProperties": True,
        },
        "requestId": {"type": "string"},
    },
}
ERRORS = {
    "400": "The request is wrong; the message or the reasons say where.",
    "401": "Nobody has said who they are.",
    "403": "The token or the password is not accepted, or its user may not do this.",
    "404": "There is no such thing, or none that the user may see.",
    "405": "The method is not allowed for this URL.",
    "409": "It contradicts something that exists.",
    "412": "The state of the object does not allow it.",
    "415": "The body is not JSON.",
    "429": "Too often; try again later.",
}


class AutoSchema(SpectacularSchema):
    """Reads ``ViewSet.inputs``, answers a POST with 200 as Lemur does, and adds the errors."""

    def get_request_serializer(self) -> Any:
        inputs = getattr(self.view, "inputs", None)
        return super().get_request_serializer() if inputs is None else inputs.get(getattr(self.view, "action", ""))

    def get_override_parameters(self) -> list[Any]:
        handler = getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)
        if not getattr(handler, "idempotent", False):
            return []
        description = "The same key and the same request get the same answer for 24 hours; nothing is done twice."
        return [OpenApiParameter(HEADER, str, "header", description=description, pattern=r"^[\x21-\x7e]{1,255}$")]

    def _is_create_operation(self) -> bool:
        return False

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        responses: Schema = super()._get_response_bodies(direction)
        component = ResolvedComponent("Error", ResolvedComponent.SCHEMA, ERROR, "Error")  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        content = {"application/json": {"schema": component.ref}}
        errors = {code: {"description": ERRORS[code], "content": content} for code in self._error_codes()}
        return dict(sorted({**errors, **responses}.items()))

    def _error_codes(self) -> set[str]:
        codes = {"400", "403", "404", "405", "429"}
        if not any(isinstance(permission, AllowAny) for permission in self.view.get_permissions()):
            codes.add("401")
        return codes if self.method == "GET" else codes | {"409", "412", "415"}


class FilterParameters(DjangoFilterExtension):  # type: ignore[no-untyped-call]
    """The FilterSet's own parameters, spelled as on the wire; ``filter=key;value`` is described with the list."""

    target_class = "web.rest.lists.FilterBackend"
    priority = 1

    def resolve_filter_field(self, *args: Any, **kwargs: Any) -> list[Schema]:
        name = args[3]
        if name == "ordering" or name.startswith("filter_"):
            return []
        parameters: list[Schema] = super().resolve_filter_field(*args, **kwargs)  # type: ignore[no-untyped-call]
        return [{**parameter, "name": camel(parameter["name"])} for parameter in parameters]


class RefSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A reference: by id or by name when sent, with both when shown."""

    target_class = "web.rest.fields.Ref"

    def map_serializer_field(self, auto_schema: SpectacularSchema, direction: Any) -> Schema:
        properties = {"id": {"type": "integer", "minimum": 1}, "name": {"type": "string", "minLength": 1}}
        one: Schema = {"type": "object", "properties": properties}
        if direction == "request":
            one["anyOf"] = [{"required": ["id"]}, {"required": ["name"]}]
        else:
            one["required"] = ["id", "name"]
        return build_array_type(one) if self.target.many else one


class PemSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Text that holds PEM."""

    target_class = "web.rest.fields.Pem"

    def map_serializer_field(self, auto_schema: SpectacularSchema, direction: Any) -> Schema:
        return {
            "type": "string",
            "maxLength": self.target.max_length,
            "contentMediaType": "application/x-pem-file",
            "example": "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----",
        }
