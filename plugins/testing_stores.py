"""What every destination and every source must pass: more classes of tests, as those of `plugins.testing`.

class TestMyStore(DestinationContract):
    plugin_class = MyStore
    values = {"url": "https://store.example.org", "token": "…"}
"""

# ruff: noqa: S101  these are tests, shipped for others to run
from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest
from cryptography import x509

from pki import chains, inspection, keys
from pki.keys import PrivateKey
from plugins import options as plugin_options
from plugins.contracts import Confirms, Removes, RollsBack, Shows, SwapsEndpoints
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary
from plugins.testing import PluginContract, sample_pki
from plugins.values import Bundle, FoundCertificate, FoundEndpoint


class DestinationContract(PluginContract):
    """Override what is said to be missing; `values` may need what a server says that is started first."""

    shows_keys: ClassVar[bool] = True
    """Whether the other side ever shows a private key that it has."""

    def bundle(self, name: str = "sample") -> Bundle:
        return sample_pki().bundle(name)

    def there(self, name: str) -> list[x509.Certificate]:
        """What the other side has under this name, seen without the plugin: the certificate, then its chain."""
        raise NotImplementedError

    def key_there(self, name: str) -> PrivateKey | None:
        """The private key beside it, seen without the plugin."""
        raise NotImplementedError

    def unreachable(self) -> Any:
        """The plugin, configured for a place where nobody answers."""
        raise NotImplementedError

    def refused(self) -> Any:
        """The plugin, configured with a credential that is wrong."""
        raise NotImplementedError

    def test_it_delivers_what_it_was_given(self) -> None:
        bundle, plugin = self.bundle(), self.make()
        plugin.upload(bundle)
        self._is_there(bundle)

    def test_twice_is_the_same_as_once(self) -> None:
        bundle, plugin = self.bundle(), self.make()
        plugin.upload(bundle)
        plugin.upload(bundle)
        self._is_there(bundle)

    def test_what_is_there_is_replaced(self) -> None:
        old, new, plugin = self.bundle(), self.bundle(), self.make()
        plugin.upload(old)
        plugin.upload(new)
        self._is_there(new)

    def test_without_a_key_it_refuses_or_works(self) -> None:
        bundle, plugin = self.bundle("keyless"), self.make()
        keyless = Bundle(name=bundle.name, certificate=bundle.certificate, chain=bundle.chain)
        if not plugin.needs_key:
            plugin.upload(keyless)
            assert self.there("keyless")[0] == bundle.certificate
            return
        with pytest.raises(Permanent):
            plugin.upload(keyless)
        assert self.there("keyless") == []

    def test_it_says_what_it_holds(self) -> None:
        bundle, plugin = self.bundle("confirmed"), self.make()
        if issubclass(self.plugin_class, Confirms):
            assert plugin.held("confirmed") is None
            plugin.upload(bundle)
            assert plugin.held("confirmed") == inspection.fingerprint(bundle.certificate)

    def test_it_shows_what_it_holds(self) -> None:
        bundle, plugin = self.bundle("shown"), self.make()
        if issubclass(self.plugin_class, Shows):
            assert plugin.shown("shown") is None
            plugin.upload(bundle)
            assert plugin.shown("shown") == bundle.certificate

    def test_it_removes_what_it_delivered_and_nothing_else(self) -> None:
        old, new, plugin = self.bundle("removed"), self.bundle("removed"), self.make()
        if issubclass(self.plugin_class, Removes):
            plugin.upload(old)
            plugin.upload(new)
            plugin.remove(old)
            self._is_there(new)
            plugin.remove(new)
            plugin.remove(new)
            assert self.there("removed") == []

    def test_it_brings_back_what_was_there_before(self) -> None:
        old, new, plugin = self.bundle("returned"), self.bundle("returned"), self.make()
        if issubclass(self.plugin_class, RollsBack):
            plugin.upload(old)
            with pytest.raises(Permanent):
                plugin.roll_back(old)
            plugin.upload(new)
            plugin.roll_back(old)
            self._is_there(new)
            plugin.roll_back(new)
            plugin.roll_back(new)
            self._is_there(old)
            plugin.upload(new)
            self._is_there(new)

    def test_it_keeps_no_state(self) -> None:
        plugin = self.make()
        before = dict(vars(plugin))
        plugin.upload(self.bundle())
        assert vars(plugin) == before

    def test_a_wrong_credential_is_for_somebody_to_change(self) -> None:
        plugin = self.refused()
        for attempt in (plugin.check, lambda: plugin.upload(self.bundle())):
            with pytest.raises(Misconfigured) as caught:
                attempt()
            _holds_no_secret(caught.value, plugin)

    def test_a_place_that_does_not_answer_is_worth_another_try(self) -> None:
        plugin = self.unreachable()
        for attempt in (plugin.check, lambda: plugin.upload(self.bundle())):
            with pytest.raises(Temporary) as caught:
                attempt()
            _holds_no_secret(caught.value, plugin)

    def _is_there(self, bundle: Bundle) -> None:
        found = self.there(bundle.name)
        assert found[0] == bundle.certificate
        assert found[1:] in (list(bundle.chain), chains.without_root(bundle.chain))
        key = self.key_there(bundle.name)
        assert key is None or keys.belongs(key, bundle.certificate.public_key())
        assert key is not None or not (self.shows_keys and self.make().needs_key)


