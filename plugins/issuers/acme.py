"""Any CA that speaks ACME (RFC 8555): Let's Encrypt, Google, ZeroSSL, step-ca, OpenBao and others."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import josepy.errors
from acme import messages
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID
from josepy.jwk import JWK
from pydantic import Field, SecretStr, ValidationInfo, field_validator

from pki import chains, inspection, keys, requests, subjects
from pki.keys import KeySpec
from pki.names import NameType
from plugins.contracts import FinishesLater, Issuer, Revokes, StandsForAuthority, SuggestsRenewal
from plugins.errors import Misconfigured, Permanent, Rejected, refusing
from plugins.issuers.acme_order import Kind, Unfinished, Visit
from plugins.issuers.acme_session import Binding, Session, algorithm_of, explained
from plugins.json_api import retry_after
from plugins.options import TARGET, TEXTAREA, PluginOptions
from plugins.trust import readable_certificates
from plugins.values import Issued, IssueRequest, Pending, RenewalWindow, RevokeRequest

LONGEST_ID: Final = 512
MOST_LINKS: Final = 50
LONGEST_PEM: Final = 200_000
IDENTIFIERS: Final = {NameType.DNS: messages.IDENTIFIER_FQDN, NameType.IP: messages.IDENTIFIER_IP}
# RFC 5280, 5.3.1; a CA that revokes over ACME puts nothing on hold.
REASONS: Final = {
    x509.ReasonFlags.unspecified: 0,
    x509.ReasonFlags.key_compromise: 1,
    x509.ReasonFlags.ca_compromise: 2,
    x509.ReasonFlags.affiliation_changed: 3,
    x509.ReasonFlags.superseded: 4,
    x509.ReasonFlags.cessation_of_operation: 5,
    x509.ReasonFlags.privilege_withdrawn: 9,
    x509.ReasonFlags.aa_compromise: 10,
}


def new_account_key() -> SecretStr:
    """Made where nobody brings one; whoever stores the options stores it sealed, before anything is signed with it."""
    return SecretStr(keys.private_key_pem(keys.generate(KeySpec.parse("ECCPRIME256V1"))))


class AcmeIssuer(Issuer, FinishesLater, Revokes, SuggestsRenewal, StandsForAuthority):
    """An order is placed first and its URL handed back; all further steps are taken when it is asked for again."""

    slug = "acme-issuer"
    title = "ACME"
    description = "Any CA that speaks ACME (RFC 8555), as Let's Encrypt does: over DNS or HTTP, wildcards, addresses."
    proves_names = True

    class Options(PluginOptions):
        acme_url: str = Field(
            alias="acme_url",
            pattern=r"^https?://[^\s/]+\S*$",
            max_length=255,
            description="The CA's directory, as https://acme-v02.api.letsencrypt.org/directory.",
            json_schema_extra=TARGET,
        )
        certificate: str = Field(
            max_length=LONGEST_PEM,
            description="The CA's certificate in PEM, and those above it up to its root.",
            json_schema_extra=TEXTAREA,
        )
        email: str = Field(
            "", pattern=r"^([^@\s,]+@[^@\s,]+)?$", max_length=254, description="Where the CA writes about the account."
        )
        terms_agreed: bool = Field(default=False, description="Has somebody read the CA's terms, and agreed?")
        acme_private_key: SecretStr = Field(
            default_factory=new_account_key,
            alias="acme_private_key",
            description="The account's key (RSA, P-256, P-384, P-521) in PEM, or a JWK. Without one, one is made.",
            json_schema_extra=TEXTAREA,
        )
        eab_kid: str = Field("", alias="eab_kid", max_length=255, description="The key id of an external account.")
        eab_hmac_key: SecretStr | None = Field(
            None, alias="eab_hmac_key", description="The key of the external account, in base64url as the CA tells it."
        )
        challenge: Kind = Field("dns-01", description="How names are proved, where there is a choice.")
        profile: str = Field("", max_length=64, description="A profile of the CA's, as its directory names them.")
        preferred_chain: str = Field(
            "", max_length=255, description="Of several chains, the one whose root has this common name."
        )
        trusted_roots: str = Field(
            "",
            max_length=LONGEST_PEM,
            description="Certificates in PEM by which the CA's own web server is trusted, instead of the public ones.",
            json_schema_extra=TEXTAREA,
        )

        @field_validator("certificate", "trusted_roots")
        @classmethod
        def _are_certificates(cls, text: str, info: ValidationInfo) -> str:
            if info.field_name == "certificate" and not text.strip():
                raise ValueError("there is no certificate in it")
            return readable_certificates(text, limit=MOST_LINKS)

        @field_validator("acme_private_key")
        @classmethod
        def _is_account_key(cls, secret: SecretStr) -> SecretStr:
            account_key(secret.get_secret_value())
            return secret

        @field_validator("eab_hmac_key")
        @classmethod
        def _is_base64url(cls, secret: SecretStr | None) -> SecretStr | None:
            if secret is not None:
                try:
                    base64.b64decode(_padded(secret.get_secret_value()), altchars=b"-_", validate=True)
                except (binascii.Error, ValueError):
                    raise ValueError("it is not base64url") from None
            return secret

    options: Options

    def check(self) -> None:
        """Reads the directory, and asks whether the key has an account; none is made."""
        with self._session() as session:
            if not session.has_account():
                self._require_may_register(session)

    def issue(self, request: IssueRequest) -> Pending:
        """Places the order. Rejected if the CA does not certify such names."""
        identifiers = _identifiers(request)
        with self._session() as session:
            self._log_in(session)
            replaces = _certificate_id(request.replaces) if "renewalInfo" in _fields(session) else None
            url = session.place(identifiers, profile=self._profile(session), replaces=replaces)
        if len(url) > LONGEST_ID:
            raise Permanent(f"The URL of the CA's order is longer than {LONGEST_ID} characters.")
        return Pending(url, timedelta(0))

    def finish(self, request: IssueRequest) -> Issued | Pending:
        with self._visit(request) as visit:
            try:
                url = visit.advance()
            except Rejected:
                visit.clean_up()
                raise
            if isinstance(url, Unfinished):
                return Pending(visit.url, url.wait)
            issued = self._downloaded(visit.session, url)
            visit.clean_up()
            return issued

    def cancel(self, request: IssueRequest) -> None:
        """Permanent if the CA has issued the certificate already, or is about to."""
        with self._visit(request) as visit:
            if not visit.cancel():
                raise Permanent("the CA has issued the certificate already; have the order taken up instead")
            visit.clean_up()

    def revoke(self, request: RevokeRequest) -> None:
        reason = REASONS.get(request.reason)
        if reason is None:
            raise Permanent("An ACME CA puts no certificate on hold, and takes no revocation back.")
        with self._session() as session:
            self._require_account(session)
            try:
                session.revoke(request.certificate, reason)
            except messages.Error as error:
                if error.code != "alreadyRevoked":
                    raise

    def suggested_renewal(self, certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> RenewalWindow:
        named = _certificate_id(certificate)
        with self._session() as session:
            if named is None or "renewalInfo" not in _fields(session):
                raise Permanent("This CA does not say when certificates should be renewed (RFC 9773).")
            answer = session.net.get(f"{session.directory['renewalInfo'].rstrip('/')}/{named}")
            told = answer.json()
            start, end = (_moment(told["suggestedWindow"][name]) for name in ("start", "end"))
            explanation = str(told.get("explanationURL") or "")[:LONGEST_ID]
        if end <= start:
            raise Permanent("The CA names a window for renewal that ends before it begins.")
        again = retry_after(answer) or RenewalWindow.ask_again
        return RenewalWindow(start=start, end=end, explanation=explanation, ask_again=again)

    def authority(self) -> Issued:
        first, *above = self._known
        links = chains.order(first, above)
        return Issued(inspection.pem(first), tuple(map(inspection.pem, links)))

    def _downloaded(self, session: Session, url: str) -> Issued:
        offered = [_certificates(text) for text in session.chains(url, all_of_them=bool(self.options.preferred_chain))]
        leaf, *above = next(filter(self._is_preferred, offered), offered[0])
        links = chains.order(leaf, [*above, *self._known])
        return Issued(inspection.pem(leaf), tuple(map(inspection.pem, links)))

    def _is_preferred(self, chain: list[x509.Certificate]) -> bool:
        """Is its last one the root of that name, or signed by it?"""
        wanted, names = self.options.preferred_chain, (chain[-1].subject, chain[-1].issuer)
        return bool(wanted) and wanted in [subjects.first(name, NameOID.COMMON_NAME) for name in names]

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with explained(urlsplit(self.options.acme_url).hostname or ""):
            key = account_key(self.options.acme_private_key.get_secret_value())
            yield Session.open(self.options.acme_url, key, self.options.trusted_roots or None)

    @contextmanager
    def _visit(self, request: IssueRequest) -> Iterator[Visit]:
        with self._session() as session:
            self._require_account(session)
            yield Visit(session, request, self.options.challenge)

    def _log_in(self, session: Session) -> None:
        if not session.has_account():
            self._require_may_register(session)
            session.register(email=self.options.email, terms_agreed=self.options.terms_agreed, binding=self._binding)

    def _require_account(self, session: Session) -> None:
        if not session.has_account():
            raise Misconfigured("The CA does not know the account's key; was 'acme_private_key' changed?")

    def _require_may_register(self, session: Session) -> None:
        terms = session.meta.terms_of_service
        if terms and not self.options.terms_agreed:
            raise Misconfigured(f"Read the CA's terms of service at {terms[:255]}, and set 'termsAgreed'.")
        if session.external_account_required() and self._binding is None:
            raise Misconfigured("The CA wants an external account: give 'eab_kid' and 'eab_hmac_key'.")

    def _profile(self, session: Session) -> str:
        offered = session.meta.profiles
        if self.options.profile and (not offered or self.options.profile not in offered):
            there = ", ".join(sorted(offered)) if offered else "none"
            raise Misconfigured(f"The CA has no profile '{self.options.profile}'; there are: {there[:255]}.")
        return self.options.profile

    @property
    def _binding(self) -> Binding | None:
        secret = self.options.eab_hmac_key
        if not self.options.eab_kid or secret is None:
            return None
        return Binding(self.options.eab_kid, secret.get_secret_value().rstrip("="))

    @property
    def _known(self) -> list[x509.Certificate]:
        return chains.split(self.options.certificate, limit=MOST_LINKS)


def account_key(text: str) -> JWK:
    """From PEM, or from a JWK as Lemur keeps it. ValueError repeats nothing of it."""
    try:
        data = text.strip()
        key: Any = JWK.json_loads(data) if data.startswith("{") else JWK.load(data.encode())
        algorithm_of(key)
        if not hasattr(key.key, "sign"):
            raise ValueError("it is a public key")
    except (josepy.errors.Error, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("it is no private key of RSA, P-256, P-384 or P-521 in PEM or as a JWK") from None
    found: JWK = key
    return found


def _identifiers(request: IssueRequest) -> list[messages.Identifier]:
    with refusing("The CSR cannot be used"):
        names = requests.read(request.csr).extensions.names
    if strange := [name.value for name in names if name.type not in IDENTIFIERS]:
        raise Permanent(f"ACME certifies domains and IP addresses alone, not {', '.join(strange)[:255]}.")
    if not names:
        raise Permanent("ACME certifies names: give the certificate a domain or an IP address.")
    return [messages.Identifier(typ=IDENTIFIERS[name.type], value=name.value) for name in names]


def _certificates(text: str) -> list[x509.Certificate]:
    with refusing("What the CA offers for download is no certificate"):
        found = chains.split(text, limit=MOST_LINKS)
    if not found:
        raise Permanent("What the CA offers for download holds no certificate.")
    return found


def _fields(session: Session) -> set[str]:
    return set(session.directory.to_partial_json())


def _certificate_id(certificate: x509.Certificate | None) -> str | None:
    """How renewal information names a certificate (RFC 9773, 4.1); None without a key identifier of its issuer."""
    if certificate is None:
        return None
    try:
        authority = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    serial = certificate.serial_number
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")  # as in DER: a sign bit in front
    return None if authority is None else f"{_base64url(authority)}.{_base64url(octets)}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _padded(text: str) -> bytes:
    bare = text.rstrip("=")
    return (bare + "=" * (-len(bare) % 4)).encode()


def _moment(text: object) -> datetime:
    """RFC 3339; ValueError without a zone."""
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment
