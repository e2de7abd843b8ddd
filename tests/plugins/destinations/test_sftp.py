"""sftp-destination against OpenSSH's own server: what it delivers, whom it trusts, and what it says when it fails."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lemur_site import gunicorn_conf
from pki import inspection, keys
from plugins import Bundle, Misconfigured, OptionErrors, Permanent, Temporary, network, parse
from plugins.destinations import pairs, sftp, ssh
from plugins.destinations.sftp import SftpDestination
from plugins.testing import sample_pki
from plugins.testing_stores import DestinationContract
from tests.dying import dying
from tests.endings import ends
from tests.servers.sftp import SftpServer, free_port, sftp_server

pytestmark = pytest.mark.server("sshd")
SECRET = "wrong-Horse-7-battery"


@pytest.fixture(scope="module")
def server() -> Iterator[SftpServer]:
    with sftp_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our servers listen."""
    monkeypatch.setattr(network, "_allowed", (ip_network("127.0.0.0/8"),))


def plugin(server: SftpServer, **changes: Any) -> SftpDestination:
    return SftpDestination(parse(SftpDestination.Options, server.options(**changes)))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


class TestSftpDestination(DestinationContract):
    plugin_class = SftpDestination
    wrong_values = {
        "host": "two words",
        "port": 70_000,
        "user": "a b",
        "hostKey": "no key",
        "destinationPath": "/etc/../root",
        "exportFormat": "IIS",
        "privateKey": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
        "privateKeyPass": SECRET * 1000,
    }

    @pytest.fixture(autouse=True)
    def _running(self, server: SftpServer) -> None:
        self.server = server
        self.values = server.options()  # type: ignore[misc]

    def there(self, name: str) -> list[x509.Certificate]:
        file = self.server.files / name / f"{name}.pem"
        return x509.load_pem_x509_certificates(file.read_bytes()) if file.exists() else []

    def key_there(self, name: str) -> Any:
        return load_pem_private_key((self.server.files / name / f"{name}.key").read_bytes(), None)

    def refused(self) -> Any:
        return plugin(self.server, privateKey=None, password=SECRET)

    def unreachable(self) -> Any:
        return plugin(self.server, port=free_port())

    def test_wrong_options_are_refused_one_message_each(self) -> None:
        """A passphrase that does not open the key is the key's error."""
        for name, value in self.wrong_values.items():
            with pytest.raises(OptionErrors) as caught:
                self.make(**{"privateKey": self.server.private("user_locked"), name: value})
            expected = "privateKey" if name == "privateKeyPass" else name
            assert expected in caught.value.errors
            assert SECRET not in str(caught.value)


def test_nginx_reads_certificate_and_chain_from_one_file(server: SftpServer) -> None:
    bundle = sample_pki().bundle("nginx")
    plugin(server).upload(bundle)
    folder = server.files / "nginx"
    seen = {path.name: mode(path) for path in folder.iterdir() if not path.name.startswith(".")}
    assert seen == {"nginx.pem": 0o644, "nginx.key": 0o600}
    assert mode(folder) == 0o755, "whatever the server's umask is"
    assert (folder / "nginx.pem").read_text() == inspection.pem(bundle.certificate) + inspection.pem(bundle.chain[0])
    assert [path.name for path in server.files.iterdir() if path.name.startswith(".")] == []


def test_apache_reads_the_chain_from_a_file_of_its_own(server: SftpServer) -> None:
    bundle, folder = sample_pki().bundle("apache"), server.files / "apache"
    plugin(server, exportFormat="Apache").upload(bundle)
    assert (folder / "apache.pem").read_text() == inspection.pem(bundle.certificate)
    assert (folder / "apache.ca.bundle.pem").read_text() == inspection.pem(bundle.chain[0])
    plugin(server).upload(bundle)
    assert not (folder / "apache.ca.bundle.pem").exists(), "an old chain stays behind for nobody"


@pytest.mark.parametrize(
    "way",
    [
        {"privateKey": "user_ed25519"},
        {"privateKey": "user_locked", "privateKeyPass": "open sesame"},
        {"privateKey": "user_rsa"},
        {"privateKey": None, "password": "password"},
        {"privateKey": "stranger", "password": "password"},
    ],
    ids=["ed25519", "ecdsa with passphrase", "rsa in PEM", "password", "refused key, then password"],
)
def test_ways_in(server: SftpServer, way: dict[str, Any]) -> None:
    changes = dict(way)
    if changes["privateKey"]:
        changes["privateKey"] = server.private(changes["privateKey"])
    if "password" in changes:
        changes["password"] = server.password
    plugin(server, **changes).check()


