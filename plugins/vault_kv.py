"""The key-value store (version 2) of HashiCorp Vault and OpenBao, as a destination and a source see it.

Certificates lie as Lemur puts them: a secret holds entries, each under a certificate's name with `crt`, `chain`, `key`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import hvac
import hvac.exceptions
from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from plugins import network
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary
from plugins.options import TARGET, TEXTAREA, PluginOptions
from plugins.trust import readable_roots

PATH: Final = r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/?$"
NO_SUCH: Final = "there is no secret"
_TIMES: Final = (network.CONNECT_SECONDS, network.READ_SECONDS)


def _without_dots(path: str) -> str:
    if {".", ".."} & set(path.split("/")):
        raise ValueError("no part of it may be '.' or '..'")
    return path.strip("/")


Path = Annotated[str, AfterValidator(_without_dots)]


class VaultOptions(PluginOptions):
    """How one gets in. Lemur names a file that holds the token; here the token is sealed with the options."""

    vault_url: str = Field(
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/?$",
        max_length=255,
        description="Address of the server: https://vault.example.com:8200.",
        json_schema_extra=TARGET,
    )
    vault_certificate: Annotated[str, AfterValidator(readable_roots)] | None = Field(
        None,
        max_length=65_536,
        description="The root that the server's certificate leads to, if the system does not know it.",
        json_schema_extra=TEXTAREA,
    )
    vault_kv_api_version: Literal["2"] = Field("2", description="Version of the key-value store.")
    vault_mount: Path = Field("secret", pattern=PATH, max_length=255, description="Where the store is mounted.")
    authentication_method: Literal["token", "approle"] = Field("token", description="How to log in.")
    role_id: str | None = Field(None, max_length=255, description="For approle.")
    secret_id: SecretStr | None = Field(None, description="For approle.")
    token: SecretStr | None = Field(None, validate_default=True, description="For token.")

    @field_validator("token")
    @classmethod
    def _there_is_a_way_in(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        method, role = info.data.get("authentication_method"), (info.data.get("role_id"), info.data.get("secret_id"))
        if method == "token" and token is None:
            raise ValueError("give a token, or choose approle")
        if method == "approle" and None in role:
            raise ValueError("approle needs a role id and a secret id")
        return token


@dataclass(frozen=True)
class Secret:
    """What a path holds now; `version` 0 where nothing ever was."""

    entries: Mapping[str, Any]
    version: int = 0


class Kv:
    """The store, while a session is open. Paths are below the mount. Whatever goes wrong is a PluginError."""

    def __init__(self, client: hvac.Client, mount: str) -> None:
        self.client, self.mount = client, mount

    def read(self, path: str) -> Secret:
        try:
            answer = self.client.secrets.kv.v2.read_secret_version(
                path, mount_point=self.mount, raise_on_deleted_version=False
            )
        except hvac.exceptions.InvalidPath:
            return Secret({})
        data = _data(answer)
        return Secret(dict(data["data"] or {}), int(data["metadata"]["version"]))

    def write(self, path: str, entries: Mapping[str, Any], *, version: int) -> bool:
        """False if it is not this version any more that is there."""
        try:
            self.client.secrets.kv.v2.create_or_update_secret(path, dict(entries), cas=version, mount_point=self.mount)
        except hvac.exceptions.InvalidRequest as error:
            if "check-and-set" in str(error):
                return False
            raise
        return True

    def delete(self, path: str) -> None:
        """With all its versions, since those hold keys as well."""
        self.client.secrets.kv.v2.delete_metadata_and_all_versions(path, mount_point=self.mount)

    def names(self, path: str) -> list[str]:
        """What lies directly below; directories end with a slash."""
        try:
            answer = self.client.secrets.kv.v2.list_secrets(path, mount_point=self.mount)
        except hvac.exceptions.InvalidPath:
            return []
        return [str(name) for name in _data(answer)["keys"]]

    def require(self, path: str, *capabilities: str) -> None:
        """Misconfigured unless whoever is logged in may do all this there."""
        answer = self.client.sys.get_capabilities([path])
        allowed = set(_data(answer).get(path, ()))
        missing = sorted(set(capabilities) - allowed)
        if missing and "root" not in allowed:
            raise Misconfigured(f"Whoever is logged in may not {' and '.join(missing)} at {path}.")


@contextmanager
def opened(options: VaultOptions) -> Iterator[Kv]:
    """Logged in; for token, the first call says whether it is good."""
    url = options.vault_url.rstrip("/")
    with answered(url), network.explained(url), network.session(roots=options.vault_certificate) as session:
        # An empty token, since with none the library would look for one of ours.
        client = hvac.Client(url, token="", session=session, timeout=_TIMES, allow_redirects=False)
        if options.authentication_method == "token" and options.token is not None:
            client.token = options.token.get_secret_value()
        elif options.secret_id is not None:
            _log_in(client, str(options.role_id), options.secret_id.get_secret_value())
        yield Kv(client, options.vault_mount)


def _log_in(client: hvac.Client, role: str, secret: str) -> None:
    try:
        client.auth.approle.login(role, secret)
    except hvac.exceptions.InvalidRequest as error:
        raise Misconfigured(f"{client.url} does not let this role in with this secret id.") from error


@contextmanager
def answered(url: str) -> Iterator[None]:
    """What the server says, and what is no answer of such a server, as a PluginError."""
    try:
        yield
    except PluginError:
        raise
    except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized) as error:
        raise Misconfigured(f"{url} does not allow this: {_said(error)}.") from error
    except (
        hvac.exceptions.RateLimitExceeded,
        hvac.exceptions.InternalServerError,
        hvac.exceptions.VaultNotInitialized,
        hvac.exceptions.VaultDown,
        hvac.exceptions.BadGateway,
    ) as error:
        raise Temporary(f"{url} cannot do this now: {_said(error)}.") from error
    except hvac.exceptions.VaultError as error:
        raise Permanent(f"{url} refuses this: {_said(error)}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise Permanent(f"{url} answers what no such server does.") from error


def _said(error: hvac.exceptions.VaultError) -> str:
    """Its own words, without those of the library about method and address."""
    return " ".join(str(error.args[0] or type(error).__name__).split())[:300].rstrip(".")


def _data(answer: Any) -> dict[str, Any]:
    data = answer["data"]
    if not isinstance(data, dict):
        raise TypeError
    return data
