"""The how-tos about where certificates live, done as they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pki import inspection
from plugins.testing import sample_pki
from tests.servers.sftp import sftp_server
from tests.servers.starttls import openssl_server
from tests.system.documents import run_shell
from tests.system.installation import Installation, wait_until

pytestmark = [pytest.mark.server("sshd"), pytest.mark.server("curl"), pytest.mark.server("openssl")]
ASK = """
from accounts.service import system_user; from stores import service; from stores.models import Source
service.ask_to_scan(Source.objects.get(label="office"), by=system_user())
"""
FOUND = """
import json; from stores.models import Scan
print(json.dumps(list(Scan.objects.values_list("state", "found"))[-1]))
"""


def test_a_certificate_is_delivered_by_sftp(product: Installation, tmp_path: Path) -> None:
    with sftp_server() as server:
        for name in ("", ".pub"):
            (tmp_path / f"lemur-sftp{name}").write_text((server.keys / f"user_ed25519{name}").read_text())
        (tmp_path / "lemur-sftp").chmod(0o600)
        instead = {
            "host=web1.example.com": "host=127.0.0.1",
            "port=22": f"port={server.port}",
            "user=lemur": f"user={server.user}",
            "folder=/srv/certs": f"folder={server.files}",
            "reload='sudo systemctl reload nginx'": f"reload='touch {server.files}/reloaded'",
            "'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA… root@web1'": f"'{server.public()}'",
        }
        said = run_shell("docs/howto/deliver-by-sftp.md", tmp_path, product.home, product.port, instead)
        assert "CN = www.example.com" in said.splitlines()[-1]
        key = server.files / "www.example.com" / "www.example.com.key"
        assert key.stat().st_mode & 0o777 == 0o600
        wait_until((server.files / "reloaded").exists)


def test_a_network_is_scanned(product: Installation, tmp_path: Path) -> None:
    bundle = sample_pki().bundle()
    with openssl_server(bundle) as port:
        instead = {"www.example.com, 10.0.0.0/24": "127.0.0.0/29", "443, 25, 5432": str(port)}
        assert (
            run_shell("docs/howto/scan-a-network.md", tmp_path, product.home, product.port, instead).strip() == "office"
        )
        assert product.manage("shell", "--no-imports", "-c", ASK).returncode == 0
        wait_until(lambda: _found(product)[0] == "done")
    [one] = _found(product)[1]
    assert (one["fingerprint"], one["where"]) == (inspection.fingerprint(bundle.certificate), f"127.0.0.1:{port}")


def _found(place: Installation) -> tuple[str, list[dict[str, str]]]:
    state, found = json.loads(place.manage("shell", "--no-imports", "-c", FOUND).stdout)
    return state, found
