"""A connector: a row that configures a plugin, and what people do to one, whatever its plugin is for.

What is secret among its options is sealed, and never shown again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import structlog
from django.db import IntegrityError, models, transaction

from core import idempotency
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, DomainError, Invalid, NotFound, Unavailable
from core.failpoints import around
from core.fields import SealedField
from core.permissions import permissions_of
from core.plugins import named_plugin
from core.secrets import keyring
from pki.errors import PkiError, SealError
from pki.names import printable
from plugins import OptionErrors, PluginError, PluginUnavailable, Temporary, describe, parse, registry
from plugins.contracts import Plugin
from plugins.options import PluginOptions, by_name, dump, dump_secrets, emptied, target_names, values

Given = Mapping[str, Any] | Sequence[Any] | None
CHANGEABLE = frozenset({"description", "active", "plugin", "options"})
"""Besides what it is called."""

log = structlog.get_logger(__name__)


class Connector(models.Model):
    """What authorities, destinations, sources and notifications have in common.

    ``options`` are the plugin's options by wire name, without the secret ones; those are in ``secrets``, sealed for
    this row (``uuid``) alone.
    """

    kind: ClassVar[str]
    name_field: ClassVar[str] = "label"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    description = models.CharField(max_length=1024, blank=True)
    plugin = models.CharField(max_length=64)
    options = models.JSONField(default=dict, blank=True)
    secrets = SealedField()
    active = models.BooleanField(default=True)

    class Meta:
        abstract = True

    @property
    def plugin_class(self) -> type[Plugin]:
        """The class of the plugin. Raises Unavailable when it cannot be loaded here, saying why."""
        try:
            return registry.get(self.plugin, self.kind)
        except PluginUnavailable as error:
            raise Unavailable(str(error)) from error

    def configure(self, plugin: str, options: Given) -> None:
        """Take a plugin and what somebody wrote as its options; the row is not saved.

        A secret that is not given stays what it was, as long as the plugin and the place that it is for do; given as ""
        it goes. Raises Invalid, naming each option.
        """
        wanted = named_plugin(plugin, self.kind)
        parsed = _parsed(wanted, options, kept=self._unsealed() if plugin == self.plugin else {})
        if plugin == self.plugin and (moved := self._other_targets(parsed)):
            parsed = self._parsed_for_another_place(wanted, options, moved)
        self.plugin, self.options = plugin, dump(parsed)
        self._seal(dump_secrets(parsed))

    def _other_targets(self, parsed: PluginOptions) -> list[str]:
        """Which options name another place than before."""
        before, now = {**_defaults(type(parsed)), **self.options, **self._unsealed()}, values(parsed)
        return sorted(name for name in target_names(type(parsed)) if _text(before.get(name)) != _text(now.get(name)))

    def _parsed_for_another_place(self, plugin: type[Plugin], options: Given, moved: Sequence[str]) -> Any:
        """Without stored secrets: whoever may name the place need not be one who knows them."""
        try:
            return _parsed(plugin, options, kept={})
        except Invalid as error:
            sentence = f"must be given again, because {' and '.join(moved)} changed."
            gone = sorted(self._unsealed().keys() - by_name(options).keys() - emptied(options))
            raise _refused({name: f"Option '{name}' {sentence}" for name in gone}) from error

    def park(self, plugin: str, options: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        """Keep, switched off and unchecked, what was configured elsewhere and cannot be used here; not saved."""
        self.plugin, self.options, self.active = plugin, dict(options), False
        self._seal(secrets)

    def open(self) -> Any:
        """The plugin, configured by this row and ready to work. Raises Unavailable or Invalid, saying why it is not."""
        plugin = self.plugin_class
        return plugin(_parsed(plugin, self.options, kept=self._unsealed()))

    def described_plugin(self) -> dict[str, str]:
        """What the API and the pages show of the plugin; of one that cannot be loaded here, its name and why."""
        try:
            title, description = self.plugin_class.title, self.plugin_class.description
        except Unavailable as error:
            title, description = self.plugin, error.message
        return {"slug": self.plugin, "title": title, "description": description}

    def described_options(self) -> list[dict[str, Any]]:
        """The options as the API shows them: what each is, and its ``value``; a secret's is null."""
        try:
            described = describe(self.plugin_class.Options)
        except Unavailable:
            unknown = {"type": "str", "required": False, "helpMessage": "", "sensitive": False}
            return [{"name": name, **unknown, "value": value} for name, value in self.options.items()]
        return [{**option, "value": self.options.get(option["name"], option.get("default"))} for option in described]

    @property
    def secret_names(self) -> frozenset[str]:
        """Which secret options are stored."""
        return frozenset(self._unsealed())

    def _seal(self, secrets: Mapping[str, str]) -> None:
        self.secrets = keyring().seal(json.dumps(secrets).encode(), self._context) if secrets else None

    def _unsealed(self) -> dict[str, str]:
        if not self.secrets:
            return {}
        try:
            found: dict[str, str] = json.loads(keyring().unseal(bytes(self.secrets), self._context))
        except SealError as error:
            raise Unavailable(f"The secrets of {self} cannot be opened: {error}") from error
        return found

    @property
    def _context(self) -> str:
        return f"{self._meta.label_lower}.secrets:{self.uuid}"