@pytest.mark.parametrize(
    ("key", "passphrase", "reason"),
    [
        ("user_ed25519", SECRET, "it is not encrypted: leave out the passphrase"),
        ("user_locked", None, "it is encrypted: give its passphrase as well"),
        ("user_locked", SECRET, "it is no private key, or the passphrase does not open it"),
    ],
)
def test_a_passphrase_that_does_not_fit_the_key(
    server: SftpServer, key: str, passphrase: str | None, reason: str
) -> None:
    with pytest.raises(OptionErrors) as caught:
        plugin(server, privateKey=server.private(key), privateKeyPass=passphrase)
    assert caught.value.errors == {"privateKey": f"Option 'privateKey' cannot be validated: {reason}."}


def test_a_key_that_nobody_there_knows(server: SftpServer) -> None:
    with pytest.raises(Misconfigured, match=r"does not let lemur-\w+ in"):
        plugin(server, privateKey=server.private("stranger")).check()


def fingerprint(server: SftpServer, name: str) -> str:
    command = ["ssh-keygen", "-lf", str(server.keys / f"{name}.pub")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_ways_to_say_which_machine_it_is(server: SftpServer) -> None:
    scanned = subprocess.run(
        ["ssh-keyscan", "-p", str(server.port), "127.0.0.1"], capture_output=True, text=True, check=True
    ).stdout
    ways = [
        server.public("host_rsa"),
        fingerprint(server, "host_ed25519"),
        fingerprint(server, "host_ed25519").split()[1],
        scanned,
        f"# the new one\n{fingerprint(server, 'stranger')}\n{server.public('host_rsa')}",
    ]
    for way in ways:
        plugin(server, hostKey=way).check()


def test_another_machine_gets_neither_key_nor_password(server: SftpServer) -> None:
    bundle = sample_pki().bundle("impostor")
    for known in (server.public("stranger"), fingerprint(server, "stranger")):
        with pytest.raises(Misconfigured) as caught:
            plugin(server, hostKey=known, privateKey=None, password=SECRET).upload(bundle)
        assert "shows another host key" in str(caught.value), "it asked for the password first"
        assert fingerprint(server, "host_ed25519").split()[1] in str(caught.value)
    assert not (server.files / "impostor").exists()


def test_the_host_key_must_be_given(server: SftpServer) -> None:
    with pytest.raises(OptionErrors) as caught:
        plugin(server, hostKey=None)
    assert caught.value.errors == {"hostKey": "Option 'hostKey' is required."}


def test_addresses_that_are_not_contacted(server: SftpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_allowed", ())
    with pytest.raises(Misconfigured, match=r"127\.0\.0\.1, which is neither .* OUTBOUND_ALLOW can permit it"):
        plugin(server).check()
    with pytest.raises(Misconfigured, match="that is never contacted"):
        plugin(server, host="169.254.169.254").check()


def test_there_must_be_a_way_in(server: SftpServer) -> None:
    with pytest.raises(OptionErrors) as caught:
        plugin(server, privateKey=None)
    assert caught.value.errors == {
        "privateKey": "Option 'privateKey' cannot be validated: give a private key, or a password."
    }


def test_a_directory_that_is_not_there(server: SftpServer) -> None:
    missing = plugin(server, destinationPath=str(server.files / "no" / "such"))
    for attempt in (missing.check, lambda: missing.upload(sample_pki().bundle("nowhere"))):
        with pytest.raises(Misconfigured):
            attempt()
    assert not (server.files / "no").exists()


def test_a_directory_that_belongs_to_others(server: SftpServer) -> None:
    theirs = server.keys / "theirs"
    theirs.mkdir(exist_ok=True)
    for attempt in (
        plugin(server, destinationPath=str(theirs)).check,
        lambda: plugin(server, destinationPath=str(theirs)).upload(sample_pki().bundle("theirs")),
    ):
        with pytest.raises(Misconfigured, match="may not write there"):
            attempt()
    assert list(theirs.iterdir()) == []


def test_a_server_that_only_lets_read() -> None:
    with sftp_server("read-only") as server, pytest.raises(Misconfigured, match="may not write there"):
        plugin(server).upload(sample_pki().bundle("read-only"))


def test_a_full_disk_is_worth_another_try_and_leaves_what_was_there() -> None:
    bundle = sample_pki().bundle("full")
    with sftp_server("full") as server:
        folder = server.files / "full"
        folder.mkdir()
        os.chown(folder, server.files.stat().st_uid, -1)
        (folder / "full.pem").write_text("the old one")
        (folder / "full.key").write_text("its key")
        with pytest.raises(Temporary, match=r"^Writing the new files: .* as it does when its disk is full"):
            plugin(server).upload(bundle)
        assert {path.name: path.read_text() for path in folder.iterdir()} == {
            "full.pem": "the old one",
            "full.key": "its key",
        }
        assert [path.name for path in server.files.iterdir()] == ["full"]


def test_a_link_in_the_place_of_the_directory_is_not_followed(server: SftpServer) -> None:
    elsewhere = server.keys / "elsewhere"
    elsewhere.mkdir()
    os.chown(elsewhere, server.files.stat().st_uid, -1)
    (server.files / "linked").symlink_to(elsewhere)
    with pytest.raises(Misconfigured, match="no directory of its own"):
        plugin(server).upload(sample_pki().bundle("linked"))
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_written_through(server: SftpServer) -> None:
    target, bundle = server.files / "target", sample_pki().bundle("file-link")
    target.write_text("precious")
    plugin(server).upload(bundle)
    key = server.files / "file-link" / "file-link.key"
    key.unlink()
    key.symlink_to(target)
    plugin(server).upload(bundle)
    assert (target.read_text(), os.readlink(key), mode(key)) == ("precious", ".current/file-link.key", 0o600)


def test_what_a_delivery_left_that_died_is_removed(server: SftpServer) -> None:
    bundle, folder = sample_pki().bundle("again"), server.files / "again"
    plugin(server).upload(bundle)
    left = folder / ".0123456789abcdef.01234567"
    left.mkdir()
    (left / "again.key").write_text("half of a k")
    for path in (left, left / "again.key"):
        os.chown(path, server.files.stat().st_uid, -1)
    plugin(server).upload(bundle)
    assert not left.exists()
    assert mode(folder / "again.key") == 0o600


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "-rf", "new\nline", "*", "x" * 231, "käse"])
def test_names_that_are_none_for_a_file(server: SftpServer, name: str) -> None:
    bundle = sample_pki().bundle()
    strange = Bundle(**{**vars(bundle), "name": name})
    with pytest.raises(Permanent, match="cannot be the name of a file"):
        plugin(server).upload(strange)


