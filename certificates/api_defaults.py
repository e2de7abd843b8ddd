"""What forms are filled in with (contract 11)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from rest_framework import serializers as drf
from rest_framework.request import Request
from rest_framework.response import Response

from authorities.models import ISSUER_PLUGIN, Authority
from authorities.permissions import permissions
from certificates.spec import SUBJECT_FIELDS, filled
from web.rest.serializers import Serializer
from web.rest.views import APIView
from web.spelling import camel


class DefaultsOutput(Serializer):
    """The site's defaults."""

    country = drf.CharField()
    state = drf.CharField()
    location = drf.CharField()
    organization = drf.CharField()
    organizational_unit = drf.CharField()
    issuer_plugin = drf.CharField()
    authority = drf.CharField(allow_null=True, help_text="The name of the one that orders go to if nobody says.")


class Defaults(APIView):
    """The site's defaults."""

    outputs: ClassVar = {"get": DefaultsOutput}

    def get(self, request: Request) -> Response:
        """Subject fields, issuer plugin and authority that forms are filled in with."""
        usable = permissions.allowed(request.user, "use", Authority.objects.filter(active=True))
        named = usable.filter(name=settings.LEMUR_DEFAULT_AUTHORITY).values_list("name", flat=True).first()
        subject = {camel(name): filled(name, None) for name in SUBJECT_FIELDS}
        return Response({**subject, "issuerPlugin": ISSUER_PLUGIN, "authority": named})
