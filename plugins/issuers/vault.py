"""The PKI engine of HashiCorp Vault and of OpenBao."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any, Final

import hvac
import hvac.exceptions
from cryptography import x509
from pydantic import Field, SecretStr, field_validator

from pki import chains, inspection
from plugins import network
from plugins.contracts import Issuer, Revokes, StandsForAuthority
from plugins.errors import Misconfigured, Permanent, PluginError, Rejected, Temporary, Uncertain, refusing
from plugins.options import TARGET, TEXTAREA, PluginOptions
from plugins.trust import readable_certificates
from plugins.values import Issued, IssueRequest, RevokeRequest

NAME: Final = "Vault"
MOST_LINKS: Final = 20
LONGEST_PEM: Final = 200_000


class VaultIssuer(Issuer, Revokes, StandsForAuthority):
    """Signs at once, under a role of the engine: its rules, or with `verbatim` what the request says."""

    slug = "vault-issuer"
    title = "Vault PKI"
    description = "The PKI secrets engine of HashiCorp Vault or OpenBao."

    class Options(PluginOptions):
        url: str = Field(
            pattern=r"^https?://\S+$",
            max_length=255,
            description="Where the server is, as https://vault.example.com:8200.",
            json_schema_extra=TARGET,
        )
        token: SecretStr = Field(description="A token that may sign with the role, and revoke.")
        mount: str = Field("pki", pattern=r"^[\w./-]+$", max_length=128, description="Where the engine is mounted.")
        role: str = Field(
            pattern=r"^[\w.-]+$", max_length=128, description="The role that certificates are signed with."
        )
        verbatim: bool = Field(default=False, description="Sign what the request says, whatever the role allows?")
        namespace: str = Field("", max_length=128, description="The namespace, where there are several.")
        certificate: str = Field(
            "",
            max_length=LONGEST_PEM,
            description="Certificates above the engine's own in PEM, as far as it does not know them itself.",
            json_schema_extra=TEXTAREA,
        )
        trusted_roots: str = Field(
            "",
            max_length=LONGEST_PEM,
            description="Certificates in PEM by which the server's own TLS is trusted, instead of the public ones.",
            json_schema_extra=TEXTAREA,
        )

        @field_validator("certificate", "trusted_roots")
        @classmethod
        def _are_certificates(cls, text: str) -> str:
            return readable_certificates(text, limit=MOST_LINKS)

    options: Options

    def check(self) -> None:
        """Whether the token is good, and the engine there."""
        with self._client() as client:
            client.auth.token.lookup_self()
        self.authority()

    def issue(self, request: IssueRequest) -> Issued:
        """Rejected if the role does not allow what the CSR asks for; Uncertain if no answer came."""
        until = request.not_after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._client(refuses=Rejected, unanswered=Uncertain) as client:
            answer = self._sign(client.secrets.pki, request.csr, {"format": "pem", "not_after": until})
        data = _data(answer)
        with refusing("What Vault has signed cannot be read"):
            certificate = inspection.load(_text(data, "certificate"))
            above = [inspection.load(text) for text in data.get("ca_chain") or [_text(data, "issuing_ca")]]
        return Issued(inspection.pem(certificate), self._links(certificate, above))

    def _sign(self, engine: Any, csr: str, more: dict[str, Any]) -> Any:
        role, mount = self.options.role, self.options.mount
        if self.options.verbatim:
            return engine.sign_verbatim(csr=csr, name=role, extra_params=more, mount_point=mount)
        return engine.sign_certificate(name=role, csr=csr, common_name="", extra_params=more, mount_point=mount)

    def revoke(self, request: RevokeRequest) -> None:
        serial = inspection.serial_hex(request.certificate.serial_number)
        octets = serial.zfill(len(serial) + len(serial) % 2)
        colons = ":".join(octets[at : at + 2] for at in range(0, len(octets), 2)).lower()
        with self._client() as client:
            client.secrets.pki.revoke_certificate(colons, mount_point=self.options.mount)

    def authority(self) -> Issued:
        with self._client() as client:
            engine = client.secrets.pki
            own = engine.read_ca_certificate(mount_point=self.options.mount)
            chain = engine.read_ca_certificate_chain(mount_point=self.options.mount)
        with refusing("Vault's own certificate cannot be read"):
            certificate, above = inspection.load(own), chains.split(chain, limit=MOST_LINKS)
        return Issued(inspection.pem(certificate), self._links(certificate, above))

    def _links(self, certificate: x509.Certificate, above: list[x509.Certificate]) -> tuple[str, ...]:
        known = chains.split(self.options.certificate, limit=MOST_LINKS)
        return tuple(map(inspection.pem, chains.order(certificate, [*above, *known])))

    @contextmanager
    def _client(
        self, *, refuses: type[Permanent] = Permanent, unanswered: type[PluginError] = Temporary
    ) -> Iterator[Any]:
        with _explained(refuses, unanswered), network.session(roots=self.options.trusted_roots or None) as session:
            yield hvac.Client(
                url=self.options.url,
                token=self.options.token.get_secret_value(),
                namespace=self.options.namespace or None,
                session=session,
                timeout=(network.CONNECT_SECONDS, network.READ_SECONDS),
            )


@contextmanager
def _explained(refuses: type[Permanent], unanswered: type[PluginError]) -> Iterator[None]:
    """What Vault and hvac say, as PluginErrors."""
    try:
        yield
    except PluginError:
        raise
    except network.Refused as error:
        raise network.AddressRefused(f"{NAME} is not asked: {error}") from error
    except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized) as error:
        raise Misconfigured(f"{NAME} does not accept the token, or does not let it do this: {_said(error)}.") from error
    except hvac.exceptions.InvalidPath as error:
        raise Misconfigured(f"{NAME} has nothing there: look at 'mount' and 'role' ({_said(error)}).") from error
    except (hvac.exceptions.InvalidRequest, hvac.exceptions.ParamValidationError) as error:
        raise refuses(f"{NAME} refuses: {_said(error)}.") from error
    except (network.Unreachable, hvac.exceptions.VaultDown, hvac.exceptions.RateLimitExceeded) as error:
        raise Temporary(f"{NAME} does not answer, or cannot now.") from error
    except (hvac.exceptions.VaultError, OSError) as error:  # those of requests are OSErrors
        raise unanswered(f"{NAME} did not answer, or failed.") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Permanent(f"{NAME} answered something that is none of its answers: is the address its own?") from error


def _said(error: hvac.exceptions.VaultError) -> str:
    """Without the address that hvac puts behind it."""
    texts = error.errors if isinstance(error.errors, list) else []
    return " ".join(" ".join(map(str, texts or ["it does not say why"])).split())[:300].rstrip(".")


def _data(answer: Any) -> dict[str, Any]:
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise Permanent(f"{NAME} answered something that is none of its answers: is the address its own?")
    return data


def _text(data: dict[str, Any], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str):
        raise Permanent(f"{NAME}'s answer has no {name}.")
    return found
