"""``short=true``: long lists of certificates with only what such a list needs of each."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework.request import Request

from certificates.serializers import CertificateOutput, CertificateShort
from core.errors import Invalid
from web.lists import YesNoField

SHORT = OpenApiParameter("short", bool, description="Only what a long list needs of each.")
LISTED = PolymorphicProxySerializer("CertificateListed", [CertificateOutput, CertificateShort], None)


def asks_for_short(request: Request) -> bool:
    """Raises Invalid for what is neither yes nor no."""
    return bool(yes_or_no(request, "short"))


def yes_or_no(request: Request, name: str) -> bool | None:
    """A parameter that no FilterSet knows; None if it is not there. Raises Invalid, naming it."""
    try:
        found: bool | None = YesNoField(required=False).clean(request.query_params.get(name))
    except ValidationError as error:
        raise Invalid.field(name, error.messages[0]) from error
    return found