class SourceContract(PluginContract):
    """Override `put`, which makes the source hold something, and `spoil`, which makes it hold what is none."""

    def put(self, bundle: Bundle) -> None:
        """Put it where the plugin will look, without the plugin."""
        raise NotImplementedError

    def spoil(self) -> None:
        """Put something there that looks like a certificate and cannot be read."""
        raise NotImplementedError

    def broken(self) -> Any:
        """The plugin, configured for a place that is not there (any more)."""
        raise NotImplementedError

    def test_it_finds_what_is_there(self) -> None:
        bundles = [sample_pki().bundle(f"found-{number}", f"host-{number}.example.org") for number in range(3)]
        for bundle in bundles:
            self.put(bundle)
        found = {one.certificate: one for one in self.make().certificates()}
        assert found.keys() >= {bundle.certificate for bundle in bundles}
        for bundle in bundles:
            one = found[bundle.certificate]
            chains.verify(one.certificate, one.chain)
            assert one.where.isprintable()
            assert one.private_key is None or keys.belongs(one.private_key, one.certificate.public_key())

    def test_what_cannot_be_read_is_left_out(self) -> None:
        bundle = sample_pki().bundle("beside")
        self.put(bundle)
        self.spoil()
        assert bundle.certificate in [one.certificate for one in self.make().certificates()]

    def test_looking_twice_finds_the_same(self) -> None:
        self.put(sample_pki().bundle("twice"))
        plugin = self.make()
        before = dict(vars(plugin))
        once, again = ([replace(one, private_key=None) for one in plugin.certificates()] for _ in range(2))
        assert once == again
        assert vars(plugin) == before

    def test_a_place_that_is_not_there_is_a_plugin_error(self) -> None:
        plugin = self.broken()
        for attempt in (plugin.check, lambda: list(plugin.certificates())):
            with pytest.raises(PluginError):
                attempt()


class EndpointContract(SourceContract):
    """For a source that SeesEndpoints, and perhaps SwapsEndpoints: override what is said to be missing here, too."""

    def serve(self, bundle: Bundle) -> tuple[str, int]:
        """Have it served where the plugin will look, without the plugin: host and port."""
        raise NotImplementedError

    def served(self, endpoint: FoundEndpoint) -> str:
        """The fingerprint of what is served there, seen without the plugin."""
        raise NotImplementedError

    def seen(self, bundle: Bundle) -> FoundEndpoint:
        """The endpoint that serves this certificate, as the plugin sees it."""
        place, wanted = self.serve(bundle), inspection.fingerprint(bundle.certificate)
        found: FoundEndpoint = {(one.host, one.port): one for one in self.make().endpoints()}[place]
        assert found.fingerprint == wanted
        return found

    def test_it_sees_what_is_served(self) -> None:
        bundle = sample_pki().bundle("served")
        found = self.seen(bundle)
        assert found.certificate in (None, bundle.certificate)
        assert found.chain == () or found.chain[0] == bundle.chain[0]
        assert self.served(found) == found.fingerprint

    def test_it_has_another_one_served(self) -> None:
        if not issubclass(self.plugin_class, SwapsEndpoints):
            return
        old, new, plugin = (sample_pki().bundle("before"), sample_pki().bundle("after"), self.make())
        found = self.seen(old)
        self.put(new)
        plugin.swap(found, new)
        plugin.swap(found, new)
        assert self.served(found) == inspection.fingerprint(new.certificate)

    def test_what_the_source_does_not_have_is_not_served(self) -> None:
        if not issubclass(self.plugin_class, SwapsEndpoints):
            return
        found = self.seen(sample_pki().bundle("stays"))
        with pytest.raises(PluginError):
            self.make().swap(found, sample_pki().bundle("unknown"))
        assert self.served(found) == found.fingerprint


class CleaningContract(SourceContract):
    """For a source that Cleans."""

    def use(self, bundle: Bundle) -> None:
        """Put it where the plugin will look, and have something use it, without the plugin."""
        raise NotImplementedError

    def test_it_removes_what_is_not_used(self) -> None:
        bundle, plugin = sample_pki().bundle("unused"), self.make()
        self.put(bundle)
        found = self._found(bundle)
        plugin.clean(found)
        plugin.clean(found)
        assert bundle.certificate not in [one.certificate for one in plugin.certificates()]

    def test_what_is_in_use_stays(self) -> None:
        bundle, plugin = sample_pki().bundle("used"), self.make()
        self.use(bundle)
        with pytest.raises(Permanent):
            plugin.clean(self._found(bundle))
        assert self._found(bundle)

    def _found(self, bundle: Bundle) -> FoundCertificate:
        found: dict[x509.Certificate, FoundCertificate] = {one.certificate: one for one in self.make().certificates()}
        return found[bundle.certificate]


def _holds_no_secret(error: PluginError, plugin: Any) -> None:
    for secret in plugin_options.dump_secrets(plugin.options).values():
        assert secret not in f"{error} {error!r}"
