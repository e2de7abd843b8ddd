"""A connector keeps a plugin's options, and its secrets sealed for its own row."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic import Field, SecretStr

from core.errors import Invalid, Unavailable
from core.secrets import rewrap
from notifications.models import Notification
from pki.envelope import new_key
from plugins import Message, Notifier, PluginOptions, registry
from plugins.registry import Entry

pytestmark = pytest.mark.django_db


class Pager(Notifier):
    """A channel with a secret."""

    slug = "pager"
    title = "Pager"

    class Options(PluginOptions):
        url: str = Field(title="Where")
        api_token: SecretStr | None = None
        retries: int = 3

    options: Options

    def send(self, message: Message, recipients: Sequence[str]) -> None:
        """Nobody hears it."""


class OtherPager(Pager):
    slug = "other-pager"


ENTRIES = {
    one.slug: Entry(one.slug, "notification", f"{__name__}:{one.__name__}", "tests") for one in (Pager, OtherPager)
}
TOKEN = "correct horse battery staple"


@pytest.fixture(autouse=True)
def pagers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.__dict__, "entries", {**registry.entries, **ENTRIES})


@pytest.fixture
def pager() -> Notification:
    connector = Notification(label="pager")
    connector.configure("pager", {"url": "https://pager.example", "apiToken": TOKEN})
    connector.save()
    return Notification.objects.get()


def test_what_is_secret_is_kept_apart(pager: Notification) -> None:
    assert pager.options == {"url": "https://pager.example", "retries": 3}
    assert TOKEN.encode() not in bytes(pager.secrets or b"")
    assert pager.secret_names == {"apiToken"}
    options = pager.open().options
    assert (options.url, options.api_token.get_secret_value()) == ("https://pager.example", TOKEN)


def test_the_api_shows_everything_but_secrets(pager: Notification) -> None:
    shown = {option["name"]: option["value"] for option in pager.described_options()}
    assert shown == {"url": "https://pager.example", "apiToken": None, "retries": 3}


def test_a_secret_that_is_not_given_stays(pager: Notification) -> None:
    pager.configure("pager", [{"name": "url", "value": "https://elsewhere.example"}, {"name": "apiToken", "value": ""}])
    assert pager.open().options.api_token.get_secret_value() == TOKEN


def test_another_plugin_does_not_get_it(pager: Notification) -> None:
    pager.configure("other-pager", {"url": "https://other.example"})
    assert pager.secrets is None
    assert pager.open().options.api_token is None


def test_a_box_of_another_row_does_not_open(pager: Notification) -> None:
    other = Notification(label="other", plugin="pager", options=pager.options, secrets=pager.secrets)
    with pytest.raises(Unavailable, match="cannot be opened"):
        other.open()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "url"),
        ({"url": "x", "colour": "red"}, "colour"),
        ({"url": "x", "retries": "many"}, "retries"),
        ([{"name": "url", "value": "x"}, {"name": "url", "value": "y"}], "url"),
        ("url=x", ""),
        ([["url", "x"]], ""),
    ],
)
def test_bad_options_are_named(options: object, named: str) -> None:
    with pytest.raises(Invalid) as refused:
        Notification(label="x").configure("pager", options)  # type: ignore[arg-type]
    assert named in refused.value.reasons["plugin"]["plugin_options"]


def test_an_unknown_plugin_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        Notification(label="x").configure("carrier-pigeon", {})
    assert "carrier-pigeon" in refused.value.reasons["plugin"]["slug"]


def test_a_plugin_that_is_gone_is_shown_as_it_was(pager: Notification) -> None:
    pager.plugin = "carrier-pigeon"
    assert {option["name"] for option in pager.described_options()} == {"url", "retries"}
    with pytest.raises(Unavailable, match="carrier-pigeon"):
        pager.open()


def test_rewrapping_finds_it(pager: Notification, settings) -> None:  # type: ignore[no-untyped-def]
    old = settings.ENCRYPTION_KEYS
    fresh = new_key()
    settings.ENCRYPTION_KEYS = f"{fresh}\n{old}"
    assert rewrap()[0] == 1
    settings.ENCRYPTION_KEYS = fresh
    assert Notification.objects.get().open().options.api_token.get_secret_value() == TOKEN
