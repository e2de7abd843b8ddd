"""What people send about certificates: the only place that knows Lemur's synonyms on the way in (contract 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework import serializers as drf

from accounts.models import Role
from authorities.models import Authority, DnsProvider
from certificates.models import Certificate, RotationPolicy
from certificates.serializers import ExtensionsField
from certificates.tags import MOST, normal_tags
from core.errors import Invalid
from notifications.models import Notification
from stores.models import Destination
from web.rest.connectors import KeyType, PluginInput
from web.rest.fields import Email, Pem, Ref, Text, UtcDateTime, Years, YesNo
from web.rest.serializers import Serializer


class Tags(drf.ListField):
    """Words; ``certificates.tags`` says what they may be."""

    child = Text()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": MOST, **kwargs})

    def to_internal_value(self, data: Any) -> list[str]:
        try:
            return list(normal_tags(super().to_internal_value(data)))
        except Invalid as error:
            raise drf.ValidationError(error.plainly) from error


class Said(Serializer):
    """What every way of bringing a certificate in lets a person say about it."""

    owner = Email()
    name = Text(required=False, allow_null=True, allow_blank=True, max_length=256)
    description = Text(required=False, allow_null=True, allow_blank=True, max_length=1024)
    notify = YesNo(required=False, default=True)
    active = YesNo(required=False)
    rotation = YesNo(required=False, default=False)
    roles = Ref(Role.objects.all, many=True, required=False)
    replaces = Ref(Certificate.objects.all, many=True, required=False)
    replacements = Ref(Certificate.objects.all, many=True, required=False)
    destinations = Ref(Destination.objects.all, many=True, required=False, name_field="label")
    notifications = Ref(Notification.objects.all, many=True, required=False, name_field="label")
    rotation_policy = Ref(RotationPolicy.objects.all, required=False, allow_null=True)
    tags = Tags(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Translate the synonyms: ``active`` is notify, a non-empty ``replacements`` wins over ``replaces``."""
        active, replacements = attrs.pop("active", None), attrs.pop("replacements", None)
        if active is not None and ("notify" not in self.initial_data):
            attrs["notify"] = active
        if replacements:
            attrs["replaces"] = replacements
        return attrs


class CertificateRequest(Said):
    """``POST /certificates`` (contract 9.2)."""

    authority = Ref(Authority.objects.all, required=False, allow_null=True)
    common_name = Text(required=False, allow_null=True, allow_blank=True, max_length=255)
    validity_start = UtcDateTime(required=False, allow_null=True)
    validity_end = UtcDateTime(required=False, allow_null=True)
    validity_years = Years(required=False, allow_null=True)
    country = Text(required=False, allow_blank=True, max_length=64)
    state = Text(required=False, allow_blank=True, max_length=255)
    location = Text(required=False, allow_blank=True, max_length=255)
    organization = Text(required=False, allow_blank=True, max_length=255)
    organizational_unit = Text(required=False, allow_blank=True, max_length=255)
    key_type = KeyType(required=False, max_length=64)
    profile = Text(required=False, max_length=64)
    csr = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_ORDER)
    extensions = ExtensionsField(required=False)
    dns_provider = Ref(DnsProvider.objects.all, required=False, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        """An authority of ``{}`` is none."""
        empty = isinstance(data, Mapping) and data.get("authority") == {}
        return super().to_internal_value({**data, "authority": None} if empty else data)


class CertificateUpload(Said):
    """``POST /certificates/upload`` (contract 9.6), in both generations of names."""

    body = Pem(required=False, max_length=settings.MAX_PEM_IN_IMPORT)
    public_cert = Pem(required=False, max_length=settings.MAX_PEM_IN_IMPORT)
    chain = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_IMPORT)
    intermediate_cert = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_IMPORT)
    private_key = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_IMPORT)
    csr = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_ORDER)
    external_id = Text(required=False, allow_null=True, max_length=128)
    authority = Ref(Authority.objects.all, required=False, allow_null=True)

    class Meta:
        any_of = ("body", "public_cert")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Translate the seed's names of body and chain as well."""
        attrs = super().validate(attrs)
        for old, new in (("public_cert", "body"), ("intermediate_cert", "chain")):
            if value := attrs.pop(old, None):
                attrs.setdefault(new, value)
        return attrs


class CertificateEdit(Said):
    """``PUT`` and ``PATCH /certificates/N`` (contract 9.8): lists that are absent stay as they are."""

    class Meta:
        something = True

    owner = Email(required=False)
    name = None  # type: ignore[assignment]
    notify = YesNo(required=False)
    rotation = YesNo(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A description of null empties it; an empty ``replacements`` is a list like any other here."""
        given = "replacements" in attrs and "replaces" not in attrs
        replacements = attrs.get("replacements")
        attrs = super().validate(attrs)
        if given:
            attrs["replaces"] = replacements
        if "description" in attrs:
            attrs["description"] = attrs["description"] or ""
        return attrs


class Switches(Serializer):
    """``POST /certificates/N/update/switches``."""

    notify = YesNo(required=False)
    rotation = YesNo(required=False)


class NewOwner(Serializer):
    """``POST /certificates/N/update/owner``."""

    owner = Email()


class Description(Serializer):
    """``PUT /certificates/N/description``."""

    description = Text(allow_blank=True, max_length=1024)


class Reissue(Serializer):
    """``POST /certificates/N/reissue``: ``replace`` says that the new one takes the old one's place."""

    replace = YesNo(required=False, default=False)


class OrderEdit(CertificateEdit):
    """``PUT /pending_certificates/N``: what the certificate will be like; what is absent stays as it is."""


class OrderUpload(Serializer):
    """``POST /pending_certificates/N/upload``: the certificate that the CA issued for the order."""

    body = Pem(max_length=settings.MAX_PEM_IN_IMPORT)
    chain = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_IMPORT)
    external_id = Text(required=False, allow_null=True, max_length=128)


class OrderCancel(Serializer):
    """``DELETE /pending_certificates/N``: why."""

    note = Text(required=False, allow_blank=True, max_length=1000)


class DomainInput(Serializer):
    """``POST /domains``."""

    name = Text(max_length=255)
    sensitive = YesNo(required=False, default=False)


class DomainEdit(Serializer):
    """``PUT /domains/N``: a name stays what it is, since certificates bear it."""

    name = Text(required=False, max_length=255)
    sensitive = YesNo(required=False)

    class Meta:
        any_of = ("sensitive", "name")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Whoever names the domain alone means an ordinary one; whoever says nothing means nothing."""
        return {"sensitive": False, **attrs}


class Wrapped(Serializer):
    """The seed's wrapper around the plugin."""

    plugin = PluginInput()


class ExportRequest(Serializer):
    """``POST /certificates/N/export``: with or without the seed's wrapper."""

    plugin = PluginInput(required=False)
    export = Wrapped(required=False)

    class Meta:
        any_of = ("plugin", "export")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take the plugin from inside the wrapper where there is one."""
        return {"plugin": attrs.get("plugin") or attrs["export"]["plugin"]}
