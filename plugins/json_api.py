"""An HTTP API that speaks JSON: one call, and what goes wrong with it told apart as plugins must."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests

from plugins import network
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary, Unanswered

LONGEST_ANSWER = 8 * 1024 * 1024
LONGEST_REASON = 300


@dataclass(frozen=True)
class JsonApi:
    """`name` is what messages call it, `url` the base of its addresses, `headers` what each request bears.

    `roots` as in `plugins.network.session`. Nothing of the headers comes into a message.
    """

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    roots: str | None = None

    def call(self, method: str, path: str, *, body: Any = None, params: Mapping[str, str] | None = None) -> Any:
        """What a request is answered with; None for an answer without a body.

        Raises Misconfigured where the credential is refused, Temporary where another attempt may succeed (Unanswered,
        where this one may have), else Permanent with what the server says.
        """
        answer = self._answer(method, f"{self.url.rstrip('/')}/{path.lstrip('/')}", body, params)
        if answer.status_code >= requests.codes.bad_request:
            raise self._problem(answer)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise Permanent(f"{self.name} answered something that is no JSON: is the address its API's?") from error

    def _answer(self, method: str, url: str, body: Any, params: Mapping[str, str] | None) -> requests.Response:
        try:
            with network.session(longest=LONGEST_ANSWER, roots=self.roots) as session:
                return session.request(method, url, json=body, params=params, headers=dict(self.headers))
        except (network.Refused, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise network.AddressRefused(f"{self.name} is not asked: {error}") from error
        except requests.exceptions.SSLError as error:
            raise Misconfigured(f"{self.name} shows a TLS certificate that is not trusted here.") from error
        except network.TooLarge as error:
            raise Permanent(f"{self.name}: {error}") from error
        except network.Unreachable as error:
            raise Temporary(f"{self.name} does not answer.") from error
        except (requests.RequestException, ValueError) as error:
            raise Unanswered(f"{self.name} did not answer.") from error

    def _problem(self, answer: requests.Response) -> PluginError:
        said = said_by(answer)
        match answer.status_code:
            case 401 | 403:
                return Misconfigured(f"{self.name} does not accept the credential it was given{said}.")
            case 429:
                return Temporary(f"{self.name} wants to be asked less often{said}.", retry_after=retry_after(answer))
            case status if status >= requests.codes.server_error:
                return Unanswered(f"{self.name} cannot answer now (status {status}){said}.")
            case status:
                return Permanent(f"{self.name} refuses (status {status}){said}.")


def said_by(answer: requests.Response) -> str:
    """The reason that an answer gives, as the end of a sentence; "" if there is none."""
    try:
        told = answer.json()
    except ValueError:
        return ""
    reason = next(iter(_reasons(told)), "")
    return f": {' '.join(reason.split())[:LONGEST_REASON].rstrip('.')}" if reason else ""


def _reasons(told: Any) -> list[str]:
    """Texts at the places where APIs have them: error, message, detail, errors."""
    if isinstance(told, str):
        return [told]
    if isinstance(told, list):
        return [text for one in told for text in _reasons(one)]
    if isinstance(told, Mapping):
        named = (told.get(name) for name in ("error", "message", "detail", "errors"))
        return [text for one in named for text in _reasons(one)]
    return []


def retry_after(answer: requests.Response) -> timedelta | None:
    """When the server wants to be asked again, where it says that in seconds (RFC 9110, 10.2.3)."""
    text = answer.headers.get("Retry-After", "")
    return timedelta(seconds=min(int(text), 7 * 86400)) if text.isascii() and text.isdigit() else None
