"""How the API learns who calls: a token in the Authorization header, or the browser's session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from accounts import service
from accounts.models import User
from core import audit
from core.errors import Forbidden


class TokenAuthentication(authentication.BaseAuthentication):
    """``Authorization: <any word> <token>``: the second word counts, as in Lemur (contract 1.3)."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        header = authentication.get_authorization_header(request).decode("latin-1").split()
        if not header:
            return None
        if len(header) != 2:
            raise Forbidden("Token is invalid")
        key = service.use_token(header[1])
        _act(request, key.user, api_key=str(key.pk), proof=None)  # whatever session came along
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        """Makes "nobody said who they are" a 401."""
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of the pages, with its protection against cross-site requests."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found is not None:
            _act(request, found[0])
        return found

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise Forbidden("The request came without this site's CSRF token.") from error


def _act(request: Request, user: Any, **facts: Any) -> None:
    """From here on services know for whom they work. The middleware resets the context when the request ends."""
    audit.assume(replace(audit.acting(), kind="request", user=user, **facts))


class TokenInSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes the token."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A log-in token or an API key."}


class SessionInSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes the session of the pages."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
