"""Serializers that say camelCase on the wire and snake_case in Python: by field name, never by digging into values."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers

from web.rest.fields import Email, UtcDateTime
from web.spelling import camel


class CamelCase(serializers.Serializer[Any]):
    """Publishes each field under its camelCase name, or the one that ``Meta.wire`` gives it: ``{"ski": "includeSKI"}``.

    Of the fields that ``Meta.any_of`` names there must be one; a complaint stands at the first. ``Meta.something``
    tells the document that there must be anything at all.

    Input may use either spelling; if both are there, the wire's wins. Unknown keys are ignored. What the class makes of
    its Meta is computed once; a serializer gets copies, so it may change its own fields for input. What is shown is the
    same for all serializers of a class: a field that shows remembers nothing.
    """

    _shown: ClassVar[list[serializers.Field[Any, Any, Any, Any]]]
    _published: ClassVar[tuple[dict[str, serializers.Field[Any, Any, Any, Any]], dict[str, str]]]

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {public: _copy(field) for public, field in self._publish()[0].items()}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            python = self._publish()[1]
            translated = {python[name]: value for name, value in data.items() if name in python}
            data = {**translated, **data} if translated else data
        taken = super().to_internal_value(data)
        if (names := self.any_of) and not any(name in data for name in names):
            raise serializers.ValidationError(
                {names[0]: [self.fields[names[0]].error_messages["required"]]}, "required"
            )
        return taken

    @property
    def any_of(self) -> list[str]:
        """The public names of the fields of which there must be one."""
        public = self._publish()[1]
        return [public.get(name, name) for name in getattr(getattr(self, "Meta", None), "any_of", ())]

    @property
    def _readable_fields(self) -> list[serializers.Field[Any, Any, Any, Any]]:
        """Bound once per class: to make all of them anew costs more than to show them."""
        cls = type(self)
        if "_shown" not in cls.__dict__:
            cls._shown = [field for field in cls().fields.values() if not field.write_only]
        return cls._shown

    def _publish(self) -> tuple[dict[str, serializers.Field[Any, Any, Any, Any]], dict[str, str]]:
        """Unbound fields by their public name, and for each Python name that differs its public one."""
        cls = type(self)
        if "_published" not in cls.__dict__:
            wire = getattr(getattr(cls, "Meta", None), "wire", {})
            fields = super().get_fields()
            public = {name: wire.get(name, camel(name)) for name in fields}
            renamed = {python: name for python, name in public.items() if name != python}
            for python, name in renamed.items():
                _keep_source(python, fields[python])
                if hasattr(cls, f"validate_{python}"):  # DRF looks for it under the public name
                    setattr(cls, f"validate_{name}", getattr(cls, f"validate_{python}"))
            cls._published = {public[python]: field for python, field in fields.items()}, renamed
        return cls._published


def _keep_source(python: str, field: serializers.Field[Any, Any, Any, Any]) -> None:
    if isinstance(field, serializers.SerializerMethodField):
        field.method_name = field.method_name or f"get_{python}"
    elif field.source is None:
        field.source = python


def _copy(field: serializers.Field[Any, Any, Any, Any]) -> serializers.Field[Any, Any, Any, Any]:
    """A field of one's own to bind. One that holds other fields is their parent, so it is built anew, as DRF does."""
    if isinstance(field, serializers.BaseSerializer) or hasattr(field, "child") or hasattr(field, "child_relation"):
        fresh = copy.deepcopy(field)
        fresh.source = field.source
        return fresh
    twin = object.__new__(type(field))
    twin.__dict__.update(field.__dict__)
    return twin


class Serializer(CamelCase):
    """For input, and for output that is not one model's."""


class Deleted(Serializer):
    """Lemur's answer to a DELETE, whether there was something or not."""

    result = serializers.BooleanField()


class ModelSerializer(CamelCase, serializers.ModelSerializer[Any]):
    """For output of a model."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: UtcDateTime,
        models.EmailField: Email,
    }


class Nested:
    """Before a serializer of what stands inside other objects: each object is put in words once for an answer.

    Only for what is read for one answer and not changed on the way.
    """

    def to_representation(self, instance: Any) -> Any:
        key = f"shown by {type(self).__qualname__}"
        if key not in instance.__dict__:
            instance.__dict__[key] = super().to_representation(instance)  # type: ignore[misc]
        return instance.__dict__[key]
