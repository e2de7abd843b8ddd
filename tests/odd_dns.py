"""A DNS provider of tests, which does nothing."""

from __future__ import annotations

from typing import ClassVar

from pydantic import SecretStr

from plugins import PluginOptions
from plugins.contracts import Plugin
from plugins.registry import Entry


class OddDns(Plugin):
    """Does nothing."""

    kind: ClassVar[str] = "dns"
    slug = "odd-dns"
    title = "Odd DNS"

    class Options(PluginOptions):
        account: str = "1"
        key: SecretStr | None = None


class OddEntry(Entry):
    """Of a kind that the registry has no contract for."""

    def load(self) -> type[Plugin]:
        return OddDns


ENTRIES: dict[str, Entry] = {"odd-dns": OddEntry("odd-dns", "dns", f"{__name__}:OddDns", "tests")}
