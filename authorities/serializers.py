"""Authorities and profiles as JSON (contract 11.1)."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf

from accounts.models import Role
from accounts.serializers import RoleOutput, UserBrief
from authorities import pointers
from authorities.models import MOST_RENEWALS, Authority, DnsProvider, Profile
from web.rest.connectors import LISTED, ConnectorPlugin, KeyType, PluginInput, described
from web.rest.fields import Email, Number, Pem, Ref, Text, UtcDateTime, Years, YesNo
from web.rest.serializers import ModelSerializer, Nested, Serializer

LONGEST_PATH = 20
LONGEST = "The most that public rules allow; null for an authority that does not follow them."
USUAL = "What an order gets that says nothing, if its profile does not say less."


def words() -> drf.ListField:
    """A column that holds a list of words."""
    return drf.ListField(child=drf.CharField())


class ProfileOutput(ModelSerializer):
    """What may be issued."""

    key_usage = words()
    default_key_usage = words()
    extended_key_usage = words()
    default_extended_key_usage = words()
    key_types = words()
    name_types = words()
    subject_fields = words()
    subject_required = words()
    custom_oids = words()

    class Meta:
        model = Profile
        fields = (
            "id", "name", "description", "ca", "path_length", "key_usage", "default_key_usage", "extended_key_usage",
            "default_extended_key_usage", "key_types", "name_types", "longest_days", "default_days", "subject_fields",
            "subject_required", "custom_oids",
        )  # fmt: skip


class Validity(Serializer):
    """From when until when."""

    not_before = UtcDateTime()
    not_after = UtcDateTime()


class AuthorityBrief(Nested, ModelSerializer):
    """An authority inside a certificate."""

    plugin = drf.SerializerMethodField()
    authority_certificate = Validity(source="*")
    is_cn_optional = drf.BooleanField(source="cn_optional")
    is_cab_compliant = drf.BooleanField(source="cab_compliant", allow_null=True)
    max_issuance_days = drf.IntegerField(source="longest_days", allow_null=True, help_text=LONGEST)
    default_validity_days = drf.IntegerField(source="default_days", help_text=USUAL)

    class Meta:
        model = Authority
        fields = (
            "id", "name", "owner", "description", "active", "plugin", "authority_certificate", "is_cn_optional",
            "is_cab_compliant", "max_issuance_days", "default_validity_days",
        )  # fmt: skip

    @extend_schema_field(ConnectorPlugin)
    def get_plugin(self, authority: Authority) -> dict[str, Any]:
        """Which plugin signs, and how it is configured, without what is secret."""
        return described(authority)[1]


class OwnCertificate(Serializer):
    """The authority's own certificate, as Lemur shows it."""

    id = drf.IntegerField()
    name = drf.CharField()
    cn = drf.CharField(allow_null=True)
    body = drf.CharField()
    chain = drf.CharField(allow_null=True)
    bits = drf.IntegerField(allow_null=True)
    active = drf.BooleanField(source="notify")
    status = drf.CharField(allow_null=True)
    description = drf.CharField()
    not_before = UtcDateTime()
    not_after = UtcDateTime()
    owner = drf.CharField()
    user = UserBrief()


class AuthorityName(Serializer):
    """An authority inside another one."""

    id = drf.IntegerField()
    name = drf.CharField()


class ProviderName(Serializer):
    """A DNS provider inside an authority."""

    id = drf.IntegerField()
    name = drf.CharField()


class AuthorityOutput(ModelSerializer):
    """An authority in full."""

    dns_provider = ProviderName(allow_null=True)

    roles = RoleOutput(many=True)
    profiles = drf.SlugRelatedField(slug_field="name", many=True, read_only=True)  # type: ignore[var-annotated]
    parent = drf.SerializerMethodField()  # type: ignore[assignment]
    plugin = drf.SerializerMethodField()
    authority_certificate = drf.SerializerMethodField()
    options = drf.SerializerMethodField()
    is_cn_optional = drf.BooleanField(source="cn_optional")
    is_cab_compliant = drf.BooleanField(source="cab_compliant", allow_null=True)
    max_issuance_days = drf.IntegerField(source="longest_days", allow_null=True, help_text=LONGEST)
    default_validity_days = drf.IntegerField(source="default_days", help_text=USUAL)
    pki_warning = drf.SerializerMethodField()

    class Meta:
        model = Authority
        fields = (
            "id", "name", "owner", "description", "active", "plugin", "options", "parent", "roles", "profiles",
            "body", "chain", "not_before", "not_after", "authority_certificate", "is_cn_optional", "is_cab_compliant",
            "max_issuance_days", "default_validity_days", "renewals_per_hour", "pki_base_url", "pki_warning",
            "dns_provider",
        )  # fmt: skip

    @extend_schema_field(AuthorityName(allow_null=True))
    def get_parent(self, authority: Authority) -> dict[str, Any] | None:
        """The authority above it, if that is ours."""
        return {"id": authority.parent.pk, "name": authority.parent.name} if authority.parent else None

    @extend_schema_field(ConnectorPlugin)
    def get_plugin(self, authority: Authority) -> dict[str, Any]:
        """Which plugin signs, and how it is configured, without what is secret."""
        return described(authority)[1]

    def get_options(self, authority: Authority) -> str:
        """The plugin's options as JSON text, which is how Lemur shows them."""
        return json.dumps(authority.described_options())

    def get_pki_warning(self, authority: Authority) -> str | None:
        """What keeps those who check its certificates from learning of a revocation; null if nothing does."""
        return pointers.warning(authority) or None

    @extend_schema_field(OwnCertificate(allow_null=True))
    def get_authority_certificate(self, authority: Authority) -> dict[str, Any] | None:
        """Its own certificate's row."""
        own = next(iter(authority.own_certificates.all()), None)
        return None if own is None else dict(OwnCertificate(own).data)


