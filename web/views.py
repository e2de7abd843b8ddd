"""What pages have in common: rows within what is permitted, doing something and going on, and error pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.db import InterfaceError, OperationalError
from django.db.models import Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from core.audit import acting
from core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Precondition, Unavailable
from core.permissions import Permissions
from pki.errors import PkiError
from web.forms import RowForm
from web.rest.errors import NOT_UNDERSTOOD, from_pki
from web.rest.idempotency import once

API = "/api/"
NO_DATABASE = "The database does not answer at the moment. Try again in a few seconds."
SECONDS_UNTIL_AGAIN = 5


def person(request: HttpRequest) -> Any:
    """Who is logged in, on pages that nobody else sees."""
    return request.user


def get_or_404(
    request: HttpRequest,
    permissions: Permissions,
    rows: QuerySet[Any] | None = None,
    *,
    action: str = "view",
    **lookup: Any,
) -> Any:
    """The row, if the person may see it (``action``); a row that they may not see does not exist. Raises NotFound."""
    try:
        return permissions.allowed(request.user, action, rows).get(**lookup)
    except ObjectDoesNotExist as error:
        raise NotFound(f"There is no such {permissions.model._meta.verbose_name}.") from error


def act(
    request: HttpRequest,
    form: BaseForm,
    do: Callable[..., Any],
    *,
    done: str | Callable[[Any], str],
    template: str,
    context: Mapping[str, Any] | None = None,
    to: str | Model | None = None,
) -> HttpResponse:
    """One form, one verb: shows the form, or does it with the cleaned data, says that it is ``done``, and goes ``to``.

    Without ``to`` it goes to what ``do`` returned. What the domain refuses is shown in the form, by its field if known;
    Forbidden and the like become an error page.
    """
    status = 200
    if form.is_bound:
        status = Invalid.status
        if form.is_valid():
            try:
                with once(request):
                    result = do(**form.cleaned_data)
            except (Invalid, Conflict, Precondition, PkiError) as error:
                status = add_errors(form, error)
            else:
                messages.success(request, done if isinstance(done, str) else done(result))
                return redirect(to or result)  # type: ignore[arg-type]  # a Model here has a page
    return render(request, template, {**(context or {}), "form": form}, status=status)


def carry_out(request: HttpRequest, verb: Callable[..., object], row: object, said: str, *, to: str) -> HttpResponse:
    """A press of a button: one verb on one row; what came of it, or is in the way, is ``said`` on the next page."""
    try:
        verb(row, by=person(request))
    except (Conflict, Invalid, Precondition, Unavailable) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect(to)


def came_from(request: HttpRequest, otherwise: str) -> str:
    """The page of ours that a form names in ``next``, to go back to; else the one of this name."""
    page = request.POST.get("next", "")
    ours = page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return page if ours else otherwise


def add_errors(form: BaseForm, error: DomainError | PkiError) -> int:
    """Put what the domain refuses into the form, and return its status."""
    refusal = from_pki(error) if isinstance(error, PkiError) else error
    for path, sentence in sentences(refusal.reasons) or [("", refusal.message)]:
        name = form.field_of(path) if isinstance(form, RowForm) else _field_of(form, path)
        form.add_error(name, sentence if name or not path else f"{path}: {sentence}")
    return refusal.status


def _field_of(form: BaseForm, path: str) -> str | None:
    return next((part for part in path.split(".") if part in form.fields), None)


def sentences(reasons: Any, path: str = "") -> list[tuple[str, str]]:
    """Nested reasons as (dotted path, sentence); the path is empty for what concerns the whole."""
    if isinstance(reasons, Mapping):
        prefix = f"{path}." if path else ""
        parts = [(f"{prefix}{name}", part) for name, part in reasons.items()]
        return [pair for name, part in parts for pair in sentences(part, name.removesuffix("Schema.rule"))]
    if isinstance(reasons, list | tuple):
        return [pair for part in reasons for pair in sentences(part, path)]
    return [(path, str(reasons))] if reasons else []


def refuse(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A domain error as a page, or as JSON under /api/."""
    if request.path.startswith(API):
        return JsonResponse({"message": error.message}, status=error.status)
    named = [f"{path}: {sentence}" if path else sentence for path, sentence in sentences(error.reasons)]
    return _error_page(request, error.status, " ".join(named) or error.message)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler400."""
    return refuse(request, Invalid(NOT_UNDERSTOOD))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler403."""
    return refuse(request, Forbidden(str(exception or "")))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404. Contract 1.4: for an unknown address the key is ``error``."""
    if request.path.startswith(API):
        return JsonResponse({"error": "404 Not Found: The requested URL was not found on the server."}, status=404)
    return _error_page(request, NotFound.status, "")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: no detail, but the id under which the log has it. The page must not fail as well.

    503 if it was the database that failed: whoever asked may ask again.
    """
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        response = _last_word(request, Unavailable.status, NO_DATABASE)
        response["Retry-After"] = str(SECONDS_UNTIL_AGAIN)
        return response
    return _last_word(request, 500, "Internal Server Error")


def _last_word(request: HttpRequest, status: int, message: str) -> HttpResponse:
    request_id = acting().request_id
    if request.path.startswith(API):
        return JsonResponse({"message": message, "requestId": request_id}, status=status)
    page = render_to_string(f"{status}.html", {"message": message, "request_id": request_id})
    return HttpResponse(page, status=status)


def _error_page(request: HttpRequest, status: int, message: str) -> HttpResponse:
    context = {"status": status, "message": message, "request_id": acting().request_id}
    return render(request, [f"{status}.html", "error.html"], context, status=status)
