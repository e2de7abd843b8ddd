"""Objects for tests, made through the services and never by hand."""

from __future__ import annotations

from typing import Any

from django.utils.timezone import now as clock

from accounts.models import User
from authorities import service as authorities
from authorities.models import Authority
from certificates import service
from certificates.models import Certificate, Order
from certificates.service import issuance, requesting
from certificates.service.authority import CaSpec, NewAuthority
from certificates.service.settling import settle
from certificates.spec import CertificateSpec
from plugins import Issued


def an_authority(by: User, *, name: str = "Root", parent: Authority | None = None, **fields: Any) -> Authority:
    """A P-256 authority: a root, or an intermediate with ``parent``."""
    roles = fields.pop("roles", ())
    new = NewAuthority(name=name, owner=fields.pop("owner", "pki@example.org"), parent=parent, roles=tuple(roles))
    return service.create_authority(new, CaSpec(common_name=f"{name} CA", **fields), by=by)


def a_certificate(by: User, authority: Authority, *, cn: str = "www.example.org", **fields: Any) -> Certificate:
    """A P-256 certificate for one name."""
    made = service.create(by=by, authority=authority, common_name=cn, owner=fields.pop("owner", by.email), **fields)
    assert isinstance(made, Certificate)
    return made


def an_order(by: User, **fields: Any) -> Order:
    """An order that was written down, and of which nobody knows what became of it."""
    now = clock()
    order = issuance._draw_up(settle(CertificateSpec.of(**fields), by=by, now=now), by=by, now=now)
    order.spec = {**order.spec, "keeps": {}}
    issuance._write_down(order)
    order.doubt("The connection broke.")
    return order


def issued_for(order: Order) -> str:
    """What our own CA would answer to an order, as PEM."""
    opened = authorities.issuer_of(order.authority)
    answer = opened.plugin.issue(requesting.request_for(order, opened))
    assert isinstance(answer, Issued)
    return answer.body
