"""A session with an ACME server (RFC 8555): the library's messages and signatures over connections that are judged.

The server names the addresses of everything else. One on the directory's own host and port was configured with it; any
other one was found, and must be public.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import josepy.errors
import requests
from acme import client, errors, messages
from josepy import json_util, jwa
from josepy.jwk import JWK, JWKEC, JWKRSA

from plugins import network
from plugins.errors import Misconfigured, Permanent, PluginError, Rejected, Temporary
from plugins.json_api import retry_after, said_by
from plugins.network import Target

LONGEST_ANSWER: Final = 1024 * 1024
NONCE_TRIES: Final = 10
BUSY: Final = frozenset({"badNonce", "rateLimited", "serverInternal"})
FOR_SOMEBODY: Final = frozenset(
    {
        "accountDoesNotExist",
        "badPublicKey",
        "badSignatureAlgorithm",
        "externalAccountRequired",
        "invalidContact",
        "unauthorized",
        "unsupportedContact",
        "userActionRequired",
    }
)
REFUSALS: Final = frozenset({"badCSR", "caa", "invalidProfile", "rejectedIdentifier", "unsupportedIdentifier"})
messages.Status("expired")  # RFC 8555, 7.1.6; making it makes the library know it
# Its debug lines hold whole requests and answers.
logging.getLogger("acme").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Binding:
    """What binds a new account to one at the CA's own desk (RFC 8555, 7.3.4)."""

    kid: str
    hmac_key: str


class Network(client.ClientNetwork):
    """Sends through `plugins.network`, and tells apart what answers of any kind mean."""

    def __init__(self, directory: str, key: JWK, roots: str | None) -> None:
        super().__init__(key, alg=algorithm_of(key), user_agent="Lemur")
        self._home, self._roots = _place(directory), roots
        self._default_timeout = (network.CONNECT_SECONDS, network.READ_SECONDS)  # type: ignore[assignment]

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        if _place(url)[0] not in ("https", "http") or not _place(url)[1]:
            raise Permanent(f"The CA names an address that is none of HTTP: {url[:64]!r}.")
        target = Target.CONFIGURED if _place(url) == self._home else Target.FOUND
        self.session.close()
        with network.session(target, longest=LONGEST_ANSWER, roots=self._roots) as self.session:
            answer = super()._send_request(method, url, *args, **kwargs)
        host = urlsplit(url).hostname
        if answer.status_code == requests.codes.too_many_requests:
            raise Temporary(f"{host} wants to be asked less often{said_by(answer)}.", retry_after=retry_after(answer))
        if answer.status_code >= requests.codes.server_error:
            wait = retry_after(answer)
            raise Temporary(
                f"{host} cannot answer now (status {answer.status_code}){said_by(answer)}.", retry_after=wait
            )
        return answer

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Several times, if the server refuses the nonce (RFC 8555, 6.5): it may do so as it likes."""
        for _ in range(NONCE_TRIES):
            try:
                return self._post_once(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        raise Temporary(f"{self._home[1]} refuses even nonces that it has just given.")


class NewOrder(messages.NewOrder):
    """With the field of RFC 9773, 5."""

    replaces: str | None = json_util.field("replaces", omitempty=True)


class Session(client.ClientV2):
    """What the library's client lacks: an account that is found by its key, orders that are taken up again."""

    net: Network

    @classmethod
    def open(cls, directory: str, key: JWK, roots: str | None) -> Session:
        """Nothing but the directory is asked for."""
        net = Network(directory, key, roots)
        return cls(cls.get_directory(directory, net), net)

    @property
    def meta(self) -> messages.Directory.Meta:
        found: messages.Directory.Meta = self.directory["meta"]
        return found

    def has_account(self) -> bool:
        """Log in, if the CA knows the key (RFC 8555, 7.3.1). Misconfigured if it has closed the account."""
        asked = messages.NewRegistration(only_return_existing=True)
        try:
            answer = self._post(self.directory["newAccount"], asked)
        except messages.Error as error:
            if error.code == "accountDoesNotExist":
                return False
            raise
        account = self._regr_from_response(answer)
        # This one status the library leaves as text.
        if account.body.status not in (None, "valid"):
            raise Misconfigured(f"The CA has closed the account of this key: it is {account.body.status!s:.32}.")
        self.net.account = account
        return True

    def register(self, *, email: str, terms_agreed: bool, binding: Binding | None) -> None:
        """Make the account."""
        bound = None
        if binding is not None:
            key: Any = self.net.key
            bound = messages.ExternalAccountBinding.from_data(
                key.public_key(), binding.kid, binding.hmac_key, self.directory
            )
        self.new_account(
            messages.NewRegistration.from_data(
                email=email or None, terms_of_service_agreed=terms_agreed or None, external_account_binding=bound
            )
        )

    def place(self, identifiers: list[messages.Identifier], *, profile: str, replaces: str | None) -> str:
        """The URL of a new order. Without `replaces` where the CA knows of another renewal of the same already."""
        asked = NewOrder(identifiers=identifiers, profile=profile or None, replaces=replaces)
        try:
            answer = self._post(self.directory["newOrder"], asked)
        except errors.ConflictError:
            if replaces is None:
                raise
            return self.place(identifiers, profile=profile, replaces=None)
        url = answer.headers.get("Location")
        if not url:
            raise Permanent("The CA has taken the order and does not say where it is.")
        return str(url)

    def order(self, url: str) -> tuple[messages.Order, requests.Response]:
        """As it stands, and the answer that says when to ask again."""
        answer = self._post_as_get(url)
        return messages.Order.from_json(answer.json()), answer

    def authorization(self, url: str) -> messages.Authorization:
        found: messages.Authorization = messages.Authorization.from_json(self._post_as_get(url).json())
        return found

    def answer(self, challenge: messages.ChallengeBody, *, of: str) -> None:
        """Say that the CA may look now; of an authorization that it has looked at meanwhile there is nothing to say."""
        try:
            self._post(challenge.uri, challenge.chall.response(self.net.key))
        except messages.Error:
            if self.authorization(of).status == messages.STATUS_PENDING:
                raise

    def give_up(self, url: str) -> None:
        """An authorization, and with it the order (RFC 8555, 7.5.2)."""
        self._post(url, messages.UpdateAuthorization(status="deactivated"))

    def finalize(self, order: messages.Order, csr: Any) -> None:
        self._post(order.finalize, messages.CertificateRequest(csr=csr))

    def chains(self, url: str, *, all_of_them: bool) -> Iterator[str]:
        """The certificate with its chain as PEM; then with each other one that the CA offers (RFC 8555, 7.4.2)."""
        answer = self._post_as_get(url)
        yield answer.text
        for other in self._get_links(answer, "alternate") if all_of_them else ():
            yield self._post_as_get(other).text


