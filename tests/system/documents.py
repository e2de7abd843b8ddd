"""The documents as tests read them: code blocks, tables, links."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from tests.system.installation import KEPT, ROOT, free_port

PRODUCT, TLS_SERVER = "127.0.0.1:8000", "127.0.0.1:8443"  # as the documents say


def text_of(document: str) -> str:
    return (ROOT / document).read_text()


def blocks(document: str, language: str) -> list[str]:
    """The content of every fenced code block in this language, also of those that belong to a list."""
    fence = rf"^( *)```{language}\n(.*?)^\1```$"
    return [dedent(block) for _, block in re.findall(fence, text_of(document), re.DOTALL | re.MULTILINE)]


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, without the heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {at - 1 for at, line in enumerate(lines) if set(line) <= set("|-: ")}
    kept = [line for at, line in enumerate(lines) if at not in heads and at - 1 not in heads]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in kept]


def code(cell: str) -> str:
    """The first piece of code in a cell."""
    found = re.search(r"`([^`]+)`", cell)
    assert found is not None, f"no code in {cell!r}"
    return found.group(1)


def run_shell(document: str, folder: Path, home: Path, port: int, instead: Mapping[str, str] | None = None) -> str:
    """Run all `sh` blocks of a document in one shell, as a person does who has started the product from `folder`.

    `folder` gets what the documents use of a checkout. Only the ports are others, since the usual ones may be taken;
    and `instead`: what a reader writes in the place of what the page invents.
    """
    for name in (".venv", "manage.py"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "var").symlink_to(home)
    script = "\n".join(blocks(document, "sh"))
    script = script.replace(PRODUCT, f"127.0.0.1:{port}").replace(TLS_SERVER, f"127.0.0.1:{free_port()}")
    for invented, real in (instead or {}).items():
        assert invented in script, invented
        script = script.replace(invented, real)
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        ["sh", "-eux"],
        input=script,
        cwd=folder,
        env={**environment, "LEMUR_HOME": str(home), "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
