"""The transaction of a verb: what it changes and the line in the audit log that says so stand or fall together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from core.failpoints import failpoint


@contextmanager
def committing(verb: str) -> Iterator[None]:
    """One transaction, around a block or a whole function, with failpoints just before and just after its commit.

    ``verb`` is written out, and in no two places the same: tests find the failpoints by it. Within another transaction
    it is a savepoint, and the outermost one commits.
    """
    with transaction.atomic():
        yield
        failpoint(f"{verb}.before-commit")
    failpoint(f"{verb}.after-commit")
