"""One ACME order from the first challenge to the certificate; it can be taken up at any of its steps (RFC 8555, 7.1.6).

Nothing is remembered here: the order at the CA says how far it is, and what was published for a challenge follows from
its token and the account's key.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from acme import messages
from cryptography import x509

from plugins.errors import Misconfigured, PluginError, Rejected
from plugins.issuers.acme_session import Session, explained, sentence
from plugins.json_api import retry_after
from plugins.values import IssueRequest, TxtRecord

Kind = Literal["dns-01", "http-01"]
KINDS: Final[tuple[Kind, ...]] = ("dns-01", "http-01")
PATIENCE: Final = 20.0
"""Seconds for one visit; well below the lease of a job, and the time of a web request."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 3.0
OVER: Final = ("invalid", "deactivated", "expired", "revoked")
"""States that an authorization does not leave; an order has the first alone, says the RFC."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unfinished:
    """Nothing is wrong, but the CA, or the name servers, are not done."""

    wait: timedelta | None = None


@dataclass(frozen=True)
class Visit:
    """One attempt to bring an order forward. `kind` is the challenge that is answered where there is a choice."""

    session: Session
    request: IssueRequest
    kind: Kind

    @property
    def url(self) -> str:
        return self.request.external_id or ""

    def advance(self) -> str | Unfinished:
        """The URL of the certificate. Rejected if the CA has refused the order."""
        ends, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
        while True:
            order, answer = self.session.order(self.url)
            acted = False
            match order.status:
                case messages.STATUS_VALID:
                    return str(order.certificate)
                case status if status.name in OVER:
                    raise Rejected(self._refusal(order))
                case messages.STATUS_PENDING:
                    acted = self._prove(order)
                case messages.STATUS_READY:
                    self.session.finalize(order, x509.load_pem_x509_csr(self.request.csr.encode()))
                    acted = True
            # Of what was just asked for the CA has not said yet how long it takes.
            asked = None if acted else retry_after(answer)
            pause = max(pause, asked.total_seconds() if asked else 0)
            if time.monotonic() + pause > ends:
                return Unfinished(asked)
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _prove(self, order: messages.Order) -> bool:
        """Publish what the open challenges ask for, all of it first, and answer each that can be seen; is there one?

        Rejected if a name cannot be proved any more.
        """
        found = [self.session.authorization(url) for url in order.authorizations]
        if any(_is(one, *OVER) for one in found):
            raise Rejected(self._refusal(order))
        open_ones = [
            (url, *self._publish(one))
            for url, one in zip(order.authorizations, found, strict=True)
            if _is(one, "pending")
        ]
        waiting = [one for one in open_ones if one[1].status == messages.STATUS_PENDING]
        visible = [(url, challenge) for url, challenge, record in waiting if self._is_visible(record)]
        for url, challenge in visible:
            self.session.answer(challenge, of=url)
        return bool(visible)

    def _publish(self, authorization: messages.Authorization) -> tuple[messages.ChallengeBody, TxtRecord | None]:
        challenge = self._chosen(authorization)
        if challenge.chall.typ == "dns-01":
            return challenge, self._dns.create_txt(*self._txt(authorization, challenge))
        text = challenge.chall.key_authorization(self.session.net.key)
        self._http.publish(challenge.chall.encode("token"), text)
        return challenge, None

    def _is_visible(self, record: TxtRecord | None) -> bool:
        return record is None or self._dns.is_served(record)

    def _chosen(self, authorization: messages.Authorization) -> messages.ChallengeBody:
        """Of the kind that was chosen; of the other one for a name that has that alone, as a wildcard has."""
        offered = {one.chall.typ: one for one in authorization.challenges if one.chall.typ in KINDS}
        found: messages.ChallengeBody | None = offered.get(self.kind) or next(iter(offered.values()), None)
        if found is None:
            raise Misconfigured(
                f"The CA lets {authorization.identifier.value} be proved in no way that is known here: dns-01, http-01."
            )
        return found

    def clean_up(self) -> None:
        """Take away what was published. What cannot be taken away is logged, and does no harm."""
        try:
            with explained("The CA"):
                order, _ = self.session.order(self.url)
                for url in order.authorizations:
                    self._withdraw(self.session.authorization(url))
        except PluginError as error:
            self._left(error)

    def _withdraw(self, authorization: messages.Authorization) -> None:
        for challenge in authorization.challenges:
            try:
                if challenge.chall.typ == "dns-01" and self.request.dns is not None:
                    self.request.dns.delete_txt(TxtRecord(*self._txt(authorization, challenge)))
                elif challenge.chall.typ == "http-01" and self.request.http is not None:
                    self.request.http.withdraw(challenge.chall.encode("token"))
            except PluginError as error:
                self._left(error)

    def _left(self, error: PluginError) -> None:
        log.warning("the answers to challenges of order %s stay: %s", self.request.reference, error.message)

    def cancel(self) -> bool:
        """Give up what is not proved yet. False if the CA has issued already, or is about to."""
        order, _ = self.session.order(self.url)
        if order.status in (messages.STATUS_VALID, messages.STATUS_PROCESSING):
            return False
        for url in order.authorizations:
            if order.status != messages.STATUS_INVALID and _is(self.session.authorization(url), "pending", "valid"):
                self.session.give_up(url)
        return True

    def _txt(self, authorization: messages.Authorization, challenge: messages.ChallengeBody) -> tuple[str, str]:
        """Name and value of the record that a dns-01 challenge asks for (RFC 8555, 8.4)."""
        name = challenge.chall.validation_domain_name(authorization.identifier.value)
        return name, challenge.chall.validation(self.session.net.key)

    @property
    def _dns(self) -> Any:
        if self.request.dns is None:
            raise Misconfigured(
                "To prove the names over DNS takes a DNS provider: choose one in the order, or for the authority."
            )
        return self.request.dns

    @property
    def _http(self) -> Any:
        if self.request.http is None:
            raise Misconfigured("There is no web server here that could answer an http-01 challenge.")
        return self.request.http

    def _refusal(self, order: messages.Order) -> str:
        reasons = list(self._failed(order)) or ([sentence(order.error)] if order.error else [])
        return f"The CA has refused the order: {'; '.join(reasons) or 'it does not say why'}."

    def _failed(self, order: messages.Order) -> Iterator[str]:
        for url in order.authorizations:
            authorization = self.session.authorization(url)
            if _is(authorization, *OVER):
                told = [sentence(one.error) for one in authorization.challenges if one.error]
                name, status = authorization.identifier.value, authorization.status.name
                yield f"{name}: {' and '.join(told) or f'its authorization is {status}'}"


def _is(authorization: messages.Authorization, *states: str) -> bool:
    return authorization.status is not None and authorization.status.name in states
