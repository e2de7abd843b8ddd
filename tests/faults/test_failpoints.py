"""kill -9 and an unforeseen error at every failpoint: nothing is lost or doubled, and asking again does no harm.

The failpoints are collected from the source, so that none is forgotten.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests import pki_material
from tests.faults.case import Case, Outcome

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("accounts", "authorities", "certificates", "core", "lemur_site", "pki", "plugins", "web")
AFTER_LEASE = 200.0  # seconds: the lease of a request has run out
AFTER_SWEEP = 1200.0  # the lease of a sweep as well

# What is asked of the API, and what exists afterwards that did not before: authorities and certificates.
ORDER = {"owner": "alice@example.org", "commonName": "www.example.org", "authority": {"name": "Root"}}
CA = {"owner": "pki@example.org", "commonName": "New CA", "name": "New"}
FLOWS: dict[str, tuple[str, str, dict[str, Any], tuple[int, int]]] = {
    "order": ("alice", "/api/1/certificates", ORDER, (0, 1)),
    "order with CSR": ("alice", "/api/1/certificates", {**ORDER, "csr": "csr"}, (0, 1)),
    "upload": ("alice", "/api/1/certificates/upload", {"owner": "alice@example.org"}, (0, 1)),
    "root": ("root", "/api/1/authorities", CA, (1, 1)),
    "intermediate": ("root", "/api/1/authorities", {**CA, "type": "subca", "parent": {"name": "Root"}}, (1, 1)),
    "taken over": ("root", "/api/1/authorities/import", {"owner": "pki@example.org", "name": "New"}, (1, 1)),
}
ORDERS = ("order", "order with CSR")
AUTHORITIES = ("root", "intermediate", "taken over")
# Which flows pass a failpoint, by the first word of its name.
PASSED_BY = {
    "answer": tuple(FLOWS),
    "authority": AUTHORITIES,
    "issue": ORDERS,
    "order": ORDERS,
    "record": ORDERS,
    "upload": ("upload",),
}
ONLY_WITH_KEY = ("answer.before-commit", "answer.after-commit")


def failpoints() -> Iterator[str]:
    """Every name in the source. A name that is not written out could not be armed, so there must be none."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and getattr(node.func, "id", getattr(node.func, "attr", "")) == "failpoint"
                ):
                    [name] = node.args
                    assert isinstance(name, ast.Constant), f"{path}:{node.lineno}: the name must be written out"
                    yield str(name.value)


NAMES = sorted(failpoints())
CASES = [(name, flow) for name in NAMES for flow in PASSED_BY.get(name.partition(".")[0], ())]
WITHOUT_KEY = [(name, flow) for name, flow in CASES if name not in ONLY_WITH_KEY]
# Sweeps are about orders; and one flow of each kind is enough where they do not differ.
SWEPT = [(name, flow, True) for name, flow in CASES if flow == "order"]
NOT_SWEPT = [(name, flow, False) for name, flow in CASES]
ONE_OF_EACH = [(name, flow) for name, flow in CASES if flow in ("order", "upload", "root")]
RESUMED = [name for name in NAMES if name.startswith(("issue", "record"))]


@pytest.fixture(scope="module")
def material() -> dict[str, dict[str, str]]:
    """What the flows bring that was made elsewhere."""
    ca_key, key = pki_material.p256(), pki_material.p256()
    ca = pki_material.Pair(
        pki_material.certificate(pki_material.name("Elsewhere"), ca_key, extensions=pki_material.ca_extensions(ca_key)),
        ca_key,
    )
    names = pki_material.leaf_extensions(ca, ["www.example.org"])
    leaf = pki_material.Pair(
        pki_material.certificate(pki_material.name("www.example.org"), key, ca, extensions=names), key
    )
    return {
        "order with CSR": {"csr": csr("www.example.org")},
        "upload": {"body": leaf.pem, "privateKey": leaf.key_pem, "chain": ca.pem},
        "taken over": {"body": ca.pem, "privateKey": ca.key_pem},
    }


