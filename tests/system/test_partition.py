"""The network between web server, database and broker is cut: nobody hangs, nothing is lost or doubled, and all goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests

from tests.postgres import Server
from tests.servers.apart import Apart, apart
from tests.servers.redis import redis_server
from tests.system.api import Api, first_password
from tests.system.installation import Installation, wait_until
from tests.system.parts import LONG, SHARED, Parts

pytestmark = pytest.mark.server("ip")
BOUND = 25.0  # seconds that a request may take whatever the network does; half a minute is what proxies wait
ORDERS = 6
LEASES = (
    ("core_idempotentanswer SET lease_until = now()", "status IS NULL"),
    ("certificates_order SET not_before = now()", "leased"),
    ("certificates_deployment SET not_before = now()", "leased"),
)


# The ledger, and what its lines are about.
SIGNED = ("authorities_issuance", "certificates_certificate WHERE authority_id IS NOT NULL", "authorities_responder")


class Fleet:
    """The parts, the cables between them, and the directory that is delivered to."""

    def __init__(self, parts: Parts, database: Apart, broker: Apart, files: Path) -> None:
        self.parts, self.database, self.broker, self.files = parts, database, broker, files
        self.api = Api(parts.place, first_password(parts.place))
        self.api.post("authorities", name="Root", commonName="Root CA", owner="pki@example.org", description="Ours")
        options = [{"name": "path", "value": str(files)}]
        plugin = {"slug": "directory-destination", "pluginOptions": options}
        made = self.api.post("destinations", label="web", description="Ours", plugin=plugin)
        self.destination, self.took = made["id"], list[float]()

    def order(self, name: str) -> requests.Response:
        """However often it is asked for, with one key; how long it took is remembered."""
        began = time.monotonic()
        answer = self.api.ask(
            "POST", "certificates", key=name, commonName=name, owner="alice@example.org", description="Ours",
            authority={"name": "Root"}, destinations=[{"id": self.destination}],
        )  # fmt: skip
        self.took.append(time.monotonic() - began)
        return answer

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """What the last one finds, from this side of the cable."""
        with closing(
            psycopg2.connect(host=str(self.parts.database.directory), user="postgres", dbname="postgres")
        ) as to:
            to.autocommit = True
            with to.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []

    def is_delivered(self, name: str) -> bool:
        return (self.files / name / f"{name}.pem").exists()

    def known(self, name: str) -> list[dict[str, Any]]:
        return list(self.api.get(f"certificates?filter=cn;{name}")["items"])


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    files = folder / "files"
    files.mkdir()
    server = Server()
    with apart() as database, apart() as broker, redis_server(folder) as redis:
        server.start("fsync=off")
        database.lead(5432, server.directory / ".s.PGSQL.5432")
        broker.lead(6379, redis.socket)
        environment = {**SHARED, "SWEEP_DEPLOYMENTS_SECONDS": "1", "DESTINATION_DIRECTORIES": str(files)}
        place = Installation(
            folder / "home",
            DATABASE_URL=f"postgres://postgres@{database.there}:5432/postgres",
            CELERY_BROKER_URL=f"redis://{broker.there}:6379/0",
            **environment,
        )
        parts = Parts(place, server)
        try:
            parts.prepare()
            for name in ("web", "worker", "beat"):
                parts.start(name)
            wait_until(place.is_up, LONG)
            yield Fleet(parts, database, broker, files)
        finally:
            parts.end()
            server.stop()


def test_the_broker_cannot_be_reached(fleet: Fleet) -> None:
    """Orders are answered, the first after a few seconds; what nobody was told of is delivered afterwards."""
    assert fleet.order("before.example.org").status_code == 200
    wait_until(lambda: fleet.is_delivered("before.example.org"), LONG)
    fleet.broker.cut()
    assert [fleet.order(f"{number}.broker.example.org").status_code for number in range(3)] == [200] * 3
    assert max(fleet.took) < BOUND
    fleet.broker.mend()
    wait_until(lambda: all(fleet.is_delivered(f"{number}.broker.example.org") for number in range(3)), LONG)
    assert all(process.poll() is None for process in fleet.parts.running.values())


def test_the_database_cannot_be_reached(fleet: Fleet) -> None:
    """It is cut off under orders that are at work: each is answered, and asked for again it was there or is made, once."""
    names = [f"{number}.database.example.org" for number in range(ORDERS)]
    fleet.took.clear()
    with ThreadPoolExecutor(ORDERS) as pool:
        at_work = [pool.submit(fleet.order, name) for name in names]
        wait(at_work, return_when=FIRST_COMPLETED)
        fleet.database.cut()
        ready, alive = pool.submit(fleet.parts.place.get, "/readyz"), fleet.parts.place.get("/healthz")
        late = fleet.order("late.database.example.org")
        assert {one.result().status_code for one in at_work} <= {200, 503}
        assert (alive[0], ready.result()[0], late.status_code) == (200, 503, 503)
    assert "The database does not answer at the moment. Try again in a few seconds." in late.text
    assert max(fleet.took) < BOUND
    fleet.database.mend()
    wait_until(fleet.parts.place.is_up, LONG)
    fleet.sql(*(f"UPDATE {lease} WHERE {at_work}" for lease, at_work in LEASES))  # which run out within ten minutes
    names.append("late.database.example.org")
    wait_until(lambda: all(fleet.order(name).status_code == 200 for name in names), LONG, every=1)
    wait_until(lambda: all(map(fleet.is_delivered, names)), LONG)
    assert [len(fleet.known(name)) for name in names] == [1] * len(names)
    signed, known, responders = (fleet.sql(f"SELECT count(*) FROM {rows}")[0][0] for rows in SIGNED)
    assert signed == known + responders
    assert all(process.poll() is None for process in fleet.parts.running.values())
