"""What destinations that are files have in common, wherever those lie: see `pairs` for how they change."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from typing import Final, Protocol

from cryptography import x509

from pki import inspection
from plugins.contracts import Confirms, Destination, Removes, RollsBack, Shows
from plugins.destinations import layout
from plugins.destinations.layout import ExportFormat, File
from plugins.destinations.pairs import Folder, Pair
from plugins.errors import PluginError, during
from plugins.values import Bundle

RELOADING: Final = "Reloading"
RELOAD_SECONDS: Final = 30.0


class Place(Folder, Protocol):
    """The directory, with whatever has its readers look again."""

    def reload(self) -> None:
        """Run the command, if there is one. PluginError with its status and what it said on standard error."""


class FileDestination(Destination, Confirms, Shows, Removes, RollsBack):
    """A subclass says where the directory is; here is what is done in it.

    A reload that fails at the first delivery of a certificate is undone: the previous one is back in place.
    """

    @property
    @abstractmethod
    def layout(self) -> ExportFormat:
        """Which files are written."""

    @abstractmethod
    def place(self) -> AbstractContextManager[Place]:
        """The directory, while it is open. PluginError if it cannot be."""

    def files(self, bundle: Bundle) -> Mapping[str, File]:
        """What is written, by name."""
        return layout.files(bundle, self.layout, slug=self.slug)

    def upload(self, bundle: Bundle) -> None:
        fingerprint, files = inspection.fingerprint(bundle.certificate), self.files(bundle)
        with self.place() as place:
            pair = Pair(place, bundle.name)
            replaced = pair.put(fingerprint, files)
            try:
                _reload(place)
            except PluginError as error:
                if not replaced:
                    raise
                raise _undone(place, pair, fingerprint, error) from error

    def held(self, name: str) -> str | None:
        with self.place() as place:
            return Pair(place, name).held()

    def shown(self, name: str) -> x509.Certificate | None:
        with self.place() as place:
            return Pair(place, name).shown()

    def remove(self, bundle: Bundle) -> None:
        """Readers keep what they have read: nothing is reloaded."""
        with self.place() as place:
            Pair(place, bundle.name).take_away(inspection.fingerprint(bundle.certificate))

    def roll_back(self, bundle: Bundle) -> None:
        with self.place() as place:
            Pair(place, bundle.name).take_back(inspection.fingerprint(bundle.certificate))
            _reload(place)


def _reload(place: Place) -> None:
    with during(RELOADING):
        place.reload()


def _undone(place: Place, pair: Pair, fingerprint: str, error: PluginError) -> PluginError:
    """The error, once the previous files are back; a reader that the command has stopped is started with them."""
    try:
        pair.take_back(fingerprint)
    except PluginError as worse:
        return type(error)(f"{error} That could not be undone. {worse}")
    with suppress(PluginError):
        place.reload()
    return type(error)(f"{error} The previous certificate is in place again.")
