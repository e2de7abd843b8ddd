"""A network of its own, on the other side of a cable that can be cut: what is sent arrives nowhere, and nobody says so.

In it relays listen on TCP and lead to Unix sockets of servers of ours. Cut is what comes back, so that a connection is not
refused but stays without an answer, as behind a firewall or a switch that died.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.servers import MISSING, require
from tests.system.installation import ROOT


class Apart:
    """A namespace of Linux, and a pair of interfaces."""

    def __init__(self) -> None:
        self._ip = require("ip")
        self.name = f"lemur-{secrets.token_hex(3)}"
        net = f"10.213.{secrets.randbelow(256)}.{4 * secrets.randbelow(64)}"
        first, _, last = net.rpartition(".")
        self.here, self.there = f"{first}.{int(last) + 1}", f"{first}.{int(last) + 2}"
        self._relays: list[subprocess.Popen[bytes]] = []

    def make(self) -> None:
        outer, inner = f"{self.name}-o"[-15:], f"{self.name}-i"[-15:]
        pair = ("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", self.name)
        if os.geteuid() != 0 or self._run("netns", "add", self.name).returncode or self._run(*pair).returncode:
            # REQUIRE does not ask for them: there is no package that brings them.
            pytest.skip(f"{MISSING}: network namespaces, which only root can make, and not in every container")
        self._checked("addr", "add", f"{self.here}/30", "dev", outer)
        self._checked("link", "set", outer, "up")
        self._checked("-n", self.name, "addr", "add", f"{self.there}/30", "dev", inner)
        self._checked("-n", self.name, "link", "set", inner, "up")
        self._checked("-n", self.name, "link", "set", "lo", "up")

    def lead(self, port: int, to: Path) -> None:
        """Whoever connects to this port there speaks with the server of this socket."""
        program = [self._ip, "netns", "exec", self.name, sys.executable, "-m", __name__, self.there, str(port), str(to)]
        relay = subprocess.Popen(program, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._relays.append(relay)
        assert relay.stdout
        assert relay.stdout.readline() == b"ready\n"

    def cut(self) -> None:
        self._checked("-n", self.name, "route", "add", "blackhole", f"{self.here}/32")

    def mend(self) -> None:
        self._checked("-n", self.name, "route", "del", "blackhole", f"{self.here}/32")

    def remove(self) -> None:
        for relay in self._relays:
            relay.kill()
            relay.wait()
        self._run("netns", "del", self.name)  # its interface goes with it, and so does the other end

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self._ip, *arguments], capture_output=True, text=True, check=False)

    def _checked(self, *arguments: str) -> None:
        done = self._run(*arguments)
        assert done.returncode == 0, done.stderr


@contextmanager
def apart() -> Iterator[Apart]:
    """One that is there."""
    made = Apart()
    try:
        made.make()
        yield made
    finally:
        made.remove()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _relay(host: str, port: int, path: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    async with await asyncio.start_server(serve, host, port) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_relay(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
