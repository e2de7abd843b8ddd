"""A source that sees, swaps and cleans as a test says, and a destination that keeps the pair before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pki import inspection
from plugins import (
    Bundle,
    Cleans,
    FoundCertificate,
    FoundEndpoint,
    Permanent,
    RollsBack,
    SeesEndpoints,
    SwapsEndpoints,
    registry,
)
from plugins.registry import Entry
from tests.odd_stores import OddDestination, OddSource


class SeeingSource(OddSource, SeesEndpoints):
    """Sees what is ``seen``."""

    slug = "seeing-source"
    seen: ClassVar[list[FoundEndpoint]] = []

    def endpoints(self) -> Iterator[FoundEndpoint]:
        self.check()
        yield from self.seen


class BalancerSource(SeeingSource, SwapsEndpoints, Cleans):
    """A load balancer. ``swapper``: called with each endpoint and bundle, in the place of what one would do."""

    slug = "balancer-source"
    swapper: ClassVar[Any] = None
    swapped: ClassVar[list[tuple[FoundEndpoint, Bundle]]] = []
    cleaned: ClassVar[list[FoundCertificate]] = []

    def swap(self, endpoint: FoundEndpoint, bundle: Bundle) -> None:
        self.check()
        self.swapped.append((endpoint, bundle))
        if type(self).swapper is not None:
            type(self).swapper(endpoint, bundle)

    def clean(self, found: FoundCertificate) -> None:
        self.check()
        self.cleaned.append(found)


class KeepingDestination(OddDestination, RollsBack):
    """Keeps the bundle that was there before."""

    slug = "keeping-destination"
    kept: ClassVar[dict[str, Bundle]] = {}

    def upload(self, bundle: Bundle) -> None:
        self._trouble(bundle)
        before = self.held_by.get(bundle.name)
        if before is not None and before.certificate != bundle.certificate:
            self.kept[bundle.name] = before
        self.held_by[bundle.name] = bundle

    def roll_back(self, bundle: Bundle) -> None:
        self._trouble(bundle)
        if self.held(bundle.name) != inspection.fingerprint(bundle.certificate):
            return
        if bundle.name not in self.kept:
            raise Permanent("nothing was kept")
        self.held_by[bundle.name] = self.kept.pop(bundle.name)


ENTRIES = {
    one.slug: Entry(one.slug, one.kind, f"{__name__}:{one.__name__}", "tests")
    for one in (SeeingSource, BalancerSource, KeepingDestination)
}


def register(monkeypatch: Any) -> None:
    """For one test, with nothing in them and no trouble."""
    for slug, entry in ENTRIES.items():
        monkeypatch.setitem(registry.entries, slug, entry)
    for plugin in (SeeingSource, BalancerSource):
        monkeypatch.setattr(plugin, "trouble", None)
        monkeypatch.setattr(plugin, "found", [])
        monkeypatch.setattr(plugin, "seen", [])
    for name, value in (("swapper", None), ("swapped", []), ("cleaned", [])):
        monkeypatch.setattr(BalancerSource, name, value)
    for name, value in (("trouble", None), ("kept", {}), ("held_by", {})):
        monkeypatch.setattr(KeepingDestination, name, value)
