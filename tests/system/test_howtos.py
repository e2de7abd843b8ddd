"""The how-tos, done as they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.lemur import LemurDatabase, lemur_server
from tests.pki_material import material
from tests.system.documents import blocks, run_shell, text_of
from tests.system.installation import ROOT, Installation

PAGE = "docs/howto/write-a-plugin.md"
COUNT = "from certificates.models import Certificate; print(Certificate.objects.count())"
PLUGINS = "from plugins import registry; print({slug: entry.problem for slug, entry in registry.entries.items()})"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Set up, with the demo's private keys in it, and not running."""
    return Installation.prepared(tmp_path_factory.mktemp("howto") / "home", demo=True)


def test_encryption_keys_are_rotated(place: Installation, tmp_path: Path) -> None:
    keys = place.home / "encryption-keys"
    before = keys.read_text()
    first, second = run_shell("docs/howto/rotate-encryption-keys.md", tmp_path, place.home, place.port).splitlines()
    total = re.fullmatch(r"Rewrapped ([1-9]\d*) of \1 secrets\.", first)
    assert total is not None, first
    assert second == f"Rewrapped 0 of {total.group(1)} secrets."
    assert keys.read_text().count("\n") == 1
    assert keys.read_text() != before
    assert keys.stat().st_mode & 0o077 == 0
    assert place.manage("up", "--check").returncode == 0


def test_a_backup_is_restored(place: Installation, tmp_path: Path) -> None:
    run_shell("docs/howto/back-up.md", tmp_path, place.home, place.port)
    restored = Installation(tmp_path / "restored")
    assert restored.manage("up", "--check").returncode == 0
    assert restored.home.stat().st_mode & 0o077 == 0
    counts = [one.manage("shell", "--no-imports", "-c", COUNT).stdout for one in (place, restored)]
    assert int(counts[0]) > 0
    assert counts[0] == counts[1]


def test_somebody_recovers_from_faults(place: Installation, tmp_path: Path) -> None:
    """Sweeps by hand, with nothing else running."""
    said = run_shell("docs/howto/recover-from-faults.md", tmp_path, place.home, place.port).splitlines()
    assert said[0].startswith("Sweep ")
    assert "certificates.sweep_orders would take up 0." in said
    assert "certificates.sweep_revocations is done." in said
    linked = re.findall(r"\(\.\./\.\./(tests/[^)]+)\)", text_of("docs/howto/recover-from-faults.md"))
    assert all((ROOT / path).exists() for path in linked)


def test_a_lemur_moves_in(tmp_path: Path) -> None:
    """Step by step; the answer to the last run is the report of a complete move."""
    place = Installation.prepared(tmp_path / "home")
    folder = tmp_path / "folder"
    folder.mkdir()
    with lemur_server() as server:
        lemur = LemurDatabase(server, "lemur")
        lemur.certificate(material().leaf, name="leaf")
        (folder / "lemur-database").write_text(f"{lemur.address}\n")
        (folder / "lemur-keys").write_text(f"{lemur.key}\n")
        said = run_shell("docs/howto/move-from-lemur.md", folder, place.home, place.port)
    assert "This was a dry run: nothing was kept." in said
    report = json.loads((folder / "lemur-report.json").read_text())
    assert (report["complete"], report["counts"]["certificate"]["taken"]) == (True, 1)
    assert place.manage("shell", "--no-imports", "-c", COUNT).stdout.strip() == "1"
    assert not (folder / "lemur-keys").exists()


def test_the_plugin_passes_its_conformance_test_and_is_found(place: Installation, tmp_path: Path) -> None:
    write_package(tmp_path)
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**place.environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b1[0-9] passed", done.stdout), done.stdout
    found = place.manage("shell", "--no-imports", "-c", PLUGINS, PYTHONPATH=path).stdout
    assert json.loads(found.replace("'", '"'))["haproxy-export"] == ""


def write_package(folder: Path) -> None:
    """The page's files, and beside them what an installation would write about them."""
    for block in [*blocks(PAGE, "toml"), *blocks(PAGE, "python")]:
        name = block.partition("\n")[0].removeprefix("# ")
        (folder / name).write_text(block)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    installed = folder / "lemur_haproxy-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    points = [f"{name} = {target}" for name, target in project["entry-points"]["lemur.plugins"].items()]
    (installed / "entry_points.txt").write_text("\n".join(["[lemur.plugins]", *points, ""]))
