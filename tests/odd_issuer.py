"""An issuer plugin that behaves as badly as a remote CA can; registered for one test by the fixture ``odd_ca``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from cryptography import x509

from plugins import (
    FinishesLater,
    Issued,
    Issuer,
    IssueRequest,
    Pending,
    Permanent,
    RenewalWindow,
    RevokeRequest,
    Revokes,
    SuggestsRenewal,
)


class OddIssuer(Issuer, FinishesLater):
    """Does what ``answer`` says: returns it, raises it, or calls it with the request."""

    slug = "odd-issuer"
    title = "Odd"
    answer: ClassVar[object] = None
    asked: ClassVar[list[IssueRequest]] = []

    def issue(self, request: IssueRequest) -> Issued | Pending:
        self.asked.append(request)
        answer = type(self).answer
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def finish(self, request: IssueRequest) -> Issued | Pending:
        return self.issue(request)

    def cancel(self, request: IssueRequest) -> None:
        """Nothing to withdraw."""


class RemoteCa(OddIssuer, Revokes):
    """One that also revokes, as ``answer`` says: it raises it, or is content."""

    slug = "remote-ca"
    revoked: ClassVar[list[RevokeRequest]] = []

    def revoke(self, request: RevokeRequest) -> None:
        self.revoked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer


class SuggestingCa(RemoteCa, SuggestsRenewal):
    """One that says when to renew: the ``window``, or it raises that."""

    slug = "suggesting-ca"
    window: ClassVar[RenewalWindow | Exception] = Permanent("It suggests nothing.")
    about: ClassVar[list[x509.Certificate]] = []

    def suggested_renewal(self, certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> RenewalWindow:
        self.about.append(certificate)
        if isinstance(self.window, Exception):
            raise self.window
        return self.window


class AtOnce(Issuer, Revokes):
    """A remote CA without orders: it answers at once or not at all, as ``answer`` of :class:`OddIssuer` says."""

    slug = "odd-issuer"
    title = "Odd, at once"

    def issue(self, request: IssueRequest) -> Issued | Pending:
        return OddIssuer().issue(request)

    def revoke(self, request: RevokeRequest) -> None:
        """Agreed."""
