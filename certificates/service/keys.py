"""Private keys of certificates: handing one to a person is one audited call."""

from __future__ import annotations

from accounts.models import User
from accounts.service import acting, require_recent_proof
from certificates.models import Certificate
from certificates.permissions import permissions
from core import keys
from core.audit import Event, record
from core.commits import committing
from pki.keys import private_key_pem


def reveal(certificate: Certificate, *, by: User | None = None) -> str | None:
    """The private key as unencrypted PEM, or None if we do not keep it.

    Besides an export, the only way to a person.
    """
    by = acting(by)
    permissions.require(by, "reveal_key", certificate, message="You are not authorized to view this key")
    if certificate.private_key is None:
        return None
    require_recent_proof()
    pem = private_key_pem(keys.reveal(certificate.private_key))
    with committing("key.reveal"):
        record(Event.KEY_REVEALED, certificate, by=by)
    return pem