C = TypeVar("C", bound=Connector)
Check = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class NewConnector:
    """What a person says about one that they make. ``options`` are the plugin's, as on the wire."""

    label: str
    plugin: str
    options: Given = None
    description: str = ""
    active: bool = True


def _anything(name: str) -> None:
    """No rule for what it is called."""


@committing("connector.create")
def create(
    row: C, new: NewConnector, *, by: Any, event: Event, message: str = "", may_be_called: Check = _anything
) -> C:
    """Configure and store a new row; under a key of core.idempotency that has made one already, that one.

    Forbidden with ``message``; Invalid names what is wrong; Conflict if the name is taken.
    """
    permissions_of(row).require(by, "create", message=message)
    made = idempotency.recall(type(row))
    if made is not None:
        return made
    _call(row, new.label, may_be_called)
    row.description, row.active = new.description, new.active
    row.configure(new.plugin, new.options)
    _save(row)
    idempotency.remember(row)
    record(event, row, by=by, plugin=row.plugin)
    return row


@committing("connector.update")
def update(
    row: C,
    changes: Mapping[str, Any],
    *,
    by: Any,
    event: Event,
    message: str = "",
    may_be_called: Check = _anything,
) -> C:
    """Change its name and what is given of :data:`CHANGEABLE`. Options that are absent or None stay, while the plugin
    does; given, they replace those that were, but for secrets left out. Errors as :func:`create`, and NotFound.
    """
    if unknown := set(changes) - CHANGEABLE - {row.name_field}:
        raise TypeError(f"A {row._meta.verbose_name} has no fields {sorted(unknown)} that can be changed.")
    row = lock(row)
    permissions_of(row).require(by, "change", row, message=message)
    if row.name_field in changes:
        _call(row, changes[row.name_field], may_be_called)
    if changes.get("options") is not None or changes.get("plugin", row.plugin) != row.plugin:
        row.configure(changes.get("plugin", row.plugin), changes.get("options"))
    for field in changes.keys() & {"description", "active"}:
        setattr(row, field, changes[field])
    _save(row)
    record(event, row, by=by, fields=sorted(changes))
    return row


@committing("connector.delete")
def delete(row: Connector, *, by: Any, event: Event, message: str = "") -> None:
    """Forget it, and what is known about it; what it stands for is not touched. Forbidden or NotFound."""
    row = lock(row)
    permissions_of(row).require(by, "delete", row, message=message)
    record(event, row, by=by, plugin=row.plugin)
    row.delete()


def try_out(row: Connector, *, by: Any, event: Event, message: str = "") -> str:
    """Try whether the plugin can work as it is configured: what is wrong, in one sentence, or "". Forbidden."""
    permissions_of(row).require(by, "change", row, message=message)
    problem = ""
    try:
        plugin = row.open()
        with around("connector.check"), foreign(row.plugin, connector=str(row)):
            plugin.check()
    except (PluginError, PkiError, DomainError) as error:
        problem = str(error)
    with committing("connector.test"):
        record(event, row, by=by, works=not problem)
    return problem


def lock(row: C) -> C:
    """The row as it is now, kept from others until the transaction ends. NotFound if somebody has deleted it."""
    found: C | None = type(row)._default_manager.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise NotFound(f"There is no such {row._meta.verbose_name}.")
    return found


def _call(row: Connector, name: str, may_be_called: Check) -> None:
    name = name.strip()
    if name == getattr(row, row.name_field) and not row._state.adding:
        return
    if not name or name != printable(name):
        raise Invalid.field(row.name_field, f"A {row.name_field} is one line of visible characters.")
    may_be_called(name)
    setattr(row, row.name_field, name)


def _save(row: Connector) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict(f"There is already a {row._meta.verbose_name} called {row}.") from error


def _parsed(plugin: type[Plugin], options: Given, *, kept: Mapping[str, str]) -> Any:
    try:
        left = {name: secret for name, secret in kept.items() if name not in emptied(options)}
        return parse(plugin.Options, {**left, **by_name(options)})
    except OptionErrors as error:
        whole = error.errors.get("")  # contract 9.5 has that as a sentence
        raise _refused(whole or error.errors) from error


def _refused(errors: str | Mapping[str, str]) -> Invalid:
    return Invalid(reasons={"plugin": {"plugin_options": errors}})


def _text(value: Any) -> str | None:
    """What came from Lemur has numbers as text."""
    return None if value is None else str(value)


def _defaults(options: type[PluginOptions]) -> dict[str, Any]:
    return {option["name"]: option["default"] for option in describe(options) if "default" in option}


@contextmanager
def foreign(plugin: str, *, error: Callable[[str], Exception] = Temporary, **about: Any) -> Iterator[None]:
    """Around each call into a plugin, which is foreign code: its mistakes fail one call, not whoever made it.

    They become ``error``; the log has the details, with what the call was ``about``.
    """
    try:
        yield
    except (PluginError, PkiError, DomainError):
        raise
    except Exception as mistake:
        log.exception("plugin.failed", plugin=plugin, **about)
        raise error(f"the plugin {plugin} failed unexpectedly; the log has the details") from mistake
