"""acme-issuer and a server that means no good: addresses it names, limits, nonsense; and names of RFC 9773."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from pki import extensions, keys, requests, subjects
from pki.names import Name, NameType
from plugins import (
    Issued,
    IssueRequest,
    Misconfigured,
    Permanent,
    PluginError,
    Rejected,
    RenewalWindow,
    RevokeRequest,
    Temporary,
    parse,
)
from plugins.issuers import acme, acme_order
from plugins.issuers.acme import AcmeIssuer, new_account_key
from plugins.network import AddressRefused
from plugins.testing import sample_pki
from tests import pki_material
from tests.pki_material import material
from tests.servers.challenges import Board
from tests.servers.false_acme import PLACES, FalseAcme, bait, false_acme

ACCOUNT = new_account_key().get_secret_value()
NONSENSE = (200, {}, b"<html>It works!</html>")


@pytest.fixture(scope="module")
def _server() -> Iterator[FalseAcme]:
    with false_acme() as running:
        yield running


@pytest.fixture
def server(_server: FalseAcme, monkeypatch: pytest.MonkeyPatch) -> FalseAcme:
    monkeypatch.setattr(acme_order, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(acme_order, "PATIENCE", 2.0)
    _server.reset()
    return _server


def plugin(server: FalseAcme, **changes: object) -> AcmeIssuer:
    return AcmeIssuer(
        parse(AcmeIssuer.Options, server.options(acme_private_key=ACCOUNT, challenge="http-01", **changes))
    )


def request() -> IssueRequest:
    key = keys.generate(keys.KeySpec.parse("ECCPRIME256V1"))
    asked = extensions.Extensions(names=(Name(NameType.DNS, "www.example.org"),))
    csr = requests.build(subjects.Subject(common_name="www.example.org").to_name(), asked, key)
    return replace(sample_pki().issue_request(key), csr=csr, draft=None, material=None, http=Board())


def everything(issuer: AcmeIssuer) -> Issued:
    """Whatever the plugin can do, so that each address is come by."""
    issuer.suggested_renewal(material().leaf.certificate, ())
    asked = request()
    answer = issuer.finish(replace(asked, external_id=issuer.issue(asked).external_id))
    assert isinstance(answer, Issued)
    issuer.revoke(RevokeRequest(certificate=material().leaf.certificate))
    return answer


def window(start: datetime, end: datetime) -> tuple[int, dict[str, str], bytes]:
    text = f'{{"suggestedWindow": {{"start": "{start.isoformat()}", "end": "{end.isoformat()}"}}}}'
    return 200, {"Retry-After": "3600"}, text.encode()


def test_an_honest_server_is_asked_everything(server: FalseAcme) -> None:
    now = datetime.now(UTC)
    server.answers["renewalInfo"] = window(now, now + timedelta(days=1))
    everything(plugin(server, preferredChain="nowhere"))
    assert set(PLACES) - {"account"} <= set(server.asked)


@pytest.mark.parametrize("place", [place for place in PLACES if place != "account"])
def test_an_address_elsewhere_is_not_contacted(server: FalseAcme, place: str) -> None:
    """The account's is never asked: it only names the key."""
    now = datetime.now(UTC)
    server.answers["renewalInfo"] = window(now, now + timedelta(days=1))
    with bait() as (elsewhere, callers):
        server.addresses[place] = f"{elsewhere}/{place}"
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.2, which is not public"):
            everything(plugin(server, preferredChain="nowhere"))
    assert callers == []


@pytest.mark.parametrize("place", ["directory", "newOrder", "order"])
def test_a_redirect_is_not_followed(server: FalseAcme, place: str) -> None:
    with bait() as (elsewhere, callers):
        server.answers[place] = (302, {"Location": elsewhere}, b"")
        with pytest.raises(PluginError):
            everything(plugin(server))
    assert callers == []


@pytest.mark.parametrize(
    "scheme", ["file:///etc/passwd", "ftp://127.0.0.2/", "gopher://127.0.0.2/", "//127.0.0.2/", ""]
)
def test_addresses_that_are_no_http_are_refused(server: FalseAcme, scheme: str) -> None:
    server.addresses["newOrder"] = scheme
    with pytest.raises(Permanent):
        plugin(server).issue(request())


