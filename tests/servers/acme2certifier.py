"""acme2certifier: an ACME server with renewal information (RFC 9773). It believes whoever asks: no challenge is looked at."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.pki_material import material, now
from tests.servers.running import free_port, running

CONFIG = """[DEFAULT]
debug: False
[Nonce]
nonce_check_disable: False
[CAhandler]
handler_module: acme2certifier.cahandlers.openssl_ca_handler
issuing_ca_key: {home}/ca.key
issuing_ca_cert: {home}/ca.pem
issuing_ca_crl: {home}/ca.crl
ca_cert_chain_list: []
cert_save_path: {home}/issued
cert_validity_days: 30
[DBhandler]
handler: wsgi
dbfile: {home}/acme.db
[Challenge]
challenge_validation_disable: True
[Order]
tnauthlist_support: False
"""
SERVE = """
from wsgiref.simple_server import make_server
from acme2certifier.share import acme2certifier_wsgi as product
make_server("127.0.0.1", {port}, product.application, handler_class=product.get_handler_cls()).serve_forever()
"""


@dataclass(frozen=True)
class Acme2Certifier:
    port: int

    def options(self, **changes: object) -> dict[str, object]:
        """Options of acme-issuer that work."""
        return {
            "acme_url": f"http://127.0.0.1:{self.port}/directory",
            "certificate": material().root.pem,
            "email": "pki@example.org",
            "challenge": "http-01",
            **changes,
        }


def _crl() -> bytes:
    root, builder = material().root, x509.CertificateRevocationListBuilder()
    builder = builder.issuer_name(root.certificate.subject).last_update(now()).next_update(now() + timedelta(days=1))
    return builder.sign(root.key, hashes.SHA256()).public_bytes(Encoding.PEM)


@contextmanager
def acme2certifier() -> Iterator[Acme2Certifier]:
    server = Acme2Certifier(free_port())
    with tempfile.TemporaryDirectory(prefix="lemur-a2c-") as directory:
        home = Path(directory)
        (home / "ca.pem").write_text(material().root.pem)
        (home / "ca.key").write_text(material().root.key_pem)
        (home / "ca.crl").write_bytes(_crl())
        (home / "issued").mkdir()
        (home / "acme_srv.cfg").write_text(CONFIG.format(home=home))
        environment = {
            "ACME_SRV_CONFIGFILE": str(home / "acme_srv.cfg"),
            "ACME2CERTIFIER_BASE_DIR": str(home),
            "ACME2CERTIFIER_I_KNOW_THE_RISK": "1",
        }
        command = [sys.executable, "-c", SERVE.format(port=server.port)]
        with running(*command, port=server.port, log=home / "log", environment=environment):
            yield server
