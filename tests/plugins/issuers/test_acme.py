"""acme-issuer against Pebble, which refuses nonces at random, with Knot as the zone's server."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import requests
from acme import messages
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki import chains, extensions, inspection, keys, subjects
from pki import requests as signing_requests
from pki.keys import PrivateKey
from pki.names import Name, NameType
from plugins import (
    Issued,
    IssueRequest,
    Misconfigured,
    OptionErrors,
    Pending,
    Permanent,
    PluginError,
    Rejected,
    RevokeRequest,
    Temporary,
    TxtRecord,
    parse,
)
from plugins.dns.rfc2136 import Rfc2136Dns
from plugins.issuers import acme_order, acme_session
from plugins.issuers.acme import AcmeIssuer, account_key, new_account_key
from plugins.testing import IssuerContract, sample_pki
from tests.pki_material import key_as_pem, material
from tests.servers.challenges import Board
from tests.servers.knot import Knot
from tests.servers.pebble import BLOCKED, Pebble, pebble
from tests.servers.running import free_port
from tests.system.installation import wait_until

pytestmark = pytest.mark.server("pebble", "knotd")
VISITS = 20


@pytest.fixture
def dns(names: Knot) -> Rfc2136Dns:
    return Rfc2136Dns(parse(Rfc2136Dns.Options, names.options()))


@pytest.fixture(scope="module")
def account() -> str:
    """One key for the module: an account for each test would take its time."""
    return new_account_key().get_secret_value()


def plugin(ca: Pebble, account: str, **changes: object) -> AcmeIssuer:
    return AcmeIssuer(parse(AcmeIssuer.Options, ca.options(acme_private_key=account, **changes)))


def wanted(*names: str, key: PrivateKey | None = None, **places: Any) -> IssueRequest:
    """An order for these names, addresses among them."""
    kinds = [Name(NameType.IP if is_address(text) else NameType.DNS, text) for text in names]
    key = key or keys.generate(keys.KeySpec.parse("ECCPRIME256V1"))
    common_name = subjects.Subject(common_name="" if is_address(names[0]) else names[0]).to_name()
    csr = signing_requests.build(common_name, extensions.Extensions(names=tuple(kinds)), key)
    return replace(sample_pki().issue_request(key), csr=csr, draft=None, material=None, **places)


def is_address(text: str) -> bool:
    return text.replace(".", "").isdigit()


def fresh(zone: str = "example.org") -> str:
    return f"{secrets.token_hex(4)}.{zone}"


def finished(issuer: AcmeIssuer, request: IssueRequest) -> Issued:
    answer: Issued | Pending = issuer.issue(request)
    for _ in range(VISITS):
        if isinstance(answer, Issued):
            return answer
        answer = issuer.finish(replace(request, external_id=answer.external_id))
    raise AssertionError("it does not come to an end")


class TestAcmeIssuer(IssuerContract):
    plugin_class = AcmeIssuer
    wrong_values = {
        "acme_url": "acme.example.org",
        "certificate": "no certificate",
        "email": "nobody",
        "acme_private_key": "no key",
        "eab_hmac_key": "§",
        "challenge": "tls-alpn-01",
        "trustedRoots": "none",
    }

    @pytest.fixture(autouse=True)
    def _running(self, ca: Pebble, dns: Rfc2136Dns, account: str) -> None:
        self.dns = dns
        self.values = ca.options(acme_private_key=account)  # type: ignore[misc]

    def request(self, key: PrivateKey) -> IssueRequest:
        return wanted(fresh(), key=key, dns=self.dns)

    def finished(self, plugin: Any, request: IssueRequest) -> Issued:
        return finished(plugin, request)


def test_a_wildcard_beside_its_domain_is_proved_over_dns(
    ca: Pebble, dns: Rfc2136Dns, names: Knot, account: str
) -> None:
    host = fresh()
    issued = finished(plugin(ca, account), wanted(host, f"*.{host}", dns=dns))
    assert set(inspection.facts(inspection.load(issued.body)).domains) == {host, f"*.{host}"}
    assert names.texts(f"_acme-challenge.{host}") == set(), "what was published is taken away"


def test_a_challenge_that_the_ca_has_looked_at_meanwhile_needs_no_answer(
    ca: Pebble, dns: Rfc2136Dns, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its authorization may be settled between our look at it and our answer, which Pebble then calls malformed."""
    answer, late = acme_session.Session.answer, []

    def answer_late(session: acme_session.Session, challenge: Any, *, of: str) -> None:
        answer(session, challenge, of=of)
        wait_until(lambda: session.authorization(of).status == messages.STATUS_VALID)
        answer(session, challenge, of=of)
        late.append(of)

    monkeypatch.setattr(acme_session.Session, "answer", answer_late)
    assert finished(plugin(ca, account), wanted(fresh(), dns=dns)).body
    assert late


