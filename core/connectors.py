"""A connector: a row that configures a plugin. What is secret among its options is sealed, and never shown again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import structlog
from django.db import models

from core.errors import DomainError, Invalid, Unavailable
from core.fields import SealedField
from core.plugins import named_plugin
from core.secrets import keyring
from pki.errors import PkiError, SealError
from plugins import OptionErrors, PluginError, PluginUnavailable, Temporary, describe, parse, registry
from plugins.contracts import Plugin
from plugins.options import PluginOptions, by_name, dump, dump_secrets, emptied, target_names, values

Given = Mapping[str, Any] | Sequence[Any] | None

log = structlog.get_logger(__name__)


class Connector(models.Model):
    """What authorities, destinations, sources and notifications have in common.

    ``options`` are the plugin's options by wire name, without the secret ones; those are in ``secrets``, sealed for
    this row (``uuid``) alone.
    """

    kind: ClassVar[str]

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
