"""What a delivery finds in its place: what it takes the place of, and what it leaves alone until somebody has looked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils.timezone import now as clock

from accounts.service import system_user
from certificates import service
from certificates.models import Certificate, Deployment, update_destinations
from core.audit import Event
from core.models import AuditEntry
from pki import inspection
from pki.inspection import serial_hex
from pki.keys import private_key_pem
from plugins.destinations.directory import directories
from stores import service as stores
from stores.models import Destination
from tests.factories import a_certificate
from tests.pki_material import Pair, material

pytestmark = pytest.mark.django_db
HOST = "www.example.org"
DAY = timedelta(days=1)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    before = directories.roots
    directories.configure([str(tmp_path)])
    yield tmp_path
    directories.configure(map(str, before))


@pytest.fixture
def web(people, root: Path) -> Destination:
    return stores.create(
        Destination, label="web", plugin="directory-destination", options={"path": str(root)}, by=people.root
    )


@pytest.fixture
def ours(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca, cn=HOST)


def theirs(begins: datetime) -> Pair:
    return material().leaf_with(names=(HOST,), not_before=begins, not_after=begins + 90 * DAY)


def put(root: Path, text: str) -> None:
    """As somebody else does: over what is there."""
    (root / HOST).mkdir(exist_ok=True)
    (root / HOST / f"{HOST}.pem").unlink(missing_ok=True)
    (root / HOST / f"{HOST}.pem").write_text(text)


def delivered(certificate: Certificate, destination: Destination) -> Deployment:
    update_destinations(certificate, destination)
    deployment = Deployment.objects.get(certificate=certificate, destination=destination)
    return tried(deployment)


def tried(deployment: Deployment) -> Deployment:
    service.deploy(deployment.pk)
    deployment.refresh_from_db()
    return deployment


def is_there(root: Path, certificate: Certificate) -> bool:
    return (root / HOST / f"{HOST}.pem").read_text().startswith(certificate.body.strip())


def test_files_from_before_the_first_delivery_are_replaced(ours, web, root):
    put(root, theirs(clock() - DAY).pem)
    assert delivered(ours, web).state == "done"
    assert is_there(root, ours)


def test_a_newer_certificate_is_left_alone_and_the_key_stays_here(ours, web, root):
    other = theirs(clock() + timedelta(minutes=1))
    put(root, other.pem)
    deployment = delivered(ours, web)
    serial = serial_hex(other.certificate.serial_number)
    assert deployment.state == "failed"
    assert deployment.last_error.startswith(
        f"Somebody else has put a certificate there under the name {HOST}: CN={HOST}, serial number {serial}, "
        "issued by O=Example Inc,CN=Example Issuing CA on "
    )
    assert not is_there(root, ours)
    assert not AuditEntry.objects.filter(event=Event.KEY_DELIVERED).exists()


@pytest.mark.parametrize("begins", [-DAY, DAY / 24], ids=["older", "newer"])
def test_once_delivered_nobody_elses_is_replaced(begins, people, root_ca, ours, web, root):
    assert delivered(ours, web).state == "done"
    put(root, theirs(clock() + begins).pem)
    successor = a_certificate(people.alice, root_ca, cn=HOST, replaces=[ours])
    assert delivered(successor, web).state == "failed"
    put(root, ours.body)  # ours again, by whose hand ever
    service.deliver_again(web, by=people.root)
    assert tried(successor.deployments.get()).state == "done"


@pytest.mark.parametrize("arrived", [True, False], ids=["delivered before", "stopped before"])
def test_also_when_what_was_delivered_before_is_revoked_and_has_left(arrived, people, root_ca, ours, web, root):
    if not arrived:
        put(root, theirs(clock() + DAY / 24).pem)
    assert delivered(ours, web).state == ("done" if arrived else "failed")
    put(root, theirs(clock() - DAY).pem)
    service.revoke(ours, by=people.root, reason="superseded")
    assert not ours.deployments.exists()
    successor = a_certificate(people.alice, root_ca, cn=HOST, replaces=[ours])
    assert delivered(successor, web).state == "failed"


@pytest.mark.parametrize("written", ["{key}{pem}", "{pem}{parameters}", "{pem}{broken}"])
def test_whatever_else_stands_in_the_file(written, people, root_ca, ours, web, root):
    """As other programs write them for servers that read everything from one file."""
    assert delivered(ours, web).state == "done"
    other = theirs(clock() + DAY / 24)
    rest = {"parameters": "DH PARAMETERS", "broken": "CERTIFICATE"}
    blocks = {name: f"-----BEGIN {label}-----\nMAYCAQUCAQI=\n-----END {label}-----\n" for name, label in rest.items()}
    put(root, written.format(pem=other.pem, key=private_key_pem(other.key), **blocks))
    successor = a_certificate(people.alice, root_ca, cn=HOST, replaces=[ours])
    assert delivered(successor, web).state == "failed"


@pytest.mark.parametrize(
    "text",
    ["no certificate", material().self_signed_leaf.pem, material().expired_leaf.pem],
    ids=["no certificate", "a placeholder that vouches for itself", "expired"],
)
def test_what_nobody_can_use_is_replaced(text, people, root_ca, ours, web, root):
    assert delivered(ours, web).state == "done"
    put(root, text)
    successor = a_certificate(people.alice, root_ca, cn=HOST, replaces=[ours])
    assert delivered(successor, web).state == "done"
    assert is_there(root, successor)


def test_somebody_says_that_it_may_go(people, ours, web, root):
    other = theirs(clock() + timedelta(minutes=1))
    put(root, other.pem)
    deployment = delivered(ours, web)
    found = service.import_certificate(by=system_user(), body=other.pem, owner="security@example.org")  # by a source
    service.deliver_again(web, by=people.root)
    assert tried(deployment).state == "failed"
    service.update(ours.pk, replaces=[found], by=people.root)
    service.deliver_again(web, by=people.root)
    assert tried(deployment).state == "done"
    assert is_there(root, ours)
    assert found.fingerprint == inspection.fingerprint(other.certificate)
