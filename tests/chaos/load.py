"""The work that goes on meanwhile: orders, renewals, revocations and imports, asked for by clients that do not give up."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from cryptography.hazmat.primitives import hashes

from tests.chaos.furnish import Furnished, Old
from tests.system import rotating

CLIENTS = 4
PAUSE = 0.5  # seconds between two requests of one client
AGAIN_SECONDS = 4.0
DRAIN_SECONDS = 240.0  # longer than the lease of a request that died
DONE, TRY_AGAIN = (200, 202), (409, 500, 502, 503, 504)
WEIGHTS = {"order": 4, "acme": 1, "import": 3, "renewal": 2, "revocation": 2}


@dataclass
class Operation:
    """Something that a client asks for until it is answered.

    ``name``: the common name of the certificate that it is about. ``place``: the label of where that is delivered to.
    """

    kind: str
    name: str
    method: str
    path: str
    body: dict[str, Any] = field(repr=False)
    place: str = ""
    owner: str = ""
    fingerprint: str = ""
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    asked: int = 0
    status: int = 0
    answer: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_answered(self) -> bool:
        """Also where a revocation stands, and a destination did not let go of the certificate yet."""
        return self.status in DONE or " is revoked - " in str(self.answer.get("message", ""))


class Load:
    """Clients in threads; ``operations`` is the journal of what they asked for and were answered."""

    def __init__(self, root: str, given: Furnished, *, seed: int) -> None:
        self.root, self.given, self.chance = root, given, random.Random(seed)  # noqa: S311  to be repeated, not secret
        self.operations: list[Operation] = []
        self.refused: list[str] = []
        self.statuses: Counter[int] = Counter()
        self._again: list[tuple[float, Operation]] = []
        self._lock, self._over, self._drained = threading.Lock(), threading.Event(), threading.Event()
        self._renewable: list[Old] = list(reversed(given.old))
        self._revocable: list[Operation] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """No new requests; those that have no answer yet are asked again until they have one, or for some minutes."""
        self._over.set()
        ends = time.monotonic() + DRAIN_SECONDS
        while self.open() and time.monotonic() < ends:
            time.sleep(0.5)
        self._drained.set()
        for thread in self._threads:
            thread.join()

    def open(self) -> list[Operation]:
        """What nobody has answered."""
        return [one for one in self.operations if not one.is_answered]

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self.given.token}"
            while not self._drained.wait(PAUSE):
                operation = self._next()
                if operation is not None:
                    self._ask(session, operation)

    def _next(self) -> Operation | None:
        with self._lock:
            if self._again and self._again[0][0] <= time.monotonic():
                return self._again.pop(0)[1]
            if self._over.is_set():
                return None
            kind = self.chance.choices(list(WEIGHTS), WEIGHTS.values())[0]
            make: Callable[[int], Operation | None] = getattr(self, f"_{kind}")
            operation = make(len(self.operations))
            if operation is not None:
                self.operations.append(operation)
            return operation

    def _ask(self, session: requests.Session, operation: Operation) -> None:
        operation.asked += 1
        try:
            answer = session.request(
                operation.method, f"{self.root}/{operation.path}", json=operation.body, timeout=30,
                headers={"Idempotency-Key": operation.key},
            )  # fmt: skip
            operation.status, operation.answer = answer.status_code, answer.json()
        except (requests.RequestException, ValueError):
            operation.status = 0
        with self._lock:
            self._note(operation)

    def _note(self, operation: Operation) -> None:
        self.statuses[operation.status] += 1
        if operation.is_answered:
            if operation.kind == "order" and operation.status == 200:
                self._revocable.append(operation)
            return
        if operation.status not in (0, *TRY_AGAIN):
            said = f"{operation}: {operation.answer}"
            if said not in self.refused:
                self.refused.append(said)
        self._again.append((time.monotonic() + AGAIN_SECONDS, operation))

    def _destination(self) -> tuple[str, list[dict[str, int]]]:
        label = self.chance.choice(["directory", "directory", "sftp", ""])
        return label, [{"id": self.given.places[label]}] if label else []

    def _order(self, number: int) -> Operation:
        label, places = self._destination()
        name = f"new{number}.example.org"
        body = {"commonName": name, "owner": _owner(number), "authority": {"id": self.given.ours}}
        return Operation("order", name, "POST", "certificates", {**body, "destinations": places}, label)

    def _acme(self, number: int) -> Operation:
        name = f"acme{number}.example.org"
        body = {"commonName": name, "owner": _owner(number), "authority": {"id": self.given.acme}}
        return Operation("acme", name, "POST", "certificates", body)

    def _import(self, number: int) -> Operation:
        """It ends soon, so its owner is told."""
        label, places = self._destination()
        name = f"brought{number}.example.org"
        pair = rotating.leaf(self.given.issuer, name)
        body = {"body": pair.pem, "privateKey": pair.key_pem, "owner": _owner(number), "destinations": places}
        fingerprint = pair.certificate.fingerprint(hashes.SHA256()).hex()
        return Operation("import", name, "POST", "certificates/upload", body, label, _owner(number), fingerprint)

    def _renewal(self, number: int) -> Operation | None:
        if not self._renewable:
            return None
        old = self._renewable.pop()
        path = f"certificates/{old.pk}/update/switches"
        return Operation("renewal", old.name, "POST", path, {"rotation": True}, old.place)

    def _revocation(self, number: int) -> Operation | None:
        if not self._revocable:
            return None
        ordered = self._revocable.pop(self.chance.randrange(len(self._revocable)))
        path = f"certificates/{ordered.answer['id']}/revoke"
        return Operation("revocation", ordered.name, "PUT", path, {"crlReason": "superseded"}, ordered.place)


def _owner(number: int) -> str:
    return f"owner{number % 7}@example.org"
