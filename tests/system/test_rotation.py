"""From `bin/up` alone, with an authority of its own: a certificate is renewed, delivered over SFTP, seen, and retired."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.sftp import sftp_server
from tests.servers.smtp import mail_server
from tests.system import rotating
from tests.system.api import Api, first_password
from tests.system.installation import Installation
from tests.system.rotating import World

pytestmark = pytest.mark.server("sshd")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("rotation")
    with sftp_server() as server, mail_server(home) as mail:
        place = Installation.prepared(home / "home", OUTBOUND_ALLOW="127.0.0.0/8", **rotating.settings(server, mail))
        with place.running():
            issuer = rotating.ca()
            taken = {"name": "Ours", "owner": "pki@example.org", "body": issuer.pem, "privateKey": issuer.key_pem}
            ours = Api(place, first_password(place)).post("authorities/import", **taken)
            with rotating.living(place, server, mail, ours["id"], rotating.leaf(issuer)) as made:
                yield made


class TestEmbedded(rotating.RenewsItself):
    """SQLite, a folder as the queue, one worker."""