def test_names_and_addresses_are_proved_over_http(ca: Pebble, board: Board, account: str) -> None:
    host = fresh()
    issued = finished(plugin(ca, account, challenge="http-01"), wanted(host, "127.0.0.1", http=board))
    assert set(inspection.facts(inspection.load(issued.body)).domains) == {host, "127.0.0.1"}
    assert board.asked
    assert board.texts == {}, "what was published is taken away"


def test_an_address_is_proved_over_http_whatever_was_chosen(
    ca: Pebble, dns: Rfc2136Dns, board: Board, account: str
) -> None:
    issued = finished(plugin(ca, account), wanted(fresh(), "127.0.0.1", dns=dns, http=board))
    assert "127.0.0.1" in inspection.facts(inspection.load(issued.body)).domains


@pytest.mark.parametrize("place", ["dns", "http"])
def test_without_a_place_to_prove_names_somebody_must_choose_one(ca: Pebble, account: str, place: str) -> None:
    with pytest.raises(Misconfigured, match=r"DNS provider|web server"):
        finished(plugin(ca, account, challenge=f"{place}-01"), wanted(fresh()))


def test_an_order_is_refused_at_once(ca: Pebble, dns: Rfc2136Dns, account: str) -> None:
    with pytest.raises(Rejected, match="refuses"):
        plugin(ca, account).issue(wanted(BLOCKED, dns=dns))


def test_an_order_whose_names_are_not_proved_is_refused(ca: Pebble, account: str) -> None:
    class Forgetful:
        """Says that it has written the record."""

        def create_txt(self, name: str, value: str) -> TxtRecord:
            return TxtRecord(name, value, "example.org")

        def is_served(self, record: TxtRecord) -> bool:
            return True

        def delete_txt(self, record: TxtRecord) -> None:
            """There is none."""

    host = fresh()
    with pytest.raises(Rejected, match=f"{host}: .*TXT"):
        finished(plugin(ca, account), wanted(host, dns=Forgetful()))


def test_names_of_other_kinds_are_refused_before_anybody_is_asked(account: str, ca: Pebble) -> None:
    key = keys.generate(keys.KeySpec.parse("ECCPRIME256V1"))
    asked = extensions.Extensions(names=(Name(NameType.EMAIL, "alice@example.org"),))
    csr = signing_requests.build(subjects.Subject(common_name="Alice").to_name(), asked, key)
    unreachable = plugin(ca, account, acme_url=f"https://localhost:{free_port()}/dir")
    with pytest.raises(Permanent, match="domains and IP addresses alone"):
        unreachable.issue(replace(wanted(fresh()), csr=csr))


