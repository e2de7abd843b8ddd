"""Files on another machine, over SFTP: certificate, chain and key where nginx, Apache or HAProxy looks for them."""

from __future__ import annotations

import errno
import posixpath
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Annotated

import paramiko
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationInfo, field_validator

from plugins.destinations import ssh
from plugins.destinations.files import RELOAD_SECONDS, FileDestination
from plugins.destinations.layout import FORMATS, ExportFormat, File
from plugins.errors import Misconfigured
from plugins.options import TARGET, TEXTAREA, PluginOptions


def _absolute(path: str) -> str:
    """Without what would lead out of it."""
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError("it must be an absolute path without '..'")
    return posixpath.normpath(path)


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


class SftpDestination(FileDestination):
    """They lie where Lemur puts them: `<destinationPath>/<name>/<name>.pem`, `.key`, for Apache `.ca.bundle.pem`."""

    slug = "sftp-destination"
    title = "SFTP"
    description = "Files for nginx, Apache or HAProxy on another machine, over SSH."

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
        export_format: ExportFormat = Field("NGINX", description=FORMATS)
        reload_command: str | None = Field(
            None,
            max_length=500,
            description="Run there after a delivery, by the account's shell: 'sudo systemctl reload nginx'.",
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

    @property
    def layout(self) -> ExportFormat:
        return self.options.export_format

    def check(self) -> None:
        """Log in, and make and remove a directory where certificates would go."""
        with self._session(ssh.TRIAL_SECONDS) as sftp:
            place = self._place(sftp)
            with suppress(OSError):
                place.remove_directory(".lemur-check")
            place.make(".lemur-check")
            place.remove_directory(".lemur-check")
            if self.options.reload_command is not None:
                ssh.require_shell(sftp, str(self.account))

    @contextmanager
    def place(self) -> Iterator[RemotePlace]:
        with self._session(ssh.TOTAL_SECONDS) as sftp:
            self._require_directory(sftp)
            yield self._place(sftp)

    @property
    def account(self) -> ssh.Account:
        given = self.options
        key = _text(given.private_key)
        return ssh.Account(
            given.host,
            given.port,
            given.user,
            known=ssh.read_host_keys(given.host_key),
            key=ssh.read_private_key(key, _text(given.private_key_pass)) if key else None,
            password=_text(given.password),
        )

    def _session(self, seconds: float) -> AbstractContextManager[paramiko.SFTPClient]:
        return ssh.session(self.account, seconds=seconds)

    def _place(self, sftp: paramiko.SFTPClient) -> RemotePlace:
        return RemotePlace(sftp, self.options.destination_path, self.account, self.options.reload_command)

    def _require_directory(self, sftp: paramiko.SFTPClient) -> None:
        path = self.options.destination_path
        try:
            attributes = sftp.stat(path)
        except FileNotFoundError as error:
            raise Misconfigured(f"There is no directory {path} on {self.options.host}; make it there.") from error
        if not stat.S_ISDIR(attributes.st_mode or 0):
            raise Misconfigured(f"{path} on {self.options.host} is no directory.")


class RemotePlace:
    """A directory of another machine, within a session."""

    def __init__(self, sftp: paramiko.SFTPClient, path: str, account: ssh.Account, command: str | None) -> None:
        self.sftp, self.root, self.account, self.command = sftp, path, account, command

    def reload(self) -> None:
        if self.command is not None:
            with self.explained():
                ssh.run(self.sftp, self.command, seconds=RELOAD_SECONDS)

    def explained(self) -> AbstractContextManager[None]:
        return ssh.explained(self.account)

    def kind(self, path: str) -> int:
        try:
            return stat.S_IFMT(self.sftp.lstat(self._at(path)).st_mode or 0)
        except FileNotFoundError:
            return 0

    def names(self, path: str) -> list[str]:
        return list(self.sftp.listdir(self._at(path)))

    def make(self, path: str) -> None:
        self.sftp.mkdir(self._at(path), 0o700)

    def open_up(self, path: str) -> None:
        self.sftp.chmod(self._at(path), 0o755)

    def write(self, path: str, file: File) -> None:
        with self.sftp.open(self._at(path), "wbx") as made:
            made.chmod(file.mode)
            made.write(file.data)
        size = self.sftp.stat(self._at(path)).st_size
        if size != len(file.data):
            raise OSError(errno.EIO, f"{path} has {size} bytes instead of {len(file.data)}")

    def read(self, path: str, most: int) -> bytes:
        with self.sftp.open(self._at(path), "rb") as file:
            return bytes(file.read(most))

    def link(self, target: str, path: str) -> None:
        self.sftp.symlink(target, self._at(path))

    def target(self, path: str) -> str:
        return self.sftp.readlink(self._at(path)) or ""

    def rename(self, old: str, new: str) -> None:
        self.sftp.posix_rename(self._at(old), self._at(new))

    def remove(self, path: str) -> None:
        self.sftp.remove(self._at(path))

    def remove_directory(self, path: str) -> None:
        self.sftp.rmdir(self._at(path))

    def sync(self, path: str) -> None:
        """The protocol has no word for it."""

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}"
