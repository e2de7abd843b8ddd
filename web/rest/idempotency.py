"""``Idempotency-Key``: a POST that is sent again is not carried out again; it gets the answer of the first time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, cast

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now as clock
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.audit import acting_as
from core.errors import Conflict, Invalid
from core.failpoints import failpoint
from core.models import IdempotentAnswer
from web.rest.errors import handle

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
PENDING = 202
LEASE = timedelta(seconds=90)  # longer than the web server lets any request run

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
            row, mine = _claim(request, key)
            if row.status is not None:
                return _repeat(row, kept=stores_answer)

            def act() -> Response:
                with transaction.atomic() if one_transaction else nullcontext():
                    response = method(view, request, *args, **kwargs)
                    failpoint("answer.before-commit")
                    if not _store(mine, response, keep=stores_answer) and one_transaction:
                        raise Conflict(f"Another request with this {HEADER} took over meanwhile; ask again.")
                failpoint("answer.after-commit")
                return response

            with acting_as(idempotency=row.pk):
                return _carry_out(mine, act)

        answer.idempotent = True  # type: ignore[attr-defined]  # web.rest.schema describes the header
        return answer

    return decorate


def _claim(request: Request, key: str) -> tuple[IdempotentAnswer, QuerySet[IdempotentAnswer]]:
    """The row of this key, which has a status if it is answered already; and the same, as long as it is ours."""
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise Invalid(f"{HEADER} must be 1 to 255 printable ASCII characters without spaces.")
    now = clock()
    _forget_old(now)
    user: Any = request.user
    digest, lease = _digest(request), now + LEASE
    row, created = IdempotentAnswer.objects.get_or_create(
        user=user, key=key, defaults={"digest": digest, "lease_until": lease}
    )
    mine = IdempotentAnswer.objects.filter(pk=row.pk)
    if row.digest != digest:
        raise Conflict(f"This {HEADER} was used for another request; use a new one.")
    if row.status is not None:
        return row, mine
    if not created and not mine.filter(status=None, lease_until__lte=now).update(lease_until=lease):
        raise Conflict(f"The first request with this {HEADER} is still at work; ask again later.")
    # Whoever takes over raises the lease, so that a sleeper that wakes up late finds nothing to answer.
    return row, mine.filter(status=None, lease_until=lease)


def _forget_old(now: datetime) -> None:
    IdempotentAnswer.objects.filter(created_at__lte=now - KEPT).delete()


def _digest(request: Request) -> str:
    body = json.dumps(request.data, sort_keys=True)
    parts = [str(request.method), request.get_full_path(), str(request.user.pk), body]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _repeat(stored: IdempotentAnswer, *, kept: bool) -> Response:
    if not kept:
        raise Conflict("This request has been carried out already; its answer held a secret, which is not kept.")
    return Response(stored.body, status=stored.status, headers={"Idempotent-Replayed": "true"})


def _store(mine: QuerySet[IdempotentAnswer], response: Response, *, keep: bool) -> int:
    """How many rows were written: none if the key is not ours any more."""
    if response.status_code == PENDING:
        return mine.update(lease_until=clock())
    body = json.loads(JSONRenderer().render(response.data) or "null") if keep else None
    return mine.update(status=response.status_code, body=body)


def _carry_out(mine: QuerySet[IdempotentAnswer], act: Callable[[], Response]) -> Response:
    try:
        return act()
    except Exception as error:
        answer = handle(error, {})
        refused = answer is not None and answer.status_code < 500
        if not (refused and mine.filter(made="").delete()[0]):  # what has made something keeps its key
            mine.update(lease_until=clock())
        raise


FORM_FIELD = "once"


@contextmanager
def once(request: HttpRequest) -> Iterator[None]:
    """A form that is sent twice, by an impatient click say, is carried out once: the same content of the same page.

    Services recognise it as they do a request with an Idempotency-Key.
    """
    page = request.POST.get(FORM_FIELD)
    if not page:
        yield
        return
    now, digest, user = clock(), _form_digest(request), cast(Any, request.user)
    _forget_old(now)
    row, _ = IdempotentAnswer.objects.get_or_create(
        user=user, key=f"form:{digest}", defaults={"digest": digest, "lease_until": now}
    )
    with acting_as(idempotency=row.pk):
        yield


def _form_digest(request: HttpRequest) -> str:
    fields = sorted((name, values) for name, values in request.POST.lists() if name != CSRF_FIELD)
    files = []
    for name, upload in sorted(request.FILES.items()):
        file = cast("UploadedFile[Any]", upload)
        file.seek(0)
        files.append((name, hashlib.sha256(file.read()).hexdigest()))
    return hashlib.sha256(json.dumps([request.path, fields, files]).encode()).hexdigest()
