"""vault-issuer against OpenBao."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509

from pki import chains, inspection, keys
from pki.keys import PrivateKey
from plugins import IssueRequest, Misconfigured, Rejected, RevokeRequest, Temporary, Uncertain
from plugins.issuers.vault import VaultIssuer
from plugins.testing import IssuerContract, sample_pki
from tests.servers.hanging import hanging_server
from tests.servers.openbao import OpenBao, openbao
from tests.servers.running import free_port


@pytest.fixture(scope="module")
def server() -> Iterator[OpenBao]:
    with openbao() as running:
        yield running


def wanted(key: PrivateKey | None = None, host: str = "www.example.org") -> IssueRequest:
    key = key or keys.generate(keys.KeySpec.parse("ECCPRIME256V1"))
    return replace(sample_pki().issue_request(key, host), draft=None, material=None)


class TestVault(IssuerContract):
    plugin_class = VaultIssuer
    wrong_values = {"url": "vault", "mount": "a b", "role": "a/b", "certificate": "none", "trustedRoots": "none"}

    @pytest.fixture(autouse=True)
    def _running(self, server: OpenBao) -> None:
        self.server = server
        self.values = server.options()  # type: ignore[misc]

    def request(self, key: PrivateKey) -> IssueRequest:
        return wanted(key)

    def test_the_end_is_the_one_that_was_asked_for(self) -> None:
        request = wanted()
        issued = inspection.load(self.make().issue(request).body)
        assert issued.not_valid_after_utc == request.not_after.replace(microsecond=0)

    def test_the_authority_is_the_engines(self) -> None:
        shown = self.make().authority()
        links = [inspection.load(link) for link in shown.chain]
        chains.verify(inspection.load(shown.body), links)
        assert [inspection.facts(one).cn for one in (inspection.load(shown.body), *links)] == [
            "Bao Issuing",
            "Bao Root",
        ]

    def test_a_root_is_its_own_chain(self) -> None:
        assert self.make(mount="pki").authority().chain == ()

    def test_what_the_role_does_not_allow_is_rejected(self) -> None:
        with pytest.raises(Rejected, match="not allowed"):
            self.make().issue(wanted(host="www.example.com"))

    def test_verbatim_it_is_signed_as_it_stands(self) -> None:
        issued = self.make(verbatim=True).issue(wanted(host="www.example.com"))
        assert inspection.facts(inspection.load(issued.body)).domains == ("www.example.com",)

    def test_a_certificate_is_revoked_and_twice_is_the_same(self) -> None:
        plugin = self.make()
        certificate = inspection.load(plugin.issue(wanted()).body)
        for _ in range(2):
            plugin.revoke(RevokeRequest(certificate=certificate, reason=x509.ReasonFlags.superseded))
            assert self.server.is_revoked(certificate.serial_number)

    def test_a_wrong_token_is_for_somebody_to_change(self) -> None:
        plugin = self.make(token="wrong-Horse-7-battery")
        for attempt in (plugin.check, lambda: plugin.issue(wanted())):
            with pytest.raises(Misconfigured) as caught:
                attempt()
            assert "wrong-Horse" not in f"{caught.value} {caught.value!r}"

    @pytest.mark.parametrize("change", [{"mount": "nowhere"}, {"role": "nobody"}])
    def test_a_place_that_is_not_there_is_for_somebody_to_change(self, change: dict[str, str]) -> None:
        with pytest.raises((Misconfigured, Rejected)):
            self.make(**change).issue(wanted())

    def test_a_server_that_is_not_there_is_worth_another_try(self) -> None:
        plugin = self.make(url=f"http://127.0.0.1:{free_port()}")
        for attempt in (plugin.check, lambda: plugin.issue(wanted())):
            with pytest.raises(Temporary):
                attempt()

    def test_a_server_that_hangs_up_may_have_signed(self) -> None:
        with hanging_server() as url:
            plugin: Any = self.make(url=url)
            with pytest.raises(Uncertain):
                plugin.issue(wanted())
            with pytest.raises(Temporary):
                plugin.check()
