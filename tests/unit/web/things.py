"""A small application that uses everything of ``web``: things with a team and tags, their API, and a page."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db import models
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework import mixins
from rest_framework import serializers as drf
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from core.audit import acting
from core.errors import Conflict, Forbidden, Invalid, Unavailable
from core.permissions import Permissions, readers, writers
from pki.errors import BadName
from web.lists import FilterSet, NoFilters, NumberFilter, NumbersFilter, RowFilter, TextsFilter, YesNoFilter
from web.rest.fields import Email, Number, Pem, Ref, Text, UtcDateTime, YesNo
from web.rest.idempotency import idempotent
from web.rest.serializers import ModelSerializer, Serializer
from web.rest.views import APIView, Router, ViewSet
from web.views import person


class Team(models.Model):
    name = models.CharField(max_length=50)

    class Meta:
        app_label = "web"

    def __str__(self) -> str:
        return self.name


class Thing(models.Model):
    name = models.CharField(max_length=50)
    owner = models.EmailField(max_length=100)
    notify = models.BooleanField(default=True)
    size = models.BigIntegerField(default=0)
    serial = models.CharField(max_length=50, default="1")
    not_after = models.DateTimeField(null=True)
    team = models.ForeignKey(Team, models.CASCADE, null=True)
    teams = models.ManyToManyField(Team, related_name="+")
    secret = models.CharField(max_length=50, default="s")
    options = models.JSONField(default=dict)

    class Meta:
        app_label = "web"
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["name", "owner"], name="thing_once")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/things/{self.pk}"


class ThingFilter(FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")
    filter_owner = django_filters.CharFilter(field_name="owner", lookup_expr="icontains")
    owner = django_filters.CharFilter(lookup_expr="iexact")
    notify = YesNoFilter()
    id = NumbersFilter(lookup_expr="in")
    filter_id = NumberFilter(field_name="id")
    size = django_filters.RangeFilter()
    serial = django_filters.CharFilter()
    called = TextsFilter(field_name="name", lookup_expr="in", label="Called")
    before = django_filters.IsoDateTimeFilter(field_name="not_after", lookup_expr="lte")
    not_after = django_filters.DateFilter(lookup_expr="date")
    team = RowFilter(queryset=Team.objects.all())
    ordering = django_filters.OrderingFilter(fields=["id", "name", "owner", "not_after"])

    class Meta:
        model = Thing
        fields: list[str] = []


def mine(user: Any) -> Q:
    """Whoever owns it."""
    return Q(owner__iexact=user.email)


permissions = Permissions(Thing, view=readers(mine), change=writers(mine))
del Permissions.by_model[Thing]  # nobody else's business


class TeamOutput(ModelSerializer):
    class Meta:
        model = Team
        fields = ("id", "name")


class Size(Serializer):
    in_bytes = drf.IntegerField(source="size")
    is_large = drf.SerializerMethodField()

    def get_is_large(self, thing: Thing) -> bool:
        return thing.size > 100


class ThingOutput(ModelSerializer):
    team = TeamOutput(allow_null=True)
    all_teams = TeamOutput(many=True, source="teams")
    its_size = Size(source="*")
    serial_hex = drf.SerializerMethodField()
    mail = Email(source="owner")
    main_team = Ref(Team.objects.all, source="team", read_only=True)

    class Meta:
        model = Thing
        fields = (
            "id", "name", "owner", "mail", "notify", "not_after", "team", "all_teams", "its_size", "serial_hex",
            "options", "main_team",
        )  # fmt: skip
        wire = {"serial_hex": "serialHEX"}

    def get_serial_hex(self, thing: Thing) -> str:
        return f"{int(thing.serial):X}"


class Names(Serializer):
    name_type = drf.ChoiceField(choices=["DNSName"])
    value = drf.CharField()


class Extensions(Serializer):
    sub_alt_names = Names(many=True, required=False)
    use_ski = drf.BooleanField(required=False)

    class Meta:
        wire = {"use_ski": "useSKI"}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("use_ski"):
            raise drf.ValidationError("No SKI here.")
        return attrs


class ThingRequest(Serializer):
    display_name = Text(source="name", max_length=50)
    nickname = Text(required=False, allow_blank=True)
    owner = Email()
    notify = YesNo(required=False)
    serial_number = Number(required=False)
    not_after = UtcDateTime(required=False, allow_null=True)
    team = Ref(Team.objects.all, required=False, allow_null=True)
    teams = Ref(Team.objects.all, many=True, required=False)
    body = Pem(required=False, max_length=100)
    extensions = Extensions(required=False)
    options = drf.JSONField(required=False)

    def validate_display_name(self, value: str) -> str:
        if value == "forbidden":
            raise drf.ValidationError("Not this name.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["name"] == attrs["owner"]:
            raise drf.ValidationError("Name and owner must differ.")
        return attrs


class Work:
    """What the views did, and what shall happen on the way."""

    done: list[str] = []
    then: Any = None


def create(name: str, owner: str, teams: Any = (), extensions: Any = None, **fields: Any) -> Thing:
    Work.done.append(acting().idempotency)
    errors = {
        "conflict": Conflict("There is one."),
        "unavailable": Unavailable(),
        "bad name": BadName("No such name.", field="extensions.sub_alt_names.name_type"),
        "bad": Invalid(reasons={"display_name": "No.", "plugin_options": {"max_size": "Too big."}}),
        "bug": KeyError("bug"),
    }
    if name in errors:
        raise errors[name]
    if Work.then:
        Work.then()
    fields = {field: value for field, value in fields.items() if field in ("notify", "not_after", "team", "options")}
    thing = Thing.objects.create(name=name, owner=owner, **fields)
    thing.teams.set(teams)
    return thing


class ThingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """Things."""

    queryset = Thing.objects.select_related("team").prefetch_related("teams")
    permissions = permissions
    serializer_class = ThingOutput
    filterset_class = ThingFilter
    inputs = {"create": ThingRequest, "partial_update": ThingRequest}
    outputs = {"secret": {200: {"type": "object"}}}
    refusals = {"secret": ("429",)}
    allows = {"partial_update": "change", "secret": "change"}
    not_found = "Cannot find specified thing"

    @idempotent()
    def create(self, request: Request) -> Response:
        """Make one."""
        return self.answer(create(**self.validated()))

    def partial_update(self, request: Request, pk: int) -> Response:
        """Refused."""
        thing = self.get_object()
        raise Forbidden(f"{self.caller} may not change {thing}.")

    @idempotent(stores_answer=False)
    @action(detail=False, methods=["post"])
    def secret(self, request: Request) -> Response:
        """A secret, once."""
        Work.done.append("secret")
        return Response({"token": "t"})

    @action(detail=True, serializer_class=TeamOutput, filterset_class=NoFilters)
    def all_teams(self, request: Request, pk: int) -> Response:
        """The teams of one."""
        return self.answer_list(self.get_object().teams.all())


class Open(APIView):
    """For everybody."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    outputs = {"get": {200: {"type": "object"}}}

    def get(self, request: Request) -> Response:
        raise RuntimeError("a bug") if "bug" in request.query_params else Invalid.rule("No.")


class Echo(APIView):
    """Input without rows."""

    inputs = {"post": Size}
    outputs = {"post": Size}

    def post(self, request: Request) -> Response:
        return Response(request.data)


class ThingForm(forms.Form):
    name = forms.CharField()


def page(request: HttpRequest) -> HttpResponse:
    """Raises what it is asked to."""
    errors = {
        "forbidden": Forbidden("You may not."),
        "invalid": Invalid.field("page", "Give a number."),
        "pki": BadName("No such name."),
        "bug": KeyError("bug"),
    }
    raise errors[request.GET["raise"]]


def headers(request: HttpRequest) -> HttpResponse:
    """Shows the context it works in, and has its own cache rule."""
    context = acting()
    response = HttpResponse(f"{context.kind} {context.address} {context.user} {person(request)}")
    response["Cache-Control"] = "max-age=60"
    return response


router = Router()
router.register("things", ThingViewSet, basename="thing")
api = [*router.urls, path("open", Open.as_view()), path("echo", Echo.as_view())]
urlpatterns = [path("api/1/", include(api)), path("page", page), path("headers", headers)]
handler400 = "web.views.bad_request"
handler403 = "web.views.permission_denied"
handler404 = "web.views.page_not_found"
handler500 = "web.views.server_error"
