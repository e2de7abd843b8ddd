"""Certificates as JSON, with Lemur's synonyms (contract 9.1); what people send is in ``serializers_input``."""

from __future__ import annotations

from typing import Any

from django.db.models import Manager
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf

from accounts.serializers import RoleOutput, UserBrief
from authorities.serializers import AuthorityBrief
from certificates.extensions import from_wire, to_wire
from certificates.loading import LOADED, complete
from certificates.models import Certificate, Revocation
from core.errors import Invalid
from web.rest.connectors import ConnectorBrief
from web.rest.fields import UtcDateTime
from web.rest.serializers import ModelSerializer, Nested, Serializer
from web.spelling import camel

SUBJECT = ("country", "state", "location", "organization", "organizational_unit")


class ExtensionsField(drf.Field[Any, Any, Any, Any]):
    """The extensions object of contract 9.4; ``certificates.extensions`` knows what may be in it."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise drf.ValidationError("Not a valid mapping type.")
        try:
            return from_wire(data)
        except Invalid as error:
            raise drf.ValidationError(error.message) from error

    def to_representation(self, value: Any) -> Any:
        return to_wire(value)


class ExportOutput(Serializer):
    """A file, in base64."""

    extension = drf.CharField()
    passphrase = drf.CharField(allow_null=True)
    data = drf.CharField()  # type: ignore[assignment]


class KeyOutput(Serializer):
    """A private key."""

    key = drf.CharField(allow_null=True)


@extend_schema_field({"type": ["string", "integer", "null"]})
class Label(drf.JSONField):
    """A value of the column that is counted by."""


class CountsByLabel(Serializer):
    """How many there are with each label."""

    labels = drf.ListField(child=Label())
    values = drf.ListField(child=drf.IntegerField())


class CertificateStats(Serializer):
    """``GET /certificates/stats``; ``total`` is the number of labels."""

    items = CountsByLabel()
    total = drf.IntegerField()


class DomainOutput(Serializer):
    """A name of a certificate."""

    id = drf.IntegerField()
    name = drf.CharField()
    sensitive = drf.BooleanField()


class TagOutput(Serializer):
    """A tag, and how many certificates bear it."""

    id = drf.IntegerField()
    name = drf.CharField()
    certificates = drf.IntegerField(source="number", help_text="Of those that the caller may see.")


class PolicyBrief(Nested, Serializer):
    """How long before its end it is renewed."""

    id = drf.IntegerField()
    days = drf.IntegerField()


class NamedBrief(Serializer):
    """Something with a name."""

    id = drf.IntegerField()
    name = drf.CharField()


class EndpointBrief(Serializer):
    """Where a certificate is served."""

    id = drf.IntegerField()
    name = drf.CharField()
    dnsname = drf.CharField()
    owner = drf.CharField()
    type = drf.CharField()
    active = drf.BooleanField()
    description = drf.SerializerMethodField()

    def get_description(self, endpoint: Any) -> str:
        """Sources describe nothing; Lemur's clients look for the key."""
        return ""


class CertificateBrief(ModelSerializer):
    """A certificate inside another one (contract 9.1, "nested")."""

    common_name = drf.SerializerMethodField()
    validity_start = UtcDateTime(source="not_before")
    validity_end = UtcDateTime(source="not_after")
    active = drf.BooleanField(source="notify")
    rotation_policy = PolicyBrief(allow_null=True)

    class Meta:
        model = Certificate
        fields = (
            "id", "name", "owner", "description", "status", "bits", "body", "chain", "csr", "active", "notify",
            "rotation", "rotation_policy",
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


class InFull(drf.ListSerializer[Any]):
    """Several certificates: what hangs on them is read for all at once."""

    def to_representation(self, data: Any) -> Any:
        rows = list(data.all() if isinstance(data, Manager) else data)
        complete(rows)
        return super().to_representation(rows)


class Hung(drf.ListSerializer[Any]):
    """A list that hangs on a certificate, as :func:`~certificates.loading.complete` has read it."""

    def get_attribute(self, instance: Any) -> Any:
        return instance.__dict__[LOADED][self.source]


class HungTags(drf.ListField):
    """The names of its tags, read in the same way."""

    def get_attribute(self, instance: Any) -> Any:
        return instance.__dict__[LOADED]["tags"]


class Relative(Nested, CertificateBrief):
    """A certificate that another one replaces, or that replaces it."""


class CertificateOutput(CertificateBrief):
    """A certificate in full (contract 9.1)."""

    issuer = drf.CharField()
    serial_hex = drf.CharField()
    distinguished_name = drf.CharField()
    has_private_key = drf.BooleanField()
    user = UserBrief()
    authority = AuthorityBrief(allow_null=True)
    dns_provider_id = drf.IntegerField(allow_null=True)
    dns_provider = NamedBrief(allow_null=True)
    domains = Hung(child=DomainOutput())
    roles = Hung(child=RoleOutput())
    destinations = Hung(child=ConnectorBrief())
    notifications = Hung(child=ConnectorBrief())
    endpoints = Hung(child=EndpointBrief())
    tags = HungTags(child=drf.CharField())
    replaces = Hung(child=Relative())
    replaced = Hung(child=Relative())
    replaced_by = Hung(child=Relative(), source="replaced")
    extensions = ExtensionsField()

    class Meta:
        model = Certificate
        list_serializer_class = InFull
        fields = (
            "id", "name", "owner", "description", "status", "deleted", "date_created", "body", "chain", "csr",
            "external_id", "issuer", "serial", "serial_hex", "cn", "common_name", "distinguished_name", "bits",
            "key_type",
            "signing_algorithm", "san", "has_private_key", "not_before", "validity_start", "not_after", "validity_end",
            "notify", "active", "rotation", "rotation_policy", "fingerprint", "user", "authority", "dns_provider_id",
            "dns_provider", "domains", "roles", "destinations", "notifications", "replaces", "replaced", "replaced_by",
            "endpoints", "tags", "extensions",
        )  # fmt: skip

    def to_representation(self, certificate: Certificate) -> dict[str, Any]:
        complete([certificate])
        shown: dict[str, Any] = super().to_representation(certificate)
        if certificate.authority is None or certificate.authority.cab_compliant is False:
            shown |= {camel(name): value for name in SUBJECT if (value := getattr(certificate, name)) is not None}
        return shown


class RevocationOutput(ModelSerializer):
    """That somebody asked for a revocation, and what came of it."""

    status = drf.CharField(source="state", help_text="waiting (the authority is asked again), done or failed.")
    crl_reason = drf.CharField(source="reason")
    date_created = UtcDateTime(source="created_at")
    user = UserBrief(source="by")
    number_attempts = drf.IntegerField(source="attempts")

    class Meta:
        model = Revocation
        fields = (
            "id", "status", "crl_reason", "comments", "date_created", "user", "number_attempts", "last_error",
        )  # fmt: skip
