"""Endpoints as JSON (contract 11)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf

from certificates.serializers import CertificateBrief
from lifecycle.models import Endpoint
from web.rest.serializers import ModelSerializer, Serializer


class Cipher(Serializer):
    """A cipher that is offered there."""

    id = drf.IntegerField()
    name = drf.CharField()
    deprecated = drf.BooleanField()


class TlsPolicy(Serializer):
    """What is offered to clients."""

    id = drf.IntegerField()
    name = drf.CharField()
    ciphers = Cipher(many=True)


@extend_schema_field({"type": ["string", "boolean"]})
class Found(drf.JSONField):
    """Which cipher, or when; true where there is nothing to tell."""


class Issue(Serializer):
    """Something that is wrong."""

    name = drf.CharField()
    value = Found()


class EndpointOutput(ModelSerializer):
    """Where a certificate was seen being served, and what is wrong there."""

    source_label = drf.CharField(source="source.label")
    certificate = CertificateBrief(allow_null=True)
    policy = drf.SerializerMethodField()
    issues = Issue(many=True)
    dns_aliases = drf.ListField(child=drf.CharField())

    class Meta:
        model = Endpoint
        fields = (
            "id", "name", "dnsname", "dns_aliases", "port", "type", "owner", "active", "source_label", "certificate",
            "certificate_path", "registry_type", "policy", "issues", "last_updated", "date_created",
        )  # fmt: skip

    @extend_schema_field(TlsPolicy)
    def get_policy(self, endpoint: Endpoint) -> dict[str, Any]:
        """Its TLS policy; the ids are places in the list, since nobody else numbers ciphers."""
        ciphers = enumerate(endpoint.policy.get("ciphers", []), start=1)
        return {
            "id": endpoint.pk,
            "name": endpoint.policy.get("name", ""),
            "ciphers": [
                {"id": place, "name": one["name"], "deprecated": bool(one.get("deprecated"))} for place, one in ciphers
            ],
        }
