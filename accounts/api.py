"""Logging in, who am I, users, roles and API keys (contract 11)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import permissions, service
from accounts.filters import ApiKeyFilter, RoleFilter, UserFilter
from accounts.models import ApiKey, Role, User
from accounts.serializers import (
    ApiKeyEdit,
    ApiKeyMade,
    ApiKeyOutput,
    ApiKeyRequest,
    Credentials,
    LoginProblem,
    RoleDetail,
    RoleEdit,
    RoleOutput,
    RoleRequest,
    SharedLogin,
    Token,
    UserEdit,
    UserOutput,
    UserRequest,
)
from core.audit import acting
from core.errors import NotFound
from web.rest.idempotency import idempotent
from web.rest.views import APIView, DestroyMixin, ViewSet

MISSING = "Missing required parameter in the JSON body"
NO_MEMBER = "You are not allowed to view a role which you are not a member of."
MAKE_TOKEN = permissions.users.rules["make_token"]
NO_TOKEN = "You are not authorized to view this token!"  # noqa: S105  a sentence
NEVER_CACHED = {"Cache-Control": "no-store"}


class Login(APIView):
    """Exchange a user name and a password for a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    inputs: ClassVar = {"post": Credentials}
    outputs: ClassVar = {"post": {200: Token, 400: LoginProblem}}
    refusals: ClassVar = {"post": ("403", "429")}

    def post(self, request: Request) -> Response:
        """The token works for LEMUR_TOKEN_LIFETIME_HOURS, or until it is revoked."""
        if not isinstance(request.data, dict):
            raise ParseError
        missing = {name: MISSING for name in ("username", "password") if not request.data.get(name)}
        if missing:
            return Response({"message": missing}, status=400)
        credentials = Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = service.log_in(**credentials.validated_data, address=acting().address)
        return Response({"token": service.log_in_token(user)}, headers=NEVER_CACHED)


PROVIDER = {
    "type": "object",
    "required": ["name", "url"],
    "properties": {"name": {"type": "string"}, "url": {"type": "string", "format": "uri"}},
}


