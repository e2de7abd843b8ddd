"""Certificates in the key-value store of HashiCorp Vault or OpenBao."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import Field

from pki import containers
from pki.errors import PkiError
from pki.names import printable
from plugins import vault_kv
from plugins.contracts import Source
from plugins.errors import Permanent
from plugins.values import FoundCertificate
from plugins.vault_kv import PATH, Kv, Path, VaultOptions

log = logging.getLogger(__name__)

MOST_SECRETS: Final = 10_000
DEEPEST: Final = 16
_BEGIN: Final = "-----BEGIN "


class VaultSource(Source):
    """Whatever is PEM in a secret, in its entries or directly; a key among it is read as well."""

    slug = "vault-source"
    title = "Vault"
    description = "Secrets in the key-value store of HashiCorp Vault or OpenBao."

    class Options(VaultOptions):
        vault_path: Path = Field(pattern=PATH, max_length=500, description="Path below the mount.")
        object_name: Path | None = Field(
            None, pattern=PATH, max_length=255, description="The secret there; all below the path, if there is none."
        )

    options: Options

    def check(self) -> None:
        """Log in, and ask whether one may read there."""
        given = self.options
        with vault_kv.opened(given) as kv:
            if given.object_name is None:
                kv.require(f"{kv.mount}/metadata/{given.vault_path}/", "list")
            kv.require(f"{kv.mount}/data/{given.vault_path}/{given.object_name or 'trial'}", "read")

    def certificates(self) -> Iterator[FoundCertificate]:
        """Permanent if there are too many secrets."""
        given = self.options
        with vault_kv.opened(given) as kv:
            one = given.object_name
            paths = _paths(kv, given.vault_path, DEEPEST) if one is None else iter([f"{given.vault_path}/{one}"])
            for number, path in enumerate(paths):
                if number >= MOST_SECRETS:
                    raise Permanent(f"{given.vault_path} holds more than {MOST_SECRETS} secrets; choose a longer path.")
                yield from _in_secret(path, kv.read(path).entries)


def _paths(kv: Kv, path: str, depth: int) -> Iterator[str]:
    """Every secret below, in the order of names."""
    for name in sorted(kv.names(path)):
        below = f"{path}/{name.rstrip('/')}"
        if not name.endswith("/"):
            yield below
        elif depth > 0:
            yield from _paths(kv, below, depth - 1)


def _in_secret(path: str, entries: Mapping[str, Any]) -> Iterator[FoundCertificate]:
    yield from _found(path, None, entries)
    for name, entry in entries.items():
        if isinstance(entry, dict):
            yield from _found(f"{path}/{name}", name, entry)


def _found(where: str, name: str | None, entry: Mapping[str, Any]) -> Iterator[FoundCertificate]:
    parts = [text for text in entry.values() if isinstance(text, str) and text.lstrip().startswith(_BEGIN)]
    if not parts:
        return
    try:
        found = containers.read_any("\n".join(parts).encode())
    except PkiError as error:
        log.warning("source.secret_left_out", extra={"path": printable(where), "reason": error.message})
        return
    if found.certificate is not None:
        yield FoundCertificate(
            certificate=found.certificate, chain=found.chain, private_key=found.key, name=name, where=printable(where)
        )
