"""acme-issuer against two more servers: OpenBao's ACME, and acme2certifier, which has renewal information."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography import x509

from pki import inspection
from plugins import Issued, Permanent, RevokeRequest, parse
from plugins.dns.rfc2136 import Rfc2136Dns
from plugins.issuers.acme import AcmeIssuer
from tests.plugins.issuers.test_acme import finished, fresh, wanted
from tests.servers.acme2certifier import Acme2Certifier, acme2certifier
from tests.servers.challenges import Board
from tests.servers.knot import Knot
from tests.servers.openbao import OpenBao, openbao

pytestmark = pytest.mark.server("knotd")


@pytest.fixture(scope="module")
def bao(names: Knot) -> Iterator[OpenBao]:
    with openbao(names.address) as running:
        yield running


@pytest.fixture(scope="module")
def a2c() -> Iterator[Acme2Certifier]:
    with acme2certifier() as running:
        yield running


def test_openbao_issues_and_revokes(bao: OpenBao, names: Knot) -> None:
    dns = Rfc2136Dns(parse(Rfc2136Dns.Options, names.options()))
    issuer, host = AcmeIssuer(parse(AcmeIssuer.Options, bao.acme_options())), fresh()
    issuer.check()
    issued = finished(issuer, wanted(host, f"*.{host}", dns=dns))
    certificate = inspection.load(issued.body)
    assert set(inspection.facts(certificate).domains) == {host, f"*.{host}"}
    assert inspection.facts(inspection.load(issued.chain[-1])).self_signed
    assert names.texts(f"_acme-challenge.{host}") == set()
    issuer.revoke(RevokeRequest(certificate=certificate, reason=x509.ReasonFlags.unspecified))
    assert bao.is_revoked(certificate.serial_number, mount="pki")


def test_a_ca_without_renewal_information_says_so(bao: OpenBao, names: Knot) -> None:
    issuer = AcmeIssuer(parse(AcmeIssuer.Options, bao.acme_options()))
    certificate = inspection.load(bao.ca())
    with pytest.raises(Permanent, match="RFC 9773"):
        issuer.suggested_renewal(certificate, ())


def test_renewal_information_is_asked_for_and_an_order_says_what_it_replaces(a2c: Acme2Certifier) -> None:
    issuer, host, board = AcmeIssuer(parse(AcmeIssuer.Options, a2c.options())), fresh(), Board()
    first = finished(issuer, wanted(host, http=board))
    certificate = inspection.load(first.body)
    window = issuer.suggested_renewal(certificate, ())
    assert certificate.not_valid_before_utc < window.start < window.end <= certificate.not_valid_after_utc
    request = wanted(host, http=board)
    second = finished(issuer, replace(request, replaces=certificate))
    assert isinstance(second, Issued)
    assert inspection.load(second.body).serial_number != certificate.serial_number
