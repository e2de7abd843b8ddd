"""cfssl-issuer against CFSSL's own server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from pki import inspection, keys
from pki.keys import PrivateKey
from plugins import IssueRequest, Misconfigured, PluginError, Rejected, RevokeRequest, Temporary, Uncertain
from plugins.issuers.cfssl import CfsslIssuer
from plugins.testing import IssuerContract, sample_pki
from tests.pki_material import material
from tests.servers.cfssl import Cfssl, cfssl
from tests.servers.hanging import hanging_server
from tests.servers.running import free_port

pytestmark = pytest.mark.server("cfssl")


@pytest.fixture(scope="module")
def server() -> Iterator[Cfssl]:
    with cfssl() as running:
        yield running


def wanted(key: PrivateKey | None = None) -> IssueRequest:
    key = key or keys.generate(keys.KeySpec.parse("ECCPRIME256V1"))
    return replace(sample_pki().issue_request(key), draft=None, material=None)


class TestCfssl(IssuerContract):
    plugin_class = CfsslIssuer
    wrong_values = {"url": "cfssl", "key": "no hexadecimal", "certificate": "none"}

    @pytest.fixture(autouse=True)
    def _running(self, server: Cfssl) -> None:
        self.server = server
        self.values = server.options()  # type: ignore[misc]

    def request(self, key: PrivateKey) -> IssueRequest:
        return wanted(key)

    def test_a_profile_is_chosen(self) -> None:
        issued = inspection.load(self.make(profile="short").issue(wanted()).body)
        assert issued.not_valid_after_utc - issued.not_valid_before_utc < timedelta(days=2)

    def test_what_it_signs_is_for_servers_and_no_ca(self) -> None:
        facts = inspection.facts(inspection.load(self.make().issue(wanted()).body))
        assert not facts.is_ca

    def test_the_authority_is_the_servers(self) -> None:
        shown = self.make().authority()
        assert [inspection.load(one) for one in (shown.body, *shown.chain)] == list(material().chain)

    def test_a_certificate_is_revoked_and_twice_is_the_same(self) -> None:
        plugin = self.make()
        certificate = inspection.load(plugin.issue(wanted()).body)
        for _ in range(2):
            plugin.revoke(RevokeRequest(certificate=certificate, reason=x509.ReasonFlags.superseded))
        assert self.server.rows()[str(certificate.serial_number)] == "revoked"

    def test_a_certificate_that_it_does_not_know_is_not(self) -> None:
        with pytest.raises(PluginError):
            self.make().revoke(RevokeRequest(certificate=material().leaf.certificate))

    def test_a_wrong_key_is_for_somebody_to_change(self) -> None:
        plugin = self.make(key="00" * 16)
        for attempt in (plugin.check, lambda: plugin.issue(wanted())):
            with pytest.raises(Misconfigured, match="does not accept the key"):
                attempt()

    def test_a_server_that_is_not_there_is_worth_another_try(self) -> None:
        plugin = self.make(url=f"http://127.0.0.1:{free_port()}")
        for attempt in (plugin.check, lambda: plugin.issue(wanted())):
            with pytest.raises(Temporary):
                attempt()

    def test_a_server_that_hangs_up_may_have_signed(self) -> None:
        with hanging_server() as url:
            plugin = self.make(url=url)
            with pytest.raises(Uncertain, match="may have signed"):
                plugin.issue(wanted())

    def test_a_request_that_it_does_not_sign_is_rejected(self) -> None:
        with pytest.raises(Rejected):
            self.make()._signed({"certificate_request": "none"})
