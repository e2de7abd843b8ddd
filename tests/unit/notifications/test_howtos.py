"""What the how-tos about notifying say, done as they say."""

from __future__ import annotations

import base64
import json
import time

import pytest

from notifications import messages
from notifications.models import Notification
from plugins import network, parse
from plugins.notifications.webhook import WebhookNotifier
from tests.people import api
from tests.servers.posts import Answer, post_server
from tests.system.documents import blocks
from tests.unit.notifications.test_messages import notice

RECEIVING = "docs/howto/receive-webhooks.md"


@pytest.mark.django_db
def test_slack_is_notified(people):
    [request] = blocks("docs/howto/notify-slack.md", "http")
    line, _, body = request.partition("\n")
    method, path = line.split()
    answer = api(people.alice).generic(method, path, body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert "xxxxxxxx" not in answer.content.decode()
    made = Notification.objects.get()
    assert made.open().options.webhook.get_secret_value().startswith("https://hooks.slack.com/services/")
    assert made.channel == f"slack-notification:{made.pk}"


@pytest.fixture
def delivered():
    """A real message to a real server: what arrived, and the secret."""
    secret = f"whsec_{base64.b64encode(b's' * 32).decode()}"
    network.configure(allow=["127.0.0.0/8"])
    with post_server(lambda post: Answer()) as server:
        options = {"interval": 1, "unit": "days", "url": server.url, "secret": secret}
        message = messages.of_notices([notice(1, places=["a:443"], more_places=0, renews=False, threshold="30d")])
        WebhookNotifier(parse(WebhookNotifier.Options, options)).send(message, ["operations"])
        [post] = server.received
    network.configure(allow=[])
    return post, secret


def test_what_arrives_is_verified(delivered):
    post, secret = delivered
    [code] = blocks(RECEIVING, "python")
    names = {}
    exec(compile(code, RECEIVING, "exec"), names)  # noqa: S102  our own page
    is_genuine = names["is_genuine"]
    assert is_genuine(post.headers, post.body, secret)
    assert not is_genuine(post.headers, post.body + b" ", secret)
    assert not is_genuine(post.headers, post.body, base64.b64encode(b"o" * 32).decode())
    assert not is_genuine({**post.headers, "webhook-timestamp": str(int(time.time()) - 301)}, post.body, secret)


def test_what_arrives_looks_as_it_says(delivered):
    post, _ = delivered
    [shown] = map(json.loads, blocks(RECEIVING, "json"))
    said = json.loads(post.body)
    assert said.keys() == shown.keys()
    assert said["data"].keys() == shown["data"].keys()
    assert said["data"]["notices"][0].keys() == shown["data"]["notices"][0].keys()
