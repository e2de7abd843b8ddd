"""Files on another machine, over SFTP: certificate, chain and key where nginx or Apache looks for them."""

from __future__ import annotations

import errno
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Annotated, Any, Final, Literal

import paramiko
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationInfo, field_validator

from pki import chains, containers, inspection
from pki.errors import PkiError
from pki.keys import private_key_pem
from plugins.contracts import Confirms, Destination, Removes
from plugins.destinations import ssh
from plugins.errors import Misconfigured, Permanent, PluginError, refusing
from plugins.options import TARGET, PluginOptions
from plugins.values import Bundle

NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,229}")
LARGEST: Final = 256 * 1024
"""Bytes that are read of a file that is there."""
MODES: Final = {"key": 0o600, "pem": 0o644}
TEXTAREA: Final[dict[str, Any]] = {"type": "textarea"}


def _absolute(path: str) -> str:
    """Without what would lead out of it."""
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError("it must be an absolute path without '..'")
    return posixpath.normpath(path)


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


class SftpDestination(Destination, Confirms, Removes):
    """Files are complete, and keys unreadable to others, before they get their names; each takes its place at once.

    They lie where Lemur puts them: `<destinationPath>/<name>/<name>.pem`, `.key`, and for Apache `.ca.bundle.pem`.
    The certificate comes last: a reader between two renames finds the old certificate with the new key, and `held`
    tells the old one, so that a delivery that died there is made again.
    """

    slug = "sftp-destination"
    title = "SFTP"
    description = "Files for nginx or Apache on another machine, over SSH."

    class Options(PluginOptions):
        host: str = Field(
            description="Name or address of the machine.",
            max_length=255,
            pattern=r"^[A-Za-z0-9._:-]+$",
            json_schema_extra=TARGET,
        )
        port: int = Field(22, ge=1, le=65535, description="Where its SSH server listens.", json_schema_extra=TARGET)
        user: str = Field("root", description="Who logs in there.", max_length=64, pattern=r"^[A-Za-z0-9._@-]+$")
        host_key: str = Field(
            description=(
                "The machine's host key: a line of 'ssh-keyscan HOST', or the fingerprint that "
                "'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' prints on it. Several keys, one a line."
            ),
            max_length=16_384,
            json_schema_extra=TEXTAREA,
        )
        destination_path: Annotated[str, StringConstraints(max_length=1024), AfterValidator(_absolute)] = Field(
            "/etc/nginx/certs", description="The directory there, which must exist; each certificate gets one in it."
        )
        export_format: Literal["NGINX", "Apache"] = Field(
            "NGINX", description="NGINX: certificate and chain in one file. Apache: in two."
        )
        password: SecretStr | None = Field(None, description="For logging in; a private key is better.")
        private_key_pass: SecretStr | None = Field(None, description="Opens the private key, if it is encrypted.")
        private_key: SecretStr | None = Field(
            None,
            validate_default=True,
            description="The private key to log in with: OpenSSH's format or PEM; Ed25519, ECDSA or RSA.",
            json_schema_extra=TEXTAREA,
        )

        @field_validator("host_key")
        @classmethod
        def _host_key_can_be_read(cls, text: str) -> str:
            ssh.read_host_keys(text)
            return text

        @field_validator("private_key")
        @classmethod
        def _there_is_a_way_in(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
            if key is not None:
                ssh.read_private_key(key.get_secret_value(), _text(info.data.get("private_key_pass")))
            elif info.data.get("password") is None:
                raise ValueError("give a private key, or a password")
            return key

    options: Options

    def check(self) -> None:
        """Log in, and make and remove a directory where certificates would go."""
        with self._session(ssh.TRIAL_SECONDS) as sftp:
            trial = f"{self.options.destination_path}/.lemur-check"
            with suppress(OSError):
                sftp.rmdir(trial)
            sftp.mkdir(trial, 0o700)
            sftp.rmdir(trial)

    def upload(self, bundle: Bundle) -> None:
        """Everything is written into a directory that only we may enter, then each file is renamed to its place."""
        files = self._files(bundle)
        folder = self._folder(bundle.name)
        staged = (
            f"{self.options.destination_path}/.lemur-{bundle.name}-{inspection.fingerprint(bundle.certificate)[:16]}"
        )
        with self._session() as sftp:
            self._require_directory(sftp)
            _make_directory(sftp, folder, 0o755)
            with _staging(sftp, staged):
                for name, data in files.items():
                    _write(sftp, f"{staged}/{name}", data)
                for name in files:
                    sftp.posix_rename(f"{staged}/{name}", f"{folder}/{name}")
                for name in set(self._names(bundle.name)) - set(files):
                    _remove(sftp, f"{folder}/{name}")

    def held(self, name: str) -> str | None:
        """What stands first in the certificate's file."""
        with self._session() as sftp:
            return _fingerprint_in(sftp, f"{self._folder(name)}/{name}.pem")

    def remove(self, bundle: Bundle) -> None:
        """The files, and their directory if nothing else is in it."""
        folder = self._folder(bundle.name)
        with self._session() as sftp:
            there = _fingerprint_in(sftp, f"{folder}/{bundle.name}.pem")
            if there != inspection.fingerprint(bundle.certificate):
                return
            for name in self._names(bundle.name):  # the certificate last, so that a second try knows what was there
                _remove(sftp, f"{folder}/{name}")
            with suppress(OSError):  # something of somebody else's is in it
                sftp.rmdir(folder)

    @contextmanager
    def _session(self, seconds: float = ssh.TOTAL_SECONDS) -> Iterator[paramiko.SFTPClient]:
        given = self.options
        key = _text(given.private_key)
        account = ssh.Account(
            given.host,
            given.port,
            given.user,
            known=ssh.read_host_keys(given.host_key),
            key=ssh.read_private_key(key, _text(given.private_key_pass)) if key else None,
            password=_text(given.password),
        )
        with ssh.session(account, seconds=seconds) as sftp:
            yield sftp

    def _folder(self, name: str) -> str:
        if not NAME.fullmatch(name):
            raise Permanent(f"'{name[:100]}' cannot be the name of a file.")
        return f"{self.options.destination_path}/{name}"

    def _names(self, name: str) -> list[str]:
        """Every file that may be ours, in the order in which they change."""
        return [f"{name}.key", f"{name}.ca.bundle.pem", f"{name}.pem"]

    def _files(self, bundle: Bundle) -> Mapping[str, bytes]:
        """What the server reads, in that order. The root stays out: whoever trusts it has it already."""
        if bundle.private_key is None:
            raise Permanent(f"'{bundle.name}' cannot be delivered to {self.slug} without its private key.")
        key, chain_file, certificate_file = self._names(bundle.name)
        issuers = chains.without_root(bundle.chain)
        with refusing(f"'{bundle.name}' cannot be written as PEM"):
            files = {key: private_key_pem(bundle.private_key).encode()}
            if self.options.export_format == "Apache":
                if issuers:
                    files[chain_file] = "".join(map(inspection.pem, issuers)).encode()
                issuers = []
            files[certificate_file] = containers.pem_bundle(bundle.certificate, issuers)
        return files

    def _require_directory(self, sftp: paramiko.SFTPClient) -> None:
        path = self.options.destination_path
        try:
            attributes = sftp.stat(path)
        except FileNotFoundError as error:
            raise Misconfigured(f"There is no directory {path} on {self.options.host}; make it there.") from error
        if not stat.S_ISDIR(attributes.st_mode or 0):
            raise Misconfigured(f"{path} on {self.options.host} is no directory.")


def _make_directory(sftp: paramiko.SFTPClient, path: str, mode: int) -> None:
    """It is there, a directory of its own and no link to another place."""
    with suppress(OSError):  # what is wrong shows next
        sftp.mkdir(path, mode)
    try:
        attributes = sftp.lstat(path)
    except FileNotFoundError:
        sftp.mkdir(path, mode)  # once more, for its reason
        return
    if not stat.S_ISDIR(attributes.st_mode or 0):
        raise Misconfigured(f"{path} is no directory of its own; remove it there.")


@contextmanager
def _staging(sftp: paramiko.SFTPClient, path: str) -> Iterator[None]:
    """A directory that only we may enter. What a delivery left that died is used up; afterwards nothing is left."""
    _make_directory(sftp, path, 0o700)
    sftp.chmod(path, 0o700)
    try:
        yield
    finally:
        with suppress(OSError, EOFError, paramiko.SSHException, PluginError):
            for name in sftp.listdir(path):
                sftp.remove(f"{path}/{name}")
            sftp.rmdir(path)


def _write(sftp: paramiko.SFTPClient, path: str, data: bytes) -> None:
    """All of it, or an error."""
    _remove(sftp, path)
    with sftp.open(path, "wbx") as file:
        file.chmod(MODES[path.rpartition(".")[2]])
        file.write(data)
    size = sftp.stat(path).st_size
    if size != len(data):
        raise OSError(errno.EIO, f"{path} has {size} bytes instead of {len(data)}")


def _remove(sftp: paramiko.SFTPClient, path: str) -> None:
    with suppress(FileNotFoundError):
        sftp.remove(path)


def _fingerprint_in(sftp: paramiko.SFTPClient, path: str) -> str | None:
    """The fingerprint of the first certificate in a file; "" if the file holds none."""
    try:
        with sftp.open(path, "rb") as file:
            data = file.read(LARGEST)
    except FileNotFoundError:
        return None
    try:
        found = chains.split(data, limit=containers.MOST_CERTIFICATES)
    except PkiError:
        return ""
    return inspection.fingerprint(found[0]) if found else ""
