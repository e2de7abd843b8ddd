"""kill -9 and an unforeseen error at every failpoint: nothing is lost or doubled, and asking again does no harm.

Here in the flows, whose work is more than one transaction or long; test_verbs has the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests import pki_material
from tests.daily import samples
from tests.faults.case import Case, Outcome
from tests.faults.names import NAMES, names_in, place
from tests.faults.verbs import CALLS, TRIED, VERBS

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
# Which flows pass the failpoints of a verb or call. One is enough for a transaction within another.
PASSED_BY = {
    "answer": tuple(FLOWS),
    "authority.create": ("root", "intermediate"),
    "authority.import": ("taken over",),
    "authority.row": ("root",),
    "custody.generate": ("order",),
    "custody.signer": ("intermediate",),
    "custody.store": ("taken over",),
    "issue": ORDERS,
    "order": ORDERS,
    "record": ORDERS,
    "role.create": ("intermediate",),
    "upload": ("upload",),
}
ONLY_WITH_KEY = ("answer.before-commit", "answer.after-commit")
# All of these come before the first commit of a flow, which is one of FIRST.
EARLY = ("authority.row", "custody.generate", "custody.signer", "custody.store", "role.create")
FIRST = ("authority.create", "authority.import", "order", "upload")

CASES = [(name, flow) for name in NAMES for flow in PASSED_BY.get(place(name), ())]
WITHOUT_KEY = [(name, flow) for name, flow in CASES if name not in ONLY_WITH_KEY]
# To who asks again, dead before the first commit is the same everywhere; once just before it is enough.
WITH_KEY = [(name, flow) for name, flow in CASES if place(name) not in EARLY]
# Sweeps are about orders; and one flow of each kind is enough where they do not differ.
SWEPT = [(name, flow, True) for name, flow in WITH_KEY if flow == "order"]
NOT_SWEPT = [(name, flow, False) for name, flow in WITH_KEY]
ONE_OF_EACH = [(name, flow) for name, flow in WITH_KEY if flow in ("order", "upload", "root")]
RESUMED = [name for name in NAMES if place(name) in ("issue", "record")]
PASSED_BY_SWEEPS = [*RESUMED, "custody.signer.before", "custody.signer.after"]


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
        self.request: dict[str, Any] = {"address": address, "token": case.worker.tokens[person], "key": key}
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
    nothing_yet = place(name) in EARLY or name in {f"{verb}.before-commit" for verb in FIRST}
    return (0, 0) if nothing_yet else FLOWS[flow][3]


def without_a_case(names: Iterable[str]) -> list[str]:
    """A sentence for each failpoint that no test would pass."""
    where = "add the flows that pass it to PASSED_BY, or what carries it out to tests/faults/verbs.py"
    return [
        f"Nothing is killed at {name}: {where}." for name in names if not (place(name) in PASSED_BY or name in TRIED)
    ]


def test_every_failpoint_is_passed_by_a_flow_or_a_verb() -> None:
    assert len(NAMES) == len(set(NAMES)), "two places have the same name"
    assert without_a_case(NAMES) == []
    assert {*PASSED_BY, *VERBS, *CALLS} == set(map(place, NAMES)), "a case for what is not there any more"


def test_one_that_is_forgotten_is_named() -> None:
    source = '@committing("cert.renew")\ndef renew(): ...\n\nwith around("ask"): failpoint("user.create.half")'
    names = list(names_in(source, "a.py"))
    assert sorted(names) == [
        "ask.after", "ask.before", "cert.renew.after-commit", "cert.renew.before-commit", "user.create.half",
    ]  # fmt: skip
    assert [sentence.partition(":")[0] for sentence in without_a_case(names)] == [
        f"Nothing is killed at {name}" for name in names
    ]


@pytest.mark.parametrize("given", ['f"{verb}.x"', "name", "name='x'", "1"])
def test_a_name_must_be_written_out(given: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"a.py:1: write the name that committing\(\) is given out"):
        list(names_in(f"committing({given})", "a.py"))


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


@pytest.mark.parametrize(("name", "flow"), samples(WITHOUT_KEY, every=3))
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


@pytest.mark.parametrize("name", PASSED_BY_SWEEPS)
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
