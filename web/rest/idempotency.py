"""``Idempotency-Key``: a POST that is sent again is not carried out again; it gets the answer of the first time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.audit import acting_as
from core.errors import Conflict, Invalid
from core.failpoints import failpoint
from core.idempotency import Claim, claim, claim_form
from web.rest.errors import handle

HEADER = "Idempotency-Key"
PENDING = 202

CSRF_FIELD = "csrfmiddlewaretoken"

Method = Callable[..., Response]


def idempotent(*, stores_answer: bool = True, one_transaction: bool = False) -> Callable[[Method], Method]:
    """Decorates a view's method. With ``stores_answer=False`` (the answer holds a secret) a second time is a Conflict.

    Same key and same request: the stored answer, for 24 hours. Same key and another request, or while the first is at
    work: Conflict. A refused request (4xx) frees its key. One that died or failed (5xx) may be sent again; it is run
    again, and its service recognises what it had made (see core.idempotency). So does one that was answered 202: that
    is not the last word. A method whose service does all of its work in one transaction, and so recognises nothing,
    says ``one_transaction``: then the answer is stored in the same.
    """

    def decorate(method: Method) -> Method:
        @wraps(method)
        def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = request.headers.get(HEADER)
            if key is None:
                return method(view, request, *args, **kwargs)
            mine = _claim(request, key)
            if mine.status is not None:
                return _repeat(mine, kept=stores_answer)

            def act() -> Response:
                with transaction.atomic() if one_transaction else nullcontext():
                    response = method(view, request, *args, **kwargs)
                    failpoint("answer.before-commit")
                    if not _store(mine, response, keep=stores_answer) and one_transaction:
                        raise Conflict(f"Another request with this {HEADER} took over meanwhile; ask again.")
                failpoint("answer.after-commit")
                return response

            with acting_as(idempotency=mine.pk):
                return _carry_out(mine, act)

        answer.idempotent = True  # type: ignore[attr-defined]  # web.rest.schema describes the header
        return answer

    return decorate


def _claim(request: Request, key: str) -> Claim:
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise Invalid(f"{HEADER} must be 1 to 255 printable ASCII characters without spaces.")
    return claim(request.user, key, _digest(request))


def _digest(request: Request) -> str:
    body = json.dumps(request.data, sort_keys=True)
    parts = [str(request.method), request.get_full_path(), str(request.user.pk), body]
    return _hash("\n".join(parts))


def _hash(content: str) -> str:
    """Keyed, since a request may hold a password, which nobody shall find by trying what gives the same digest."""
    return salted_hmac("web.rest.idempotency", content, algorithm="sha256").hexdigest()


def _repeat(stored: Claim, *, kept: bool) -> Response:
    if not kept:
        raise Conflict("This request has been carried out already; its answer held a secret, which is not kept.")
    return Response(stored.body, status=stored.status, headers={"Idempotent-Replayed": "true"})


def _store(mine: Claim, response: Response, *, keep: bool) -> bool:
    """False if the key is not ours any more."""
    if response.status_code == PENDING:
        return mine.release()
    body = json.loads(JSONRenderer().render(response.data) or "null") if keep else None
    return mine.answer(response.status_code, body)


def _carry_out(mine: Claim, act: Callable[[], Response]) -> Response:
    try:
        return act()
    except Exception as error:  # whatever it is, it goes on to who answers: here the key is given back
        answer = handle(error, {})
        if answer is not None and answer.status_code < 500:
            mine.free()
        else:
            mine.release()
        raise


FORM_FIELD = "once"


@contextmanager
def once(request: HttpRequest, part: str | None = None) -> Iterator[None]:
    """A form that is sent twice, by an impatient click say, is carried out once: the same content of the same page.

    With ``part`` that part of what it asks for, where each is done by itself and another may be refused. Services
    recognise it as they do a request with an Idempotency-Key.
    """
    page = request.POST.get(FORM_FIELD)
    if not page:
        yield
        return
    content = _content(request) if part is None else [page, part]
    with acting_as(idempotency=claim_form(request.user, _hash(json.dumps([request.path, *content])))):
        yield


def _content(request: HttpRequest) -> list[Any]:
    fields = sorted((name, values) for name, values in request.POST.lists() if name != CSRF_FIELD)
    files = sorted((name, [_file_digest(file) for file in several]) for name, several in request.FILES.lists())
    return [fields, files]


def _file_digest(file: UploadedFile[Any]) -> str:
    file.seek(0)
    return hashlib.sha256(file.read()).hexdigest()
