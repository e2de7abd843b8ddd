"""A destination and a source that do what a test says; registered for one test by :func:`register`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from cryptography import x509
from pydantic import Field, SecretStr

from pki import inspection
from plugins import Bundle, Confirms, Destination, FoundCertificate, PluginOptions, Removes, Shows, Source, registry
from plugins.registry import Entry


class OddDestination(Destination, Confirms, Shows, Removes):
    """Keeps what it is given, in this process. ``trouble``: raised, or called with the bundle, instead."""

    slug = "odd-destination"
    title = "Odd place"

    class Options(PluginOptions):
        place: str = Field("here", pattern=r"^\w+$", description="Where.")
        token: SecretStr | None = None
        account_number: str | None = None
        keyless: bool = False

    options: Options
    trouble: ClassVar[Any] = None
    held_by: ClassVar[dict[str, Bundle]] = {}

    @property
    def needs_key(self) -> bool:
        return not self.options.keyless

    def _trouble(self, bundle: Bundle | None = None) -> None:
        trouble = type(self).trouble
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is not None:
            trouble(bundle)

    def check(self) -> None:
        self._trouble()

    def upload(self, bundle: Bundle) -> None:
        self._trouble(bundle)
        self.held_by[bundle.name] = bundle

    def held(self, name: str) -> str | None:
        there = self.held_by.get(name)
        return there and inspection.fingerprint(there.certificate)

    def shown(self, name: str) -> x509.Certificate | None:
        there = self.held_by.get(name)
        return there and there.certificate

    def remove(self, bundle: Bundle) -> None:
        self._trouble(bundle)
        if self.held(bundle.name) == inspection.fingerprint(bundle.certificate):
            del self.held_by[bundle.name]


class OddSource(Source):
    """Holds ``found``. ``trouble``: raised instead."""

    slug = "odd-source"
    title = "Odd source"

    class Options(PluginOptions):
        place: str = "there"
        token: SecretStr | None = None

    trouble: ClassVar[Exception | None] = None
    found: ClassVar[list[FoundCertificate]] = []

    def check(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def certificates(self) -> Iterator[FoundCertificate]:
        self.check()
        yield from self.found


ENTRIES = {
    one.slug: Entry(one.slug, one.kind, f"{__name__}:{one.__name__}", "tests") for one in (OddDestination, OddSource)
}


def register(monkeypatch: Any) -> None:
    """For one test, with nothing in them and no trouble."""
    for slug, entry in ENTRIES.items():
        monkeypatch.setitem(registry.entries, slug, entry)
    monkeypatch.setattr(OddDestination, "held_by", {})
    for plugin in (OddDestination, OddSource):
        monkeypatch.setattr(plugin, "trouble", None)
    monkeypatch.setattr(OddSource, "found", [])
