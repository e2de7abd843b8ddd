"""Logging in, and who am I (contract 11)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as drf
from rest_framework.exceptions import ParseError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import service
from accounts.serializers import Me
from core.audit import acting
from web.rest.serializers import Serializer
from web.rest.views import APIView

MISSING = "Missing required parameter in the JSON body"


class Credentials(Serializer):
    """What a person logs in with."""

    username = drf.CharField(max_length=150)
    password = drf.CharField(max_length=1024, trim_whitespace=False)


class Token(Serializer):
    """A token for the Authorization header."""

    token = drf.CharField()


class Login(APIView):
    """Exchange a user name and a password for a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(request=Credentials, responses=Token)
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
        return Response({"token": service.log_in_token(user)}, headers={"Cache-Control": "no-store"})


class WhoAmI(APIView):
    """The caller."""

    @extend_schema(responses=Me)
    def get(self, request: Request) -> Response:
        """Name, address and roles."""
        return Response(Me(request.user).data)
