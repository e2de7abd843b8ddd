"""The registry: built-ins, entry points, and how loudly it complains."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from plugins import Exporter, Issuer, PluginUnavailable
from plugins.errors import Misconfigured
from plugins.registry import BUILT_IN, CONTRACTS, GROUP, Registry, registry

FOREIGN = """
from plugins import Exported, Exporter

class Foreign(Exporter):
    slug, title = "foreign-export", "Foreign"
    def export(self, bundle):
        return Exported("txt", None, b"")

class NoPlugin:
    kind, slug = "export", "no-plugin"
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package of somebody else's, as far as the import system can tell."""
    info = tmp_path / "lemur_foreign-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lemur-foreign\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nexport.foreign-export = lemur_foreign:Foreign\n")
    (tmp_path / "lemur_foreign.py").write_text(FOREIGN)
    (tmp_path / "lemur_broken.py").write_text("raise RuntimeError('no licence found')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("lemur_foreign", "lemur_broken"):
        sys.modules.pop(name, None)


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def test_the_built_in_plugins() -> None:
    assert {entry.slug for entry in registry.of_kind("issuer")} == {
        "acme-issuer",
        "cfssl-issuer",
        "cryptography-issuer",
        "vault-issuer",
    }
    assert {entry.slug for entry in registry.of_kind("dns")} == {
        "cloudflare-dns",
        "powerdns-dns",
        "rfc2136-dns",
        "route53-dns",
    }
    assert {entry.slug for entry in registry.of_kind("export")} == {
        "pem-export",
        "der-export",
        "pkcs7-export",
        "openssl-export",
        "java-keystore-jks",
        "java-truststore-jks",
        "java-export",
        "openssl-csr",
    }
    assert {entry.slug for entry in registry.of_kind("custody")} == {"sealed"}
    assert list(registry.entries) == sorted(registry.entries)


@pytest.mark.parametrize("slug", sorted(BUILT_IN))
def test_every_built_in_plugin_loads(slug: str) -> None:
    kind = BUILT_IN[slug][0]
    entry = registry.entries[slug]
    assert (entry.problem, entry.origin) == ("", "built in")
    assert registry.get(slug, kind) is entry.load()
    assert issubclass(entry.load(), CONTRACTS[kind])


def test_the_kind_must_be_right_too() -> None:
    with pytest.raises(PluginUnavailable) as caught:
        registry.get("cryptography-issuer", "custody")
    assert caught.value.message == "There is no custody plugin 'cryptography-issuer'; there are: sealed."


def test_an_unknown_plugin_is_a_misconfiguration_that_lists_the_known_ones() -> None:
    with pytest.raises(
        Misconfigured, match=r"There is no issuer plugin 'no-such'; there are: .*cryptography-issuer, v"
    ):
        registry.get("no-such", "issuer")
    with pytest.raises(PluginUnavailable, match=r"There is no oracle plugin 'x'; there are: none\."):
        registry.get("x", "oracle")


def test_an_installed_package_adds_a_plugin(foreign: Path) -> None:
    found = Registry()
    assert found.entries["foreign-export"].origin == "lemur-foreign"
    plugin = found.get("foreign-export", "export")
    assert issubclass(plugin, Exporter)
    assert plugin.title == "Foreign"


def test_two_plugins_with_one_slug_stop_the_program_and_are_both_named(foreign: Path) -> None:
    built_in = {"foreign-export": ("export", "plugins.exports.pem:PemExport")}
    with pytest.raises(RuntimeError) as caught:
        _ = Registry(built_in).entries
    assert str(caught.value) == (
        "Two plugins are called 'foreign-export': plugins.exports.pem:PemExport (built in) and "
        "lemur_foreign:Foreign (lemur-foreign). Uninstall one of them."
    )


@pytest.mark.parametrize("name", ["my-ca", "issuer.", "oracle.my-ca", ".my-ca"])
def test_an_entry_point_with_a_useless_name_stops_the_program(name: str) -> None:
    with pytest.raises(
        RuntimeError,
        match=r"needs a name like issuer\.my-ca; kinds are: custody, destination, dns, export, issuer, notification, source",
    ):
        _ = Registry({}, [point(name, "x:Y")]).entries


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module_here:Plugin", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("lemur_foreign:Missing", "cannot be loaded: AttributeError"),
        ("lemur_broken:Plugin", "cannot be loaded: RuntimeError: no licence found"),
        ("lemur_foreign:NoPlugin", "is no subclass of plugins.Exporter"),
        ("plugins.issuers.internal_ca:InternalCa", "is no subclass of plugins.Exporter"),
        ("lemur_foreign:Foreign", "is registered as export.some-export, but its class says export.foreign-export"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_listed_with_the_reason(foreign: Path, value: str, reason: str) -> None:
    found = Registry({}, [point("export.some-export", value)])
    (entry,) = found.of_kind("export")
    assert entry.problem.startswith("The plugin 'some-export' (unknown package) ")
    assert reason in entry.problem
    with pytest.raises(PluginUnavailable):
        found.get("some-export", "export")


def test_where_foreign_code_broke_is_logged_once(foreign: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = Registry({}, [point("export.broken-export", "lemur_broken:Plugin")])
    for _ in range(3):
        with pytest.raises(PluginUnavailable):
            found.get("broken-export", "export")
    [record] = caplog.records
    assert record.getMessage().endswith("(unknown package) cannot be loaded: RuntimeError: no licence found")
    assert "lemur_broken.py" in caplog.text


def test_an_abstract_contract_cannot_be_used_as_a_plugin() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Issuer()  # type: ignore[abstract]
