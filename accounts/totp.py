"""One-time passwords by time (RFC 6238), as authenticator apps know them: SHA-1, six digits, thirty seconds."""

from __future__ import annotations

import hmac
import secrets
from io import BytesIO

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

SECRET_BYTES = 20
DIGITS = 6
PERIOD = 30
"""Seconds that a code stands for."""
DRIFT = 1
"""Periods by which the two clocks may differ (RFC 6238, section 6)."""


def new_secret() -> bytes:
    """As long as the hash (RFC 4226, section 4, R6)."""
    return secrets.token_bytes(SECRET_BYTES)


def matching_period(secret: bytes, code: str, *, now: float, after: int = 0) -> int | None:
    """The period whose code this is, of those later than ``after``; None if it is no such code. Spaces are nothing.

    ``now`` in seconds since 1970. A caller that stores what it was given, and gives it as ``after``, takes no code
    twice (RFC 6238, section 5.2).
    """
    typed, present, found = "".join(code.split()).encode(), int(now) // PERIOD, None
    for period in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(_totp(secret).generate(period * PERIOD), typed) and period > after:
            found = period
    return found


def address(secret: bytes, *, account: str, issuer: str) -> str:
    """The ``otpauth:`` URI that an app reads from a QR code."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def picture(uri: str) -> bytes:
    """It as a QR code: SVG, dark on light whatever the page is, since cameras want that."""
    drawn = BytesIO()
    segno.make(uri, error="m").save(
        drawn, kind="svg", scale=5, border=4, dark="#000", light="#fff", xmldecl=False, svgclass=None, lineclass=None
    )
    return drawn.getvalue()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), PERIOD)  # noqa: S303  the only one that all apps know; as an HMAC it is not broken