def csr(host: str) -> str:
    """A signing request whose key stays with the requester."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(pki_material.name(host))
    request = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return request.sign(pki_material.p256(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


class Client:
    """Asks for the same thing again and again, as somebody does whose request died."""

    def __init__(self, case: Case, flow: str, material: dict[str, dict[str, str]], *, key: str = "") -> None:
        person, address, body, _ = FLOWS[flow]
        self.case = case
        self.request = {"address": address, "token": case.worker.tokens[person], "key": key}
        self.request["body"] = {**body, **material.get(flow, {})}

    def ask(self, **options: Any) -> Outcome:
        return self.case.run("post", **options, **self.request)


def made(case: Case) -> tuple[int, int]:
    """How many authorities and certificates there are besides the prepared one and its own."""
    database = case.open()
    authorities, certificates = (len(database.rows(t)) for t in ("authorities_authority", "certificates_certificate"))
    database.close()
    return authorities - 1, certificates - 1


def orders(case: Case) -> int:
    database = case.open()
    number = len(database.rows("certificates_order"))
    database.close()
    return number


def sweep(case: Case, ahead: float) -> None:
    assert case.run("sweep", ahead=ahead).code == 0, case.worker.errors()


def settle(case: Case) -> None:
    """A new process sweeps once the leases have run out: the checker is content, and a second sweep changes nothing."""
    sweep(case, AFTER_LEASE)
    assert case.findings() == []
    before = case.everything()
    sweep(case, AFTER_SWEEP)
    assert case.everything() == before


def expected(flow: str, name: str) -> tuple[int, int]:
    """What must exist once the sweeps have run: nothing if it died before its first commit, else all of it."""
    first_commit = {"order.before-commit", "upload.before-commit", "authority.before-commit"}
    return (0, 0) if name in first_commit else FLOWS[flow][3]


def test_every_failpoint_is_passed_by_a_flow() -> None:
    assert len(NAMES) == len(set(NAMES)), "two places have the same name"
    assert {name for name, _ in CASES} == set(NAMES)


@pytest.mark.parametrize("flow", FLOWS)
def test_undisturbed(flow: str, case: Case, material: dict[str, dict[str, str]]) -> None:
    assert case.findings() == []
    assert Client(case, flow, material).ask().status == 200
    assert (made(case), case.findings()) == (FLOWS[flow][3], [])


@pytest.mark.parametrize(("name", "flow"), WITHOUT_KEY)
def test_killed(name: str, flow: str, case: Case, material: dict[str, dict[str, str]]) -> None:
    client = Client(case, flow, material)
    assert client.ask(failpoints=f"{name}=exit").killed
    left = case.everything()
    sweep(case, ahead=0)
    assert case.everything() == left, "the sweep took up what may still be at work"
    settle(case)
    assert made(case) == expected(flow, name)
    assert orders(case) == (made(case)[1] if flow in ORDERS else 0)


@pytest.mark.parametrize(("name", "flow"), WITHOUT_KEY)
def test_unforeseen_error(name: str, flow: str, case: Case, material: dict[str, dict[str, str]]) -> None:
    answer = Client(case, flow, material).ask(failpoints=f"{name}=raise")
    assert (answer.status, answer.result["body"]["message"]) == (500, "Internal Server Error")
    assert set(answer.result["body"]) == {"message", "requestId"}
    settle(case)
    assert made(case) == expected(flow, name)


@pytest.mark.parametrize(("name", "flow", "swept"), SWEPT + NOT_SWEPT)
def test_asked_again_with_the_same_key(
    name: str, flow: str, swept: bool, case: Case, material: dict[str, dict[str, str]]
) -> None:
    client = Client(case, flow, material, key="once")
    assert client.ask(failpoints=f"{name}=exit").killed
    at_once = 200 if name == "answer.after-commit" else 409  # the first request may still be at work
    assert client.ask().status == at_once
    if swept:
        settle(case)
    first, second = client.ask(ahead=AFTER_LEASE), client.ask(ahead=AFTER_LEASE)
    assert (first.status, second.status, second.result["replayed"]) == (200, 200, True), first.result
    assert first.result["body"] == second.result["body"]
    settle(case)
    assert made(case) == FLOWS[flow][3]


@pytest.mark.parametrize(("name", "flow"), ONE_OF_EACH)
def test_asked_again_after_an_error(name: str, flow: str, case: Case, material: dict[str, dict[str, str]]) -> None:
    """At once: what is begun is pending for as long as its lease runs, and the answer to that is not kept."""
    client = Client(case, flow, material, key="once")
    assert client.ask(failpoints=f"{name}=raise").status == 500
    assert client.ask().status in (200, 202)
    last = client.ask(ahead=AFTER_LEASE)
    assert last.status == 200, last.result
    settle(case)
    assert made(case) == FLOWS[flow][3]


@pytest.mark.parametrize("name", RESUMED)
def test_the_sweep_is_killed_too(name: str, case: Case, material: dict[str, dict[str, str]]) -> None:
    client = Client(case, "order", material)
    assert client.ask(failpoints="order.after-commit=exit").killed
    assert case.run("sweep", ahead=AFTER_LEASE, failpoints=f"{name}=exit").killed
    sweep(case, AFTER_SWEEP)
    assert (made(case), case.findings()) == ((0, 1), [])


@pytest.mark.parametrize("name", RESUMED)
def test_the_first_one_wakes_up_late(name: str, case: Case, material: dict[str, dict[str, str]]) -> None:
    """A request that slept past its lease while a sweep did its work writes nothing, and answers with what there is."""
    client = Client(case, "order", material)
    sleeping = case.start("post", failpoints=f"{name}=sleep:0.7", **client.request)
    wait_for_the_order(case)
    sweep(case, AFTER_LEASE)
    late = case.worker.wait(sleeping)
    assert late.status == 200, late.result
    assert (made(case), case.findings()) == ((0, 1), [])


def wait_for_the_order(case: Case) -> None:
    deadline = time.monotonic() + 30
    while not orders(case):
        assert time.monotonic() < deadline, "the order was not written down"
        time.sleep(0.02)


def test_two_sweeps_at_once(case: Case, material: dict[str, dict[str, str]]) -> None:
    assert Client(case, "order", material).ask(failpoints="order.after-commit=exit").killed
    both = [case.start("sweep", ahead=AFTER_LEASE, failpoints="issue.after=sleep:0.5") for _ in range(2)]
    assert [case.worker.wait(one).code for one in both] == [0, 0]
    assert (made(case), case.findings()) == ((0, 1), [])


def order_row(case: Case) -> dict[str, Any]:
    database = case.open()
    [row] = database.rows("certificates_order")
    database.close()
    return row


def change(case: Case, statement: str) -> None:
    """Something happens to the database while the order waits."""
    database = case.open()
    database.connection.cursor().execute(statement)
    database.connection.commit()
    database.close()


def test_what_the_ledger_has_not_reserved_waits_for_a_person(case: Case, material: dict[str, dict[str, str]]) -> None:
    """Neither recorded nor asked for again: somebody must look at why the CA is about to sign something else."""
    assert Client(case, "order", material).ask(failpoints="order.after-commit=exit").killed
    change(case, "UPDATE authorities_issuance SET tbs_sha256 = 'something else'")
    sweep(case, AFTER_LEASE)
    row = order_row(case)
    assert (row["state"], made(case)) == ("unknown", (0, 0))
    assert "signed something else than was reserved" in row["last_error"]
    before = case.everything()
    sweep(case, AFTER_SWEEP)
    assert case.everything() == before


def test_a_ca_without_its_key_is_tried_again_later(case: Case, material: dict[str, dict[str, str]]) -> None:
    assert Client(case, "order", material).ask(failpoints="order.after-commit=exit").killed
    change(case, "UPDATE authorities_authority SET private_key = 'key:00000000-0000-0000-0000-000000000000'")
    sweep(case, AFTER_LEASE)
    row = order_row(case)
    assert (row["state"], row["attempts"], made(case)) == ("waiting", 2, (0, 0))
    assert "There is no key" in row["last_error"]