class Providers(APIView):
    """Other ways to log in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    outputs: ClassVar = {"get": {200: {"type": "array", "items": PROVIDER}}}

    def get(self, request: Request) -> Response:
        """The identity providers that can be used here."""
        known = [{"name": settings.OIDC_NAME, "url": settings.SITE_ROOT + reverse("oidc")}]
        return Response(known if settings.OIDC_ISSUER else [])


class WhoAmI(APIView):
    """The caller."""

    outputs: ClassVar = {"get": UserOutput}

    def get(self, request: Request) -> Response:
        """Name, address and roles."""
        return Response(UserOutput(request.user).data)


class UserViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    """List, show, add and change people. Nobody is deleted: what they did keeps their name."""

    queryset = User.objects.prefetch_related("roles")
    permissions = permissions.users
    serializer_class = UserOutput
    filterset_class = UserFilter
    inputs: ClassVar = {"create": UserRequest, "update": UserEdit}

    @idempotent(one_transaction=True)
    def create(self, request: Request) -> Response:
        """Add a person. Without a password they cannot log in here."""
        data = self.validated()
        made = service.create_user(by=self.caller, **data)
        return self.answer(self.get_queryset().get(pk=made.pk))

    def update(self, request: Request, pk: int) -> Response:
        """Change a person; of one who is switched off every token is revoked at once."""
        service.update_user(self.get_object(), by=self.caller, **self.validated())
        return self.answer(self.get_object())

    @action(detail=True, methods=["get"], serializer_class=RoleOutput, filterset_class=RoleFilter)
    def roles(self, request: Request, pk: int) -> Response:
        """The roles that the person holds."""
        return self.answer_list(self.get_object().roles.all())


class RoleViewSet(mixins.ListModelMixin, DestroyMixin, ViewSet):
    """List, show, add, change and delete roles."""

    queryset = Role.objects.prefetch_related("users", "authorities")
    permissions = permissions.roles
    serializer_class = RoleDetail
    filterset_class = RoleFilter
    inputs: ClassVar = {"create": RoleRequest, "update": RoleEdit}
    delete_row = staticmethod(service.delete_role)
    outputs: ClassVar = {"credentials": SharedLogin}
    allows: ClassVar = {"retrieve": "show", "credentials": "reveal"}

    def retrieve(self, request: Request, pk: int) -> Response:
        """For its members, and for administrators."""
        role = self.get_object()
        permissions.roles.require(self.caller, "show", role, message=NO_MEMBER)
        return self.answer(role)

    @idempotent(one_transaction=True)
    def create(self, request: Request) -> Response:
        """Add a role, with its members and the authorities that they may use."""
        made = service.add_role(by=self.caller, **self.validated())
        return self.answer(self.get_queryset().get(pk=made.pk))

    def update(self, request: Request, pk: int) -> Response:
        """Change a role; lists that are absent stay as they are."""
        service.update_role(self.get_object(), by=self.caller, **self.validated())
        return self.answer(self.get_object())

    @action(detail=True, methods=["get"], serializer_class=UserOutput, filterset_class=UserFilter)
    def users(self, request: Request, pk: int) -> Response:
        """Who holds the role."""
        return self.answer_list(self.get_object().users.prefetch_related("roles"))

    @action(detail=True, methods=["get"])
    def credentials(self, request: Request, pk: int) -> Response:
        """The log-in that its members share. Each reading of the password is written into the audit log."""
        username, password = service.reveal_credentials(self.get_object(), by=self.caller)
        return Response({"username": username, "password": password}, headers=NEVER_CACHED)


class ApiKeyViewSet(mixins.ListModelMixin, ViewSet):
    """API keys: one's own, and everybody's for administrators; below a user, that user's."""

    queryset = ApiKey.objects.filter(kind=ApiKey.Kind.KEY).select_related("user")
    permissions = permissions.api_keys
    serializer_class = ApiKeyOutput
    filterset_class = ApiKeyFilter
    inputs: ClassVar = {"create": ApiKeyRequest, "update": ApiKeyEdit}
    outputs: ClassVar = {"create": ApiKeyMade, "retrieve": ApiKeyMade, "update": ApiKeyMade}
    allows: ClassVar = {"create": MAKE_TOKEN}
    not_found = "This token does not exist!"

    def get_queryset(self) -> QuerySet[Any]:
        """Lists are narrowed; of a single one that is somebody else's, 403 says that it is."""
        rows = super().get_queryset() if self.action == "list" else ApiKeyViewSet.queryset.all()
        owner = self.kwargs.get("user_pk")
        if owner is None:
            return rows
        self._owner(owner)
        return rows.filter(user=owner)

    def _owner(self, pk: int) -> User:
        found = User.objects.filter(pk=pk).first()
        if found is None:
            raise NotFound
        return found

    def get_object(self) -> Any:
        key = super().get_object()
        if self.request.method == "GET":
            permissions.api_keys.require(self.caller, "view", key, message=NO_TOKEN)
        return key

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """What is known about the key; its token was shown when it was made."""
        return Response(ApiKeyMade(self.get_object()).data)

    @idempotent(stores_answer=False, one_transaction=True)
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Make a key. The answer holds its token, which is shown this once."""
        data = self.validated()
        owner = data.get("user", self.caller)
        if "user_pk" in kwargs:
            owner = self._owner(kwargs["user_pk"])
        key, _ = service.create_api_key(
            user=owner,
            name=data["name"],
            days=data["ttl"],
            read_only=data["scope"] == ApiKey.Scope.READ,
            by=self.caller,
        )
        return Response(ApiKeyMade(key).data, headers=NEVER_CACHED)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change its name or life, or revoke it."""
        data = self.validated()
        service.update_api_key(
            self.get_object(),
            name=data.get("name"),
            days=data.get("ttl"),
            revoked=data.get("revoked"),
            by=self.caller,
        )
        return Response(ApiKeyMade(self.get_object()).data)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a key: it opens nothing any more."""
        service.delete_api_key(self.get_object(), by=self.caller)
        return Response({"result": True})

    @action(detail=True, methods=["get"])
    def described(self, request: Request, **kwargs: Any) -> Response:
        """What is known about the key."""
        return self.answer(self.get_object())
