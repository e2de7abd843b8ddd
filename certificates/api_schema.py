"""What the OpenAPI document says of the extensions object, and of certificates that show their subject."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension

from certificates.extensions import DROPPED_NAMES, EXTENDED_USAGES, USAGES, to_wire
from certificates.serializers import SUBJECT
from certificates.tags import AROUND, LONGEST, SIGNS
from pki.names import NameType
from web.rest.schema_answers import component
from web.rest.schema_texts import ANY_TEXT, Schema
from web.spelling import camel

FLAG: Schema = {"type": ["boolean", "null"]}
TEXT: Schema = {"type": "string", "pattern": ANY_TEXT}


class ExtensionsSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """One component for what is sent, one for what is shown."""

    target_class = "certificates.serializers.ExtensionsField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        name, schema = ("ExtensionsInput", sent()) if direction == "request" else ("Extensions", shown())
        return component(auto_schema.registry, name, "schemas", schema)


class SubjectSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Fields of the subject, which only certificates of authorities that follow no public rules show."""

    target_class = "certificates.serializers.CertificateOutput"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Schema:
        schema: Schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        subject = {camel(name): {"type": "string"} for name in SUBJECT}
        return {**schema, "properties": {**schema["properties"], **subject}}


class TagsSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Words of few signs, with blanks around them that go."""

    target_class = "certificates.serializers_input.Tags"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        word = {"type": "string", "pattern": f"^[{AROUND}]*[{SIGNS}]{{1,{LONGEST}}}[{AROUND}]*$"}
        return {"type": "array", "items": word, "maxItems": self.target.max_length}


class ShortSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Closed, so that a full certificate is not a short one as well."""

    target_class = "certificates.serializers.CertificateShort"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Schema:
        schema: Schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**schema, "additionalProperties": False}


def sent() -> Schema:
    """What the parser understands; whatever else is there is ignored."""
    name = {"nameType": {"enum": [*(kind.value for kind in NameType), *sorted(DROPPED_NAMES)]}, "value": TEXT}
    custom = {"oid": TEXT, "encoding": {"enum": ["b64asn1", "string", "ia5string"]}, "value": TEXT, "isCritical": FLAG}
    parts = {
        "subAltNames": _object({"names": {"type": ["array", "null"], "items": _object(name, *name)}}),
        "basicConstraints": _object({"ca": FLAG, "path_length": {"type": ["integer", "null"], "minimum": 0}}),
        "keyUsage": _object({to_spelling(usage): FLAG for usage in USAGES}),
        "extendedKeyUsage": _object({to_spelling(usage): FLAG for usage in EXTENDED_USAGES}),
        "custom": {"type": "array", "items": _object(custom, "oid", "value")},
    }
    return _object({part: {"anyOf": [schema, {"type": "null"}]} for part, schema in parts.items()})


def shown() -> Schema:
    """The names always, the rest where the certificate has it."""
    name = {"nameType": {"type": "string"}, "value": {"type": "string"}}
    yes: Schema = {"type": "boolean"}
    return _object(
        {
            "subAltNames": _object({"names": {"type": "array", "items": _object(name, *name)}}, "names"),
            "basicConstraints": _object({"ca": yes, "path_length": {"type": ["integer", "null"]}}, "ca", "path_length"),
            "keyUsage": _object({to_spelling(usage): yes for usage in USAGES}),
            "extendedKeyUsage": _object({to_spelling(usage): yes for usage in EXTENDED_USAGES}),
            "subjectKeyIdentifier": _object({"includeSKI": yes}, "includeSKI"),
            "authorityKeyIdentifier": _object({"useKeyIdentifier": yes, "useAuthorityCert": yes}),
            "certificateInfoAccess": _object({"includeAIA": yes}, "includeAIA"),
            "cRLDistributionPoints": _object({"includeCRLDP": {"type": "string"}}, "includeCRLDP"),
        },
        "subAltNames",
    )


def to_spelling(name: str) -> str:
    """One key as it is on the wire."""
    return str(next(iter(to_wire({name: None}))))


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}
