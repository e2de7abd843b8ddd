"""A stand-in for Slack's incoming webhooks, since nobody runs Slack: it enforces what Slack's documentation says."""

from __future__ import annotations

import json
from typing import Any

from tests.servers.posts import Answer, Post

PATH = "/services/T000/B000/s3cret-of-the-webhook"
WRONG = "/services/T000/B000/another"
LONGEST = 40_000


def slack(post: Post) -> Answer:
    """As Slack answers: texts are short words, "ok" among them."""
    if post.path != PATH:
        return Answer(404, b"no_service")
    try:
        payload: Any = json.loads(post.body)
    except ValueError:
        return Answer(400, b"invalid_payload")
    text = payload.get("text", "")
    if not text or "<" in text or ">" in text:
        return Answer(400, b"no_text" if not text else b"invalid_payload")
    return Answer(413, b"too_long") if len(text) > LONGEST else Answer()


def said(post: Post) -> tuple[str, str, str]:
    """Subject, text and id of a message, as its reader sees them."""
    text = json.loads(post.body)["text"]
    for escaped, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(escaped, character)
    subject, _, rest = text.partition("\n\n")
    body, _, reference = rest.rpartition("\n\n")
    return subject, body, reference.strip("()")
