"""Pages about one's own log-ins: the second factor, the recovery codes, and where one is logged in."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import permissions, service, signing_in, totp
from accounts.forms_login import CodeForm
from accounts.models import ApiKey, Session, User
from accounts.service import second_factor as factors
from accounts.service.logging_in import SECOND_FACTOR
from core.audit import acting
from core.errors import Invalid, NotFound, Throttled
from web.views import add_errors, carry_out, get_or_404, person


def _who_sets_up(request: HttpRequest) -> User | None:
    """Whoever is logged in, or has shown the right password and must set it up before they are."""
    return person(request) if request.user.is_authenticated else signing_in.pending(request)


@never_cache
def set_up(request: HttpRequest) -> HttpResponse:
    """Show the QR code; when the app's code comes back right, show the recovery codes this once."""
    user = _who_sets_up(request)
    if user is None or (not request.user.is_authenticated and service.has_second_factor(user)):
        return redirect("login")
    form, status = CodeForm(request.POST or None), 400 if request.method == "POST" else 200
    factor = factors.begun(user) if request.method == "POST" else factors.begin(user)
    if form.is_bound and form.is_valid():
        try:
            codes = factors.finish(user, form.cleaned_data["code"], address=acting().address)
        except (Invalid, Throttled) as error:
            status = add_errors(form, error)
        else:
            return _codes(request, user, codes)
    context = {"form": form, "typed": factors.typed(factor)}
    return render(request, "accounts/second_factor.html", context, status=status)


def _codes(request: HttpRequest, user: User, codes: list[str]) -> HttpResponse:
    """Whoever had to set it up is in now."""
    if not request.user.is_authenticated:
        signing_in.enter(request, user, how=SECOND_FACTOR)
    else:
        signing_in.prove(request, SECOND_FACTOR)
    return render(request, "accounts/recovery_codes.html", {"codes": codes})


@require_safe
@never_cache
def qr_code(request: HttpRequest) -> HttpResponse:
    """The secret of a factor that is being set up, as a picture for the app."""
    user = _who_sets_up(request)
    if user is None or service.has_second_factor(user):
        raise NotFound
    return HttpResponse(totp.picture(factors.address(factors.begun(user))), content_type="image/svg+xml")


@login_required
@require_POST
@never_cache
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """New ones."""
    return render(request, "accounts/recovery_codes.html", {"codes": factors.renew_recovery_codes(person(request))})


@login_required
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Log in by password alone again."""
    return carry_out(request, factors.remove, person(request), _("The second factor was taken away."), to="sessions")


@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is logged in, and how one shows who one is."""
    user = person(request)
    context = {
        "sessions": permissions.sessions.allowed(user, "view", Session.objects.live().filter(user=user)),
        "own": request.session.session_key,
        "tokens": ApiKey.objects.open().filter(user=user, kind=ApiKey.Kind.LOGIN),
        "has_second_factor": service.has_second_factor(user),
        "codes_left": factors.recovery_codes_left(user),
        "required": factors.is_required(user),
    }
    return render(request, "accounts/sessions.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, handle: str) -> HttpResponse:
    """End one of one's own."""
    service.end_session(person(request), handle, by=person(request))
    messages.success(request, _("That session has ended."))
    return redirect("sessions")


@login_required
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """End all of one's own but this one; log-ins over the API, too."""
    service.end_sessions(person(request), keep=request.session.session_key, by=person(request))
    messages.success(request, _("You are logged in here alone."))
    return redirect("sessions")


def _person(request: HttpRequest, pk: int) -> User:
    found: User = get_or_404(request, permissions.users, pk=pk)
    return found


@login_required
@require_POST
def end_sessions_of(request: HttpRequest, pk: int) -> HttpResponse:
    """An administrator ends everything that somebody is logged in with."""
    shown = _person(request, pk)
    return carry_out(
        request, service.end_sessions, shown, _("They are logged out everywhere."), to=shown.get_absolute_url()
    )


@login_required
@require_POST
def reset_second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """An administrator takes away what somebody has lost."""
    shown = _person(request, pk)
    said = _("They log in by password alone, until they set up anew.")
    return carry_out(request, factors.remove, shown, said, to=shown.get_absolute_url())
