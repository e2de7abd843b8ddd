"""AWS as moto imitates it, in a process of its own on a free port of 127.0.0.1."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from tests.servers.running import free_port, running


@dataclass(frozen=True)
class Moto:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def options(self, **changes: object) -> dict[str, object]:
        """Options of any AWS plugin that work."""
        return {"accessKeyId": "AKIATEST", "secretAccessKey": "not-so-secret", "endpointUrl": self.url, **changes}

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return _client(self.url, service, region)


@cache
def _client(url: str, service: str, region: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="AKIATEST",
        aws_secret_access_key="not-so-secret",
    )


@contextmanager
def moto_server(**environment: str) -> Iterator[Moto]:
    """`environment`: moto's own settings."""
    program = Path(sys.executable).parent / "moto_server"
    server = Moto(free_port())
    with (
        tempfile.TemporaryDirectory(prefix="lemur-moto-") as home,
        running(
            program, "-H", "127.0.0.1", "-p", str(server.port),
            port=server.port, log=Path(home) / "log", environment=environment,
        ),
    ):  # fmt: skip
        yield server
