"""Answers to http-01 challenges (RFC 8555, 8.3): kept in a row, for whichever process of ours is asked."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.timezone import now as clock

from authorities.models import HttpChallenge
from core.commits import committing
from plugins.errors import Permanent

LONGEST_LIFE = timedelta(days=1)
"""Of a row whose order was given up before it could be taken away."""
LONGEST_TOKEN, LONGEST_TEXT = 128, 256


class OverHttp:
    """What a plugin publishes its answers with: a `plugins.values.AnswersOverHttp`."""

    def publish(self, token: str, text: str) -> None:
        """Permanent for a token that no honest CA would choose: it comes from outside."""
        if not 0 < len(token) <= LONGEST_TOKEN or len(text) > LONGEST_TEXT:
            raise Permanent("The CA's challenge has a token that is too long.")
        publish(token, text, now=clock())

    def withdraw(self, token: str) -> None:
        withdraw(token)


@committing("challenge.publish")
def publish(token: str, text: str, *, now: datetime) -> None:
    """Answer with this text from now on; what is left of orders of long ago goes."""
    HttpChallenge.objects.filter(created_at__lte=now - LONGEST_LIFE).delete()
    HttpChallenge.objects.update_or_create(token=token, defaults={"text": text, "created_at": now})


@committing("challenge.withdraw")
def withdraw(token: str) -> None:
    """Answer no more."""
    HttpChallenge.objects.filter(token=token).delete()


def answer_to(token: str) -> str | None:
    """What a CA is told that asks for this token; None if we have not chosen to be asked."""
    if len(token) > LONGEST_TOKEN:
        return None
    return HttpChallenge.objects.filter(token=token).values_list("text", flat=True).first()
