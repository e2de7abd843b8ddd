"""Schemathesis against the product in this process: the same engine as its command line, every check, no socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import requests
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connections, transaction
from schemathesis import engine
from schemathesis.engine import events
from schemathesis.transport.wsgi import WSGI_TRANSPORT, WSGITransport


class Transport(WSGITransport):
    """Schemathesis sends what it asks besides, without a token say, with options that only a session takes off."""

    def send(self, case: Any, *, session: Any = None, **kwargs: Any) -> Any:
        return super().send(case, session=session or requests.Session(), **kwargs)


class Product:
    """As a WSGI application. Its requests see the rows of the test, from whatever thread they come.

    What a request changes is undone at once, so that each finds the same world; unless ``keeps``.
    """

    def __init__(self) -> None:
        self.answer = get_wsgi_application()
        self.connection = connections["default"]
        self.keeps = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        connections["default"] = self.connection
        with transaction.atomic():
            body = b"".join(self.answer(environ, start_response))
            if not self.keeps:
                transaction.set_rollback(True)
        return [body]


def failures(product: Product, document: dict[str, Any], config: dict[str, Any]) -> Counter[str]:
    """What schemathesis finds fault with, and how often."""
    schema = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(config))
    schema.app = product

    found: Counter[str] = Counter()
    product.connection.inc_thread_sharing()
    WSGI_TRANSPORT.__class__ = Transport
    for signal in (request_started, request_finished):  # the test's connection stays open, as with Django's own client
        signal.disconnect(close_old_connections)
    try:
        for event in engine.from_schema(schema).execute():
            found.update(_faults(event))
            if isinstance(event, events.PhaseStarted):
                product.keeps = event.phase.name.value == "stateful"
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
        product.connection.dec_thread_sharing()
    return found


def _faults(event: Any) -> Iterable[str]:
    if isinstance(event, events.NonFatalError | events.FatalError):
        yield f"{getattr(event, 'label', '')}: {getattr(event, 'info', None) or event.exception}"
    if isinstance(event, events.ScenarioFinished):
        for case_id, checks in event.recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    yield _fault(event.recorder, case_id, check)


def _fault(recorder: Any, case_id: str, check: Any) -> str:
    case, interaction = recorder.cases[case_id].value, recorder.interactions.get(case_id)
    answer = interaction.response if interaction is not None else None
    got = f"{answer.status_code} {answer.content[:300].decode()}" if answer is not None else "nothing"
    sent = f"{dict(case.query or {})} {str(case.body)[:600]}"
    return f"{case.operation.label} {check.name}: {check.failure_info.failure}\n  sent {sent}\n  got {got}"
