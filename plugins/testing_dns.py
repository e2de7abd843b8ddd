"""What every DNS provider must pass: one more class of tests, as those of `plugins.testing`.

class TestMyDns(DnsProviderContract):
    plugin_class = MyDns
    zone = "example.org"
    values = {"url": "https://dns.example.org", "token": "…", "nameservers": "127.0.0.1:5353"}
"""

# ruff: noqa: S101  these are tests, shipped for others to run
from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from plugins import options as plugin_options
from plugins.errors import Misconfigured, PluginError, Temporary
from plugins.testing import PluginContract
from plugins.values import TxtRecord


class DnsProviderContract(PluginContract):
    """`zone` is one of the service's; `alias` a name outside of it that is an alias (CNAME) of a name in it."""

    zone: ClassVar[str] = "example.org"
    alias: ClassVar[tuple[str, str]] = ("_acme-challenge.www.example.net", "www.example.org")

    def there(self, name: str) -> set[str]:
        """The values that the service has under a name, seen without the plugin."""
        raise NotImplementedError

    def unreachable(self) -> Any:
        """The plugin, configured for a place where nobody answers."""
        raise NotImplementedError

    def refused(self) -> Any:
        """The plugin, configured with a credential that is wrong."""
        raise NotImplementedError

    def new_name(self) -> str:
        return f"_acme-challenge.{secrets.token_hex(4)}.{self.zone}"

    def test_a_record_is_written_and_served(self) -> None:
        plugin, name = self.make(), self.new_name()
        record = plugin.create_txt(name, "first-value")
        assert (record.name, record.value, record.zone) == (name, "first-value", self.zone)
        assert self.there(name) == {"first-value"}
        assert plugin.is_served(record)

    def test_a_name_has_several_values(self) -> None:
        """As a domain and its wildcard need them at the same time."""
        plugin, name = self.make(), self.new_name()
        first, second = plugin.create_txt(name, "first-value"), plugin.create_txt(name, "second-value")
        assert self.there(name) == {"first-value", "second-value"}
        assert plugin.is_served(first)
        assert plugin.is_served(second)
        plugin.delete_txt(first)
        assert self.there(name) == {"second-value"}
        assert not plugin.is_served(first)
        assert plugin.is_served(second)

    def test_twice_is_the_same_as_once(self) -> None:
        plugin, name = self.make(), self.new_name()
        record = plugin.create_txt(name, "first-value")
        assert plugin.create_txt(name, "first-value") == record
        assert self.there(name) == {"first-value"}
        plugin.delete_txt(record)
        plugin.delete_txt(record)
        assert self.there(name) == set()

    def test_a_record_is_found_again_by_name_and_value(self) -> None:
        """So that one who was interrupted after writing it need not have kept more."""
        plugin, name = self.make(), self.new_name()
        record = plugin.create_txt(name, "first-value")
        plugin.delete_txt(TxtRecord(name, "first-value"))
        assert self.there(record.name) == set()

    def test_what_is_not_there_is_not_served(self) -> None:
        plugin, name = self.make(), self.new_name()
        record = plugin.create_txt(name, "first-value")
        assert not plugin.is_served(replace(record, value="another-value"))

    def test_an_alias_is_followed_before_anything_is_written(self) -> None:
        name, target = self.alias
        plugin = self.make()
        record = plugin.create_txt(name, "delegated-value")
        assert record.name == target
        assert self.there(target) == {"delegated-value"}
        assert plugin.is_served(record)
        plugin.delete_txt(TxtRecord(name, "delegated-value"))
        assert self.there(target) == set()

    def test_a_name_in_no_zone_of_the_service_is_for_somebody_to_change(self) -> None:
        with pytest.raises(Misconfigured, match=r"no zone"):
            self.make().create_txt("_acme-challenge.elsewhere.test", "value")

    def test_it_keeps_no_state(self) -> None:
        plugin = self.make()
        before = dict(vars(plugin))
        plugin.is_served(plugin.create_txt(self.new_name(), "value"))
        assert vars(plugin) == before

    def test_a_wrong_credential_is_for_somebody_to_change(self) -> None:
        plugin = self.refused()
        for attempt in (plugin.check, lambda: plugin.create_txt(self.new_name(), "value")):
            with pytest.raises(Misconfigured) as caught:
                attempt()
            _holds_no_secret(caught.value, plugin)

    def test_a_service_that_does_not_answer_is_worth_another_try(self) -> None:
        plugin = self.unreachable()
        for attempt in (plugin.check, lambda: plugin.create_txt(self.new_name(), "value")):
            with pytest.raises(Temporary) as caught:
                attempt()
            _holds_no_secret(caught.value, plugin)


def _holds_no_secret(error: PluginError, plugin: Any) -> None:
    for secret in plugin_options.dump_secrets(plugin.options).values():
        assert secret not in f"{error} {error!r}"
