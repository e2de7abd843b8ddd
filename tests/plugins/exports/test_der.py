"""DER export."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography import x509

from plugins import Bundle, Exported
from plugins.exports.der import DerExport
from plugins.testing import ExporterContract, sample_pki


class TestDer(ExporterContract):
    plugin_class = DerExport
    extension = "der"

    def certificates_in(self, exported: Exported) -> list[x509.Certificate]:
        return [x509.load_der_x509_certificate(exported.data)]

    def expected(self, bundle: Bundle) -> list[x509.Certificate]:
        return [bundle.certificate]


@pytest.mark.server("openssl")
def test_openssl_reads_it(openssl: Callable[..., str]) -> None:
    data = DerExport().export(sample_pki().bundle()).data
    assert "CN = www.example.org" in openssl("x509", "-inform", "DER", "-noout", "-subject", data=data)
