"""Authorities and profiles of the REST API (contract 11.1)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Prefetch
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.filters import RoleFilter
from accounts.serializers import RoleOutput
from authorities import service
from authorities.filters import AuthorityFilter, ProfileFilter
from authorities.models import Authority, Profile
from authorities.permissions import permissions, profile_permissions
from authorities.serializers import (
    LONGEST_PATH,
    AuthorityEdit,
    AuthorityImport,
    AuthorityOutput,
    AuthorityRequest,
    Drawing,
    ProfileOutput,
)
from certificates import service as certificates
from certificates.extensions import from_wire, parse
from certificates.models import Certificate
from certificates.service.authority import CaSpec
from core.errors import Invalid
from web.rest.idempotency import idempotent
from web.rest.views import ViewSet

NEW = ("name", "owner", "description", "parent", "pki_base_url", "cn_optional", "cab_compliant", "dns_provider")
DRAWN = 1_000
CA = (
    "common_name", "organization", "organizational_unit", "country", "state", "location", "key_type", "validity_start",
    "validity_end", "validity_years", "path_length",
)  # fmt: skip


class AuthorityViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """List, show, make, import and change authorities. The list is narrowed to what the caller is entrusted with."""

    queryset = Authority.objects.select_related("parent", "dns_provider").prefetch_related(
        "roles", "profiles", Prefetch("own_certificates", Certificate.objects.select_related("user"))
    )
    permissions = permissions
    serializer_class = AuthorityOutput
    filterset_class = AuthorityFilter
    list_action = "list"
    inputs: ClassVar = {"create": AuthorityRequest, "update": AuthorityEdit, "import_": AuthorityImport}
    outputs: ClassVar = {"visualize": Drawing}
    allows: ClassVar = {"import_": "create"}

    @idempotent()
    def create(self, request: Request) -> Response:
        """Make a root, or with type ``subca`` an intermediate under a parent; or connect the CA of a plugin."""
        data = self.validated()
        if data.get("path_length") is None:
            data["path_length"] = _path_length(data.get("extensions") or {})
        spec = CaSpec(**{name: data[name] for name in CA if data.get(name) is not None})
        made = certificates.create_authority(_new(data), spec, by=self.caller)
        return self.answer(self.get_queryset().get(pk=made.pk))

    @action(detail=False, methods=["post"], url_path="import")
    @idempotent()
    def import_(self, request: Request) -> Response:
        """Take over a CA that exists."""
        data = self.validated()
        made = certificates.import_authority(
            _new(data),
            body=data["body"],
            private_key=data["private_key"],
            chain=data.get("chain") or "",
            by=self.caller,
        )
        return self.answer(self.get_queryset().get(pk=made.pk))

    def update(self, request: Request, pk: int) -> Response:
        """Change what is given; absent fields stay as they are."""
        service.update(self.get_object(), by=self.caller, **self.validated())
        return self.answer(self.get_object())

    @action(detail=True, methods=["get"])
    def visualize(self, request: Request, pk: int) -> Response:
        """The authority and the certificates under it, the newest thousand."""
        authority = self.get_object()
        issued = Certificate.objects.present().filter(authority=authority)
        children = [{"name": name} for name in issued.values_list("name", flat=True)[:DRAWN]]
        return Response({"name": authority.name, "children": children})

    @action(detail=True, methods=["get"], serializer_class=RoleOutput, filterset_class=RoleFilter)
    def roles(self, request: Request, pk: int) -> Response:
        """The roles that run it."""
        return self.answer_list(self.get_object().roles.all())


def _path_length(extensions: dict[str, Any]) -> int | None:
    """Where Lemur's clients say it. Raises Invalid for names, which a CA certificate bears in its subject alone."""
    asked = parse(from_wire(extensions))
    if asked.names:
        raise Invalid.field(
            "extensions.sub_alt_names.names", "An authority has no alternative names; give its common name."
        )
    length = asked.basic_constraints.path_length if asked.basic_constraints else None
    if length is not None and length > LONGEST_PATH:
        raise Invalid.field("extensions.basic_constraints", f"Give a path length of at most {LONGEST_PATH}.")
    return length


def _new(data: dict[str, Any]) -> service.NewAuthority:
    given = {name: data[name] for name in NEW if data.get(name) is not None}
    if "plugin" in data:
        given |= {"plugin": data["plugin"]["slug"], "options": data["plugin"].get("plugin_options")}
    return service.NewAuthority(
        **given,
        roles=tuple(data.get("roles", ())),
        offered=tuple(data["profiles"]) if data.get("profiles") else None,
    )


class ProfileViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """What may be issued."""

    queryset = Profile.objects.all()
    permissions = profile_permissions
    serializer_class = ProfileOutput
    filterset_class = ProfileFilter
