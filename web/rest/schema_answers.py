"""Every way an answer can be an error, and what each answer bears in its head."""

from __future__ import annotations

from typing import Any

from drf_spectacular.plumbing import ResolvedComponent

from web.rest.schema_texts import Schema

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
    "anyOf": [{"required": ["message"]}, {"required": ["error"]}],
}
ERRORS = {
    "400": "The request is wrong; the message or the reasons say where.",
    "401": "Nobody has said who they are.",
    "403": "The token or the password is not accepted, or its user may not do this.",
    "404": "There is no such thing, or none that the user may see.",
    "405": "This installation does not allow the method here.",
    "409": "It contradicts something that exists.",
    "412": "The state of the object does not allow it.",
    "415": "The body is not JSON.",
    "429": "Too often; try again later.",
    "500": "Our fault; requestId finds it in the logs.",
    "503": "Something this depends on does not answer; try again.",
}
_TEXT: Schema = {"type": "string"}
REQUEST_ID: Schema = {"description": "Names this request in the logs.", "required": True, "schema": _TEXT}
REPLAYED: Schema = {"description": "True where this is the answer of the first time.", "schema": _TEXT}
HEADERS: dict[str, Schema] = {
    "401": {"WWW-Authenticate": {"description": "How to say who one is.", "required": True, "schema": _TEXT}},
    "429": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}},
}


def answered(registry: Any, answer: Schema, *, idempotent: bool) -> Schema:
    """With the headers that an answer has."""
    headers = {"X-Request-Id": component(registry, "RequestId", "headers", REQUEST_ID)}
    if idempotent:
        headers["Idempotent-Replayed"] = component(registry, "Replayed", "headers", REPLAYED)
    return {**answer, "headers": headers}


def refused(registry: Any, codes: set[str]) -> dict[str, Schema]:
    """References to the answers that are errors, each of which the document describes once."""
    return {code: component(registry, f"Error{code}", "responses", _refusal(registry, code)) for code in codes}


def _refusal(registry: Any, code: str) -> Schema:
    content = {"application/json": {"schema": component(registry, "Error", "schemas", ERROR)}}
    told = answered(registry, {"description": ERRORS[code], "content": content}, idempotent=False)
    return {**told, "headers": {**told["headers"], **HEADERS.get(code, {})}}


def component(registry: Any, name: str, kind: str, schema: Schema) -> Schema:
    """A reference to a part of the document that is there once."""
    registry.register_on_missing(ResolvedComponent(name, kind, schema, name))  # type: ignore[no-untyped-call]
    return {"$ref": f"#/components/{kind}/{name}"}
