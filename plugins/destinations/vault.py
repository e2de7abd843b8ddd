"""Secrets of HashiCorp Vault or OpenBao that hold certificate, chain and key, from where machines fetch them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from cryptography import x509
from pydantic import Field

from pki import chains, inspection
from pki.keys import private_key_pem
from pki.names import NameType
from plugins import vault_kv
from plugins.contracts import Confirms, Destination, Removes, Shows
from plugins.destinations import layout
from plugins.errors import Permanent, Temporary, refusing
from plugins.values import Bundle
from plugins.vault_kv import Kv, Path, Secret, VaultOptions

ATTEMPTS: Final = 5
NAME: Final = "{CN}"
_TEMPLATE: Final = r"^([A-Za-z0-9._-]|\{CN\})+(/([A-Za-z0-9._-]|\{CN\})+)*/?$"


class VaultDestination(Destination, Confirms, Shows, Removes):
    """A secret may hold several certificates: each is an entry of its own, and nobody else's is touched.

    Every write says which version it follows, so that of two at once one begins anew.
    """

    slug = "hashi-vault-destination"
    title = "Vault"
    description = "Secrets in the key-value store of HashiCorp Vault or OpenBao."

    class Options(VaultOptions):
        vault_path: Path = Field(
            pattern=_TEMPLATE, max_length=500, description="Path below the mount. {CN} is the certificate's name."
        )
        object_name: Path = Field(
            NAME, pattern=_TEMPLATE, max_length=255, description="The secret there; {CN} as above."
        )
        bundle_chain: Literal["Nginx", "Apache", "PEM", "no chain"] = Field(
            "Nginx",
            description="Nginx: certificate and chain in 'crt'. Apache: the chain in 'chain'. PEM: all of it in 'pem'.",
        )

    options: Options

    def check(self) -> None:
        """Log in, and ask whether one may write there."""
        with vault_kv.opened(self.options) as kv:
            kv.require(f"{kv.mount}/data/{self._path('trial')}", "create", "read", "update")

    def upload(self, bundle: Bundle) -> None:
        entry = self._entry(bundle)
        self._change(bundle.name, lambda secret: {**secret.entries, bundle.name: entry})

    def held(self, name: str) -> str | None:
        with vault_kv.opened(self.options) as kv:
            return _fingerprint(kv.read(self._path(name)), name)

    def shown(self, name: str) -> x509.Certificate | None:
        with vault_kv.opened(self.options) as kv:
            return layout.certificate_in(_text(kv.read(self._path(name)).entries.get(name)))

    def remove(self, bundle: Bundle) -> None:
        """A secret that held nothing else goes with all its versions; of another one, older versions stay."""
        wanted = inspection.fingerprint(bundle.certificate)

        def without(secret: Secret) -> Mapping[str, Any] | None:
            if _fingerprint(secret, bundle.name) != wanted:
                return None
            return {name: entry for name, entry in secret.entries.items() if name != bundle.name}

        self._change(bundle.name, without)

    def _change(self, name: str, changed: Any) -> None:
        """Write what `changed` makes of the secret; nothing, if that is None."""
        path = self._path(name)
        with vault_kv.opened(self.options) as kv:
            for _ in range(ATTEMPTS):
                secret = kv.read(path)
                entries = changed(secret)
                if entries is None or _written(kv, path, entries, secret.version):
                    return
        raise Temporary(f"Somebody else changes {path} all the time.")

    def _path(self, name: str) -> str:
        layout.names(name)
        return f"{self.options.vault_path}/{self.options.object_name}".replace(NAME, name)

    def _entry(self, bundle: Bundle) -> Mapping[str, Any]:
        if bundle.private_key is None:
            raise Permanent(f"'{bundle.name}' cannot be delivered to {self.slug} without its private key.")
        with refusing(f"'{bundle.name}' cannot be written as PEM"):
            key = private_key_pem(bundle.private_key)
            leaf = inspection.pem(bundle.certificate)
            chain = "".join(map(inspection.pem, chains.without_root(bundle.chain)))
            names = [n.value for n in inspection.facts(bundle.certificate).names if n.type is NameType.DNS]
        match self.options.bundle_chain:
            case "Nginx":
                parts = {"crt": leaf + chain, "key": key}
            case "Apache":
                parts = {"crt": leaf, "chain": chain, "key": key}
            case "PEM":
                parts = {"pem": leaf + chain + key}
            case _:
                parts = {"crt": leaf, "key": key}
        return {**parts, "san": names}


def _written(kv: Kv, path: str, entries: Mapping[str, Any], version: int) -> bool:
    """Also before a deletion, which cannot say what version it follows."""
    written = kv.write(path, entries, version=version)
    if written and not entries:
        kv.delete(path)
    return written


def _fingerprint(secret: Secret, name: str) -> str | None:
    """Of the certificate in this entry; "" if it holds none."""
    entry = secret.entries.get(name)
    return None if entry is None else layout.fingerprint_in(_text(entry))


def _text(entry: object) -> bytes:
    """What an entry has for a certificate, or would have."""
    text = (entry.get("crt") or entry.get("pem")) if isinstance(entry, dict) else None
    return text.encode() if isinstance(text, str) else b""
