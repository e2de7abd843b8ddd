"""Taking the times of requests over HTTP, with clients that cost little themselves."""

from __future__ import annotations

import http.client
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

from tests.bench.world import Person, World

KEPT_FOR = 5  # requests on one connection, so that no worker keeps the same clients for long
FEWEST = 3  # samples, however long they take
IDLE_SECONDS = 2  # the server closes a connection that nobody uses for a little longer
ISSUE_PATH = "/api/1/certificates"


@dataclass(frozen=True)
class Times:
    """Milliseconds at which half and nearly all requests were answered."""

    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times:
        """The nearest ranks."""
        ordered = sorted(seconds)

        def rank(share: float) -> float:
            return round(ordered[math.ceil(share * len(ordered)) - 1] * 1000, 2)

        return cls(rank(0.50), rank(0.95))


class Client:
    """One caller, of the API or of the pages."""

    def __init__(self, port: int, person: Person, *, pages: bool = False) -> None:
        shown = {"Cookie": person.session} if pages else {"Authorization": f"Bearer {person.token}"}
        self._headers = {**shown, "Content-Type": "application/json"}
        self._requests, self._used = 0, 0.0
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of the answer. Raises RuntimeError unless the status is 200."""
        if self._requests % KEPT_FOR == 0 or time.monotonic() - self._used > IDLE_SECONDS:
            self._connection.close()
        self._requests += 1
        self._used = time.monotonic()
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {content[:500]!r}")
        return content


def orders(world: World, key_type: str) -> Callable[[], bytes]:
    """Makes bodies of orders, each for two names that were never used before."""
    numbers = count(time.time_ns() // 1000)

    def order() -> bytes:
        host = f"new{next(numbers)}.example.org"
        names = [{"nameType": "DNSName", "value": f"www.{host}"}]
        fields = {
            "owner": world.owner,
            "commonName": host,
            "authority": {"name": world.authority},
            "keyType": key_type,
            "extensions": {"subAltNames": {"names": names}},
        }
        return json.dumps(fields).encode()

    return order


def issue(clients: Sequence[Client], order: Callable[[], bytes], *, seconds: float) -> tuple[float, Times, int]:
    """Certificates per second that the clients obtain together, each asking again as soon as it has one; how many."""
    with ThreadPoolExecutor(len(clients)) as pool:
        start = time.perf_counter()
        per_client = list(pool.map(lambda client: _issue(client, order, until=start + seconds), clients))
        spent = time.perf_counter() - start
    latencies = [latency for latencies in per_client for latency in latencies]
    return round(len(latencies) / spent, 1), Times.of(latencies), len(latencies)


def _issue(client: Client, order: Callable[[], bytes], *, until: float) -> list[float]:
    latencies = []
    while not latencies or time.perf_counter() < until:
        body = order()
        start = time.perf_counter()
        client.ask("POST", ISSUE_PATH, body)
        latencies.append(time.perf_counter() - start)
    return latencies


def read(clients: Sequence[Client], paths: Iterator[str], *, samples: int, seconds: float) -> list[Times]:
    """The times of each client. They take turns on the same paths, so that what disturbs one disturbs all."""
    latencies: list[list[float]] = [[] for _ in clients]
    for client in clients:
        client.ask("GET", next(paths))
    until = time.perf_counter() + seconds
    while len(latencies[0]) < samples and (len(latencies[0]) < FEWEST or time.perf_counter() < until):
        path = next(paths)
        for client, mine in zip(clients, latencies, strict=True):
            start = time.perf_counter()
            client.ask("GET", path)
            mine.append(time.perf_counter() - start)
    return [Times.of(mine) for mine in latencies]