def test_files_of_others_stay_when_ours_are_removed(server: SftpServer) -> None:
    bundle, folder = sample_pki().bundle("shared"), server.files / "shared"
    plugin(server).upload(bundle)
    (folder / "notes.txt").write_text("by hand")
    plugin(server).remove(bundle)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_what_is_no_certificate_is_not_taken_for_nothing(server: SftpServer) -> None:
    bundle, folder = sample_pki().bundle("garbage"), server.files / "garbage"
    plugin(server).upload(bundle)
    (folder / "garbage.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert plugin(server).held("garbage") == ""
    plugin(server).remove(bundle)
    assert (folder / "garbage.key").exists()


def files(server: SftpServer, name: str) -> tuple[x509.Certificate, Any]:
    folder = server.files / name
    certificate = x509.load_pem_x509_certificates((folder / f"{name}.pem").read_bytes())[0]
    return certificate, load_pem_private_key((folder / f"{name}.key").read_bytes(), None)


def test_wherever_a_delivery_dies_a_whole_pair_is_there(server: SftpServer) -> None:
    """Between certificate and key as well; the first one finds files that Lemur has left, without links."""
    old, new, name = sample_pki().bundle("dying"), sample_pki().bundle("dying"), "dying"
    folder = server.files / name
    folder.mkdir()
    (folder / f"{name}.pem").write_text(inspection.pem(old.certificate))
    (folder / f"{name}.key").write_text(keys.private_key_pem(old.private_key))  # type: ignore[arg-type]
    for path in (folder, *folder.iterdir()):
        os.chown(path, server.files.stat().st_uid, -1)
    made, seen = plugin(server), set()
    fingerprint, written = inspection.fingerprint(new.certificate), made.files(new)
    for _ in dying(made.place, lambda place: pairs.Pair(place, name).put(fingerprint, written)):
        certificate, key = files(server, name)
        assert keys.belongs(key, certificate.public_key())  # type: ignore[arg-type]
        seen.add(certificate)
    assert seen == {old.certificate, new.certificate}
    made.roll_back(new)
    assert files(server, name)[0] == old.certificate
    assert sorted(path.name for path in server.files.iterdir() if path.name.startswith(".")) == []


def test_the_command_runs_there_once_the_files_are(server: SftpServer) -> None:
    bundle, log = sample_pki().bundle("told"), server.files / "log"
    command = f"id -un >>{log}; head -n 3 {server.files}/told/told.pem >>{log}"
    made = plugin(server, reloadCommand=command)
    made.check()
    made.upload(bundle)
    assert log.read_text().splitlines() == [server.user, *inspection.pem(bundle.certificate).splitlines()[:3]]


def test_a_command_that_refuses_brings_the_previous_pair_back(server: SftpServer) -> None:
    old, new, log = sample_pki().bundle("refused"), sample_pki().bundle("refused"), server.files / "reloads"
    command = (
        f"openssl x509 -in {server.files}/refused/refused.pem -noout -serial >>{log}; echo no, thank you >&2; exit 3"
    )
    plugin(server).upload(old)
    with pytest.raises(Temporary) as caught:
        plugin(server, reloadCommand=command).upload(new)
    assert str(caught.value).startswith(f"Reloading: the command '{command}' ended with status 3: ")
    assert str(caught.value).endswith("no, thank you. The previous certificate is in place again.")
    assert files(server, "refused")[0] == old.certificate
    serials = [int(line.partition("=")[2], 16) for line in log.read_text().splitlines()]
    assert serials == [new.certificate.serial_number, old.certificate.serial_number], "reloaded with what worked"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sleep 600", r"did not end within 0\.5 seconds"),
        ("kill -9 $$", "was ended by a signal"),
        ("no-such-program", "ended with status 127: .*not found"),
        ("yes | head -c 1000000; exit 1", "ended with status 1: (y )+y"),
    ],
)
def test_commands_that_go_wrong(server: SftpServer, command: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp, "RELOAD_SECONDS", 0.5 if "sleep" in command else 30.0)
    with ends(), pytest.raises(Temporary, match=said):
        plugin(server, reloadCommand=command).upload(sample_pki().bundle("wrong"))


