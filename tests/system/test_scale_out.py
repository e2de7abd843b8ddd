"""The product in parts, as deploy/ starts it: the command of each unit, on PostgreSQL and Redis, killed and outlived."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from lemur_site.queue import QUEUES
from tests.postgres import Server
from tests.servers.redis import Redis, redis_server
from tests.servers.sftp import SftpServer, sftp_server
from tests.servers.smtp import MailServer, mail_server
from tests.system.api import Api, first_password
from tests.system.installation import ROOT, Installation, wait_until

UNITS = ROOT / "deploy" / "systemd"
PYTHON = "/opt/lemur/.venv/bin/python"
STATE = "/var/lib/lemur"
LONG = 240.0  # seconds, on a machine that does much else; a nudge that arrives takes a second

pytestmark = pytest.mark.server("sshd")


def command(unit: str, home: Path, *, queue: str = "") -> list[str]:
    """What a unit runs, in this checkout."""
    line = next(line for line in (UNITS / unit).read_text().splitlines() if line.startswith("ExecStart="))
    line = line.removeprefix("ExecStart=").replace("%%", "%").replace("%i", queue)
    program, *arguments = line.replace(STATE, str(home)).split()
    assert program == PYTHON
    return [sys.executable, *arguments]


@dataclass
class Parts:
    """An installation whose programs are started one by one."""

    place: Installation
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *, queue: str = "", more: tuple[str, ...] = ()) -> None:
        unit = f"lemur-{name}.service" if not queue else f"lemur-{name}@.service"
        with (self.place.home.parent / f"{name}{queue}.log").open("ab") as log:
            self.running[name + queue] = subprocess.Popen(
                [*command(unit, self.place.home, queue=queue), *more],
                cwd=ROOT, env=self.place.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def end(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(60)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as server:
        yield server


@pytest.fixture(scope="module")
def parts(redis: Redis, mail: MailServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Prepared, with web server, timetable, and workers of which one serves a single queue."""
    database = Server()
    place = Installation(
        tmp_path_factory.mktemp("parts") / "home",
        DATABASE_URL=database.start("fsync=off"),
        CELERY_BROKER_URL=redis.url,
        SECRET_KEY="x" * 60,
        ENCRYPTION_KEYS="dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
        EMAIL_URL=f"smtp://127.0.0.1:{mail.port}",
        OUTBOUND_ALLOW="127.0.0.0/8",
        SWEEP_NOTICES_SECONDS="1",
        SWEEP_DEPLOYMENTS_SECONDS="1",
        C_FORCE_ROOT="1",
    )
    made = Parts(place)
    try:
        subprocess.run(
            command("lemur-prepare.service", place.home), cwd=ROOT, env=place.environment, check=True, timeout=120
        )
        made.start("web")
        made.start("worker")
        made.start("worker", queue="certificates")
        made.start("beat")
        wait_until(place.is_up, LONG)
        yield made
    finally:
        made.end()
        database.stop()


@pytest.fixture(scope="module")
def target() -> Iterator[SftpServer]:
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


def test_a_delivery_and_a_mail(api: Api, target: SftpServer, mail: MailServer) -> None:
    """The worker of one queue delivers; what the timetable asks for, the other one tells."""
    order(api, "scaled.example.org", "web")
    wait_until((target.files / "scaled.example.org" / "scaled.example.org.pem").exists, LONG)
    gone = order(api, "gone.example.org")
    api.put(f"certificates/{gone['id']}/revoke", crlReason="superseded", comments="moved")
    wait_until(lambda: any("alice@example.org" in one.recipients for one in mail.received), LONG)
    assert "gone.example.org" in str(mail.received[0].message["Subject"])


def test_what_a_dead_broker_and_dead_workers_left_is_done(
    parts: Parts, api: Api, redis: Redis, target: SftpServer
) -> None:
    """Nobody hears the nudge: the request is answered all the same, and the sweep finds the row once all are back."""
    parts.kill("workercertificates")
    parts.kill("worker")
    redis.kill()
    order(api, "orphan.example.org", "web")
    redis.start()
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
