"""CFSSL, Cloudflare's CA server, with a shared key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509
from pydantic import Field, SecretStr, field_validator

from pki import chains, inspection, requests
from plugins.contracts import Issuer, Revokes, StandsForAuthority
from plugins.errors import Misconfigured, Permanent, Rejected, Unanswered, Uncertain, refusing
from plugins.json_api import JsonApi
from plugins.options import TARGET, TEXTAREA, PluginOptions
from plugins.trust import readable_certificates
from plugins.values import Issued, IssueRequest, RevokeRequest

MOST_LINKS: Final = 20
WRONG_KEY: Final = "invalid token"
UNKNOWN: Final = "certificate not found"


class CfsslIssuer(Issuer, Revokes, StandsForAuthority):
    """Signs at once. Each request bears an HMAC under the shared key, as the server's "authsign" wants it."""

    slug = "cfssl-issuer"
    title = "CFSSL"
    description = "Cloudflare's CFSSL server, whose profiles ask for a shared key."

    class Options(PluginOptions):
        url: str = Field(
            pattern=r"^https?://\S+$",
            max_length=255,
            description="Where the server is, as https://cfssl.example.com:8888.",
            json_schema_extra=TARGET,
        )
        key: SecretStr = Field(description="The auth key of the server's profile, in hexadecimal.")
        profile: str = Field("", max_length=64, description="The server's signing profile; empty: its default.")
        label: str = Field("", max_length=64, description="Which of several signers behind one server.")
        certificate: str = Field(
            "",
            max_length=200_000,
            description="Certificates above the server's own in PEM, up to the root.",
            json_schema_extra=TEXTAREA,
        )

        @field_validator("key")
        @classmethod
        def _is_hexadecimal(cls, secret: SecretStr) -> SecretStr:
            try:
                bytes.fromhex(secret.get_secret_value())
            except ValueError:
                raise ValueError("it is not hexadecimal") from None
            return secret

        @field_validator("certificate")
        @classmethod
        def _are_certificates(cls, text: str) -> str:
            return readable_certificates(text, limit=MOST_LINKS)

    options: Options

    def check(self) -> None:
        """Asks for the CA's certificate, and has nothing signed: the key is tried with a request that is none."""
        self._ca()
        try:
            self._signed({"certificate_request": "", "profile": self.options.profile})
        except Rejected:
            return

    def issue(self, request: IssueRequest) -> Issued:
        """Uncertain if no answer came: the server keeps no order that could be asked for."""
        with refusing("The CSR cannot be used"):
            names = requests.read(request.csr).extensions.names
        asked = {"certificate_request": request.csr, "hosts": [name.value for name in names]}
        try:
            body = self._signed({**asked, "profile": self.options.profile, "label": self.options.label})
        except Unanswered as error:
            raise Uncertain(f"{error.message} It may have signed.") from error
        with refusing("What CFSSL has signed cannot be read"):
            certificate = inspection.load(body)
        return Issued(inspection.pem(certificate), self._above(certificate))

    def revoke(self, request: RevokeRequest) -> None:
        """Permanent if the server keeps no database of what it has issued."""
        with refusing("The certificate cannot be read"):
            facts = inspection.facts(request.certificate)
        told = {"serial": str(facts.serial), "reason": request.reason.value.lower()}
        try:
            self._call("revoke", {**told, "authority_key_id": facts.authority_key_identifier})
        except Rejected as error:
            if UNKNOWN not in error.message:
                raise
            # Versions up to 1.2 store each certificate without the key identifier of its issuer.
            self._call("revoke", {**told, "authority_key_id": ""})

    def authority(self) -> Issued:
        certificate = self._ca()
        return Issued(inspection.pem(certificate), self._above(certificate))

    def _ca(self) -> x509.Certificate:
        result = self._call("info", {"label": self.options.label})
        with refusing("CFSSL's own certificate cannot be read"):
            return inspection.load(_text(result, "certificate"))

    def _above(self, certificate: x509.Certificate) -> tuple[str, ...]:
        known = chains.split(self.options.certificate, limit=MOST_LINKS)
        return tuple(map(inspection.pem, chains.order(certificate, [self._ca(), *known])))

    def _signed(self, asked: Mapping[str, Any]) -> str:
        """The certificate that the server makes of a request. Rejected if it makes none."""
        text = json.dumps(asked).encode()
        key = bytes.fromhex(self.options.key.get_secret_value())
        token = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return _text(
            self._call("authsign", {"token": token, "request": base64.b64encode(text).decode()}), "certificate"
        )

    def _call(self, name: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer = JsonApi("CFSSL", self.options.url).call("POST", f"api/v1/cfssl/{name}", body=body)
        except Misconfigured:
            raise
        except Permanent as error:
            raise _refusal(error) from error
        result = answer.get("result") if isinstance(answer, Mapping) else None
        if not isinstance(result, Mapping) or answer.get("success") is not True:
            raise Permanent("CFSSL answered something that is none of its answers: is the address its own?")
        return result


def _refusal(error: Permanent) -> Permanent:
    """It answers a wrong key with status 400 as it does everything else that it refuses."""
    if WRONG_KEY in error.message:
        return Misconfigured("CFSSL does not accept the key: it has another one, or none, for this profile.")
    return Rejected(error.message) if "status 400" in error.message else error


def _text(result: Mapping[str, Any], name: str) -> str:
    found = result.get(name)
    if not isinstance(found, str):
        raise Permanent(f"CFSSL's answer has no {name}.")
    return found
