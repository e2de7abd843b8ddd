"""directory-destination: what it writes, whom it lets find what, and that nobody ever finds half of it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki import inspection, keys
from plugins import Bundle, Misconfigured, OptionErrors, Permanent, Temporary, commands, parse
from plugins.destinations import pairs
from plugins.destinations.directory import DirectoryDestination, directories
from plugins.testing import sample_pki
from plugins.testing_stores import DestinationContract
from tests.dying import dying

RELOAD = {"note": 'echo "$(cat "$1")" >>"$2"', "refuse": "echo 'no, thank you' >&2; exit 1"}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The one directory that the operator has opened, and the commands that are allowed."""
    before, allowed, opened = directories.roots, commands._commands, tmp_path / "opened"
    opened.mkdir()
    directories.configure([str(opened)])
    yield opened
    directories.configure(map(str, before))
    commands.configure(allowed)


def destination(root: Path, **changes: Any) -> DirectoryDestination:
    return DirectoryDestination(parse(DirectoryDestination.Options, {"path": str(root), **changes}))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def certificates(root: Path, name: str) -> list[x509.Certificate]:
    file = root / name / f"{name}.pem"
    return (
        x509.load_pem_x509_certificates(file.read_bytes().partition(b"-----BEGIN EC PRIV")[0]) if file.exists() else []
    )


