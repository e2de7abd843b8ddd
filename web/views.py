"""What pages have in common: rows within what is permitted, doing something and going on, crumbs, and error pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from core.audit import acting
from core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Precondition
from core.permissions import Permissions
from pki.errors import PkiError
from web.rest.errors import NOT_UNDERSTOOD, from_pki

API = "/api/"


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
                result = do(**form.cleaned_data)
            except (Invalid, Conflict, Precondition, PkiError) as error:
                status = add_errors(form, error)
            else:
                messages.success(request, done if isinstance(done, str) else done(result))
                return redirect(to or result)  # type: ignore[arg-type]  # a Model here has a page
    return render(request, template, {**(context or {}), "form": form}, status=status)


def add_errors(form: BaseForm, error: DomainError | PkiError) -> int:
    """Put what the domain refuses into the form, and return its status."""
    refusal = from_pki(error) if isinstance(error, PkiError) else error
    for path, sentence in sentences(refusal.reasons) or [("", refusal.message)]:
        name = next((part for part in path.split(".") if part in form.fields), None)
        form.add_error(name, sentence if name or not path else f"{path}: {sentence}")
    return refusal.status


def sentences(reasons: Any, path: str = "") -> list[tuple[str, str]]:
    """Nested reasons as (dotted path, sentence); the path is empty for what concerns the whole."""
    if isinstance(reasons, Mapping):
        prefix = f"{path}." if path else ""
        parts = [(f"{prefix}{name}", part) for name, part in reasons.items()]
        return [pair for name, part in parts for pair in sentences(part, name.removesuffix("Schema.rule"))]
    if isinstance(reasons, list | tuple):
        return [pair for part in reasons for pair in sentences(part, path)]
    return [(path, str(reasons))]


class Crumb(NamedTuple):
    """One step of the way to a page."""

    label: str
    url: str = ""


def crumbs(*trail: str | Model | tuple[str, str]) -> list[Crumb]:
    """The way to a page: ("label", "url"), an object that has a page, or plain text for the page itself."""
    return [_crumb(step) for step in trail]


def _crumb(step: Any) -> Crumb:
    if isinstance(step, tuple):
        return Crumb(*step)
    return Crumb(str(step), step.get_absolute_url() if hasattr(step, "get_absolute_url") else "")


def refuse(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A domain error as a page, or as JSON under /api/."""
    if request.path.startswith(API):
        return JsonResponse({"message": error.message}, status=error.status)
    return _error_page(request, error.status, error.message, sentences(error.reasons))


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler400."""
    return refuse(request, Invalid(NOT_UNDERSTOOD))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler403."""
    return refuse(request, Forbidden(str(exception or "")))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    sentence = "This form was open for too long or came from another site. Go back, reload the page and try again."
    return refuse(request, Forbidden(sentence))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404. Contract 1.4: for an unknown address the key is ``error``."""
    if request.path.startswith(API):
        return JsonResponse({"error": "404 Not Found: The requested URL was not found on the server."}, status=404)
    return _error_page(request, NotFound.status, "There is no such page, or none that you may see.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: no detail, but the id under which the log has it."""
    request_id = acting().request_id
    if request.path.startswith(API):
        return JsonResponse({"message": "Internal Server Error", "requestId": request_id}, status=500)
    return _error_page(request, 500, "Something went wrong here. The log has the details under the id below.")


def _error_page(
    request: HttpRequest, status: int, message: str, reasons: Iterable[tuple[str, str]] = ()
) -> HttpResponse:
    context = {"status": status, "message": message, "reasons": reasons, "request_id": acting().request_id}
    return render(request, "error.html", context, status=status)
