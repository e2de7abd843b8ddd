"""How the API says what went wrong: one mapping from errors to statuses and to the bodies of contract 1.4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core import exceptions as django_errors
from django.http import Http404
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from core.errors import DomainError, Forbidden, Invalid, NotFound, Throttled, Unauthenticated
from pki.errors import PkiError
from web.spelling import camel

NOT_UNDERSTOOD = "The browser (or proxy) sent a request that this server could not understand."
NOT_ALLOWED = "The method is not allowed for the requested URL."
SCHEMA, NESTED_SCHEMA = "Schema", "_schema"
NOT_JSON = "not_json"  # the code of a ParseError whose sentence says where

# Where DRF's sentence differs from the one Lemur's clients know: by code, and for the ambiguous code by sentence.
BY_CODE = {
    "required": "Missing data for required field.",
    "null": "Field may not be null.",
    "invalid_choice": "Not a valid choice.",
    "not_a_list": "Not a valid list.",
    "not_a_dict": "Not a valid mapping type.",
}
BY_SENTENCE = {
    "Must be a valid boolean.": "Not a valid boolean.",
    "A valid integer is required.": "Not a valid integer.",
    "Enter a valid email address.": "Not a valid email address.",
}


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. None for what nobody foresaw: Django logs it, :func:`web.views.server_error` answers."""
    domain_error = _as_domain_error(error)
    if domain_error is not None:
        return _domain_error(domain_error)
    if isinstance(error, exceptions.ValidationError):
        return _validation_error(error.detail)
    return _framework_error(error) if isinstance(error, exceptions.APIException) else None


def _as_domain_error(error: Exception) -> DomainError | None:
    found: DomainError | None = None
    match error:
        case DomainError():
            found = error
        case PkiError():
            found = from_pki(error)
        case django_errors.ValidationError():
            found = from_django(error)
        case Http404():
            found = NotFound()
        case django_errors.PermissionDenied():
            found = Forbidden(str(error))
        case django_errors.SuspiciousOperation() | django_errors.BadRequest() | UnreadablePostError():
            found = Invalid(NOT_UNDERSTOOD)
    return found


def from_pki(error: PkiError) -> Invalid:
    """The domain error that says the same, at the field where that is known."""
    return Invalid.field(error.field, str(error)) if error.field else Invalid.rule(str(error))


def from_django(error: django_errors.ValidationError) -> Invalid:
    """What a model's or a form's ``clean`` found, as a domain error."""
    if not hasattr(error, "error_dict"):
        return Invalid.rule(error.messages[0])
    reasons: dict[str, Any] = {name: texts[0] for name, texts in error.message_dict.items()}
    if everything := reasons.pop(django_errors.NON_FIELD_ERRORS, None):
        reasons[SCHEMA] = {"rule": [everything]}
    return Invalid(reasons=reasons)


def _domain_error(error: DomainError) -> Response:
    response = _answer(error.status, error.message, _spelled(error.reasons))
    if isinstance(error, Unauthenticated):
        response["WWW-Authenticate"] = "Bearer"
    return response


def _spelled(reasons: Any) -> Any:
    """The same with the names spelled as on the wire."""
    if isinstance(reasons, Mapping):
        return {camel(str(name)): _spelled(reason) for name, reason in reasons.items()}
    return reasons


def _validation_error(detail: Any) -> Response:
    if not isinstance(detail, Mapping):
        detail = {api_settings.NON_FIELD_ERRORS_KEY: detail}
    reasons = {str(name): _first(part) for name, part in detail.items() if name != api_settings.NON_FIELD_ERRORS_KEY}
    if rules := detail.get(api_settings.NON_FIELD_ERRORS_KEY):
        reasons[SCHEMA] = {"rule": [_text(rule) for rule in rules]}
    return _answer(Invalid.status, Invalid.title, reasons)


def _first(detail: Any) -> Any:
    """The first message of a field; of an object or a list of objects, the same for each part that has one."""
    if isinstance(detail, Mapping):
        names = {name: NESTED_SCHEMA if name == api_settings.NON_FIELD_ERRORS_KEY else str(name) for name in detail}
        return {names[name]: _first(part) for name, part in detail.items()}
    if isinstance(detail, list) and any(isinstance(part, Mapping | list) for part in detail):
        return {str(place): _first(part) for place, part in enumerate(detail) if part}
    return _text(detail[0] if isinstance(detail, list) else detail)


def _text(message: Any) -> str:
    return BY_CODE.get(getattr(message, "code", ""), BY_SENTENCE.get(str(message), str(message)))


def _framework_error(error: exceptions.APIException) -> Response:
    match error:
        case exceptions.ParseError():
            said = getattr(error.detail, "code", "") == NOT_JSON
            response = _answer(error.status_code, NOT_UNDERSTOOD, _rule(str(error.detail)) if said else None)
        case exceptions.MethodNotAllowed():
            response = _answer(error.status_code, NOT_ALLOWED)
        case exceptions.NotAuthenticated():
            response = _domain_error(Unauthenticated())
        case exceptions.NotFound():
            response = _answer(error.status_code, NotFound.title)
        case exceptions.Throttled():
            response = _answer(error.status_code, Throttled.title)
            response["Retry-After"] = str(int(getattr(error, "wait", None) or 1))
        case _:
            response = _answer(error.status_code, str(error.detail))
    return response


def _rule(sentence: str) -> dict[str, Any]:
    return {SCHEMA: {"rule": [sentence]}}


def _answer(code: int, message: str, reasons: Any = None) -> Response:
    return Response({"message": message, **({"reasons": reasons} if reasons else {})}, status=code)
