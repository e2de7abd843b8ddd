"""Orders as JSON: a certificate in full (contract 9.1), and where the order stands."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as drf

from accounts.serializers import RoleOutput, UserBrief
from authorities.serializers import AuthorityBrief
from certificates.models import Order
from certificates.pending import in_shape
from certificates.serializers import (
    DomainOutput,
    EndpointBrief,
    ExtensionsField,
    NamedBrief,
    PolicyBrief,
    Relative,
)
from web.rest.connectors import ConnectorBrief
from web.rest.fields import UtcDateTime
from web.rest.serializers import Serializer
from web.spelling import camel

LATER = "Null until it is issued."


class AskedDomain(DomainOutput):
    """A name that was asked for; without an id while nobody has a certificate for it."""

    id = drf.IntegerField(allow_null=True)


class Orders(drf.ListSerializer[Any]):
    """Several orders: what they refer to is read for all at once."""

    def to_representation(self, data: Any) -> Any:
        return [self.child.shown(shape) for shape in in_shape(list(data))]  # type: ignore[union-attr]


class OrderOutput(Serializer):
    """An order, in the shape of the certificate that it will become."""

    id = drf.IntegerField(help_text="The order's; `resolvedCertId` is the certificate's.")
    pending = drf.BooleanField()
    owner = drf.CharField()
    name = drf.CharField(allow_null=True)
    description = drf.CharField()
    status = drf.CharField(help_text="waiting, unknown (a person must look), failed or done.")
    deleted = drf.BooleanField()
    date_created = UtcDateTime()
    body = drf.CharField(allow_null=True, help_text=LATER)
    chain = drf.CharField(allow_null=True, help_text=LATER)
    csr = drf.CharField()
    external_id = drf.CharField(allow_null=True)
    issuer = drf.CharField(allow_null=True, help_text=LATER)
    serial = drf.CharField(allow_null=True, help_text=LATER)
    serial_hex = drf.CharField(allow_null=True, help_text=LATER)
    cn = drf.CharField(allow_null=True)
    common_name = drf.CharField()
    distinguished_name = drf.CharField()
    bits = drf.IntegerField(allow_null=True)
    key_type = drf.CharField(allow_null=True)
    signing_algorithm = drf.CharField(allow_null=True, help_text=LATER)
    san = drf.BooleanField(allow_null=True)
    has_private_key = drf.BooleanField()
    not_before = UtcDateTime()
    validity_start = UtcDateTime(source="not_before")
    not_after = UtcDateTime()
    validity_end = UtcDateTime(source="not_after")
    notify = drf.BooleanField()
    active = drf.BooleanField()
    rotation = drf.BooleanField()
    rotation_policy = PolicyBrief(allow_null=True)
    fingerprint = drf.CharField(allow_null=True, help_text=LATER)
    user = UserBrief()
    authority = AuthorityBrief()
    dns_provider_id = drf.IntegerField(allow_null=True)
    dns_provider = NamedBrief(allow_null=True)
    domains = AskedDomain(many=True)
    roles = RoleOutput(many=True)
    destinations = ConnectorBrief(many=True)
    notifications = ConnectorBrief(many=True)
    replaces = Relative(many=True)
    replaced = Relative(many=True)
    replaced_by = Relative(many=True, source="replaced")
    endpoints = EndpointBrief(many=True)
    tags = drf.ListField(child=drf.CharField())
    extensions = ExtensionsField()
    last_error = drf.CharField()
    number_attempts = drf.IntegerField()
    last_updated = UtcDateTime(help_text="When it was taken up, or will be taken up again.")
    resolved = drf.BooleanField()
    resolved_cert_id = drf.IntegerField(allow_null=True)

    class Meta:
        list_serializer_class = Orders

    def to_representation(self, order: Order) -> dict[str, Any]:
        return self.shown(in_shape([order])[0])

    def shown(self, shape: dict[str, Any]) -> dict[str, Any]:
        """One of :func:`in_shape`; the subject's fields as in a certificate."""
        shown: dict[str, Any] = super().to_representation(shape)
        if shape["authority"].cab_compliant is False:
            shown |= {camel(name): value for name, value in shape["subject_fields"].items()}
        return shown