@extend_schema_field({"anyOf": [{"type": "string", "contentMediaType": "application/json"}, LISTED]})
class OptionsField(drf.Field[Any, Any, Any, Any]):
    """Options of a plugin: Lemur's list, or the same as JSON text."""

    def to_internal_value(self, data: Any) -> list[Any]:
        try:
            options = json.loads(data) if isinstance(data, str) else data
        except (ValueError, RecursionError) as error:
            raise drf.ValidationError("Not a list of options as JSON.") from error
        if not isinstance(options, list):
            raise drf.ValidationError("Not a list of options.")
        return options


@extend_schema_field({"type": "string", "maxLength": 255, "pattern": "^(http://[^\\u0000]*)?$"})
class HttpAddress(Text):
    """Where revocation is looked up, over plain HTTP; empty: nowhere."""


class AuthorityBase(Serializer):
    """What making and importing have in common."""

    name = Text(max_length=119)
    owner = Email()
    description = Text(required=False, allow_blank=True, allow_null=True, max_length=1024)
    parent = Ref(Authority.objects.all, required=False, allow_null=True)  # type: ignore[assignment]
    roles = Ref(Role.objects.all, many=True, required=False)
    profiles = Ref(Profile.objects.all, many=True, required=False)
    plugin = PluginInput(required=False)
    dns_provider = Ref(DnsProvider.objects.all, required=False, allow_null=True)
    pki_base_url = HttpAddress(required=False, allow_blank=True, max_length=255)
    is_cn_optional = YesNo(required=False, source="cn_optional")
    is_cab_compliant = YesNo(required=False, allow_null=True, source="cab_compliant")


class AuthorityRequest(AuthorityBase):
    """``POST /authorities``. Lemur's serialNumber, firstSerial, signingAlgorithm and sensitivity are accepted and
    ignored:
    serials are random, and the signature follows from the key."""

    type = drf.ChoiceField(choices=["root", "subca"], required=False, default="root")
    authority = Ref(Authority.objects.all, required=False, allow_null=True)
    common_name = Text(max_length=255)
    organization = Text(required=False, allow_blank=True, max_length=255)
    organizational_unit = Text(required=False, allow_blank=True, max_length=255)
    country = Text(required=False, allow_blank=True, max_length=64)
    state = Text(required=False, allow_blank=True, max_length=255)
    location = Text(required=False, allow_blank=True, max_length=255)
    key_type = KeyType(required=False, max_length=64)
    validity_start = UtcDateTime(required=False, allow_null=True)
    validity_end = UtcDateTime(required=False, allow_null=True)
    validity_years = Years(required=False, allow_null=True)
    path_length = Number(required=False, allow_null=True, min_value=0, max_value=LONGEST_PATH)
    extensions = drf.DictField(required=False, allow_null=True, help_text="Of it, basicConstraints.path_length counts.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Lemur's clients call the parent ``authority`` in places; an intermediate needs one, a root has none."""
        parent = attrs.pop("authority", None)
        attrs.setdefault("parent", parent)
        if attrs["type"] == "subca" and attrs["parent"] is None:
            raise drf.ValidationError({"parent": ["If generating a subca, parent 'authority' must be specified."]})
        if attrs["type"] == "root" and attrs["parent"] is not None:
            raise drf.ValidationError({"parent": ["A root has no parent: say type 'subca', or leave the parent out."]})
        return attrs


class AuthorityImport(AuthorityBase):
    """``POST /authorities/import``: a CA that exists."""

    body = Pem(max_length=settings.MAX_PEM_IN_IMPORT)
    chain = Pem(required=False, allow_null=True, allow_blank=True, max_length=settings.MAX_PEM_IN_IMPORT)
    private_key = Pem(max_length=settings.MAX_PEM_IN_IMPORT)


class AuthorityEdit(Serializer):
    """``PUT /authorities/N``: what is absent stays as it is."""

    owner = Email(required=False)
    description = Text(required=False, allow_blank=True, max_length=1024)
    active = YesNo(required=False)
    roles = Ref(Role.objects.all, many=True, required=False)
    profiles = Ref(Profile.objects.all, many=True, required=False)
    options = OptionsField(required=False)
    dns_provider = Ref(DnsProvider.objects.all, required=False, allow_null=True)
    pki_base_url = HttpAddress(required=False, allow_blank=True, max_length=255)
    is_cn_optional = YesNo(required=False, source="cn_optional")
    is_cab_compliant = YesNo(required=False, allow_null=True, source="cab_compliant")
    renewals_per_hour = Number(required=False, allow_null=True, min_value=1, max_value=MOST_RENEWALS)


class Child(Serializer):
    """A certificate in the drawing of an authority."""

    name = drf.CharField()


class Drawing(Serializer):
    """``GET /authorities/N/visualize``."""

    name = drf.CharField()
    children = Child(many=True)
