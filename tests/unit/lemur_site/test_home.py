"""The state directory: what is made on first use, what never is, and what a person reads when it cannot be."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lemur_site import home
from lemur_site.home import DATABASE, ENCRYPTION_KEYS, SECRET_KEY, HomeError
from pki.envelope import Keyring


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_first_use_makes_a_private_directory_with_two_private_secrets(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "var"
    home.prepare(place)
    assert mode(place) == 0o700
    assert {path.name for path in place.iterdir()} == {SECRET_KEY, ENCRYPTION_KEYS}
    assert all(mode(path) == 0o600 for path in place.iterdir())


def test_the_made_key_seals_and_opens(tmp_path: Path) -> None:
    text = home.read_secret(tmp_path / "var", ENCRYPTION_KEYS, create=True)
    ring = Keyring.parse(text)
    assert ring.unseal(ring.seal(b"secret", "context"), "context") == b"secret"


def test_the_secret_key_is_long_enough_for_django(tmp_path: Path) -> None:
    key = home.read_secret(tmp_path / "var", SECRET_KEY, create=True)
    assert len(key) >= 50
    assert len(set(key)) >= 5


def test_a_second_use_changes_nothing(tmp_path: Path) -> None:
    home.prepare(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    home.prepare(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_two_installations_have_different_secrets(tmp_path: Path) -> None:
    for name in (SECRET_KEY, ENCRYPTION_KEYS):
        one, other = (home.read_secret(tmp_path / place, name, create=True) for place in ("a", "b"))
        assert one != other


def test_processes_that_start_together_agree_on_the_keys(tmp_path: Path) -> None:
    place = tmp_path / "var"
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: home.read_secret(place, ENCRYPTION_KEYS, create=True), range(16)))
    assert len(set(read)) == 1


def test_no_new_keys_beside_an_existing_database(tmp_path: Path) -> None:
    home.prepare(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"")
    (tmp_path / ENCRYPTION_KEYS).unlink()
    with pytest.raises(HomeError, match=r"encryption-keys is missing.*cannot be opened.*restore"):
        home.read_secret(tmp_path, ENCRYPTION_KEYS, create=True)
    assert not (tmp_path / ENCRYPTION_KEYS).exists()


def test_a_lost_secret_key_is_made_anew(tmp_path: Path) -> None:
    home.prepare(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"")
    (tmp_path / SECRET_KEY).unlink()
    assert home.read_secret(tmp_path, SECRET_KEY, create=True)


def test_without_leave_to_create_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"encryption-keys is missing.*ENCRYPTION_KEYS or ENCRYPTION_KEYS_FILE"):
        home.read_secret(tmp_path, ENCRYPTION_KEYS, create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "not UTF-8")])
def test_a_damaged_secret_is_named_and_kept(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / ENCRYPTION_KEYS).write_bytes(content)
    with pytest.raises(HomeError, match=reason):
        home.read_secret(tmp_path, ENCRYPTION_KEYS, create=True)
    assert (tmp_path / ENCRYPTION_KEYS).read_bytes() == content


def test_white_space_around_a_secret_is_not_part_of_it(tmp_path: Path) -> None:
    (tmp_path / SECRET_KEY).write_text("  text\n\n")
    assert home.read_secret(tmp_path, SECRET_KEY, create=False) == "text"


def test_a_file_in_the_directory_s_place_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "var"
    place.write_text("")
    for use in (home.prepare, home.check_writable):
        with pytest.raises(HomeError, match=r"var cannot be written.*LEMUR_HOME"):
            use(place)


def test_a_directory_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(HomeError, match=r"/proc/lemur cannot be written.*LEMUR_HOME"):
        home.check_writable(Path("/proc/lemur"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_write_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HomeError, match=r"cannot be written \(Permission denied\)"):
        home.check_writable(tmp_path)


def test_an_empty_directory_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    home.prepare(tmp_path)
    assert mode(tmp_path) == 0o700


def test_a_directory_of_ours_is_closed_to_others(tmp_path: Path) -> None:
    home.prepare(tmp_path)
    tmp_path.chmod(0o755)
    home.check_writable(tmp_path)
    assert mode(tmp_path) == 0o700


def test_somebody_else_s_directory_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "letter.txt").write_text("")
    with pytest.raises(HomeError, match=r"open to other users and holds files that are not Lemur's"):
        home.check_writable(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_private_file_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "admin-password"
    home.write_private(path, "old\n")
    home.write_private(path, "new\n")
    assert path.read_text() == "new\n"
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.mkdir()
    with pytest.raises(HomeError, match=r"taken cannot be written: Is a directory"):
        home.write_private(path, "text")
    assert list(tmp_path.iterdir()) == [path]
