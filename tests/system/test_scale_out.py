"""The product in parts, as deploy/ starts it: the command of each unit, on PostgreSQL and Redis or RabbitMQ, killed and outlived."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
import requests
import yaml

from lemur_site.queue import QUEUES
from tests.daily import samples
from tests.servers.rabbitmq import RabbitMQ, rabbitmq_server
from tests.servers.redis import Redis, redis_server
from tests.servers.sftp import SftpServer, sftp_server
from tests.servers.smtp import MailServer, mail_server
from tests.system.api import Api, first_password
from tests.system.installation import ROOT, wait_until
from tests.system.parts import LONG, UNITS, Parts, in_parts

pytestmark = pytest.mark.server("sshd")
THREADS = 4  # of a worker, and of each of two processes of the web server

BROKERS = [
    pytest.param(redis_server, id="Redis"),
    pytest.param(rabbitmq_server, id="RabbitMQ", marks=pytest.mark.server("rabbitmq-server")),
]
each_broker = pytest.mark.parametrize("broker", BROKERS, indirect=True, scope="module")
redis_daily = pytest.mark.parametrize("broker", samples(BROKERS, every=2), indirect=True, scope="module")


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis | RabbitMQ]:
    with request.param(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture(scope="module")
def mail(broker: Redis | RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """Another one for each broker."""
    with mail_server(tmp_path_factory.mktemp("mail")) as server:
        yield server


@pytest.fixture(scope="module")
def parts(broker: Redis | RabbitMQ, mail: MailServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Prepared, with web server, timetable, and workers of which one serves a single queue."""
    home = tmp_path_factory.mktemp("parts") / "home"
    often = {"SWEEP_NOTICES_SECONDS": "1", "SWEEP_DEPLOYMENTS_SECONDS": "1"}
    address = f"smtp://127.0.0.1:{mail.port}"
    with in_parts(home, broker=broker.url, queues=["certificates"], EMAIL_URL=address, **often) as made:
        yield made


@pytest.fixture(scope="module")
def target(broker: Redis | RabbitMQ) -> Iterator[SftpServer]:
    """Another one for each broker."""
    with sftp_server() as server:
        yield server


@pytest.fixture(scope="module")
def api(parts: Parts, target: SftpServer) -> Api:
    """Logged in; there is an authority, and a destination."""
    made = Api(parts.place, first_password(parts.place))
    made.post("authorities", name="Root", commonName="Root CA", owner="pki@example.org", description="Ours")
    made.post(
        "destinations",
        label="web",
        description="Ours",
        plugin={"slug": "sftp-destination", "pluginOptions": target.options()},
    )
    return made


def order(api: Api, name: str, *places: str) -> dict[str, Any]:
    """For destinations by their labels."""
    there = [{"id": one["id"]} for one in api.get("destinations")["items"] if one["label"] in places]
    made: dict[str, Any] = api.post(
        "certificates", commonName=name, owner="alice@example.org", description="Ours",
        authority={"name": "Root"}, destinations=there,
    )  # fmt: skip
    return made


@each_broker
def test_a_delivery_and_a_mail(api: Api, target: SftpServer, mail: MailServer) -> None:
    """The worker of one queue delivers; what the timetable asks for, the other one tells."""
    order(api, "scaled.example.org", "web")
    wait_until((target.files / "scaled.example.org" / "scaled.example.org.pem").exists, LONG)
    gone = order(api, "gone.example.org")
    api.put(f"certificates/{gone['id']}/revoke", crlReason="superseded", comments="moved")
    wait_until(lambda: any("alice@example.org" in one.recipients for one in mail.received), LONG)
    assert "gone.example.org" in str(mail.received[0].message["Subject"])


@redis_daily
def test_a_worker_keeps_its_connection_to_the_database(parts: Parts, api: Api, target: SftpServer) -> None:
    """Each of its threads at most one, however many tasks it has done; and the web server's, which are asked meanwhile."""
    before = connections_begun(parts)
    for number in range(24):
        name = f"again{number}.example.org"
        order(api, name, "web")
        wait_until((target.files / name / f"{name}.pem").exists, LONG)
    processes = 2 + sum(name.startswith("worker") for name in parts.running)
    assert connections_begun(parts) - before - 1 <= THREADS * processes  # one is the question's


def connections_begun(parts: Parts) -> int:
    """Ever, whoever began them; what began a moment ago may be missing."""
    with (
        closing(psycopg2.connect(parts.place.environment["DATABASE_URL"])) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        [(number,)] = cursor.fetchall()
    return int(number)


@redis_daily
def test_a_database_that_crashed(parts: Parts, api: Api, target: SftpServer) -> None:
    """It is said that nothing can be done; once the database is back, so is everything, and nothing was restarted."""
    parts.database.crash()
    assert (parts.place.get("/healthz")[0], parts.place.get("/readyz")[0]) == (200, 503)
    page = requests.get(f"http://127.0.0.1:{parts.place.port}/", cookies={"sessionid": "0" * 32}, timeout=60)
    for answer in (api.ask("GET", "certificates"), page):
        assert answer.status_code == 503, answer.text
        assert "The database does not answer at the moment. Try again in a few seconds." in answer.text
    parts.database.start_again()
    wait_until(parts.place.is_up, LONG)
    order(api, "after.example.org", "web")
    wait_until((target.files / "after.example.org" / "after.example.org.pem").exists, LONG)
    assert all(process.poll() is None for process in parts.running.values())


@redis_daily
def test_what_a_dead_broker_and_dead_workers_left_is_done(
    parts: Parts, api: Api, broker: Redis | RabbitMQ, target: SftpServer
) -> None:
    """Nobody hears the nudge: the request is answered all the same, and the sweep finds the row once all are back."""
    parts.kill("workercertificates")
    parts.kill("worker")
    broker.kill()
    order(api, "orphan.example.org", "web")
    broker.start()
    parts.start("worker")
    wait_until((target.files / "orphan.example.org" / "orphan.example.org.pem").exists, LONG)


def test_the_compose_file_starts_the_same_programs() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    services = compose["services"]
    assert {"web", "beat", "postgres", "redis", "prepare"} < set(services)
    workers = [one["command"] for name, one in services.items() if name.startswith("worker")]
    served = [queue for words in workers for queue in words[words.index("-Q") + 1].split(",")]
    assert sorted(served) == sorted(QUEUES)
    modules = {"beat": "celery", "prepare": "manage.py", "worker-others": "celery"}
    assert all(module in services[name]["command"] for name, module in modules.items())


def test_each_variable_of_the_units_is_a_setting() -> None:
    documented = (ROOT / "docs" / "reference" / "settings.md").read_text()
    for line in (UNITS / "lemur.env").read_text().splitlines():
        if line and not line.startswith("#"):
            name = line.partition("=")[0].removesuffix("_FILE")
            assert f"`{name}`" in documented, name
