"""What can go wrong between us and an outside system, told apart by what the caller should do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from pki.errors import PkiError
from pki.names import printable


class PluginError(Exception):
    """Base of all errors a plugin raises. The message is shown to people, so it never holds a secret.

    What others have said may be in it: whatever could not be shown, or kept in a database, is written out.
    """

    def __init__(self, message: str) -> None:
        self.message = printable(message)
        super().__init__(self.message)


class Temporary(PluginError):
    """The same call may succeed later: time-outs, rate limits, a server that is down."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unanswered(Temporary):
    """The request was sent, and what became of it is not known; it may have been carried out."""


class Uncertain(PluginError):
    """Something may have come about that we have not seen, and asking again could make it twice: a person must look."""


class Permanent(PluginError):
    """The same call will never succeed: the other side, or the format, refuses what was asked."""


class Rejected(Permanent):
    """The other side has said that it did not do it, and will not: nobody need look what became of it."""


class Misconfigured(Permanent):
    """Somebody has to change a setting, an option or a credential first."""


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """What `pki` refuses inside becomes Permanent: "<what>: <its reason>"."""
    try:
        yield
    except PkiError as error:
        raise Permanent(f"{what}: {error}") from error


@contextmanager
def during(step: str) -> Iterator[None]:
    """A PluginError from inside says at which step of several it was raised: "<step>: <its message>"."""
    try:
        yield
    except PluginError as error:
        error.message = f"{step}: {error.message}"
        error.args = (error.message,)
        raise
