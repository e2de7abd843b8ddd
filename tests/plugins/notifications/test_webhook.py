"""The signed webhook: the contract of notifiers against a real HTTP server, and what only a web server can answer."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from plugins import Message, Misconfigured, OptionErrors, Permanent, Temporary, network, parse
from plugins.notifications.webhook import WebhookNotifier, sign
from plugins.testing_notifiers import SAMPLE, Delivered, NotifierContract
from tests.endings import ends
from tests.servers.posts import Answer, Post, post_server
from tests.servers.smtp import free_port

pytestmark = pytest.mark.usefixtures("this_machine")

SECRET, OTHER = (base64.b64encode(letter * 32).decode() for letter in (b"k", b"o"))


def is_genuine(post: Post, secret: str = SECRET) -> bool:
    """Verified by the words of the standard alone."""
    signed = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
    mac = base64.b64encode(hmac.digest(base64.b64decode(secret), signed, "sha256")).decode()
    return f"v1,{mac}" in post.headers["webhook-signature"].split()


def receiver(post: Post) -> Answer:
    return Answer() if is_genuine(post) else Answer(401, b"wrong signature")


def notifier(url: str, **changes: Any) -> WebhookNotifier:
    values = {"interval": 1, "unit": "days", "url": url, "secret": SECRET, **changes}
    return WebhookNotifier(parse(WebhookNotifier.Options, values))


class TestWebhook(NotifierContract):
    plugin_class = WebhookNotifier
    wrong_values = {"interval": 0, "url": "http://example.org/hook", "secret": "too short"}

    @pytest.fixture(autouse=True)
    def _running(self) -> Iterator[None]:
        with post_server(receiver) as self.server:
            self.values = {"interval": 30, "unit": "days", "url": self.server.url + "/hook", "secret": SECRET}
            yield

    def delivered(self) -> list[Delivered]:
        arrived = [(post.headers["webhook-id"], json.loads(post.body)["data"]) for post in self.server.received]
        return [Delivered(id_, data["subject"], data["text"], data["recipients"]) for id_, data in arrived]

    def recipients(self) -> list[str]:
        return ["Operations", "on call"]

    def unreachable(self) -> Any:
        return self.make(url=f"http://127.0.0.1:{free_port()}/hook")

    def refused(self) -> Any:
        return self.make(secret=OTHER)

    def test_what_programs_read(self) -> None:
        facts = {"total": 1, "notices": [{"kind": "certificate-expiring", "label": "www.example.org"}]}
        self.make().send(Message(id="notices.1", subject="s", text="t", facts=facts), ["ops"])
        [post] = self.server.received
        said = json.loads(post.body)
        assert said["type"] == "lemur.notices"
        assert said["data"] == {"recipients": ["ops"], "subject": "s", "text": "t", **facts}
        assert post.headers["content-type"] == "application/json"
        assert post.headers["webhook-id"] == "notices-1"
        assert abs(int(post.headers["webhook-timestamp"]) - time.time()) < 60

    def test_an_altered_message_is_not_genuine(self) -> None:
        self.make().send(SAMPLE, ["ops"])
        [post] = self.server.received
        assert is_genuine(post)
        for altered in (
            Post(post.path, post.headers, post.body + b" "),
            Post(post.path, {**post.headers, "webhook-timestamp": "1"}, post.body),
            Post(post.path, {**post.headers, "webhook-id": "another"}, post.body),
        ):
            assert not is_genuine(altered)

    def test_the_prefix_of_the_standard_makes_no_difference(self) -> None:
        self.make(secret=f"whsec_{SECRET}").send(SAMPLE, ["ops"])
        assert len(self.server.received) == 1


def test_the_example_of_the_standard() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, spec: "Signature scheme"."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize(
    "secret", ["short", base64.b64encode(b"x" * 23).decode(), base64.b64encode(b"x" * 65).decode()]
)
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(OptionErrors) as caught:
        notifier("https://example.org/hook", secret=secret)
    assert "24 to 64 bytes in base64" in caught.value.errors["secret"]
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(503, b""), Temporary, r"cannot take it now \(503\)"),
        (Answer(429, b"", {"Retry-After": "120"}), Temporary, r"cannot take it now \(429\)"),
        (Answer(None), Temporary, "cannot be reached"),
        (Answer(302, b"", {"Location": "https://example.org/"}), Misconfigured, r"wants the message elsewhere \(302\)"),
        (Answer(404, b"gone"), Misconfigured, "refuses: 404 gone"),
        (Answer(400, b"what?\r\n\x1b[1m"), Permanent, r"refuses: 400 what\? \\x1b\[1m"),
        (Answer(200, b"x" * 70_000), Permanent, "longer than"),
    ],
)
def test_what_an_answer_means(answer: Answer, kind: type[Exception], words: str) -> None:
    with post_server(lambda post: answer) as server, pytest.raises(kind, match=words) as caught:
        notifier(server.url).send(SAMPLE, ["ops"])
    assert type(caught.value) is kind
    if answer.headers.get("Retry-After"):
        assert caught.value.retry_after == timedelta(minutes=2)


def test_a_server_that_is_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "READ_SECONDS", 0.2)
    with post_server(lambda post: Answer(seconds=60)) as server, ends(), pytest.raises(Temporary, match="in time"):
        notifier(server.url).send(SAMPLE, ["ops"])


def test_this_machine_must_be_allowed() -> None:
    network.configure(allow=())
    with post_server(receiver) as server:
        with pytest.raises(Misconfigured, match="OUTBOUND_ALLOW"):
            notifier(server.url).send(SAMPLE, ["ops"])
        assert server.asked == []
