"""People, roles and API keys as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as drf

from accounts.models import ApiKey, Role, User
from accounts.service.tokens import FOR_EVER, LONGEST_LIFE
from authorities.models import Authority
from web.lists import LARGEST_ID
from web.rest.fields import Email, Line, Number, Ref, Text, YesNo
from web.rest.serializers import ModelSerializer, Serializer


class RoleOutput(ModelSerializer):
    """A role, as certificates and authorities show it."""

    class Meta:
        model = Role
        fields = ("id", "name", "description")


class UserBrief(ModelSerializer):
    """A user, as other objects show them."""

    active = drf.BooleanField(source="is_active")

    class Meta:
        model = User
        fields = ("id", "username", "email", "active")


class UserOutput(UserBrief):
    """A user in full."""

    profile_picture = drf.SerializerMethodField()
    roles = RoleOutput(many=True)

    class Meta:
        model = User
        fields = ("id", "username", "email", "active", "profile_picture", "roles")

    def get_profile_picture(self, user: User) -> str | None:
        """Always null: we fetch no pictures of people."""
        return None


class UserRequest(Serializer):
    """``POST /users`` (contract 11)."""

    username = Text(max_length=150)
    email = Email()
    password = Text(
        required=False, allow_null=True, allow_blank=True, max_length=1024, trim_whitespace=False, write_only=True
    )
    active = YesNo(required=False, source="is_active")
    roles = Ref(Role.objects.all, many=True, required=False)


class UserEdit(UserRequest):
    """``PUT /users/N``: what is absent stays as it is; so does the password when it is empty."""

    username = Text(required=False, max_length=150)
    email = Email(required=False)


class RoleDetail(RoleOutput):
    """A role in full."""

    users = UserBrief(many=True)
    authorities = Ref(Authority.objects.all, many=True, read_only=True)

    class Meta:
        model = Role
        fields = ("id", "name", "description", "third_party", "users", "authorities")


class RoleRequest(Serializer):
    """``POST /roles`` (contract 11)."""

    name = Line(max_length=128)
    description = Text(required=False, allow_null=True, allow_blank=True, max_length=255)
    username = Text(required=False, allow_null=True, allow_blank=True, max_length=128)
    password = Text(
        required=False, allow_null=True, allow_blank=True, max_length=1024, trim_whitespace=False, write_only=True
    )
    users = Ref(User.objects.all, many=True, required=False, name_field="username")
    authorities = Ref(Authority.objects.all, many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """An empty text is what null means."""
        return {name: "" if value is None else value for name, value in attrs.items()}


class RoleEdit(RoleRequest):
    """``PUT /roles/N``: what is absent stays as it is; an empty password takes it away."""

    name = Line(required=False, max_length=128)


class Credentials(Serializer):
    """What a person logs in with."""

    username = Text(max_length=150)
    password = Text(max_length=1024, trim_whitespace=False)
    code = Text(required=False, allow_blank=True, max_length=64, help_text="Of the second factor, for who has one.")


class Token(Serializer):
    """A token for the Authorization header."""

    token = drf.CharField()


@extend_schema_field({"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]})
class Complaint(drf.JSONField):
    """A sentence, or one for each field that is missing, as Lemur says it."""


class LoginProblem(Serializer):
    """What is wrong with credentials that cannot be right."""

    message = Complaint()
    reasons = drf.DictField(required=False)


class SharedLogin(Serializer):
    """The log-in that the members of a role share."""

    username = drf.CharField(allow_blank=True)
    password = drf.CharField(allow_null=True)


class ApiKeyOutput(ModelSerializer):
    """An API key; its token is not kept."""

    user = UserBrief()
    ttl = drf.IntegerField(source="days", help_text="Life in days; -1: until it is revoked.")
    issued_at = drf.SerializerMethodField(help_text="Seconds since 1970.")

    class Meta:
        model = ApiKey
        fields = ("id", "name", "user", "ttl", "issued_at", "revoked", "scope", "expires_at", "last_used_at")

    def get_issued_at(self, key: ApiKey) -> int:
        """As in Lemur's tokens."""
        return int(key.created_at.timestamp())


class ApiKeyMade(ApiKeyOutput):
    """An API key under Lemur's name for its token, which is shown once: ``jwt`` is null ever after."""

    jwt = drf.CharField(source="token", allow_null=True)

    class Meta(ApiKeyOutput.Meta):
        fields = ("jwt", *ApiKeyOutput.Meta.fields)  # type: ignore[assignment]


@extend_schema_field({"type": "integer", "minimum": FOR_EVER, "maximum": LONGEST_LIFE, "not": {"const": 0}})
class Days(Number):
    """A life in days, or -1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": FOR_EVER, "max_value": LONGEST_LIFE, **kwargs})


class ApiKeyRequest(Serializer):
    """``POST /keys``: for the caller, unless ``user`` says for whom."""

    name = Line(max_length=128)
    ttl = Days(required=False, default=FOR_EVER)
    user = Ref(User.objects.all, required=False, name_field="username")
    scope = drf.ChoiceField(ApiKey.Scope.choices, required=False, default=ApiKey.Scope.FULL)


class ApiKeyEdit(Serializer):
    """``PUT /keys/N``; Lemur's clients send ``id`` and ``user`` as well, which cannot change."""

    id = Number(required=False, min_value=1, max_value=LARGEST_ID)
    name = Line(required=False, max_length=128)
    ttl = Days(required=False)
    revoked = YesNo(required=False)