class TestAccounts:
    def test_terms_that_nobody_has_agreed_to(self, ca: Pebble) -> None:
        with pytest.raises(Misconfigured, match="terms of service"):
            plugin(ca, new_account_key().get_secret_value(), termsAgreed=False).issue(wanted(fresh()))

    def test_an_external_account_is_bound(self, names: Knot, dns: Rfc2136Dns) -> None:
        with pebble(names.address, external_account=True) as strict:
            assert strict.eab is not None
            kid, key = strict.eab
            account = new_account_key().get_secret_value()
            with pytest.raises(Misconfigured, match="eab_kid"):
                plugin(strict, account).check()
            with pytest.raises(PluginError) as caught:
                plugin(strict, account, eab_kid="nobody", eab_hmac_key=key).issue(wanted(fresh(), dns=dns))
            assert key not in str(caught.value)
            bound = plugin(strict, account, eab_kid=kid, eab_hmac_key=key)
            assert finished(bound, wanted(fresh(), dns=dns)).body
            plugin(strict, account).check()  # once it is bound, its key is enough

    def test_a_key_of_each_kind(self, ca: Pebble) -> None:
        for made in (material().rsa_leaf, material().p384_leaf):
            plugin(ca, key_as_pem(made.key)).issue(wanted(fresh()))

    def test_lemurs_jwk_is_taken(self, ca: Pebble) -> None:
        jwk = account_key(key_as_pem(material().rsa_leaf.key)).json_dumps()
        plugin(ca, jwk).check()

    def test_a_key_is_made_where_there_is_none_and_never_shown(self, ca: Pebble) -> None:
        options = parse(AcmeIssuer.Options, ca.options())
        made = options.acme_private_key.get_secret_value()
        assert "PRIVATE KEY" in made
        assert made not in f"{options!r} {options}"

    @pytest.mark.parametrize("text", ["", "{}", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
    def test_what_is_no_key_is_refused_without_repeating_it(self, text: str) -> None:
        with pytest.raises(ValueError, match="it is no private key"):
            account_key(text)

    def test_a_public_key_is_refused(self) -> None:
        key = material().leaf.key.public_key()
        public = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        with pytest.raises(ValueError, match="it is no private key"):
            account_key(public)


class TestChains:
    def test_the_preferred_root_is_chosen(self, ca: Pebble, dns: Rfc2136Dns, account: str) -> None:
        roots = [inspection.load(ca.ca(number)) for number in range(2)]
        for root in roots:
            known, name = "".join(map(inspection.pem, roots)), inspection.facts(root).cn
            issuer = plugin(ca, account, certificate=known, preferredChain=name)
            issued = finished(issuer, wanted(fresh(), dns=dns))
            links = [inspection.load(link) for link in issued.chain]
            chains.verify(inspection.load(issued.body), links)
            assert links[-1] == root

    def test_the_authority_is_what_was_configured(self, ca: Pebble, account: str) -> None:
        shown = plugin(ca, account).authority()
        assert (shown.body, shown.chain) == (ca.ca(), ())


class TestRevocation:
    def test_a_certificate_is_revoked_and_twice_is_the_same(self, ca: Pebble, dns: Rfc2136Dns, account: str) -> None:
        issuer = plugin(ca, account)
        certificate = inspection.load(finished(issuer, wanted(fresh(), dns=dns)).body)
        for _ in range(2):
            issuer.revoke(RevokeRequest(certificate=certificate, reason=x509.ReasonFlags.key_compromise))
            assert ca.status(certificate) == "Revoked"

    def test_nothing_is_put_on_hold(self, ca: Pebble, account: str) -> None:
        request = RevokeRequest(certificate=material().leaf.certificate, reason=x509.ReasonFlags.certificate_hold)
        with pytest.raises(Permanent, match="hold"):
            plugin(ca, account).revoke(request)

    def test_one_of_another_ca_is_not(self, ca: Pebble, account: str) -> None:
        plugin(ca, account).issue(wanted(fresh()))
        with pytest.raises(PluginError):
            plugin(ca, account).revoke(RevokeRequest(certificate=material().leaf.certificate))


class TestSteps:
    """An order can be taken up again wherever it was left."""

    def test_an_order_is_cancelled(self, ca: Pebble, dns: Rfc2136Dns, account: str) -> None:
        issuer, request = plugin(ca, account), wanted(fresh(), dns=dns)
        placed = replace(request, external_id=issuer.issue(request).external_id)
        issuer.cancel(placed)
        issuer.cancel(placed)
        with pytest.raises(Rejected):
            issuer.finish(placed)

    def test_what_was_issued_cannot_be_cancelled(self, ca: Pebble, dns: Rfc2136Dns, account: str) -> None:
        issuer, request = plugin(ca, account), wanted(fresh(), dns=dns)
        placed = replace(request, external_id=issuer.issue(request).external_id)
        assert isinstance(issuer.finish(placed), Issued)
        with pytest.raises(Permanent, match="issued the certificate already"):
            issuer.cancel(placed)

    def test_asking_again_gives_the_same_certificate(self, ca: Pebble, dns: Rfc2136Dns, account: str) -> None:
        issuer, request = plugin(ca, account), wanted(fresh(), dns=dns)
        placed = replace(request, external_id=issuer.issue(request).external_id)
        first, second = issuer.finish(placed), issuer.finish(placed)
        assert isinstance(first, Issued)
        assert first == second

    def test_names_that_are_not_served_yet_are_waited_for(
        self, ca: Pebble, dns: Rfc2136Dns, account: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(acme_order, "PATIENCE", 0.5)
        issuer, request = plugin(ca, account), wanted(fresh(), dns=dns)
        placed = replace(request, external_id=issuer.issue(request).external_id)
        with monkeypatch.context() as blind:
            blind.setattr(Rfc2136Dns, "is_served", lambda self, record: False)
            assert issuer.finish(placed) == Pending(placed.external_id or "", None)
        monkeypatch.setattr(acme_order, "PATIENCE", 20.0)
        assert isinstance(issuer.finish(placed), Issued)

    def test_dying_at_any_request_makes_no_second_certificate(
        self, ca: Pebble, dns: Rfc2136Dns, account: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before it is sent, and after it was answered; whoever takes the order up again ends it."""
        issuer = plugin(ca, account)
        for step in itertools.count():
            request, before = wanted(fresh(), dns=dns), len(ca.issued())
            placed = replace(request, external_id=issuer.issue(request).external_id)
            with monkeypatch.context() as dying:
                died = deaths(dying, at=step)
                with suppress(Died):
                    issuer.finish(placed)
            assert isinstance(issuer.finish(placed), Issued)
            assert len(ca.issued()) == before + 1
            if not died:
                break
        assert step > 15, "so many moments there are, before and after each request"


class Died(BaseException):
    """What nobody catches."""


def deaths(monkeypatch: pytest.MonkeyPatch, *, at: int) -> list[int]:
    """The `at`-th moment before or after a request is the last; filled once that has happened."""
    died: list[int] = []
    moments = iter(range(10_000))
    send: Callable[..., requests.Response] = acme_session.Network._send_request

    def dying(self: Any, *args: Any, **kwargs: Any) -> requests.Response:
        _die_at(next(moments))
        answer = send(self, *args, **kwargs)
        _die_at(next(moments))
        return answer

    def _die_at(moment: int) -> None:
        if moment == at:
            died.append(moment)
            raise Died

    monkeypatch.setattr(acme_session.Network, "_send_request", dying)
    return died


class TestConnection:
    def test_a_server_that_is_not_there(self, ca: Pebble, account: str) -> None:
        with pytest.raises(Temporary, match="localhost does not answer"):
            plugin(ca, account, acme_url=f"https://localhost:{free_port()}/dir").check()

    def test_a_server_that_is_not_trusted(self, ca: Pebble, account: str) -> None:
        with pytest.raises(Misconfigured, match="not trusted here"):
            plugin(ca, account, trustedRoots="").check()

    def test_an_address_that_is_no_directory(self, ca: Pebble, account: str) -> None:
        with pytest.raises(PluginError):
            plugin(ca, account, acme_url=f"https://localhost:{ca.port}/nowhere").check()

    def test_a_profile_that_the_ca_does_not_have(self, ca: Pebble, account: str) -> None:
        with pytest.raises(Misconfigured, match="no profile 'shortlived'"):
            plugin(ca, account, profile="shortlived").issue(wanted(fresh()))

    def test_options_of_a_ca_without_its_certificate(self, ca: Pebble) -> None:
        with pytest.raises(OptionErrors, match="certificate"):
            parse(AcmeIssuer.Options, ca.options(certificate=""))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acme_order, "FIRST_PAUSE", 0.05)
