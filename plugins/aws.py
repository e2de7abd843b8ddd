"""AWS through the clients of boto3: whose account, and each request through `plugins.network`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, Self

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.loaders import create_loader
from pydantic import Field, SecretStr, model_validator

from plugins import network
from plugins.errors import Misconfigured, Permanent, PluginError, Temporary
from plugins.options import TARGET, PluginOptions

REFUSED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
BUSY: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "PriorRequestNotComplete"})


class AwsOptions(PluginOptions):
    """In whose name AWS is asked. Without a key, whatever this machine has: its environment, or its instance's role."""

    account_id: str = Field(
        "",
        pattern=r"^([0-9]{12})?$",
        alias="account_id",
        description="The account (12 digits) whose role is taken; empty: the one that the key belongs to.",
    )
    role: str = Field("Lemur", pattern=r"^[\w+=,.@/-]{1,128}$", description="The role that is taken in that account.")
    access_key_id: str = Field("", pattern=r"^\w{0,128}$", description="The id of an access key.")
    secret_access_key: SecretStr | None = Field(None, description="The access key itself.")
    endpoint_url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        max_length=255,
        description="Another place than Amazon's own, for what speaks the same language.",
        json_schema_extra=TARGET,
    )

    @model_validator(mode="after")
    def _has_whole_key(self) -> Self:
        if bool(self.access_key_id) != (self.secret_access_key is not None):
            raise ValueError("Give both halves of an access key, or neither.")
        return self


def client(service: str, options: AwsOptions, *, region: str) -> Any:
    """A client of boto3's kind for a service, in the role that the options name. Call it within :func:`explained`."""
    return Account(options, region=region).client(service, region=region)


class Account:
    """In whose name the options say, the role taken once: for those who ask several services or regions."""

    def __init__(self, options: AwsOptions, *, region: str) -> None:
        self.options, self._session = options, _session()
        if options.secret_access_key is not None:
            self._session.set_credentials(options.access_key_id, options.secret_access_key.get_secret_value())
        if options.account_id:
            self._session = _in_role(self._session, options, region=region)

    def client(self, service: str, *, region: str) -> Any:
        """As the function of this name."""
        return _client(self._session, service, self.options, region=region)


def _in_role(session: Any, options: AwsOptions, *, region: str) -> Any:
    arn = f"arn:aws:iam::{options.account_id}:role/{options.role}"
    answer = _client(session, "sts", options, region=region).assume_role(RoleArn=arn, RoleSessionName="lemur")
    taken, other = answer["Credentials"], _session()
    other.set_credentials(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
    return other


def _session() -> Any:
    """With the descriptions of the services that were read already; they are large."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _loader())
    return session


@cache
def _loader() -> Any:
    return create_loader()


def _client(session: Any, service: str, options: AwsOptions, *, region: str) -> Any:
    config = Config(
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",  # checksums in trailers want connections of their own
        response_checksum_validation="when_required",
    )
    made = session.create_client(service, region_name=region, endpoint_url=options.endpoint_url or None, config=config)
    made._endpoint.http_session = _Guarded()
    return made


class _Guarded:
    """Stands where botocore keeps its way out."""

    def send(self, request: Any) -> AWSResponse:
        with network.session() as session:
            answer = session.request(request.method, request.url, data=request.body, headers=_plain(request.headers))
        made = AWSResponse(request.url, answer.status_code, answer.headers, io.BytesIO(answer.content))
        made._content = answer.content
        return made

    def close(self) -> None:
        """Each request has a connection of its own."""


def _plain(headers: Any) -> dict[str, str]:
    return {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in headers.items()}


@contextmanager
def explained(name: str) -> Iterator[None]:
    """What AWS and boto3 say, as PluginErrors about the service of this name."""
    try:
        yield
    except PluginError:
        raise
    except ClientError as error:
        raise _problem(name, error) from error
    except NoCredentialsError as error:
        raise Misconfigured(f"{name} cannot be asked: give an access key, since this machine has none.") from error
    except network.Refused as error:
        raise network.AddressRefused(f"{name} is not asked: {error}") from error
    except (OSError, BotoCoreError) as error:  # those of requests are OSErrors
        raise Temporary(f"{name} does not answer.") from error


def _problem(name: str, error: ClientError) -> PluginError:
    code, said = str(error.response["Error"].get("Code", "")), str(error.response["Error"].get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    what = f"{name} refuses: {code}, {' '.join(said.split())[:300].rstrip('.')}."
    if code in REFUSED or status in (401, 403):
        return Misconfigured(what)
    if code in BUSY or status >= 500 or status == 429:
        return Temporary(what)
    return Permanent(what)
