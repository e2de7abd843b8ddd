"""A connector keeps a plugin's options, and its secrets sealed for its own row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from pydantic import Field, SecretStr, model_validator

from accounts.models import User
from authorities import service as authorities
from core.connectors import Connector, NewConnector
from core.errors import Invalid, NotFound, Unavailable
from core.models import AuditEntry
from core.secrets import rewrap
from notifications import service as notifications
from notifications.models import Notification
from pki.envelope import new_key
from plugins import TARGET, Message, Notifier, PluginOptions, registry
from plugins.registry import Entry
from stores import service as stores
from stores.models import Destination, Source
from tests import odd_dns, odd_notifier, odd_stores
from tests.people import People

pytestmark = pytest.mark.django_db


class Pager(Notifier):
    """A channel with a secret."""

    slug = "pager"
    title = "Pager"

    class Options(PluginOptions):
        url: str = Field(title="Where", json_schema_extra=TARGET)
        proxy: str | None = Field(None, json_schema_extra=TARGET)
        port: int = Field(443, json_schema_extra=TARGET)
        api_token: SecretStr | None = None
        pin: SecretStr | None = None
        retries: int = 3

        @model_validator(mode="after")
        def _there_is_a_way_in(self) -> Self:
            if self.api_token is None and self.pin is None:
                raise ValueError("give a token or a PIN")
            return self

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
    assert pager.options == {"url": "https://pager.example", "port": 443, "retries": 3}
    assert TOKEN.encode() not in bytes(pager.secrets or b"")
    assert pager.secret_names == {"apiToken"}
    options = pager.open().options
    assert (options.url, options.api_token.get_secret_value()) == ("https://pager.example", TOKEN)


def test_the_api_shows_everything_but_secrets(pager: Notification) -> None:
    shown = {option["name"]: option["value"] for option in pager.described_options()}
    assert shown == {
        "url": "https://pager.example",
        "proxy": None,
        "port": 443,
        "apiToken": None,
        "pin": None,
        "retries": 3,
    }


@pytest.mark.parametrize("given", [{}, {"apiToken": None}, [{"name": "apiToken", "value": None}]])
def test_a_secret_that_is_not_given_stays(pager: Notification, given: Any) -> None:
    url = {"name": "url", "value": "https://pager.example"}
    pager.configure("pager", [*given, url] if isinstance(given, list) else {**given, "url": url["value"], "retries": 4})
    assert pager.open().options.api_token.get_secret_value() == TOKEN


@pytest.mark.parametrize(
    "changes", [{"url": "https://evil.example"}, {"proxy": "evil.example"}, {"port": 444}, {"proxy": "None"}]
)
def test_nobody_has_a_secret_sent_to_a_place_of_their_own(pager: Notification, changes: dict[str, Any]) -> None:
    given = {"url": "https://pager.example", **changes}
    with pytest.raises(Invalid) as refused:
        pager.configure("pager", given)
    sentence = f"Option 'apiToken' must be given again, because {next(iter(changes))} changed."
    assert refused.value.reasons == {"plugin": {"plugin_options": {"apiToken": sentence}}}
    assert pager.options["url"] == "https://pager.example"
    pager.configure("pager", {**given, "pin": "1234"})
    assert pager.secret_names == {"pin"}
    pager.configure("pager", {"url": "https://pager.example", "apiToken": "new"})
    assert pager.open().options.api_token.get_secret_value() == "new"
    assert pager.secret_names == {"apiToken"}


def test_a_number_that_came_as_text_is_the_same_place(pager: Notification) -> None:
    pager.options = {"url": "https://pager.example", "port": "443"}
    pager.configure("pager", {"url": "https://pager.example", "port": 443})
    assert pager.secret_names == {"apiToken"}
    pager.options = {"url": "https://pager.example"}
    pager.configure("pager", {"url": "https://pager.example"})
    assert pager.secret_names == {"apiToken"}


def test_an_empty_text_takes_a_secret_away(pager: Notification) -> None:
    given = [{"name": "url", "value": "https://pager.example"}, {"name": "apiToken", "value": ""}]
    with pytest.raises(Invalid, match="give a token or a PIN"):
        pager.configure("pager", given)
    pager.configure("pager", [*given, {"name": "pin", "value": "1234"}])
    assert pager.secret_names == {"pin"}


def test_another_plugin_does_not_get_it(pager: Notification) -> None:
    pager.configure("other-pager", {"url": "https://pager.example", "pin": "1234"})
    assert pager.secret_names == {"pin"}
    assert pager.open().options.api_token is None


def test_a_box_of_another_row_does_not_open(pager: Notification) -> None:
    other = Notification(label="other", plugin="pager", options=pager.options, secrets=pager.secrets)
    with pytest.raises(Unavailable, match="cannot be opened"):
        other.open()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "url"),
        ({"url": "x", "pin": "1", "colour": "red"}, "colour"),
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
    assert "carrier-pigeon" in refused.value.reasons["plugin"]["_schema"]


def test_a_plugin_that_is_gone_is_shown_as_it_was(pager: Notification) -> None:
    pager.plugin = "carrier-pigeon"
    assert {option["name"] for option in pager.described_options()} == {"url", "port", "retries"}
    with pytest.raises(Unavailable, match="carrier-pigeon"):
        pager.open()


def test_rewrapping_finds_it(pager: Notification, settings) -> None:  # type: ignore[no-untyped-def]
    old = settings.ENCRYPTION_KEYS
    fresh = new_key()
    settings.ENCRYPTION_KEYS = f"{fresh}\n{old}"
    assert rewrap()[0] == 1
    settings.ENCRYPTION_KEYS = fresh
    assert Notification.objects.get().open().options.api_token.get_secret_value() == TOKEN


@dataclass(frozen=True)
class Verbs:
    """How one kind of connector is made, changed and deleted."""

    make: Callable[..., Connector]
    change: Callable[..., Connector]
    delete: Callable[..., None]
    name: str = "label"
    options: dict[str, Any] = field(default_factory=dict)

    def new(self, slug: str, label: str, *, by: User) -> Connector:
        return self.make(NewConnector(label=label, plugin=slug, options=self.options), by=by)


def _destination(new: NewConnector, *, by: User) -> Destination:
    return stores.create(Destination, label=new.label, plugin=new.plugin, by=by)


def _source(new: NewConnector, *, by: User) -> Source:
    return stores.create(Source, label=new.label, plugin=new.plugin, by=by)


KINDS = {
    "odd-destination": Verbs(_destination, stores.update, stores.delete),
    "odd-source": Verbs(_source, stores.update, stores.delete),
    "odd-notifier": Verbs(
        notifications.create,
        notifications.update,
        notifications.delete,
        options={"interval": 10, "unit": "days", "recipients": "alice@example.org"},
    ),
    "odd-dns": Verbs(
        authorities.create_dns_provider,
        authorities.update_dns_provider,
        authorities.delete_dns_provider,
        name="name",
    ),
}


@pytest.fixture(params=KINDS)
def slug(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    odd = {**odd_stores.ENTRIES, **odd_notifier.ENTRIES, **odd_dns.ENTRIES}
    monkeypatch.setitem(registry.__dict__, "entries", {**registry.entries, **odd})
    return str(request.param)


def events(row: Connector) -> list[str]:
    rows = AuditEntry.objects.filter(target_type=row._meta.label_lower).order_by("pk")
    return [event.partition(".")[2] for event in rows.values_list("event", flat=True)]


def test_every_kind_is_made_changed_and_deleted_alike(slug: str, people: People) -> None:
    verbs = KINDS[slug]
    made = verbs.new(slug, " one ", by=people.root)
    assert str(made) == "one"
    assert str(verbs.change(made, description="d", active=False, by=people.root)) == "one"
    assert str(verbs.change(made, **{verbs.name: "two"}, by=people.root)) == "two"
    found = type(made)._default_manager.get()
    assert (str(found), found.description, found.active) == ("two", "d", False)
    verbs.delete(made, by=people.root)
    assert events(made) == ["created", "updated", "updated", "deleted"]


def test_what_is_wrong_with_a_name_is_said(slug: str, people: People) -> None:
    verbs = KINDS[slug]
    made = verbs.new(slug, "one", by=people.root)
    for name in ("", " \t", "two\nlines"):
        with pytest.raises(Invalid) as refused:
            verbs.new(slug, name, by=people.root)
        assert refused.value.reasons == {verbs.name: f"A {verbs.name} is one line of visible characters."}
        with pytest.raises(Invalid):
            verbs.change(made, **{verbs.name: name}, by=people.root)
    with pytest.raises(TypeError, match=r"\['uuid'\]"):
        verbs.change(made, uuid="x", by=people.root)


def test_a_change_is_made_to_the_row_as_it_is_now(slug: str, people: People) -> None:
    verbs = KINDS[slug]
    seen = verbs.new(slug, "one", by=people.root)
    verbs.change(type(seen)._default_manager.get(), description="meanwhile", by=people.root)
    verbs.change(seen, active=False, by=people.root)
    found = type(seen)._default_manager.get()
    assert (found.description, found.active) == ("meanwhile", False)


def test_what_somebody_has_deleted_is_not_found(slug: str, people: People) -> None:
    verbs = KINDS[slug]
    made = verbs.new(slug, "one", by=people.root)
    verbs.delete(type(made)._default_manager.get(), by=people.root)
    for late in (verbs.change, verbs.delete):
        with pytest.raises(NotFound, match="There is no such"):
            late(made, by=people.root)
    assert events(made) == ["created", "deleted"]
