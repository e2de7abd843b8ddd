"""How a browser comes to be somebody's: what its session has proven so far, and which page asks for the rest."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import structlog
from allauth.socialaccount.providers.base.constants import AuthError
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now as clock
from django.utils.translation import gettext as _

from accounts import service
from accounts.models import User
from accounts.service.logging_in import PASSWORD
from accounts.service.single_sign_on import SINGLE_SIGN_ON, Seen
from accounts.sessions import SIGNED_IN
from core.audit import PROOF, acting
from core.errors import DomainError, Forbidden

log = structlog.get_logger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
PENDING = "pending_login"
PENDING_SECONDS = 600
LONGEST_AGENT = 200
CLOCKS_DIFFER = 60  # seconds


def after_password(request: HttpRequest, user: User, *, to: str) -> HttpResponse:
    """The password was right: let them in, or ask for what is required besides."""
    if service.has_second_factor(user):
        step = "login-code"
    elif service.needs_setting_up(user):
        step = "login-set-up"
    else:
        return enter(request, user, how=PASSWORD, to=to)
    request.session[PENDING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "at": time.time(),
        "to": to,
    }
    return redirect(step)


def pending(request: HttpRequest) -> User | None:
    """Who has shown the right password a while ago, and is not in yet."""
    stored = request.session.get(PENDING)
    if not stored or time.time() - stored["at"] > PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=stored["user"], is_active=True).first()
    known = user is not None and constant_time_compare(user.get_session_auth_hash(), stored["hash"])
    return user if known else None


def enter(request: HttpRequest, user: User, *, how: str, to: str = "", proven_at: float | None = None) -> HttpResponse:
    """From now on this session is theirs, and so long as one lasts, whatever they do in it. Its key changes, so that
    nobody has it who knew the one before. They have shown who they are at that time, or just now."""
    to = to or request.session.pop(PENDING, {}).get("to") or resolve_url(settings.LOGIN_REDIRECT_URL)
    request.session.pop(PENDING, None)
    if request.user.is_authenticated:
        request.session.cycle_key()  # Django keeps that of somebody who logs in anew, even if it has just ended
    login(request, user, backend=BACKEND)
    request.session.set_expiry(clock() + timedelta(seconds=settings.SESSION_COOKIE_AGE))
    request.session[SIGNED_IN] = {
        "at": clock().isoformat(),
        "address": acting().address,
        "agent": request.headers.get("User-Agent", "")[:LONGEST_AGENT],
    }
    prove(request, how, at=proven_at)
    service.logged_in(user, how=how)
    return redirect(to)


def prove(request: HttpRequest, how: str, *, at: float | None = None) -> None:
    """They have shown who they are: at that time (seconds since 1970), or just now."""
    request.session[PROOF] = {"how": how, "at": time.time() if at is None else at}


def by_provider(request: HttpRequest, seen: Seen, state: dict[str, Any]) -> HttpResponse:
    """The identity provider has said who it is: for a log-in, or to confirm one that exists."""
    to, since = safe(request, state.get("next")), (state.get("data") or {}).get("since")
    try:
        user = service.log_in_by_provider(seen)
        if since is not None:
            _require_the_same(request, user, seen.authenticated_at, since)
    except DomainError as error:
        if not request.session.exists(request.session.session_key or ""):
            request.session.flush()  # it was theirs, and has ended
        messages.error(request, str(error))
        return redirect("login")
    to = to or resolve_url(settings.LOGIN_REDIRECT_URL)
    return enter(request, user, how=SINGLE_SIGN_ON, to=to, proven_at=_proven_at(request, user, seen))


def _proven_at(request: HttpRequest, user: User, seen: Seen) -> float | None:
    """When they showed the provider who they are, which often asks nobody anew. One that does not say is believed for a
    log-in, but proves nothing more of whoever is logged in already."""
    if seen.authenticated_at:
        return min(time.time(), float(seen.authenticated_at))
    return float(request.session.get(PROOF, {}).get("at", 0)) if request.user == user else None


def _require_the_same(request: HttpRequest, user: User, authenticated_at: int, since: float) -> None:
    if request.user != user:
        service.refused_by_provider(user)
        raise Forbidden(_("You confirmed as somebody else; confirm as %(name)s.") % {"name": request.user})
    if authenticated_at < since - CLOCKS_DIFFER:
        raise Forbidden(_("The identity provider did not ask who you are; log out and in again."))


def not_by_provider(request: HttpRequest, error: Any = None, problem: Exception | None = None) -> HttpResponse:
    """Nobody was logged in. What the provider said is for the log: it may be somebody else's words."""
    if error == AuthError.CANCELLED:
        said = _("You were not logged in.")
    elif isinstance(problem, OSError):
        said = _("The identity provider does not answer. Try again later.")
    else:
        said = _("That log-in could not be verified. Start it again here.")
    log.warning("no log-in by the identity provider", error=str(error), problem=str(problem or ""))
    messages.error(request, said)
    return redirect("login")


def safe(request: HttpRequest, to: str | None) -> str:
    """An address of this site, or nothing."""
    fine = url_has_allowed_host_and_scheme(to, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return str(to) if fine else ""
