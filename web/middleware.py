"""What happens around every request: its id and context, its size, its headers, and domain errors as pages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from structlog.contextvars import bound_contextvars

from core.audit import PROOF, Proof, acting, acting_as, assume
from core.errors import DomainError, Invalid, ProofNeeded
from pki.errors import PkiError
from web.rest.errors import from_django, from_pki
from web.views import API, refuse

GetResponse = Callable[[HttpRequest], HttpResponse]

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


class RequestContext:
    """Gives the request an id (the caller's, if it is a plain one), and logs and audit log where they are."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        _drop_what_strangers_forward(request)
        given = request.headers.get("X-Request-Id", "")
        request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{8,64}", given) else uuid.uuid4().hex
        where = acting_as(kind="request", user=None, request_id=request_id, address=client_address(request))
        with bound_contextvars(request_id=request_id), where:
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class BodyLimit:
    """Refuses bodies larger than ``MAX_BODY`` before a byte of them is read. WSGI bodies always have a length."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or len(length) > 18 or int(length) > settings.MAX_BODY:
            return refuse(request, Invalid(f"The request body may not be larger than {settings.MAX_BODY:,} bytes."))
        return self.get_response(request)


class NoNul:
    """Refuses the NUL character in queries and cookies, at which PostgreSQL fails. Parsers and forms see to bodies."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or any("\0" in text for text in request.COOKIES.values()):
            return refuse(request, Invalid("The query or a cookie contains a NUL character; leave it out."))
        return self.get_response(request)


class AnyHost:
    """Lets a challenge be asked for under any name: it is about the name, which need not be one of ALLOWED_HOSTS."""

    PLACE = "/.well-known/acme-challenge/"

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(self.PLACE):
            request.META["HTTP_HOST"] = next(iter(settings.ALLOWED_HOSTS), "").lstrip(".*") or "localhost"
        return self.get_response(request)


class SecurityHeaders:
    """Headers beyond those of Django's SecurityMiddleware; a view that sets one of them has its way."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class ActingUser:
    """Services called by pages work for the person who is logged in; API authentication says so itself."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without the cookie nobody is: not asked, so that what is the same for all does not vary by cookie.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            assume(replace(acting(), user=request.user, proof=Proof(**request.session.get(PROOF, {}))))
        return self.get_response(request)


class DomainErrorPages:
    """What a service refuses becomes a page with its sentence; the API has its own way (web.rest.errors)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, PkiError):
            error = from_pki(error)
        elif isinstance(error, ValidationError):  # as Django's admin site leaves one, at an id that is none
            error = from_django(error)
        if isinstance(error, ProofNeeded) and not request.path.startswith(API):
            return redirect_to_login(_page_of(request), reverse("confirm"))
        return refuse(request, error) if isinstance(error, DomainError) else None


def _page_of(request: HttpRequest) -> str:
    """Where to go on afterwards: what was sent off is gone, but not the page that it was sent from."""
    there = request.get_full_path()
    return there if request.method in ("GET", "HEAD") else request.headers.get("Referer", there)


def _drop_what_strangers_forward(request: HttpRequest) -> None:
    """Only a trusted proxy may say that the request came by HTTPS (``SECURE_PROXY_SSL_HEADER``)."""
    if not _is_proxy(request.META.get("REMOTE_ADDR", ""), _networks(tuple(settings.TRUSTED_PROXIES))):
        request.META.pop("HTTP_X_FORWARDED_PROTO", None)


def client_address(request: HttpRequest) -> str:
    """Who called: the nearest address that is not one of ``TRUSTED_PROXIES``, which write X-Forwarded-For."""
    address: str = request.META.get("REMOTE_ADDR", "")
    proxies = _networks(tuple(settings.TRUSTED_PROXIES))
    forwarded = request.headers.get("X-Forwarded-For", "").split(",") if proxies else []
    while forwarded and _is_proxy(address, proxies):
        nearest = _parse(forwarded.pop())
        if nearest is None:
            break
        address = str(nearest)
    return address


@lru_cache(maxsize=4)
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


def _is_proxy(address: str, proxies: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """A Unix socket, which has no address, leads to the proxy on this machine."""
    parsed = _parse(address)
    return not address or (parsed is not None and any(parsed in network for network in proxies))


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.strip())
    except ValueError:
        return None
