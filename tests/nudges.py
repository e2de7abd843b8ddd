"""What the queue was asked to carry out: tests read it, and run what they want to have run."""

from __future__ import annotations

sent: list[tuple[str, tuple[int | str, ...]]] = []


def send(task: str, args: tuple[int | str, ...]) -> None:
    """In place of lemur_site.celery.send."""
    sent.append((task, args))
