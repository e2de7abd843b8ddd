"""Slack: the contract of notifiers, against a stand-in that answers as Slack's documentation says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from plugins import Message, Misconfigured, OptionErrors, Permanent, parse
from plugins.notifications.slack import SlackNotifier
from plugins.testing_notifiers import SAMPLE, Delivered, NotifierContract
from tests.servers.posts import Answer, post_server
from tests.servers.slack import PATH, WRONG, said, slack
from tests.servers.smtp import free_port

pytestmark = pytest.mark.usefixtures("this_machine")


class TestSlack(NotifierContract):
    plugin_class = SlackNotifier
    wrong_values = {"interval": 0, "webhook": "http://hooks.slack.com/services/x", "recipients": "ops"}

    @pytest.fixture(autouse=True)
    def _running(self) -> Iterator[None]:
        with post_server(slack) as self.server:
            self.values = {"interval": 30, "unit": "days", "webhook": self.server.url + PATH, "recipients": "#ops,@jo"}
            yield

    def delivered(self) -> list[Delivered]:
        """Each post is one channel's; the contract asks for messages."""
        found: dict[tuple[str, str, str], list[str]] = {}
        sent = []
        for post in self.server.received:
            channel, message = json.loads(post.body)["channel"], said(post)
            if message not in found or channel in found[message]:
                found[message] = []
                sent.append((message, found[message]))
            found[message].append(channel)
        return [Delivered(reference, subject, text, channels) for (subject, text, reference), channels in sent]

    def recipients(self) -> list[str]:
        return ["#ops", "@jo"]

    def unreachable(self) -> Any:
        return self.make(webhook=f"http://127.0.0.1:{free_port()}{PATH}")

    def refused(self) -> Any:
        return self.make(webhook=self.server.url + WRONG)

    def test_without_a_channel_it_is_the_webhooks_own(self) -> None:
        plugin = self.make(recipients=None)
        assert plugin.recipients == ()
        plugin.send(SAMPLE, ["Whom it concerns"])
        [post] = self.server.received
        assert "channel" not in json.loads(post.body)

    def test_what_slack_could_take_for_markup_is_written_out(self) -> None:
        self.make().send(Message(id="x", subject="<!channel>", text="a & b <https://evil.example|good>"), ["#ops"])
        [post] = self.server.received
        assert "&lt;!channel&gt;\n\na &amp; b &lt;https://evil.example|good&gt;" in json.loads(post.body)["text"]

    def test_the_longest_message_is_taken(self) -> None:
        self.make().send(Message(id="x", subject="long", text="line of text\n" * 10_000), ["#ops"])
        assert len(self.server.received) == 1


def notifier(url: str) -> SlackNotifier:
    return SlackNotifier(parse(SlackNotifier.Options, {"interval": 1, "unit": "days", "webhook": url}))


@pytest.mark.parametrize("body", [b"", b"<html>Welcome</html>", b"invalid_blocks"])
def test_an_answer_that_is_not_slacks(body: bytes) -> None:
    with post_server(lambda post: Answer(200, body)) as server, pytest.raises(Permanent, match="no Slack webhook"):
        notifier(server.url + PATH).send(SAMPLE, ["ops"])


@pytest.mark.parametrize(
    "webhook",
    [
        "hooks.slack.com/services/x",
        "ftp://hooks.slack.com/x",
        "http://hooks.slack.com/services/x",
        "https://me:pw@hooks.slack.com/services/x",
        "https://",
        "https://[::1/x",
        "https://hooks.slack.com/ x",
    ],
)
def test_the_address_is_looked_at_and_never_shown(webhook: str) -> None:
    with pytest.raises(OptionErrors) as caught:
        notifier(webhook)
    assert set(caught.value.errors) == {"webhook"}
    assert webhook not in str(caught.value)


def test_an_archived_channel_is_for_somebody_to_repair() -> None:
    with (
        post_server(lambda post: Answer(410, b"channel_is_archived")) as server,
        pytest.raises(Misconfigured, match=r"The server 127\.0\.0\.1 refuses: 410 channel_is_archived"),
    ):
        notifier(server.url + PATH).send(SAMPLE, ["ops"])
