"""Two installations deliver to one and the same place, each with a database of its own: neither undoes the other's work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from pki import inspection
from tests.faults.case import Case, Worker
from tests.faults.sharing import SHARED
from tests.servers.sftp import sftp_server

HOUR = 3600.0


@dataclass
class Site:
    """An installation that is put aside while the other one is at work. Its clock is as far ahead as is said."""

    worker: Worker
    place: dict[str, Any] = field(repr=False)
    kept: str = ""

    def deliver(self, *, hours: int) -> dict[str, Any]:
        return self._do("share", hours, **self.place)

    def try_again(self, *, hours: int) -> dict[str, Any]:
        return self._do("share again", hours)

    def sweep(self, *, hours: int) -> dict[str, Any]:
        return self._do("share sweep", hours)

    def _do(self, deed: str, hours: int, **arguments: Any) -> dict[str, Any]:
        case = Case(self.worker, self.kept)
        done = case.run(deed, ahead=hours * HOUR, **arguments)
        assert done.code == 0, self.worker.errors()
        self.kept = case.keep()
        case.close()
        return done.result


@contextmanager
def a_directory(worker: Worker) -> Iterator[tuple[Path, dict[str, Any]]]:
    files = worker.directory / "shared"
    files.mkdir()
    try:
        yield files, {"plugin": "directory-destination", "options": {"path": str(files)}}
    finally:
        shutil.rmtree(files)


def there(files: Path) -> str:
    """The fingerprint of what a web server would read."""
    text = (files / SHARED / f"{SHARED}.pem").read_bytes()
    return inspection.fingerprint(x509.load_pem_x509_certificates(text)[0])


def stops(one: Site, other: Site, files: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both deliver once; then the first one, which finds the other's, delivers nothing. What that one has, and this."""
    first = one.deliver(hours=0)
    assert (first["state"], there(files)) == ("done", first["fingerprint"])
    second = other.deliver(hours=1)  # what lies there is older, as files from before the first delivery are
    assert (second["state"], there(files)) == ("done", second["fingerprint"])
    stopped = one.deliver(hours=2)
    assert (stopped["state"], there(files)) == ("failed", second["fingerprint"])
    for said in (SHARED, f"serial number {second['serial']}", "issued by CN=Root CA", "then try again"):
        assert said in stopped["said"]
    assert stopped["alarms"] == [stopped["said"]]
    return second, stopped


@pytest.mark.server("sshd")
def test_on_another_machine(worker: Worker) -> None:
    with sftp_server() as server:
        place = {"plugin": "sftp-destination", "options": server.options()}
        stops(Site(worker, place), Site(worker, place), server.files)


def test_neither_undoes_the_others_work_until_a_person_decides(worker: Worker) -> None:
    with a_directory(worker) as (files, place):
        one, other = Site(worker, place), Site(worker, place)
        second, stopped = stops(one, other, files)
        for hours in (3, 300):  # nor does time or patience bring it there
            assert one.sweep(hours=hours)["state"] == one.try_again(hours=hours)["state"] == "failed"
            assert there(files) == second["fingerprint"]
        third = other.deliver(hours=301)
        assert (third["state"], there(files)) == ("done", third["fingerprint"])

        shutil.rmtree(files / SHARED)  # the person who was told decides for the first one
        assert one.try_again(hours=302)["state"] == "done"
        assert there(files) == stopped["fingerprint"]
        assert one.sweep(hours=303)["alarms"] == []
        assert (other.deliver(hours=304)["state"], there(files)) == ("failed", stopped["fingerprint"])


def test_who_found_the_place_taken_does_not_take_it_by_renewing(worker: Worker) -> None:
    with a_directory(worker) as (files, place):
        one, other = Site(worker, place), Site(worker, place)
        first = one.deliver(hours=1)
        assert other.deliver(hours=0)["state"] == "failed", "it began before, and came late"
        assert (other.deliver(hours=2)["state"], there(files)) == ("failed", first["fingerprint"])
        later = one.deliver(hours=3)
        assert (later["state"], there(files)) == ("done", later["fingerprint"])
