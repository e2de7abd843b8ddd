"""Certificates as JSON: the only place that knows Lemur's synonyms (contract 9)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf

from accounts.models import Role
from accounts.serializers import RoleOutput, UserBrief
from authorities.models import Authority
from authorities.serializers import AuthorityBrief
from certificates.models import Certificate, Order
from web.rest.fields import Email, Pem, Ref, UtcDateTime
from web.rest.serializers import ModelSerializer, Serializer
from web.spelling import camel, snake

# Keys of these objects are values of ours, not field names; they are spelled one way on the wire and one in Python.
IRREGULAR = {
    "useCRLSign": "use_crl_sign",
    "useOCSPSigning": "use_ocsp_signing",
    "useEapOverLAN": "use_eap_over_lan",
    "useEapOverPPP": "use_eap_over_ppp",
    "includeSKI": "include_ski",
    "includeAIA": "include_aia",
    "includeCRLDP": "include_crl_dp",
    "cRLDistributionPoints": "crl_distribution_points",
    "path_length": "path_length",
}
SPELLED = {python: wire for wire, python in IRREGULAR.items()}


@extend_schema_field({"type": "object", "additionalProperties": True})
class ExtensionsField(drf.Field[Any, Any, Any, Any]):
    """The extensions object of contract 9.4; ``certificates.extensions`` knows what may be in it."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise drf.ValidationError("Not a valid mapping type.")
        return _keys(data, lambda name: IRREGULAR.get(name, snake(name)))

    def to_representation(self, value: Any) -> Any:
        return _keys(value, lambda name: SPELLED.get(name, camel(name)))


def _keys(value: Any, spell: Any, depth: int = 0) -> Any:
    if depth > 5:
        raise drf.ValidationError("The object is nested too deeply.")
    if isinstance(value, dict):
        return {spell(str(name)): _keys(inner, spell, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_keys(inner, spell, depth + 1) for inner in value]
    return value


class Said(Serializer):
    """What every way of bringing a certificate in lets a person say about it."""

    owner = Email()
    name = drf.CharField(required=False, allow_null=True, allow_blank=True, max_length=256)
    description = drf.CharField(required=False, allow_null=True, allow_blank=True, max_length=1024)
    notify = drf.BooleanField(required=False, default=True)
    active = drf.BooleanField(required=False)
    rotation = drf.BooleanField(required=False, default=False)
    roles = Ref(Role.objects.all, many=True, required=False)
    replaces = Ref(Certificate.objects.all, many=True, required=False)
    replacements = Ref(Certificate.objects.all, many=True, required=False)

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

    authority = Ref(Authority.objects.all, required=False)
    common_name = drf.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)
    validity_start = UtcDateTime(required=False, allow_null=True)
    validity_end = UtcDateTime(required=False, allow_null=True)
    validity_years = drf.IntegerField(required=False, allow_null=True, min_value=1, max_value=100)
    country = drf.CharField(required=False, allow_blank=True, max_length=64)
    state = drf.CharField(required=False, allow_blank=True, max_length=255)
    location = drf.CharField(required=False, allow_blank=True, max_length=255)
    organization = drf.CharField(required=False, allow_blank=True, max_length=255)
    organizational_unit = drf.CharField(required=False, allow_blank=True, max_length=255)
    key_type = drf.CharField(required=False, max_length=64)
    profile = drf.CharField(required=False, max_length=64)
    csr = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_ORDER)
    extensions = ExtensionsField(required=False)