@pytest.mark.parametrize("place", ["directory", "newAccount", "newOrder", "order", "authorization", "certificate"])
def test_nonsense_is_permanent(server: FalseAcme, place: str) -> None:
    server.answers[place] = NONSENSE
    with pytest.raises(Permanent) as caught:
        everything(plugin(server))
    assert not isinstance(caught.value, Rejected | Misconfigured)


def test_a_limit_says_when_to_come_again(server: FalseAcme) -> None:
    said = b'{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many new orders recently"}'
    server.answers["newOrder"] = (429, {"Retry-After": "1800", "Content-Type": "application/problem+json"}, said)
    with pytest.raises(Temporary, match="too many new orders recently") as caught:
        plugin(server).issue(request())
    assert caught.value.retry_after == timedelta(minutes=30)


def test_a_server_that_is_down_is_asked_again(server: FalseAcme) -> None:
    server.answers["newOrder"] = (503, {"Retry-After": "60"}, b"<html>maintenance</html>")
    with pytest.raises(Temporary, match="status 503") as caught:
        plugin(server).issue(request())
    assert caught.value.retry_after == timedelta(minutes=1)


def test_a_nonce_that_is_never_good_is_given_up(server: FalseAcme) -> None:
    said = b'{"type": "urn:ietf:params:acme:error:badNonce", "detail": "no"}'
    server.answers["newAccount"] = (400, {"Content-Type": "application/problem+json"}, said)
    with pytest.raises(Temporary, match="nonces"):
        plugin(server).issue(request())


def test_a_problem_is_told_in_one_sentence_with_its_parts(server: FalseAcme) -> None:
    said = b"""{"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "Some were refused",
        "subproblems": [{"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids it\\nindeed.",
                         "identifier": {"type": "dns", "value": "www.example.org"}}]}"""
    server.answers["newOrder"] = (403, {"Content-Type": "application/problem+json"}, said)
    with pytest.raises(Rejected) as caught:
        plugin(server).issue(request())
    assert str(caught.value) == ("127.0.0.1 refuses: Some were refused; www.example.org: CAA forbids it indeed.")


def test_an_order_replaced_already_is_placed_without_saying_so(server: FalseAcme) -> None:
    server.answers["newOrder"] = (409, {"Content-Type": "application/problem+json"}, b'{"detail": "replaced"}')
    with pytest.raises(PluginError):
        plugin(server).issue(replace(request(), replaces=material().leaf.certificate))
    assert server.asked.count("newOrder") == 2


def test_a_certificate_has_the_name_of_the_rfcs_example() -> None:
    """RFC 9773, 4.1."""
    octets = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4")
    identifier = x509.AuthorityKeyIdentifier(octets, None, None)
    made = pki_material.certificate(
        pki_material.name("example"), pki_material.p256(), serial=0x87654321, extensions=[(identifier, False)]
    )
    assert acme._certificate_id(made) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
    assert base64.urlsafe_b64decode("AIdlQyE=") == bytes.fromhex("0087654321")


def test_a_certificate_without_the_key_of_its_issuer_has_none() -> None:
    assert acme._certificate_id(material().root.certificate) is None
    assert acme._certificate_id(None) is None


def test_a_window_is_told_as_it_is(server: FalseAcme) -> None:
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    server.answers["renewalInfo"] = window(start, start + timedelta(days=2))
    told = plugin(server).suggested_renewal(material().leaf.certificate, ())
    assert told == RenewalWindow(start=start, end=start + timedelta(days=2), ask_again=timedelta(hours=1))


@pytest.mark.parametrize("days", [0, -1])
def test_a_window_that_is_none_is_refused(server: FalseAcme, days: int) -> None:
    start = datetime(2026, 1, 2, tzinfo=UTC)
    server.answers["renewalInfo"] = window(start, start + timedelta(days=days))
    with pytest.raises(Permanent, match="before it begins"):
        plugin(server).suggested_renewal(material().leaf.certificate, ())


def test_a_window_without_a_zone_is_nonsense(server: FalseAcme) -> None:
    server.answers["renewalInfo"] = window(datetime(2026, 1, 2), datetime(2026, 1, 3))  # noqa: DTZ001
    with pytest.raises(Permanent):
        plugin(server).suggested_renewal(material().leaf.certificate, ())
