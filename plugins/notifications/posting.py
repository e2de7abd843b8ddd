"""What notifiers that post to a web address have in common: the option that names it, and what an answer means.

An address may hold a secret, as Slack's does, so that no error shows more of it than its host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import requests

from pki.names import printable
from plugins import network
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary

LONGEST_ANSWER: Final = 64 * 1024
LONGEST_SHOWN: Final = 200
LONGEST_PAUSE: Final = 24 * 3600
_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")
# Codes by which a server says that it does not know this caller or this address.
_UNKNOWN: Final = (401, 403, 404, 405, 410)


def web_address(text: str) -> str:
    """The same text, if a message may be posted there; ValueError says why not, without showing it."""
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it is no web address") from None
    if parts.scheme not in ("https", "http") or not host or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("it must be a web address that begins with https://")
    if parts.scheme == "http" and host not in _THIS_MACHINE:
        raise ValueError("it must begin with https://; without TLS one may post to this machine alone")
    if parts.username is not None or parts.fragment:
        raise ValueError("it must have neither a user name nor a fragment (#…)")
    return text


def post(address: str, body: bytes, headers: Mapping[str, str]) -> str:
    """The text of the answer, once the server has taken the message (2xx).

    Temporary where it does not answer or is overloaded, Misconfigured where it does not know us, Permanent otherwise.
    """
    where = f"The server {urlsplit(address).hostname}"
    try:
        with network.session(longest=LONGEST_ANSWER) as session:
            answer = session.post(address, data=body, headers=dict(headers))
    except network.Refused as error:
        raise Misconfigured(str(error)) from None
    except network.TooLarge as error:
        raise Permanent(f"{where} gave an answer that is none: {error}") from None
    except requests.exceptions.SSLError:
        raise Misconfigured(f"The TLS certificate of {where[0].lower()}{where[1:]} is not trusted.") from None
    except requests.RequestException as error:
        slow = isinstance(error, requests.Timeout)
        raise Temporary(f"{where} {'did not answer in time' if slow else 'cannot be reached'}.") from None
    if not answer.ok or answer.is_redirect:
        raise _refusal(answer, where)
    return _shown(answer.text)


def _refusal(answer: requests.Response, where: str) -> PluginError:
    code = answer.status_code
    if code in (408, 425, 429) or code >= 500:
        return Temporary(f"{where} cannot take it now ({code}).", retry_after=_pause(answer))
    if 300 <= code <= 399:
        return Misconfigured(f"{where} wants the message elsewhere ({code}); name the address that it is sent on to.")
    said = f"{where} refuses: {code} {_shown(answer.text)}".rstrip()
    return Misconfigured(said) if code in _UNKNOWN else Permanent(said)


def _pause(answer: requests.Response) -> timedelta | None:
    """Retry-After in seconds (RFC 9110, 10.2.3); a date is left to our own patience."""
    text = answer.headers.get("Retry-After", "")
    return timedelta(seconds=min(int(text), LONGEST_PAUSE)) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _shown(text: str) -> str:
    """A server's words on one line, as text that cannot do anything."""
    return printable(" ".join(text.split()))[:LONGEST_SHOWN]
