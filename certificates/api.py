"""The certificates of the REST API (contract 10)."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet
from django.http import QueryDict, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.serializers import RoleOutput, UserBrief
from authorities.serializers import AuthorityOutput
from certificates import (
    api_schema,  # noqa: F401  what the document says of certificates
    service,
)
from certificates.api_listed import LISTED, SHORT, asks_for_short, yes_or_no
from certificates.api_revocation import RevocationMixin, RevocationRequest, Revoked
from certificates.filters import CertificateFilter
from certificates.loading import in_full
from certificates.models import Certificate, Order
from certificates.permissions import permissions
from certificates.serializers import (
    CertificateOutput,
    CertificateShort,
    CertificateStats,
    DomainOutput,
    ExportOutput,
    KeyOutput,
)
from certificates.serializers_input import (
    CertificateEdit,
    CertificateRequest,
    CertificateUpload,
    Description,
    ExportRequest,
    NewOwner,
    Reissue,
    Switches,
)
from certificates.serializers_orders import OrderOutput
from core.errors import Invalid, NotFound
from web.lists import LARGEST_ID, Listing, NoFilters
from web.rest.connectors import ConnectorBrief
from web.rest.idempotency import idempotent
from web.rest.schema_filters import TEXT
from web.rest.views import NEVER_CACHED, ViewSet
from web.rest.whole import answer_whole
from web.spelling import camel, snake


def _up_to(most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "maximum": most}


def _complete(made: Certificate) -> Certificate:
    """A certificate ready for the full output: a new one as it was made, any other is read."""
    return in_full().get(pk=made.pk) if made.made_with is None else made


LISTS = ("list", "by_name", "valid")
LONGEST_RANGE = 5200
CN = {"type": "string", "pattern": r"^cn;[^\u0000]+$"}


VALID = [
    OpenApiParameter("filter", CN, required=True, description="cn;name, where % stands for anything"),
    OpenApiParameter("owner", TEXT, description="Its owner, in the same way"),
    OpenApiParameter("san", TEXT, description="Part of one of its names"),
]
STATS = [
    OpenApiParameter("metric", str, required=True, enum=sorted(camel(name) for name in service.METRICS)),
    OpenApiParameter("range", _up_to(LONGEST_RANGE), description="Weeks, for notAfter"),
    OpenApiParameter("destinationId", _up_to(LARGEST_ID), description="Those that shall be there"),
    OpenApiParameter("active", bool, description="Those whose end is told, or is not"),
]
ISSUED = {200: CertificateOutput, 202: OpenApiResponse(OrderOutput, "The CA answers later.")}


class CertificateViewSet(RevocationMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """List, order, show, change, import and export certificates."""

    queryset = in_full()
    permissions = permissions
    serializer_class = CertificateOutput
    filterset_class = CertificateFilter
    inputs: ClassVar = {
        "create": CertificateRequest,
        "update": CertificateEdit,
        "partial_update": CertificateEdit,
        "upload": CertificateUpload,
        "export": ExportRequest,
        "switch": Switches,
        "switches": Switches,
        "switches_put": CertificateEdit,
        "owner": NewOwner,
        "describe": Description,
        "reissue": Reissue,
        "revoke": RevocationRequest,
    }
    outputs: ClassVar = {
        "list": LISTED,
        "create": ISSUED,
        "reissue": ISSUED,
        "key": KeyOutput,
        "export": ExportOutput,
        "destroy": {204: None},
        "stats": CertificateStats,
        "creator": UserBrief,
        "authority": AuthorityOutput,
        "revoke": {200: Revoked, 202: OpenApiResponse(Revoked, "The authority did not answer; it is asked again.")},
        "deactivate": Revoked,
    }
    refusals: ClassVar = {"destroy": ("405",)}
    parameters: ClassVar = {"list": [SHORT], "valid": VALID, "stats": STATS}
    bodies_left_out: ClassVar = ("reissue",)
    allows: ClassVar = {
        "key": "reveal_key",
        "deactivate": "revoke",
        **dict.fromkeys(("switch", "switches", "switches_put", "owner", "describe"), "change"),
    }

    @property
    def not_found(self) -> str:  # type: ignore[override]
        """Contract 10: reading says it one way, everything else another."""
        words = {
            "retrieve": NotFound.title,
            "describe": "Certificate not found",
            "authority": "Certificate not found.",
        }
        return words.get(self.action, "Cannot find specified certificate")

    def get_queryset(self) -> QuerySet[Any]:
        """Deleted ones are gone from lists; the single object can still be read."""
        rows = super().get_queryset()
        return rows.filter(deleted=False) if self.action in LISTS else rows

    def get_serializer_class(self) -> Any:
        if self.serializer_class is not CertificateOutput:  # a list below one, which names its own
            return self.serializer_class
        return CertificateShort if self.action == "list" and asks_for_short(self.request) else CertificateOutput

    @idempotent()
    def create(self, request: Request) -> Response:
        """Order a certificate; 202 with the order when the CA answers later."""
        return self._issued(service.create(by=self.caller, **self.validated()))

    def _issued(self, made: Certificate | Order) -> Response:
        if isinstance(made, Order):
            return Response(OrderOutput(made).data, status=202)
        return self.answer(_complete(made))

    def update(self, request: Request, pk: int) -> Response:
        """Change owner, description, switches, roles or replacements; absent fields stay as they are."""
        self.get_object()
        if request.method == "PUT" and not request.data:
            raise ParseError("There is nothing in the body.")
        service.update(pk, by=self.caller, **self.validated())
        return self.answer(self.get_object())

    def partial_update(self, request: Request, pk: int) -> Response:
        """The same as PUT."""
        return self.update(request, pk)

    @action(detail=False, methods=["post"])
    @idempotent()
    def upload(self, request: Request) -> Response:
        """Import a certificate that was made elsewhere."""
        return self._issued(service.upload(by=self.caller, **self.validated()))

    @action(detail=True, methods=["get"])
    def key(self, request: Request, pk: int) -> Response:
        """The private key. Each reading is written into the audit log."""
        key = service.reveal(self.get_object(), by=self.caller)
        return Response({"key": key}, headers=NEVER_CACHED)

    @action(detail=True, methods=["post"])
    def export(self, request: Request, pk: int) -> Response:
        """The certificate as a file, in base64."""
        certificate = self.get_object()
        extension, passphrase, data = service.export(certificate, self.validated()["plugin"], by=self.caller)
        body = {"extension": extension, "passphrase": passphrase, "data": base64.b64encode(data).decode()}
        return Response(body, headers=NEVER_CACHED)

    def switch(self, request: Request, pk: int) -> Response:
        """The same as ``POST /certificates/N/update/switches``."""
        given = self.validated()
        service.update_switches(self.get_object(), given.get("notify"), given.get("rotation"), by=self.caller)
        return self.answer(self.get_object())

    @action(detail=True, methods=["post"], url_path="update/switches")
    def switches(self, request: Request, pk: int) -> Response:
        """Turn notifications or renewal on or off."""
        return self.switch(request, pk)

    @switches.mapping.get
    def switches_get(self, request: Request, pk: int) -> Response:
        """The certificate."""
        return self.answer(self.get_object())

    @switches.mapping.put
    def switches_put(self, request: Request, pk: int) -> Response:
        """The same as ``PUT /certificates/N``."""
        return self.update(request, pk)

    @action(detail=True, methods=["post"], url_path="update/owner")
    def owner(self, request: Request, pk: int) -> Response:
        """Hand it to another owner."""
        given = self.validated()
        service.update_owner(self.get_object(), given, by=self.caller)
        return self.answer(self.get_object())

    @action(detail=True, methods=["put"], url_path="description")
    def describe(self, request: Request, pk: int) -> Response:
        """Say something else about it."""
        given = self.validated()
        service.update_description(self.get_object(), given["description"], by=self.caller)
        return self.answer(self.get_object())

    def destroy(self, request: Request, pk: int) -> Response:
        """Mark it as deleted, where the site allows that: it leaves the lists."""
        if not settings.ALLOW_CERT_DELETION:
            return Response({"message": "Certificate deletion is disabled"}, status=405)
        service.delete(self.get_object().pk, by=self.caller)
        return Response(status=204)

    @action(detail=True, methods=["post"])
    @idempotent()
    def reissue(self, request: Request, pk: int) -> Response:
        """The same certificate again, with a new key. Without a body nothing is replaced."""
        given = self.validated() if request.headers.get("Content-Length", "0") not in ("", "0") else {}
        replace = given.get("replace", False)
        return self._issued(service.reissue_certificate(self.get_object(), replace=replace, user=self.caller))

    @action(detail=False, methods=["get"], url_path="name/<str:name>", filterset_class=NoFilters)
    def by_name(self, request: Request, name: str) -> Response:
        """The one of this exact name, as a list."""
        return self.answer_list(self.get_queryset().filter(name=name))

    @action(detail=False, methods=["get"], filterset_class=NoFilters)
    def valid(self, request: Request) -> Response | StreamingHttpResponse:
        """Those that can be used: not over, not revoked, not replaced. All of them, unless page and count are given."""
        params: QueryDict = request.query_params.copy()
        key, separator, name = (params.pop("filter", [""])[-1]).partition(";")
        if key != "cn" or not separator or not name:
            raise Invalid.field("filter", "Give a common name: filter=cn;www.example.com, or cn;% for any.")
        asked = {part: params.pop(part, [None])[-1] for part in ("owner", "san")}
        rows = self.get_queryset().filter(pk__in=service.usable(name, **asked).order_by().values("pk"))
        listing = Listing(NoFilters, rows, params, request=request, form=False)
        if not (params.get("page") and params.get("count")):
            return answer_whole(rows, self._shown)
        return Response({"items": self._shown(listing.items), "total": listing.total})

    def _shown(self, rows: list[Certificate]) -> list[Any]:
        return list(self.get_serializer(rows, many=True).data)

    @action(detail=False, methods=["get"])
    def stats(self, request: Request) -> Response:
        """How many there are of each issuer, key size and so on."""
        found = service.stats(**_stats(request.query_params), active=yes_or_no(request, "active"))
        return Response({"items": found, "total": len(found["labels"])})

    @action(detail=True, methods=["get"], filterset_class=NoFilters)
    def replacements(self, request: Request, pk: int) -> Response:
        """The certificates that this one replaces."""
        return self.answer_list(in_full().filter(replaced=self.get_object()))

    @action(detail=True, methods=["get"], filterset_class=NoFilters, serializer_class=ConnectorBrief)
    def destinations(self, request: Request, pk: int) -> Response:
        """Where it shall be."""
        return self.answer_list(self.get_object().destinations.all())

    @action(detail=True, methods=["get"], filterset_class=NoFilters, serializer_class=ConnectorBrief)
    def sources(self, request: Request, pk: int) -> Response:
        """Where it was found."""
        return self.answer_list(self.get_object().sources.all())

    @action(detail=True, methods=["get"], filterset_class=NoFilters, serializer_class=ConnectorBrief)
    def notifications(self, request: Request, pk: int) -> Response:
        """Through what its end is told."""
        return self.answer_list(self.get_object().notifications.all())

    @action(detail=True, methods=["get"], filterset_class=NoFilters, serializer_class=DomainOutput)
    def domains(self, request: Request, pk: int) -> Response:
        """Its names."""
        return self.answer_list(self.get_object().domains.all())

    @action(detail=True, methods=["get"], filterset_class=NoFilters, serializer_class=RoleOutput)
    def roles(self, request: Request, pk: int) -> Response:
        """Who may manage it besides its owner."""
        return self.answer_list(self.get_object().roles.all())

    @action(detail=True, methods=["get"])
    def creator(self, request: Request, pk: int) -> Response:
        """Who ordered or imported it."""
        return Response(UserBrief(self.get_object().user).data)

    @action(detail=True, methods=["get"])
    def authority(self, request: Request, pk: int) -> Response:
        """Who issued it, if that is one of ours."""
        authority = self.get_object().authority
        if authority is None:
            raise NotFound
        return Response(AuthorityOutput(authority).data)


def _stats(params: QueryDict) -> dict[str, Any]:
    """The arguments of ``service.stats``. Raises Invalid, naming the parameter."""
    given: dict[str, Any] = {"metric": snake(params.get("metric", ""))}
    for name, most in (("range", LONGEST_RANGE), ("destinationId", LARGEST_ID)):
        if text := params.get(name, ""):
            if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > most:
                raise Invalid.field(name, f"Give a whole number from 0 to {most}.")
            given[snake(name)] = int(text)
    return given
