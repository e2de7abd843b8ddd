"""What every notifier must pass: one more class of tests, as those of `plugins.testing`.

class TestMyChat(NotifierContract):
    plugin_class = MyChat
    values = {"interval": 30, "unit": "days", "recipients": "…"}
"""

# ruff: noqa: S101  these are tests, shipped for others to run
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from plugins import options as plugin_options
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary
from plugins.notifications.base import NotificationOptions
from plugins.options import OptionErrors
from plugins.testing import PluginContract
from plugins.values import Message

SAMPLE = Message(id="sample.1", subject="Züge & <b>mehr</b>", text="First line\n.\nFrom here on\n\nÜ€😀\n")


@dataclass(frozen=True)
class Delivered:
    """A message as it arrived; `id` is whatever of it is the same when it is sent again."""

    id: str
    subject: str
    text: str
    recipients: Sequence[str]


class NotifierContract(PluginContract):
    """Override what is said to be missing; `values` may need what a server says that is started first."""

    def delivered(self) -> list[Delivered]:
        """What has arrived on the other side, seen without the plugin, in order."""
        raise NotImplementedError

    def recipients(self) -> list[str]:
        """Two recipients as `send` takes them."""
        raise NotImplementedError

    def unreachable(self) -> Any:
        """The plugin, where nobody answers."""
        raise NotImplementedError

    def refused(self) -> Any:
        """The plugin, with credentials that the other side does not accept."""
        raise NotImplementedError

    def test_its_options_say_when_to_speak_up(self) -> None:
        assert issubclass(self.plugin_class.Options, NotificationOptions)
        assert self.make(interval=12, unit="weeks").options.threshold.days == 84

    @pytest.mark.parametrize(("interval", "unit"), [(91, "days"), (13, "weeks"), (4, "months")])
    def test_ninety_days_is_the_most(self, interval: int, unit: str) -> None:
        with pytest.raises(OptionErrors) as caught:
            self.make(interval=interval, unit=unit)
        assert caught.value.errors == {"": "Notification cannot be more than 90 days into the future."}

    def test_a_share_of_the_lifetime(self) -> None:
        assert str(self.make(interval=20, unit="percent").options.threshold) == "20%"
        with pytest.raises(OptionErrors) as caught:
            self.make(interval=100, unit="percent")
        assert caught.value.errors == {"": "A share of the lifetime is from 1 to 99 percent."}

    def test_what_arrives_is_what_was_said(self) -> None:
        self.make().send(SAMPLE, self.recipients())
        [arrived] = self.delivered()
        assert arrived.subject == SAMPLE.subject
        assert arrived.text.strip().splitlines() == SAMPLE.text.strip().splitlines()
        assert sorted(arrived.recipients) == sorted(self.recipients())

    def test_sent_again_it_can_be_recognised(self) -> None:
        for message in (SAMPLE, SAMPLE, Message(id="sample.2", subject="Another", text="one")):
            self.make().send(message, self.recipients()[:1])
        first, again, other = [arrived.id for arrived in self.delivered()]
        assert first == again != other

    def test_it_names_its_recipients_as_it_takes_them(self) -> None:
        plugin = self.make()
        if plugin.recipients:
            plugin.send(SAMPLE, plugin.recipients)
            assert sorted(self.delivered()[0].recipients) == sorted(plugin.recipients)

    def test_a_message_that_tries_to_be_more_stays_one(self) -> None:
        sly = Message(
            id="a\r\nX-Evil: 1", subject="Hello\r\nBcc: charlie@example.org\r\n\r\nboo", text="\r\n.\r\nQUIT\r\n"
        )
        try:
            self.make().send(sly, self.recipients()[:1])
        except PluginError:
            return
        [arrived] = self.delivered()
        assert list(arrived.recipients) == self.recipients()[:1]
        assert "\n" not in arrived.subject

    def test_a_recipient_that_is_none_is_refused(self) -> None:
        with pytest.raises(Permanent):
            self.make().send(SAMPLE, ["nobody\r\nat all"])
        assert self.delivered() == []

    def test_where_nobody_answers_it_is_worth_another_try(self) -> None:
        with pytest.raises(Temporary):
            self.unreachable().send(SAMPLE, self.recipients())

    def test_wrong_credentials_are_a_matter_of_configuration(self) -> None:
        plugin = self.refused()
        with pytest.raises(Misconfigured) as caught:
            plugin.send(SAMPLE, self.recipients())
        for secret in plugin_options.dump_secrets(plugin.options).values():
            assert secret not in str(caught.value)

    def test_it_keeps_no_state(self) -> None:
        plugin = self.make()
        before = dict(vars(plugin))
        plugin.send(SAMPLE, self.recipients())
        assert vars(plugin) == before
