"""Endpoints as JSON (contract 11)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf

from accounts.serializers import UserBrief
from certificates.serializers import CertificateBrief
from lifecycle.jobs.reading import State
from lifecycle.models import Brake, Endpoint, EndpointRotation, Finding, Sync
from stores.models import Source
from web.rest.fields import Email, Ref, UtcDateTime
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
            "certificate_path", "registry_type", "policy", "issues", "checked_at", "last_updated", "date_created",
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


class Place(Serializer):
    """An endpoint, by its host and port."""

    id = drf.IntegerField()
    dnsname = drf.CharField()
    port = drf.IntegerField()


class Named(Serializer):
    """A certificate, by its name."""

    id = drf.IntegerField()
    name = drf.CharField()


class RotationOutput(ModelSerializer):
    """That an endpoint shall serve another certificate, and what became of it."""

    endpoint = Place()
    certificate = Named()
    replaces = Named(allow_null=True)

    class Meta:
        model = EndpointRotation
        fields = (
            "id", "endpoint", "certificate", "replaces", "state", "attempts", "last_error", "created_at", "verified_at",
            "rolled_back_at",
        )  # fmt: skip


class BrakeOutput(ModelSerializer):
    """That more renewals were due than an hour may see."""

    released_by = UserBrief(allow_null=True)

    class Meta:
        model = Brake
        fields = ("id", "began_at", "due", "allowed", "released_by", "released_until", "ended_at", "open")


class FindingOutput(ModelSerializer):
    """A certificate that a source brought in, and what was decided about it."""

    certificate = Named(allow_null=True)
    source_label = drf.CharField(source="source.label", default=None, allow_null=True)
    decided_by = UserBrief(allow_null=True)

    class Meta:
        model = Finding
        fields = (
            "id", "certificate", "fingerprint", "source_label", "where", "state", "found_at", "decided_at",
            "decided_by",
        )  # fmt: skip


class Assignment(Serializer):
    """``POST /findings/N/assign``."""

    owner = Email()


class SyncOutput(ModelSerializer):
    """That a source is looked into, and how far that has come."""

    source_label = drf.CharField(source="source.label")

    class Meta:
        model = Sync
        fields = (
            "id", "source_label", "state", "cancelled", "begun_at", "ended_at", "last_error", "seen", "added", "linked",
            "refused", "unlinked", "endpoints",
        )  # fmt: skip


class SyncRequest(Serializer):
    """``POST /syncs``."""

    source = Ref(Source.objects.all, name_field="label")  # type: ignore[assignment]


class ThingOutput(Serializer):
    """What a job is about, or where that is: its kind, its id if it has one, and its name."""

    type = drf.CharField()
    id = drf.IntegerField(allow_null=True)
    name = drf.CharField()


class JobOutput(Serializer):
    """A job of any kind: where it stands, how far it has come, and when it is tried next."""

    kind = drf.CharField(source="name")
    id = drf.IntegerField()
    state = drf.ChoiceField(choices=State.values)
    about = ThingOutput()
    place = ThingOutput(allow_null=True)
    since = UtcDateTime(allow_null=True)
    attempts = drf.IntegerField()
    last_error = drf.CharField(source="read.last_error")
    next_try = UtcDateTime(allow_null=True)
    held = drf.CharField(source="read.note", help_text="Why it is not taken up: off, turn, stopping, or empty.")
    reached = drf.IntegerField(source="read.reached", allow_null=True, help_text="How much of it is done.")
    out_of = drf.IntegerField(source="read.out_of", allow_null=True, help_text="How much there is to do.")
    failed = drf.IntegerField(source="read.broken", allow_null=True, help_text="How much of it failed.")
    can_retry = drf.BooleanField(help_text="May the caller have it tried again now?")
