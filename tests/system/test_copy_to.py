"""`manage.py copy_to` for real: from the embedded database with the demo into a PostgreSQL; killed, and run again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.postgres import Server
from tests.system.installation import Installation, Running, wait_until

ORDER = """
from accounts.models import User; from authorities.models import Authority; from certificates import service
made = service.create(by=User.objects.get(username="admin"), authority=Authority.objects.get(name="Demo Issuing"),
                      common_name="moved.outfitters.example", owner="admin@example.com")
print(made.pk, service.reveal(made).startswith("-----BEGIN"))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server, for names of databases."""
    running = Server()
    try:
        yield running.start("fsync=off").replace("/postgres?", "/{}?")
    finally:
        running.stop()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation with the demo that does not run."""
    return Installation.prepared(tmp_path_factory.mktemp("copy") / "home", demo=True)


def database(server: str, name: str) -> str:
    """The address of a new, empty database."""
    connection = psycopg2.connect(server.format("postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return server.format(name)


def everything(place: Installation, folder: Path, **environment: str) -> list[object]:
    """All rows, as Django writes them down."""
    done = place.manage("dumpdata", "--all", "-o", str(folder / "all.json"), **environment)
    assert done.returncode == 0, done.stderr
    return sorted(json.loads((folder / "all.json").read_text()), key=lambda row: (row["model"], str(row["pk"])))


def test_killed_it_leaves_nothing_and_run_again_everything_is_there_and_works(
    place: Installation, server: str, tmp_path: Path
) -> None:
    url = database(server, "moved")
    running = Running(place, ("copy_to", url))
    wait_until(lambda: "accounts_role" in running.output)
    running.process.kill()
    running.process.wait()
    done = place.manage("copy_to", url)
    assert done.returncode == 0, done.stderr
    assert "certificates_certificate" in done.stdout
    assert "rows are in both databases" in done.stdout
    here = everything(place, tmp_path)
    assert everything(place, tmp_path, DATABASE_URL=url) == here
    last = max(row["pk"] for row in here if row["model"] == "certificates.certificate")
    assert place.manage("up", "--check", DATABASE_URL=url).returncode == 0
    made = place.manage("shell", "-v0", "-c", ORDER, DATABASE_URL=url)
    assert made.stdout.split() == [str(last + 1), "True"], made.stderr
    again = place.manage("copy_to", url)
    assert (again.returncode, again.stderr.strip()) == (
        1,
        "CommandError: That database is in use already: name an empty one.",
    )


def test_a_server_that_is_away_is_one_sentence(place: Installation) -> None:
    done = place.manage("copy_to", "postgres://nobody:secret-word@127.0.0.1:1/none")
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: The database cannot take the copy: ")
    assert "secret-word" not in done.stderr
    assert "Traceback" not in done.stderr


def test_not_while_the_product_runs(product: Installation, server: str) -> None:
    done = product.manage("copy_to", database(server, "busy"))
    assert (done.returncode, "already running" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr
