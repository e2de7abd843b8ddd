"""The key store: private keys behind a key URI, kept by the custody that the operator chose.

Everything that needs a private key comes through here. Handing a key to a *person* is another matter:
``certificates.service.keys.reveal`` asks the permissions and writes the audit log.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from core.errors import NotFound, Precondition, Unavailable
from core.failpoints import around
from core.models import StoredKey
from core.secrets import SEALED, key_id, keyring
from pki import keys
from pki.errors import SealError
from plugins import registry
from plugins.contracts import ExportsKeys, KeyCustody
from plugins.errors import PluginError


def custody(slug: str) -> KeyCustody:
    """The custody of that name, opened."""
    return registry.get(slug, "custody")(keyring())


def generate(spec: keys.KeySpec) -> tuple[StoredKey, keys.PrivateKey]:
    """A new key and its row, which the caller saves in its own transaction: a custody may be another machine."""
    keeper = custody(settings.KEY_CUSTODY)
    with around("custody.generate"):
        reference, key = keeper.generate(spec)
    return _row(reference, key), key


def store(key: keys.PrivateKey) -> StoredKey:
    """The row of a key that somebody brought; the caller saves it in its own transaction."""
    keeper = custody(settings.KEY_CUSTODY)
    with around("custody.store"):
        reference = keeper.store(key)
    return _row(reference, key)


def signer(uri: str) -> keys.PrivateKey:
    """The key behind a URI, for signing. Raises NotFound, or Unavailable when the custody cannot open it."""
    stored = find(uri)
    with _opening(uri), around("custody.signer"):
        return custody(stored.custody).signer(bytes(stored.reference), stored.spki_sha256)


def reveal(uri: str) -> keys.PrivateKey:
    """The key itself, to be handed out; Precondition when its custody never lets keys go. The caller audits."""
    stored = find(uri)
    keeper = custody(stored.custody)
    if not isinstance(keeper, ExportsKeys):
        raise Precondition(f"The private key is kept by {keeper.title}, which does not give keys away.")
    with _opening(uri), around("custody.reveal"):
        return keeper.reveal(bytes(stored.reference), stored.spki_sha256)


@contextmanager
def _opening(uri: str) -> Iterator[None]:
    try:
        yield
    except (SealError, PluginError) as error:
        raise Unavailable(f"The private key {uri} cannot be opened: {error}") from error


def destroy(uri: str) -> None:
    """Forget a key for good."""
    StoredKey.objects.filter(pk=_pk(uri)).delete()


def find(uri: str) -> StoredKey:
    """The row behind a key URI."""
    stored = StoredKey.objects.filter(pk=_pk(uri)).first()
    if stored is None:
        raise NotFound(f"There is no key {uri}.")
    return stored


def _row(reference: bytes, key: keys.PrivateKey) -> StoredKey:
    spki_sha256 = keys.spki_sha256(key.public_key())
    return StoredKey(
        custody=settings.KEY_CUSTODY,
        spki_sha256=spki_sha256,
        reference=reference,
        sealed_with=key_id(reference) if settings.KEY_CUSTODY == SEALED else "",
    )


def _pk(uri: str) -> str:
    return uri.removeprefix("key:")
