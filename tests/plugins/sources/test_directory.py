"""directory-source: what it finds, what it leaves out, and that it reads nothing that the operator has not opened."""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pki import containers, inspection, keys
from plugins import Bundle, Misconfigured, OptionErrors, Permanent, parse
from plugins.sources import directory
from plugins.sources.directory import DirectorySource
from plugins.testing import sample_pki
from plugins.testing_stores import SourceContract


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The one directory that the operator has opened."""
    before, opened = directory.directories.roots, tmp_path / "opened"
    opened.mkdir()
    directory.directories.configure([str(opened)])
    yield opened
    directory.directories.configure(map(str, before))


def source(path: Path | str) -> DirectorySource:
    return DirectorySource(parse(DirectorySource.Options, {"path": str(path)}))


def pem(bundle: Bundle, *, key: bool = False) -> bytes:
    return containers.pem_bundle(bundle.certificate, bundle.chain, key=bundle.private_key if key else None)


class TestDirectorySource(SourceContract):
    plugin_class = DirectorySource
    wrong_values = {"path": "/etc"}

    @pytest.fixture(autouse=True)
    def _opened(self, root: Path) -> None:
        self.root = root
        self.values = {"path": str(root)}  # type: ignore[misc]

    def put(self, bundle: Bundle) -> None:
        (self.root / f"{bundle.name}.pem").write_bytes(pem(bundle))

    def spoil(self) -> None:
        (self.root / "spoiled.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        (self.root / "spoiled.der").write_bytes(b"0\x82\x01\x00" + b"\0" * 300)

    def broken(self) -> Any:
        gone = self.root / "gone"
        gone.mkdir()
        made = self.make(path=str(gone))
        gone.rmdir()
        return made


def test_what_a_tree_of_files_holds(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with_key, plain, binary = (sample_pki().bundle(name) for name in ("key", "plain", "binary"))
    deep = root / "a" / "b"
    deep.mkdir(parents=True)
    (root / "key.txt").write_bytes(b"# the shop\n" + pem(with_key, key=True))
    (deep / "plain.pem").write_bytes(pem(plain))
    (deep / "no ending").write_bytes(binary.certificate.public_bytes(Encoding.DER))
    (root / "alone.key").write_text(keys.private_key_pem(with_key.private_key))  # type: ignore[arg-type]
    (root / "README").write_text("nothing to see")
    (root / "empty").touch()
    found = {one.where: one for one in source(root).certificates()}
    assert {where: one.certificate for where, one in found.items()} == {
        "key.txt": with_key.certificate, "a/b/plain.pem": plain.certificate, "a/b/no ending": binary.certificate,
    }  # fmt: skip
    assert found["key.txt"].private_key is not None
    assert found["a/b/plain.pem"].private_key is None
    assert list(found["a/b/plain.pem"].chain) == [plain.chain[0]]
    assert "PRIVATE" not in caplog.text


def test_only_below_what_is_opened(root: Path, tmp_path: Path) -> None:
    below = root / "below"
    below.mkdir()
    source(below).check()
    outside = tmp_path / "opened-too"
    outside.mkdir()
    for path in (outside, tmp_path, "/", "/etc", f"{root}/../opened-too", "opened", f"{root}/a/../../x", ""):
        with pytest.raises(OptionErrors) as caught:
            source(path)
        assert list(caught.value.errors) == ["path"]
    assert str(root) in str(_refusal(outside))


def _refusal(path: Path) -> OptionErrors:
    with pytest.raises(OptionErrors) as caught:
        source(path)
    return caught.value


def test_nothing_is_opened_unless_the_operator_says_so(root: Path) -> None:
    directory.directories.configure([])
    assert "SOURCE_DIRECTORIES allows: none" in str(_refusal(root))


def test_the_operators_last_word_counts(root: Path) -> None:
    made = source(root)
    directory.directories.configure(["/somewhere/else"])
    for attempt in (made.check, lambda: list(made.certificates())):
        with pytest.raises(Misconfigured, match="SOURCE_DIRECTORIES"):
            attempt()


@pytest.mark.parametrize("text", ["relative", "/a/../b", ""])
def test_an_opened_directory_must_be_an_absolute_path(root: Path, text: str) -> None:
    with pytest.raises(ValueError, match="SOURCE_DIRECTORIES"):
        directory.directories.configure([text])


def test_links_lead_nowhere(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "stolen.pem").write_bytes(pem(sample_pki().bundle(), key=True))
    (root / "file.pem").symlink_to(secret / "stolen.pem")
    (root / "folder").symlink_to(secret)
    (root / "way").mkdir()
    (root / "way" / "out").symlink_to("../..")
    (root / "loop").symlink_to(root)
    assert list(source(root).certificates()) == []
    for path in (root / "folder", root / "way" / "out" / "secret"):
        for attempt in (source(path).check, lambda p=path: list(source(p).certificates())):
            with pytest.raises(Misconfigured, match="cannot be read"):
                attempt()


def test_the_opened_directory_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    bundle = sample_pki().bundle()
    (root / "one.pem").write_bytes(pem(bundle))
    (tmp_path / "link").symlink_to(root)
    directory.directories.configure([str(tmp_path / "link")])
    assert [one.certificate for one in source(tmp_path / "link").certificates()] == [bundle.certificate]


def test_what_is_no_regular_file_is_not_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "pipe.pem")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(root)
        listener.bind("socket.pem")
        assert list(source(root).certificates()) == []


def test_large_files_hold_something_else(root: Path) -> None:
    text = pem(sample_pki().bundle())
    (root / "fits.pem").write_bytes(text.ljust(directory.LARGEST_FILE, b"\n"))
    (root / "large.pem").write_bytes(text.ljust(directory.LARGEST_FILE + 1, b"\n"))
    assert [one.where for one in source(root).certificates()] == ["fits.pem"]


def test_too_many_files_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MOST_FILES", 3)
    for number in range(4):
        (root / f"{number}").touch()
    with pytest.raises(Permanent, match="more than 3 files"):
        list(source(root).certificates())


def test_very_deep_trees_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "DEEPEST", 2)
    for depth, path in enumerate((root / "1", root / "1" / "2", root / "1" / "2" / "3")):
        path.mkdir()
        (path / f"{depth}.pem").write_bytes(pem(sample_pki().bundle()))
    assert [one.where for one in source(root).certificates()] == ["1/0.pem", "1/2/1.pem"]


def test_a_file_that_is_left_out_is_logged_with_the_reason(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    bundle = sample_pki().bundle()
    key = keys.private_key_pem(sample_pki().bundle().private_key)  # type: ignore[arg-type]
    (root / "mixed.pem").write_bytes(inspection.pem(bundle.certificate).encode() + key.encode())
    with caplog.at_level(logging.WARNING):
        assert list(source(root).certificates()) == []
    [line] = [record for record in caplog.records if record.message == "source.file_left_out"]
    assert line.__dict__["file"] == "mixed.pem"
    assert "belongs to none" in line.__dict__["reason"]


def test_names_of_files_are_shown_so_that_they_can_be_read(root: Path) -> None:
    name = os.fsencode(root) + b"/a\nb\x1b[31m\xff.pem"
    with open(name, "wb") as file:
        file.write(pem(sample_pki().bundle()))
    [found] = source(root).certificates()
    assert found.where.isprintable()


def test_nothing_stays_open(root: Path) -> None:
    for number in range(5):
        (root / f"d{number}").mkdir()
        (root / f"d{number}" / "one.pem").write_bytes(pem(sample_pki().bundle()))
    before = set(os.listdir("/proc/self/fd"))
    next(looking := source(root).certificates())
    looking.close()  # type: ignore[attr-defined]
    list(source(root).certificates())
    shutil.rmtree(root)
    assert len(os.listdir("/proc/self/fd")) == len(before)
