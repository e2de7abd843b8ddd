"""Asking for pages as somebody who is logged in, without a browser."""

from __future__ import annotations

from django.http import HttpResponse
from django.test import Client

from accounts.models import User


def client(user: User) -> Client:
    """Of somebody who is logged in."""
    made = Client()
    made.force_login(user)
    return made


def messages_of(answer: HttpResponse) -> list[str]:
    """What the page says in its toasts."""
    return [str(message) for message in answer.context["messages"]]  # type: ignore[attr-defined]