def algorithm_of(key: JWK) -> jwa.JWASignature:
    """What the key signs with (RFC 7518, 3.1). ValueError for a key that cannot."""
    if isinstance(key, JWKRSA):
        return jwa.RS256
    by_size: Mapping[int, jwa.JWASignature] = {256: jwa.ES256, 384: jwa.ES384, 521: jwa.ES512}
    size = key.key._wrapped.key_size if isinstance(key, JWKEC) else 0
    if size not in by_size:
        raise ValueError("it is neither an RSA key nor one on P-256, P-384 or P-521")
    return by_size[size]


def _place(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)


@contextmanager
def explained(host: str) -> Iterator[None]:
    """What the server, the library and the connection say, as PluginErrors in one sentence."""
    try:
        yield
    except PluginError:
        raise
    except messages.Error as error:
        raise _problem(host, error) from error
    except (network.Refused, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise network.AddressRefused(f"An address that {host} names is not asked: {error}") from error
    except requests.exceptions.SSLError as error:
        raise Misconfigured(f"{host} shows a TLS certificate that is not trusted here; see 'trustedRoots'.") from error
    except requests.RequestException as error:
        raise Temporary(f"{host} does not answer.") from error
    except (errors.Error, josepy.errors.Error, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Permanent(
            f"{host} answers something that ACME does not know: is the address that of its directory?"
        ) from error


def _problem(host: str, error: messages.Error) -> PluginError:
    said = f"{host} refuses: {sentence(error)}."
    if error.code in BUSY:
        return Temporary(said)
    name = str(error.typ).rpartition(":")[2]
    if name in FOR_SOMEBODY:
        return Misconfigured(said)
    return Rejected(said) if name in REFUSALS else Permanent(said)


def sentence(error: messages.Error) -> str:
    """A problem document (RFC 7807) in words, with what it says about single names (RFC 8555, 6.7.1)."""
    text = error.detail or error.description or error.title or str(error.typ)
    parts = [
        f"{part.identifier.value if part.identifier else 'it'}: {sentence(part)}" for part in error.subproblems or ()
    ]
    whole = " ".join("; ".join([str(text).rstrip("."), *parts]).split())
    return whole[:600]
