"""What anybody may ask without logging in, over plain HTTP: an authority's certificate, its CRL, its OCSP responder;
and our answers to challenges of other authorities.

Whoever verifies a certificate comes here. Each answer costs a look-up or two, and caches may keep it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from cryptography.hazmat.primitives.serialization import Encoding
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, HttpResponseNotModified
from django.utils.cache import patch_cache_control
from django.utils.http import http_date
from django.utils.timezone import now as clock
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from authorities import challenges, publishing
from authorities.models import Authority, Crl
from core.errors import NotFound
from pki import inspection, ocsp
from pki.errors import BadQuestion
from web.lists import LARGEST_ID

OCSP = "application/ocsp-response"
CERTIFICATE_AGE = timedelta(days=1)
CRL_AGE = timedelta(minutes=5)  # until a revocation has reached everybody who comes through a cache
ANSWER_AGE = timedelta(minutes=15)


def _of_an_authority(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorates a view: an id that no column could hold is nobody's, and no database is asked."""

    @wraps(view)
    def answer(request: HttpRequest, pk: int, **rest: str) -> HttpResponse:
        return view(request, pk, **rest) if pk <= LARGEST_ID else _nothing()

    return answer


@require_safe
@_of_an_authority
def certificate(request: HttpRequest, pk: int) -> HttpResponse:
    """The authority's certificate in DER (RFC 5280, 4.2.2.1)."""
    body = Authority.objects.filter(pk=pk).values_list("body", flat=True).first()
    if body is None:
        return _nothing()
    der = inspection.load(body).public_bytes(Encoding.DER)
    return _cached(HttpResponse(der, content_type="application/pkix-cert"), CERTIFICATE_AGE)


@require_safe
@_of_an_authority
def crl(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest revocation list in DER (RFC 5280, 4.2.1.13)."""
    rows = Crl.objects.filter(authority=pk).order_by("-number")
    newest = rows.values_list("number", "this_update", "next_update", "der").first()
    if newest is None:
        return _nothing()
    number, made_at, ends, der = newest
    tag = f'"{number}"'
    known = tag in {part.strip() for part in request.headers.get("If-None-Match", "").split(",")}
    answer = HttpResponseNotModified() if known else HttpResponse(bytes(der), content_type="application/pkix-crl")
    answer["ETag"] = tag
    answer["Last-Modified"] = http_date(made_at.timestamp())
    return _cached(answer, min(CRL_AGE, ends - clock()))


@csrf_exempt
@require_POST
@_of_an_authority
def ocsp_post(request: HttpRequest, pk: int) -> HttpResponse:
    """An OCSP request as the body (RFC 6960, A.1)."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > ocsp.LARGEST:
        return _answered(pk, b"")
    return _answered(pk, request.body)


@require_safe
@_of_an_authority
def ocsp_get(request: HttpRequest, pk: int, question: str) -> HttpResponse:
    """An OCSP request in the address; caches may keep the answer to one without a nonce (RFC 9919)."""
    try:
        der = ocsp.from_path(question)
    except BadQuestion:
        der = b""
    return _answered(pk, der, cacheable=True)


@require_safe
def challenge(request: HttpRequest, token: str) -> HttpResponse:
    """The key authorization of an http-01 challenge (RFC 8555, 8.3)."""
    text = challenges.answer_to(token)
    return _nothing() if text is None else HttpResponse(text, content_type="application/octet-stream")


def _answered(pk: int, request: bytes, *, cacheable: bool = False) -> HttpResponse:
    now = clock()
    try:
        answer = publishing.answer(pk, request, now=now)
    except NotFound:
        return _nothing()
    response = HttpResponse(answer.der, content_type=OCSP)
    if not cacheable or answer.fresh_until is None:
        return response
    response["Last-Modified"] = http_date(answer.made_at.timestamp())
    return _cached(response, min(ANSWER_AGE, answer.fresh_until - now))


def _nothing() -> HttpResponse:
    """Programs ask here: no page is made for them."""
    return HttpResponseNotFound("Nothing is published here.\n", content_type="text/plain")


def _cached(response: HttpResponse, age: timedelta) -> HttpResponse:
    seconds = max(0, int(age.total_seconds()))
    patch_cache_control(response, public=True, max_age=seconds, no_transform=True)
    response["Expires"] = http_date((_now_in_seconds() + timedelta(seconds=seconds)).timestamp())
    return response


def _now_in_seconds() -> datetime:
    return clock().replace(microsecond=0)