def test_a_daemon_that_a_command_starts_is_not_waited_for(server: SftpServer) -> None:
    with ends():
        plugin(server, reloadCommand="sleep 60 & echo started").upload(sample_pki().bundle("daemon"))


def test_a_server_for_files_alone() -> None:
    """It says that each command ended well, and runs none."""
    with sftp_server("no shell") as server:
        plugin(server).check()
        with pytest.raises(Misconfigured, match="may not run commands"):
            plugin(server, reloadCommand="true").check()


@contextmanager
def relay(port: int, *, most: int) -> Iterator[int]:
    """A port that leads to the server until so many bytes have gone there; then the line is cut."""
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(one: socket.socket, other: socket.socket, left: int) -> None:
        try:
            while left > 0 and (data := one.recv(min(4096, left))):
                other.sendall(data)
                left -= len(data)
        except OSError:
            pass
        for end in (one, other):
            end.close()

    def serve() -> None:
        try:
            while True:
                client, _ = listener.accept()
                upstream = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=carry, args=(client, upstream, most), daemon=True).start()
                threading.Thread(target=carry, args=(upstream, client, 1 << 30), daemon=True).start()
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()


@pytest.mark.parametrize("most", [10, 500, 2_500, 3_500, 4_500, 5_500])
def test_a_line_that_is_cut_leaves_whole_files_and_can_be_tried_again(server: SftpServer, most: int) -> None:
    name = f"cut-{most}"
    old, new, folder = sample_pki().bundle(name), sample_pki().bundle(name), server.files / name
    plugin(server).upload(old)
    with relay(server.port, most=most) as port, pytest.raises(Temporary):
        plugin(server, port=port).upload(new)
    certificate = x509.load_pem_x509_certificates((folder / f"{name}.pem").read_bytes())[0]
    load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    assert mode(folder / f"{name}.key") == 0o600
    assert certificate == old.certificate
    assert plugin(server).held(name) == inspection.fingerprint(old.certificate)
    plugin(server).upload(new)
    assert plugin(server).held(name) == inspection.fingerprint(new.certificate)


def test_a_server_that_says_nothing(server: SftpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, ends(), pytest.raises(Temporary):
        plugin(server, port=silent.getsockname()[1]).check()


def test_a_trial_ends_before_the_request_that_waits_for_it(server: SftpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    given, session = [], ssh.session

    def watched(account: ssh.Account, *, seconds: float) -> Any:
        given.append(seconds)
        return session(account, seconds=seconds)

    monkeypatch.setattr(ssh, "session", watched)
    plugin(server).check()
    assert given == [ssh.TRIAL_SECONDS]
    assert gunicorn_conf.timeout > ssh.CONNECT_SECONDS + ssh.TRIAL_SECONDS


def _dawdle(account: ssh.Account) -> None:
    with ssh.session(account, seconds=0.5) as sftp:
        while True:
            sftp.listdir(".")


def test_a_session_ends_however_the_server_dawdles(server: SftpServer) -> None:
    made = plugin(server)
    account = ssh.Account(
        "127.0.0.1", server.port, server.user, ssh.read_host_keys(server.public()),
        ssh.read_private_key(server.private(), None), None,
    )  # fmt: skip
    with ends(), pytest.raises(Temporary):
        _dawdle(account)
    made.check()
