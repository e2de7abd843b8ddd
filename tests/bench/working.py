"""How much four real workers get done: revocation checks at a responder, and rotations seen at a TLS server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from cryptography import x509
from django.utils.timezone import now as clock

from accounts.service import system_user
from authorities.models import Authority
from certificates import service
from certificates.models import Certificate
from lifecycle.endpoints import find_endpoint_rotations
from lifecycle.models import Endpoint, EndpointRotation
from lifecycle.revocation import check_revocation
from lifecycle.rotation import reissue_due
from stores import service as stores
from stores.models import Destination, Source
from tests import pki_material
from tests.pki_material import Pair
from tests.servers.openssl_ca import OpensslCa
from tests.servers.running import free_port

ROOT = Path(__file__).parent.parent.parent
WORKERS = 4
PATIENCE = 1800.0
TODAY = timedelta(days=1)


@dataclass(frozen=True)
class Rate:
    """Per second by the clock; and how much of all processors, the database's work included, each of them took."""

    per_s: float
    cpu_ms: float


class Meter:
    """Begins to count when it is made."""

    def __init__(self, cpu_seconds: Callable[[], float]) -> None:
        self._cpu_seconds = cpu_seconds
        self._began, self._used = time.perf_counter(), cpu_seconds()

    def rate(self, number: int) -> Rate:
        spent, used = time.perf_counter() - self._began, self._cpu_seconds() - self._used
        return Rate(round(number / spent, 1), round(used / number * 1000, 1))


@contextmanager
def workers(log: Path) -> Iterator[Callable[[], float]]:
    """Processes of one Celery worker; ready when they have answered. A function that says what they have used so far."""
    arguments = ["-A", "lemur_site", "worker", "-c", str(WORKERS), "--loglevel", "WARNING"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait(_answers, PATIENCE)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        yield lambda: sum(sum(one.cpu_times()[:2]) for one in family)
    finally:
        process.terminate()
        process.wait(60)


def _answers() -> bool:
    from lemur_site.celery import app

    return bool(app.control.ping(timeout=1))


def revocations(folder: Path, number: int, cpu_seconds: Callable[[], float]) -> Rate:
    """Certificates of a CA elsewhere, from the sweep that finds them to the last answer written down."""
    ca = OpensslCa(folder / "ca", ocsp_port=free_port())
    made = _elsewhere(ca, number)
    with ca.answering():
        meter = Meter(cpu_seconds)
        check_revocation()
        _wait(lambda: not Certificate.objects.filter(pk__in=made, status_checked_at=None).exists(), PATIENCE)
        rate = meter.rate(number)
    good = Certificate.objects.filter(pk__in=made, status="valid").count()
    if good != number:
        raise RuntimeError(f"Of {number} certificates only {good} were found to be good.")
    return rate


def _elsewhere(ca: OpensslCa, number: int) -> list[int]:
    """Imported as rows; the responder knows them from its index. The rest was checked just now."""
    Certificate.objects.exclude(status_checked_at__gte=clock() - TODAY / 4).update(status_checked_at=clock())
    signer = Pair(ca.certificate, _key(ca.home / "ca.key"))
    key, now, by, chain, rows = pki_material.p256(), pki_material.now(), system_user(), ca.pem, []
    pointer = x509.AccessDescription(
        x509.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(f"http://127.0.0.1:{ca.ocsp_port}/")
    )
    with (ca.home / "index.txt").open("a") as index:
        for one in range(number):
            host = f"elsewhere{one}.example.org"
            extensions = [
                *pki_material.leaf_extensions(signer, [host]),
                (x509.AuthorityInformationAccess([pointer]), False),
            ]
            made = pki_material.certificate(
                pki_material.name(host), key, signer, extensions=extensions, not_after=now + 20 * TODAY
            )
            index.write(f"V\t{now + 20 * TODAY:%y%m%d%H%M%SZ}\t\t{made.serial_number:X}\tunknown\t/CN={host}\n")
            row = Certificate.from_body(pki_material.as_pem(made), chain=chain, user=by, owner=by.email, notify=False)
            row.name = host
            rows.append(row)
    return [one.pk for one in Certificate.objects.bulk_create(rows)]


def _key(path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(path.read_bytes(), None)


def rotations(folder: Path, number: int, cpu_seconds: Callable[[], float]) -> Rate:
    """Reissued, delivered to a directory, and seen at a TLS server that reads it; all of that by workers."""
    place = folder / "targets" / "bench"
    place.mkdir(parents=True)
    with _tls_server(place) as port:
        old = _served(place, number, port)
        meter = Meter(cpu_seconds)
        reissue_due()
        _wait(lambda: _all_seen(old), PATIENCE, every=1.0)
        return meter.rate(number)


def _served(place: Path, number: int, port: int) -> Sequence[int]:
    """Certificates that are delivered, served, and due."""
    by, authority = system_user(), Authority.objects.exclude(parent=None).first()
    there = stores.create(
        Destination, label="bench", plugin="directory-destination", options={"path": str(place)}, by=by
    )
    source = Source.objects.create(label="bench", plugin="directory-source", active=False)
    made = []
    for one in range(number):
        host = f"rotating{one}.example.org"
        certificate = service.create(
            by=by, authority=authority, common_name=host, owner=by.email, rotation=True, destinations=[there]
        )
        made.append(certificate.pk)
        address = f"127.1.{one // 250}.{one % 250 + 1}"
        Endpoint.objects.create(
            name=host, dnsname=address, port=port, type="tls", certificate=certificate, source=source
        )
    _wait(lambda: not Certificate.objects.filter(pk__in=made, deployments__state="waiting").exists(), PATIENCE)
    # Nothing else is due meanwhile.
    Certificate.objects.filter(renews_at__lt=clock() + TODAY).update(renews_at=clock() + 30 * TODAY)
    Certificate.objects.filter(pk__in=made).update(renews_at=clock())
    return made


def _all_seen(old: Sequence[int]) -> bool:
    """The sweep that writes rotations down is the timetable's, every five minutes; here it runs each time we look."""
    find_endpoint_rotations()
    return EndpointRotation.objects.filter(replaces__in=old, state="done").count() == len(old)


SERVER = """
import socket, ssl, sys, threading
from pathlib import Path
place, port = Path(sys.argv[1]), int(sys.argv[2])
plain = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
def choose(connection, name, _):
    folder = place / (name or "")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    connection.context = context
plain.sni_callback = choose
def answer(made):
    try:
        with plain.wrap_socket(made, server_side=True) as shown:
            shown.recv(1)
    except OSError:
        pass
with socket.create_server(("0.0.0.0", port), backlog=512) as listener:
    print("ready", flush=True)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
"""


@contextmanager
def _tls_server(place: Path) -> Iterator[int]:
    """On each address of the loopback; it reads certificate and key anew for each connection, by the name asked for."""
    port = free_port()
    command = [sys.executable, "-c", SERVER, str(place), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield port
        finally:
            process.terminate()


def _wait(holds: Callable[[], bool], seconds: float, *, every: float = 0.2) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("The workers did not get it done in time; see the log of the worker.")
        time.sleep(every)