def pair(root: Path, name: str) -> tuple[x509.Certificate, Any]:
    """What a program finds that enters the directory of the version once, and reads both files there."""
    folder = os.open(root / name / pairs.CURRENT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with open(os.open(f"{name}.pem", os.O_RDONLY, dir_fd=folder), "rb") as file:
            certificate = x509.load_pem_x509_certificates(file.read())[0]
        with open(os.open(f"{name}.key", os.O_RDONLY, dir_fd=folder), "rb") as file:
            assert os.fstat(file.fileno()).st_mode & 0o077 == 0
            return certificate, load_pem_private_key(file.read(), None)
    finally:
        os.close(folder)


def fits(found: tuple[x509.Certificate, Any]) -> bool:
    return keys.belongs(found[1], found[0].public_key())


class TestDirectoryDestination(DestinationContract):
    plugin_class = DirectoryDestination
    wrong_values = {"path": "/etc", "exportFormat": "IIS", "reloadCommand": "rm -rf /"}

    @pytest.fixture(autouse=True)
    def _opened(self, root: Path) -> None:
        self.root = root
        self.values = {"path": str(root)}  # type: ignore[misc]

    def there(self, name: str) -> list[x509.Certificate]:
        return certificates(self.root, name)

    def key_there(self, name: str) -> Any:
        return load_pem_private_key((self.root / name / f"{name}.key").read_bytes(), None)

    def refused(self) -> Any:
        """Nobody logs in here: the directory is closed again."""
        made = self.make()
        directories.configure([])
        return made

    test_a_place_that_does_not_answer_is_worth_another_try = None  # type: ignore[assignment]  # this machine answers


def test_nginx_reads_two_files(root: Path) -> None:
    bundle, folder = sample_pki().bundle("nginx"), root / "nginx"
    destination(root).upload(bundle)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == ["nginx.key", "nginx.pem"]
    assert (mode(folder), mode(folder / "nginx.pem"), mode(folder / "nginx.key")) == (0o755, 0o644, 0o600)
    assert (folder / "nginx.pem").read_text() == inspection.pem(bundle.certificate) + inspection.pem(bundle.chain[0])


def test_apache_reads_three(root: Path) -> None:
    bundle, folder = sample_pki().bundle("apache"), root / "apache"
    destination(root, exportFormat="Apache").upload(bundle)
    assert (folder / "apache.pem").read_text() == inspection.pem(bundle.certificate)
    assert (folder / "apache.ca.bundle.pem").read_text() == inspection.pem(bundle.chain[0])
    destination(root).upload(bundle)
    assert not (folder / "apache.ca.bundle.pem").is_symlink(), "an old chain stays behind for nobody"


def test_haproxy_reads_one(root: Path) -> None:
    bundle, folder = sample_pki().bundle("haproxy"), root / "haproxy"
    made = destination(root, exportFormat="HAProxy")
    made.upload(bundle)
    text = (folder / "haproxy.pem").read_bytes()
    assert mode(folder / "haproxy.pem") == 0o600
    key = load_pem_private_key(text[text.index(b"-----BEGIN EC PRIVATE") :], None)
    assert keys.belongs(key, bundle.certificate.public_key())  # type: ignore[arg-type]
    assert certificates(root, "haproxy") == [bundle.certificate, bundle.chain[0]]
    assert not (folder / "haproxy.key").is_symlink()
    assert made.held("haproxy") == inspection.fingerprint(bundle.certificate)


def test_only_the_previous_version_is_kept(root: Path) -> None:
    bundles = [sample_pki().bundle("kept") for _ in range(4)]
    for bundle in bundles:
        destination(root).upload(bundle)
        destination(root).upload(bundle)
    versions = {
        path.name.split(".")[1] for path in (root / "kept").iterdir() if path.is_dir() and not path.is_symlink()
    }
    assert versions == {inspection.fingerprint(one.certificate)[:16] for one in bundles[-2:]}
    destination(root).roll_back(bundles[-1])
    assert certificates(root, "kept")[0] == bundles[-2].certificate
    assert fits(pair(root, "kept"))


def test_a_certificate_that_is_taken_away_is_not_kept_either(root: Path) -> None:
    """One that was revoked must not come back."""
    old, new = sample_pki().bundle("revoked"), sample_pki().bundle("revoked")
    made = destination(root)
    made.upload(old)
    made.upload(new)
    made.remove(old)
    with pytest.raises(Permanent, match="Putting the previous files back: nothing is kept"):
        made.roll_back(new)
    assert certificates(root, "revoked")[0] == new.certificate
    assert sum(path.is_dir() and not path.is_symlink() for path in (root / "revoked").iterdir()) == 1
    made.remove(new)
    assert not (root / "revoked").exists()


def plain(root: Path, bundle: Bundle) -> Path:
    """Files as Lemur has left them, without links."""
    folder = root / bundle.name
    folder.mkdir()
    (folder / f"{bundle.name}.pem").write_text(inspection.pem(bundle.certificate))
    (folder / f"{bundle.name}.key").write_text(keys.private_key_pem(bundle.private_key))  # type: ignore[arg-type]
    (folder / "notes.txt").write_text("by hand")
    return folder


def test_files_that_lay_there_are_kept_as_the_previous_version(root: Path) -> None:
    old, new = sample_pki().bundle("moved"), sample_pki().bundle("moved")
    folder, made = plain(root, old), destination(root)
    assert made.held("moved") == inspection.fingerprint(old.certificate)
    made.upload(new)
    assert certificates(root, "moved")[0] == new.certificate
    made.roll_back(new)
    assert (certificates(root, "moved")[0], mode(folder / "moved.key")) == (old.certificate, 0o600)
    made.remove(old)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("before", ["links", "plain"])
def test_wherever_a_delivery_dies_a_whole_pair_is_there(root: Path, before: str) -> None:
    old, new, name = sample_pki().bundle("dying"), sample_pki().bundle("dying"), "dying"
    if before == "links":
        destination(root).upload(old)
    else:
        plain(root, old)
    fingerprint = inspection.fingerprint(new.certificate)
    files = destination(root).files(new)
    seen = set()
    for _ in dying(destination(root).place, lambda place: pairs.Pair(place, name).put(fingerprint, files)):
        key = load_pem_private_key((root / name / f"{name}.key").read_bytes(), None)
        found = certificates(root, name)[0]
        assert keys.belongs(key, found.public_key())  # type: ignore[arg-type]
        seen.add(found)
    assert seen >= {old.certificate}
    assert certificates(root, name)[0] == new.certificate
    destination(root).roll_back(new)
    assert certificates(root, name)[0] == old.certificate


def test_wherever_a_removal_dies_it_can_be_done_again(root: Path) -> None:
    bundle, name = sample_pki().bundle("leaving"), "leaving"
    fingerprint = inspection.fingerprint(bundle.certificate)
    destination(root).upload(sample_pki().bundle(name))
    destination(root).upload(bundle)
    for _ in dying(destination(root).place, lambda place: pairs.Pair(place, name).take_away(fingerprint)):
        left = [path for path in (root / name).rglob("*.key") if path.is_file() and not path.is_symlink()]
        assert not left or destination(root).held(name) == fingerprint
    destination(root).upload(bundle)
    assert certificates(root, name)[0] == bundle.certificate
    destination(root).remove(bundle)
    assert not (root / name).exists()


def test_whoever_reads_all_the_time_never_finds_a_mismatch(root: Path) -> None:
    bundles, name = [sample_pki().bundle("read") for _ in range(2)], "read"
    made, over, found = destination(root), threading.Event(), []
    made.upload(bundles[0])

    def read() -> None:
        while not over.wait(0.001):
            found.append(pair(root, name))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(60):
            made.upload(bundles[turn % 2])
    finally:
        over.set()
        reader.join()
    assert all(map(fits, found))
    assert {certificate for certificate, _ in found} == {one.certificate for one in bundles}


def test_a_full_disk_leaves_the_old_pair_and_says_at_which_step(root: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    disk = root / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False)
    if done.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        old, new, made = sample_pki().bundle("full"), sample_pki().bundle("full"), destination(disk)
        made.upload(old)
        with pytest.raises(OSError, match="No space"):
            (disk / "filler").write_bytes(b"x" * 70_000)
        with pytest.raises(Temporary, match=r"Writing the new files: .* No space left on device"):
            made.upload(new)
        assert certificates(disk, "full")[0] == old.certificate
        assert fits(pair(disk, "full"))
        (disk / "filler").unlink()
        made.upload(new)
        assert certificates(disk, "full")[0] == new.certificate
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def allow(**scripts: list[str]) -> None:
    commands.configure({name: ["/bin/sh", "-c", RELOAD[name], "sh", *words] for name, words in scripts.items()})


def test_the_command_runs_once_the_files_are_there(root: Path, tmp_path: Path) -> None:
    bundle, log = sample_pki().bundle("told"), tmp_path / "log"
    allow(note=[str(root / "told" / "told.pem"), str(log)])
    destination(root, reloadCommand="note").upload(bundle)
    assert log.read_text().strip() == (root / "told" / "told.pem").read_text().strip()


def test_a_command_that_refuses_brings_the_previous_pair_back(root: Path) -> None:
    old, new = sample_pki().bundle("refused"), sample_pki().bundle("refused")
    allow(refuse=[])
    made = destination(root, reloadCommand="refuse")
    with pytest.raises(Temporary, match=r"^Reloading: the command 'refuse' ended with status 1: no, thank you\.$"):
        made.upload(old)
    assert certificates(root, "refused")[0] == old.certificate, "there is nothing to go back to"
    with pytest.raises(Temporary, match=r"no, thank you\. The previous certificate is in place again\.$"):
        made.upload(new)
    assert certificates(root, "refused")[0] == old.certificate
    assert fits(pair(root, "refused"))


def test_a_reload_that_fails_later_does_not_bring_an_old_certificate_back(root: Path) -> None:
    old, new = sample_pki().bundle("later"), sample_pki().bundle("later")
    destination(root).upload(old)
    destination(root).upload(new)
    allow(refuse=[])
    with pytest.raises(Temporary, match="no, thank you"):
        destination(root, reloadCommand="refuse").upload(new)
    assert certificates(root, "later")[0] == new.certificate


def test_only_commands_that_the_operator_has_named(root: Path) -> None:
    allow(note=[])
    with pytest.raises(OptionErrors, match="none of the commands that RELOAD_COMMANDS names: note"):
        destination(root, reloadCommand="refuse")
    made = destination(root, reloadCommand="note")
    commands.configure({})
    with pytest.raises(Misconfigured, match="RELOAD_COMMANDS"):
        made.upload(sample_pki().bundle("unnamed"))


def test_links_lead_nowhere(root: Path, tmp_path: Path) -> None:
    elsewhere, bundle = tmp_path / "elsewhere", sample_pki().bundle("linked")
    elsewhere.mkdir()
    (root / "linked").symlink_to(elsewhere)
    (root / "way").symlink_to(elsewhere)
    with pytest.raises(Misconfigured, match="no directory of its own"):
        destination(root).upload(bundle)
    with pytest.raises(Misconfigured):
        destination(root / "way").check()
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_not_written_through(root: Path, tmp_path: Path) -> None:
    target, bundle = tmp_path / "target", sample_pki().bundle("file")
    target.write_text("precious")
    destination(root).upload(bundle)
    for name in (".current", "file.key"):
        (root / "file" / name).unlink()
        (root / "file" / name).symlink_to(target)
    destination(root).upload(bundle)
    assert target.read_text() == "precious"
    assert fits(pair(root, "file"))


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "-rf", "new\nline", "x" * 231])
def test_names_that_are_none_for_a_file(root: Path, name: str) -> None:
    with pytest.raises(Permanent, match="cannot be the name of a file"):
        destination(root).upload(Bundle(**{**vars(sample_pki().bundle()), "name": name}))
    assert list(root.iterdir()) == []


def test_nothing_stays_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    made, bundle = destination(root), sample_pki().bundle("closed")
    for attempt in (made.check, lambda: made.upload(bundle), lambda: made.remove(bundle)):
        attempt()
    assert len(os.listdir("/proc/self/fd")) == before
