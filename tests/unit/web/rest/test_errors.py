"""Every error in the shape that Lemur's clients know (contract 1.4)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from rest_framework import exceptions
from rest_framework import serializers as drf

from core.errors import Conflict, Forbidden, Invalid, Precondition, Throttled, Unauthenticated, Unavailable
from pki.errors import BadKey, BadName
from tests.unit.web.things import ThingRequest
from web.rest.errors import handle

VALID = {"displayName": "a", "owner": "a@b.de"}


def answer(error: Exception) -> tuple[int, Any]:
    response = handle(error, {})
    assert response is not None
    return response.status_code, response.data


def reasons(data: Any) -> Any:
    """What a request with this body is told."""
    with pytest.raises(exceptions.ValidationError) as refusal:
        ThingRequest(data=data).is_valid(raise_exception=True)
    status, body = answer(refusal.value)
    assert (status, body["message"]) == (400, "Validation Error.")
    return body["reasons"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"displayName": None}, {"displayName": "Field may not be null."}),
        ({"owner": "joe"}, {"owner": "Not a valid email address."}),
        ({"notify": "maybe"}, {"notify": "Not a valid boolean."}),
        ({"serialNumber": "x"}, {"serialNumber": "Not a valid integer."}),
        ({"serial_number": "x"}, {"serialNumber": "Not a valid integer."}),
        ({"notAfter": "x"}, {"notAfter": "Not a valid datetime."}),
        ({"team": {}}, {"team": {"_schema": "Associated object require a name or id."}}),
        ({"teams": {}}, {"teams": "Not a valid list."}),
        ({"extensions": {"subAltNames": {}}}, {"extensions": {"subAltNames": {"_schema": "Not a valid list."}}}),
        (
            {"extensions": {"subAltNames": [{"nameType": "DNSName", "value": "x"}, {"nameType": "X", "value": "x"}]}},
            {"extensions": {"subAltNames": {"1": {"nameType": "Not a valid choice."}}}},
        ),
        ({"extensions": {"useSKI": True}}, {"extensions": {"_schema": "No SKI here."}}),
        ({"displayName": "a@b.de"}, {"Schema": {"rule": ["Name and owner must differ."]}}),
    ],
)
def test_fields(changes: Any, told: Any) -> None:
    assert reasons({**VALID, **changes}) == told


def test_missing_fields() -> None:
    missing = "Missing data for required field."
    assert reasons({}) == {"displayName": missing, "owner": missing}


def test_no_object() -> None:
    assert list(reasons([])) == ["Schema"]


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (Conflict("There is one."), 409, {"message": "There is one."}),
        (Precondition("Not now."), 412, {"message": "Not now."}),
        (Forbidden("You may not."), 403, {"message": "You may not."}),
        (Throttled(), 429, {"message": "Too many attempts. Try again later."}),
        (Unavailable("The CA is silent."), 503, {"message": "The CA is silent."}),
        (
            Invalid(reasons={"common_name": "No.", "extensions": {"sub_alt_names": {"names": "Bad."}}}),
            400,
            {
                "message": "Validation Error.",
                "reasons": {"commonName": "No.", "extensions": {"subAltNames": {"names": "Bad."}}},
            },
        ),
        (Invalid.rule("No."), 400, {"message": "Validation Error.", "reasons": {"Schema": {"rule": ["No."]}}}),
        (
            BadName("Bad.", field="extensions.sub_alt_names.names"),
            400,
            {"message": "Validation Error.", "reasons": {"extensions": {"subAltNames": {"names": "Bad."}}}},
        ),
        (BadKey("Bad."), 400, {"message": "Validation Error.", "reasons": {"Schema": {"rule": ["Bad."]}}}),
        (
            DjangoValidationError({"max_size": ["Too big.", "Odd."], "__all__": ["No."]}),
            400,
            {"message": "Validation Error.", "reasons": {"maxSize": "Too big.", "Schema": {"rule": ["No."]}}},
        ),
        (DjangoValidationError({"a": ["No."]}), 400, {"message": "Validation Error.", "reasons": {"a": "No."}}),
        (
            drf.ValidationError({"names": [{}, {"value": ["No.", "Odd."]}]}),
            400,
            {"message": "Validation Error.", "reasons": {"names": {"1": {"value": "No."}}}},
        ),
        (
            DjangoValidationError("No."),
            400,
            {"message": "Validation Error.", "reasons": {"Schema": {"rule": ["No."]}}},
        ),
        (
            drf.ValidationError("No."),
            400,
            {"message": "Validation Error.", "reasons": {"Schema": {"rule": ["No."]}}},
        ),
        (Http404("detail"), 404, {"message": "No data found"}),
        (exceptions.NotFound("detail"), 404, {"message": "No data found"}),
        (PermissionDenied("You may not."), 403, {"message": "You may not."}),
        (exceptions.PermissionDenied("You may not."), 403, {"message": "You may not."}),
        (exceptions.NotAuthenticated(), 401, {"message": "Missing authorization header"}),
        (
            exceptions.MethodNotAllowed("POST"),
            405,
            {"message": "The method is not allowed for the requested URL."},
        ),
        (
            exceptions.ParseError("JSON parse error at 5"),
            400,
            {"message": "The browser (or proxy) sent a request that this server could not understand."},
        ),
        (
            RequestDataTooBig(),
            400,
            {"message": "The browser (or proxy) sent a request that this server could not understand."},
        ),
        (
            BadRequest("detail"),
            400,
            {"message": "The browser (or proxy) sent a request that this server could not understand."},
        ),
        (
            exceptions.UnsupportedMediaType("text/plain"),
            415,
            {"message": 'Unsupported media type "text/plain" in request.'},
        ),
    ],
)
def test_shapes(error: Exception, status: int, body: Any) -> None:
    assert answer(error) == (status, body)


def test_who_is_asked_to_say_who_they_are() -> None:
    for error in (Unauthenticated(), exceptions.NotAuthenticated()):
        response = handle(error, {})
        assert response is not None
        assert response["WWW-Authenticate"] == "Bearer"


def test_throttled_by_the_framework() -> None:
    for wait, header in ((12.7, "13"), (None, "1")):
        response = handle(exceptions.Throttled(wait), {})
        assert response is not None
        assert (response.status_code, response["Retry-After"]) == (429, header)


def test_bugs_are_left_to_django() -> None:
    assert handle(KeyError("secret"), {}) is None
    assert handle(AssertionError(), {}) is None


@pytest.mark.parametrize(
    ("field", "data"),
    [
        (drf.BooleanField(), "x"),
        (drf.IntegerField(), "x"),
        (drf.CharField(), []),
        (drf.ChoiceField(choices=["a"]), "b"),
        (drf.ListField(), "x"),
        (drf.DictField(), "x"),
        (drf.EmailField(), "x"),
    ],
)
def test_texts_of_plain_fields(field: Any, data: Any) -> None:
    """The framework's own fields are told in Lemur's words: this fails when the framework changes its sentences."""
    with pytest.raises(exceptions.ValidationError) as refusal:
        field.run_validation(data)
    _, body = answer(exceptions.ValidationError({"x": refusal.value.detail}))
    assert body["reasons"]["x"].startswith("Not a valid")
