"""Deliveries to files of this machine, through the service: what the row says when one fails, and what is there then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils.timezone import now as clock

from certificates import service
from certificates.models import Certificate, Deployment, update_destinations
from plugins import commands
from plugins.destinations.directory import directories
from stores import service as stores
from stores.models import Destination
from tests.factories import a_certificate

pytestmark = pytest.mark.django_db
HOST = "www.example.org"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    before, named = directories.roots, commands._commands
    directories.configure([str(tmp_path)])
    commands.configure(
        {
            "picky": [
                "/bin/sh",
                "-c",
                'test ! -e "$1" || { echo "unknown directive" >&2; exit 1; }',
                "sh",
                f"{tmp_path}/broken",
            ]
        }
    )
    yield tmp_path
    directories.configure(map(str, before))
    commands.configure(named)


@pytest.fixture
def web(people, root: Path) -> Destination:
    options = {"path": str(root), "reloadCommand": "picky"}
    return stores.create(Destination, label="web", plugin="directory-destination", options=options, by=people.root)


def delivered(certificate: Certificate, destination: Destination) -> Deployment:
    update_destinations(certificate, destination)
    deployment = Deployment.objects.get(certificate=certificate, destination=destination)
    service.deploy(deployment.pk)
    deployment.refresh_from_db()
    return deployment


def body(root: Path) -> str:
    return (root / HOST / f"{HOST}.pem").read_text()


def test_a_reload_that_fails_is_told_and_the_old_pair_stays(people, root_ca, web, root):
    old = a_certificate(people.alice, root_ca, cn=HOST)
    assert delivered(old, web).state == "done"
    (root / "broken").touch()
    new = a_certificate(people.alice, root_ca, cn=HOST, replaces=[old])
    deployment = delivered(new, web)
    assert (deployment.state, deployment.failures) == ("waiting", 1)
    assert deployment.last_error == (
        "Reloading: the command 'picky' ended with status 1: unknown directive. "
        "The previous certificate is in place again."
    )
    assert body(root).startswith(old.body.strip())
    (root / "broken").unlink()
    assert service.deploy(deployment.pk, now=clock() + timedelta(hours=1))
    assert body(root).startswith(new.body.strip())


def test_a_destination_that_was_closed_says_so(people, root_ca, web, root):
    directories.configure([])
    deployment = delivered(a_certificate(people.alice, root_ca, cn=HOST), web)
    assert deployment.state == "failed"
    assert "DESTINATION_DIRECTORIES" in deployment.last_error