class CertificateUpload(Said):
    """``POST /certificates/upload`` (contract 9.6), in both generations of names."""

    body = Pem(required=False, max_length=settings.MAX_PEM_IN_IMPORT)
    public_cert = Pem(required=False, max_length=settings.MAX_PEM_IN_IMPORT)
    chain = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_IMPORT)
    intermediate_cert = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_IMPORT)
    private_key = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_IMPORT)
    csr = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_ORDER)
    external_id = drf.CharField(required=False, allow_null=True, max_length=128)
    authority = Ref(Authority.objects.all, required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Translate the seed's names of body and chain as well."""
        attrs = super().validate(attrs)
        for old, new in (("public_cert", "body"), ("intermediate_cert", "chain")):
            if value := attrs.pop(old, None):
                attrs.setdefault(new, value)
        if not attrs.get("body"):
            raise drf.ValidationError({"body": ["Missing data for required field."]})
        return attrs


class CertificateEdit(Said):
    """``PUT`` and ``PATCH /certificates/N`` (contract 9.8): lists that are absent stay as they are."""

    owner = Email(required=False)
    name = None  # type: ignore[assignment]
    notify = drf.BooleanField(required=False)
    rotation = drf.BooleanField(required=False)

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


class PluginChoice(Serializer):
    """A plugin and its options, as Lemur's clients send them."""

    slug = drf.CharField(max_length=64)
    plugin_options = drf.JSONField(required=False)


class ExportRequest(Serializer):
    """``POST /certificates/N/export``: with or without the seed's wrapper."""

    plugin = PluginChoice(required=False)
    export = drf.DictField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take the plugin from inside the wrapper where there is one."""
        if "plugin" not in attrs and "plugin" in attrs.get("export", {}):
            inner = PluginChoice(data=attrs["export"]["plugin"])
            if not inner.is_valid():
                raise drf.ValidationError({"plugin": inner.errors})
            attrs["plugin"] = inner.validated_data
        if "plugin" not in attrs:
            raise drf.ValidationError({"plugin": ["Missing data for required field."]})
        return attrs


class ExportOutput(Serializer):
    """A file, in base64."""

    extension = drf.CharField()
    passphrase = drf.CharField(allow_null=True)
    data = drf.CharField()  # type: ignore[assignment]


class KeyOutput(Serializer):
    """A private key."""

    key = drf.CharField(allow_null=True)


class DomainOutput(Serializer):
    """A name of a certificate."""

    id = drf.IntegerField()
    name = drf.CharField()
    sensitive = drf.BooleanField()


class CertificateBrief(ModelSerializer):
    """A certificate inside another one (contract 9.1, "nested")."""

    common_name = drf.SerializerMethodField()
    validity_start = UtcDateTime(source="not_before")
    validity_end = UtcDateTime(source="not_after")
    active = drf.BooleanField(source="notify")

    class Meta:
        model = Certificate
        fields = (
            "id", "name", "owner", "description", "status", "bits", "body", "chain", "csr", "active", "notify",
            "rotation",
            "cn", "common_name", "not_after", "validity_end", "not_before", "validity_start",
        )  # fmt: skip

    def get_common_name(self, certificate: Certificate) -> str:
        """Lemur prints an empty text where ``cn`` is null."""
        return certificate.cn or ""


class CertificateShort(ModelSerializer):
    """``short=true``: for long lists."""

    authority = AuthorityBrief(allow_null=True)

    class Meta:
        model = Certificate
        fields = ("id", "name", "owner", "notify", "rotation", "authority", "issuer", "cn")


class CertificateOutput(CertificateBrief):
    """A certificate in full (contract 9.1)."""

    issuer = drf.CharField()
    serial_hex = drf.CharField()
    distinguished_name = drf.CharField()
    has_private_key = drf.BooleanField()
    user = UserBrief()
    authority = AuthorityBrief(allow_null=True)
    domains = DomainOutput(many=True)
    roles = RoleOutput(many=True)
    destinations = drf.SerializerMethodField()
    notifications = drf.SerializerMethodField()
    endpoints = drf.SerializerMethodField()
    replaces = CertificateBrief(many=True)
    replaced = CertificateBrief(many=True)
    replaced_by = CertificateBrief(many=True, source="replaced")
    extensions = ExtensionsField()

    class Meta:
        model = Certificate
        fields = (
            "id", "name", "owner", "description", "status", "deleted", "date_created", "body", "chain", "csr",
            "external_id", "issuer", "serial", "serial_hex", "cn", "common_name", "distinguished_name", "bits",
            "key_type",
            "signing_algorithm", "san", "has_private_key", "not_before", "validity_start", "not_after", "validity_end",
            "notify", "active", "rotation", "fingerprint", "user", "authority", "domains", "roles", "destinations",
            "notifications", "replaces", "replaced", "replaced_by", "endpoints", "extensions",
        )  # fmt: skip

    def get_destinations(self, certificate: Certificate) -> list[dict[str, Any]]:
        """Destinations do not exist yet."""
        return []

    get_notifications = get_endpoints = get_destinations


class OrderOutput(Serializer):
    """A certificate that does not exist yet, in the shape of one: 202."""

    id = drf.IntegerField()
    pending = drf.BooleanField()
    owner = drf.CharField()
    body = drf.CharField(allow_null=True)
    chain = drf.CharField(allow_null=True)
    csr = drf.CharField()

    def to_representation(self, order: Order) -> dict[str, Any]:
        return {
            "id": order.pk,
            "pending": True,
            "owner": order.spec["owner"],
            "body": None,
            "chain": None,
            "csr": order.csr,
        }
