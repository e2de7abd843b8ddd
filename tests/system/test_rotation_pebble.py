"""In parts: PostgreSQL, Redis, four workers; a certificate is renewed at Pebble over DNS-01, delivered over SFTP, seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography import x509

from tests.servers.knot import Knot, knot
from tests.servers.pebble import Pebble, pebble
from tests.servers.redis import redis_server
from tests.servers.sftp import sftp_server
from tests.servers.smtp import mail_server
from tests.system import rotating
from tests.system.api import Api, first_password
from tests.system.parts import in_parts
from tests.system.rotating import World

pytestmark = pytest.mark.server("sshd", "pebble", "knotd")
ONE_QUEUE_EACH = ("certificates", "lifecycle", "notifications")


@pytest.fixture(scope="module")
def names() -> Iterator[Knot]:
    with knot() as running:
        yield running


@pytest.fixture(scope="module")
def pebbles(names: Knot) -> Iterator[Pebble]:
    with pebble(names.address) as running:
        yield running


@pytest.fixture(scope="module")
def world(names: Knot, pebbles: Pebble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("rotation")
    with (
        sftp_server() as server,
        mail_server(home) as mail,
        redis_server(home) as redis,
        in_parts(
            home / "home", broker=redis.url, queues=ONE_QUEUE_EACH, **rotating.settings(server, mail)
        ) as parts,
        rotating.living(
            parts.place, server, mail, rotating.connect(Api(parts.place, first_password(parts.place)), names, pebbles), rotating.leaf(rotating.ca())
        ) as made,
    ):  # fmt: skip
        yield made


class TestInParts(rotating.RenewsItself):
    """What was delivered before came from elsewhere; from now on the CA at hand renews it."""

    def test_pebble_has_issued_it_once(self, world: World, pebbles: Pebble, names: Knot) -> None:
        [new] = world.api.get(f"certificates/{world.old['id']}")["replacedBy"]
        body = world.api.get(f"certificates/{new['id']}")["body"]
        assert pebbles.issued() == [x509.load_pem_x509_certificate(body.encode()).serial_number]
        assert names.texts(f"_acme-challenge.{rotating.HOST}") == set()
