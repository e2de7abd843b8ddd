"""The closed set of errors that services raise; each edge (API, page, command) maps them once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

Reasons = Mapping[str, Any]


class DomainError(Exception):
    """Something a person can act on: one clear sentence, and per field what is wrong where that is known.

    ``reasons`` maps snake_case field names to a sentence or to a nested mapping of the same shape; the edge that
    answers translates the names into its own spelling.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "This did not work."

    def __init__(self, message: str = "", *, reasons: Reasons | None = None) -> None:
        super().__init__(message or self.title)
        self.message = message or self.title
        self.reasons: Reasons = reasons or {}

    def __str__(self) -> str:
        """The message, and the reasons as sentences, for where there are no fields to put them at."""
        return " ".join([self.message, *(f"{path}: {text}" for path, text in _sentences(self.reasons))])

    @property
    def plainly(self) -> str:
        """The reasons without the fields that they are about, for whoever filled in none; or else the message."""
        return " ".join(text for _, text in _sentences(self.reasons)) or self.message


def _sentences(reasons: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(reasons, Mapping):
        for name, part in reasons.items():
            yield from _sentences(part, f"{path}.{name}" if path else str(name))
    elif isinstance(reasons, list | tuple):
        for part in reasons:
            yield from _sentences(part, path)
    else:
        yield path, str(reasons)


class Invalid(DomainError):
    """The input is wrong; asking again with the same input is pointless."""

    status = 400
    title = "Validation Error."

    @classmethod
    def field(cls, path: str, reason: str) -> Invalid:
        """An error of one field; ``path`` is snake_case and dotted where fields nest."""
        reasons: Any = reason
        for name in reversed(path.split(".")):
            reasons = {name: reasons}
        return cls(reasons=reasons)

    @classmethod
    def rule(cls, reason: str) -> Invalid:
        """An error of the object as a whole, in the place where Lemur's clients look for it."""
        return cls(reasons={"Schema": {"rule": [reason]}})


class Unauthenticated(DomainError):
    """Nobody has said who they are."""

    status = 401
    title = "Missing authorization header"


class Forbidden(DomainError):
    """We know who asks, and they may not."""

    status = 403
    title = "You may not do this."


class ProofNeeded(Forbidden):
    """They may, but the browser was left alone for so long that it might be somebody else by now."""

    title = "Confirm first that it is you: open /confirm in the same browser, then do this again."


class NotFound(DomainError):
    """There is no such thing, or none that the asker may see."""

    status = 404
    title = "No data found"


class Conflict(DomainError):
    """It contradicts something that exists."""

    status = 409
    title = "This conflicts with something that exists."


class Precondition(DomainError):
    """The state of the thing does not allow it now."""

    status = 412
    title = "The state of this object does not allow it."


class Throttled(DomainError):
    """Too often; try again later."""

    status = 429
    title = "Too many attempts. Try again later."


class Unavailable(DomainError):
    """Something we depend on does not answer; try again later."""

    status = 503
    title = "A system this depends on does not answer. Try again later."
