"""Nudges: messages to the workers that a row is due. The row is the truth; a nudge only saves waiting for the sweep."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string


def enqueue(task: str, *args: int | str) -> None:
    """Have a worker carry out the task of this name, once the transaction is committed; without one, now.

    Whether the message arrives is nobody's concern: the sweep of the task's rows finds what a lost one leaves.
    """
    transaction.on_commit(lambda: _send(task, args), robust=True)  # of a partial, Django could not log what went wrong


def _send(task: str, args: tuple[int | str, ...]) -> None:
    import_string(settings.SEND_TASK)(task, args)
