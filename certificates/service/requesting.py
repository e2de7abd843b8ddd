"""An order as its authority's plugin takes it, and the question itself."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509

from authorities import service as authorities
from authorities.challenges import OverHttp
from authorities.models import Authority
from certificates.models import Order
from certificates.spec import single
from core.connectors import foreign
from core.errors import DomainError, Unavailable
from core.failpoints import around
from plugins.contracts import DnsProvider, FinishesLater, Issuer
from plugins.errors import Temporary, Uncertain
from plugins.values import Issued, IssueRequest, Pending


def ask_ca(order: Order, *, left_alone: bool = False) -> Issued | Pending:
    """Between the two transactions: the only line that talks to the CA.

    Uncertain where it may have been asked before, and there is no order of its own that could be looked up.
    """
    opened = _open(order.authority)
    if left_alone and not order.draft and not isinstance(opened.plugin, FinishesLater):
        raise Uncertain("The CA may have been asked already, and has no order that could be looked up")
    request = request_for(order, opened)
    with around("issue"):
        return _ask(opened.plugin, request)


def request_for(order: Order, opened: authorities.OpenIssuer) -> IssueRequest:
    """The order as its authority's plugin takes it."""
    draft = _draft(order) if order.draft else None
    return IssueRequest(
        csr=order.csr,
        serial=draft.serial_number if draft else 0,
        not_before=order.not_before_asked,
        not_after=order.not_after_asked,
        profile=order.profile_value,
        draft=draft,
        material=opened.material,
        reference=str(order.pk),
        external_id=order.external_id,
        dns=None if draft else _dns(order),
        http=None if draft else OverHttp(),
        replaces=None if draft else _replaced(order),
    )


def _dns(order: Order) -> DnsProvider | None:
    """Where challenges are answered: the order's own DNS provider, else its authority's. Unavailable if it is off."""
    provider = single(order.spec)["dns_provider"] or order.authority.dns_provider
    if provider is None:
        return None
    if not provider.active:
        raise Unavailable(f"The DNS provider {provider} is switched off.")
    try:
        opened: DnsProvider = provider.open()
    except DomainError as error:
        raise Unavailable(f"The DNS provider {provider} cannot be used: {error}") from error
    return opened


def _replaced(order: Order) -> x509.Certificate | None:
    """What it renews, if the same authority has issued that."""
    old = order.reissues
    return old.parsed if old is not None and old.authority_id == order.authority_id else None


def _open(authority: Authority) -> authorities.OpenIssuer:
    try:
        return authorities.issuer_of(authority)
    except DomainError as error:  # nothing was asked yet, so there is nothing to doubt
        raise Unavailable(error.message) from error


def _ask(plugin: Issuer, request: IssueRequest) -> Issued | Pending:
    # What we sign ourselves can be signed again.
    mistake = DomainError if request.draft is None else Temporary
    with foreign(plugin.slug, error=mistake, order=request.reference):
        if request.external_id is not None and isinstance(plugin, FinishesLater):
            return plugin.finish(request)
        return plugin.issue(request)


def _draft(order: Order) -> x509.Certificate:
    return x509.load_der_x509_certificate(bytes(order.draft or b""))


def asked_to_wait(error: Exception) -> timedelta | None:
    """For how long, where the other side has said so."""
    return error.retry_after if isinstance(error, Temporary) else None
