"""Importing: certificates that were made elsewhere and should be known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime
from typing import Any

from cryptography import x509
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.timezone import now as clock

from accounts.models import Role, User
from accounts.service import acting
from authorities.models import Authority
from authorities.permissions import permissions as authority_permissions
from certificates.extensions import as_invalid
from certificates.models import Certificate, RotationPolicy
from certificates.permissions import permissions
from certificates.service import placing
from certificates.service.deploying import refuse_duplicate_destinations, require_deliverable
from certificates.tags import normal_tags
from core import idempotency
from core import keys as key_store
from core.audit import Event, record
from core.commits import committing
from core.errors import Conflict, Forbidden, Invalid
from core.models import StoredKey
from notifications.models import Notification
from pki import chains, inspection, keys, naming, requests, signatures
from pki.errors import BadCertificate, BadChain, PkiError
from stores.models import Destination, Source

MANY = ("replaces", "roles", "destinations", "notifications", "sources")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What somebody brought: texts as they came, and what they say about them."""

    body: str
    owner: str
    chain: str | None = None
    private_key: str | None = None
    csr: str | None = None
    name: str | None = None
    description: str = ""
    notify: bool = True
    rotation: bool = False
    external_id: str | None = None
    authority: Authority | None = None
    replaces: tuple[Certificate, ...] = ()
    roles: tuple[Role, ...] = ()
    destinations: tuple[Destination, ...] = ()
    notifications: tuple[Notification, ...] = ()
    sources: tuple[Source, ...] = ()
    rotation_policy: RotationPolicy | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Read:
    """The same, read and found consistent."""

    certificate: x509.Certificate
    chain: list[x509.Certificate]
    key: keys.PrivateKey | None
    csr: str | None


def upload(
    *, by: User | None = None, creator: User | None = None, now: datetime | None = None, **fields: Any
) -> Certificate:
    """Take in a certificate that a user brings: see :class:`Upload` for the fields; unknown ones are ignored.

    Raises Invalid naming the field that is wrong, Forbidden, or Conflict when this authority has the serial already.
    """
    by = acting(by, creator)
    if (made := idempotency.recall(Certificate)) is not None:
        return made
    given = _given(fields)
    _require_may_upload(given, by)
    return _keep(given, _read(given), by=by, now=now or clock())


def check(*, by: User, **fields: Any) -> None:
    """Raises what :func:`upload` would raise before it writes anything, and nothing if it would not."""
    given = _given(fields)
    _require_may_upload(given, by)
    _read(given)


def import_certificate(**fields: Any) -> Certificate:
    """As :func:`upload`, for what was found rather than brought: without an owner it is the security team's."""
    if not fields.get("owner"):
        team: list[str] = settings.LEMUR_SECURITY_TEAM_EMAIL
        if not team:
            raise Invalid.field("owner", "Give an owner, or set LEMUR_SECURITY_TEAM_EMAIL.")
        fields["owner"] = team[0]
    return upload(**fields)


def find_duplicates(cert: Mapping[str, Any]) -> list[Certificate]:
    """Certificates that we know already.

    Same body, and same chain or none; ``cert`` has ``body`` and ``chain`` as PEM.
    """
    body, chain = cert["body"], cert.get("chain")
    same = Certificate.objects.filter(fingerprint=inspection.fingerprint(inspection.load(body)))
    if not chain:
        return list(same.filter(chain=None))
    wanted = _fingerprints(chain)
    return [known for known in same if known.chain and _fingerprints(known.chain) == wanted]


def _fingerprints(bundle: str) -> list[str]:
    return [inspection.fingerprint(link) for link in chains.split(bundle, limit=settings.MAX_CHAIN)]


def _given(fields: dict[str, Any]) -> Upload:
    texts = {name: (fields.get(name) or "").strip() for name in ("body", "chain", "private_key", "csr", "owner")}
    for required in ("owner", "body"):
        if not texts[required]:
            raise Invalid.field(required, "Missing data for required field.")
    many = {name: tuple(dict.fromkeys(fields.get(name) or ())) for name in MANY}
    optional = {name: texts[name] or None for name in ("chain", "private_key", "csr")}
    if fields.get("active") is not None:  # Lemur's other name of notify
        fields.setdefault("notify", fields["active"])
    known = {one.name: fields[one.name] for one in dataclass_fields(Upload) if one.name in fields}
    tags = normal_tags(fields.get("tags") or ())
    rest = {**known, **optional, **many, "description": fields.get("description") or "", "tags": tags}
    return Upload(**{**rest, "owner": texts["owner"].lower(), "body": texts["body"]})


def _require_may_upload(given: Upload, by: User) -> None:
    permissions.require(by, "upload", message="You are not authorized to upload a certificate.")
    placing.require_may_replace(given.replaces, by)
    if given.authority is not None:
        authority_permissions.require(
            by,
            "use",
            given.authority,
            message="You are not authorized to upload a certificate for the specified authority.",
        )
    elif given.external_id:
        raise Forbidden("An authority you are authorized for must be specified to set an external id.")


def _read(given: Upload) -> Read:
    """Read everything and hold it against each other before any row is written."""
    for field in ("body", "chain", "private_key", "csr"):
        text = getattr(given, field)
        if text and len(text) > settings.MAX_PEM_IN_IMPORT:
            raise Invalid.field(field, f"At most {settings.MAX_PEM_IN_IMPORT} bytes are accepted here.")
    _field("name", lambda: naming.custom_name(given.name) if given.name else None)
    certificate = _field("body", lambda: _load(given.body))
    chain = _field("chain", lambda: _chain(certificate, given.chain))
    key = _field("private_key", lambda: keys.load_private_key(given.private_key) if given.private_key else None)
    public_key = signatures.public_key_of(certificate)
    if key is not None and (public_key is None or not keys.belongs(key, public_key)):
        raise Invalid.rule("Private key does not match certificate.")
    csr = _field("csr", lambda: requests.read(given.csr) if given.csr else None)
    if csr is not None and (public_key is None or keys.spki_sha256(csr.public_key) != keys.spki_sha256(public_key)):
        raise Invalid.field("csr", "This signing request is for another key than the certificate's.")
    _require_deliverable(given, with_key=key is not None)
    return Read(certificate, chain, key, csr and csr.pem)


def _require_deliverable(given: Upload, *, with_key: bool) -> None:
    refuse_duplicate_destinations(given.destinations)
    try:
        require_deliverable(Certificate(private_key="brought" if with_key else None), given.destinations)
    except Invalid as error:
        raise Invalid.rule("Destinations require private key.") from error


def _load(body: str) -> x509.Certificate:
    try:
        certificate = inspection.load(body)
    except BadCertificate as error:
        raise Invalid.field("body", f"Public certificate presented is not valid. {error}") from error
    facts = inspection.facts(certificate)
    if facts.key_type or facts.bits:  # of a kind that the library knows
        keys.check_strength(certificate.public_key(), for_import=True, field="body")
    if len(facts.names) > settings.MAX_NAMES_IN_IMPORT:
        raise Invalid.field(
            "body", f"A certificate with more than {settings.MAX_NAMES_IN_IMPORT} names is not accepted."
        )
    if len(str(facts.serial)) > 255:
        raise Invalid.field("body", "The serial number is longer than 105 octets; RFC 5280 allows 20.")
    return certificate


def _chain(certificate: x509.Certificate, chain: str | None) -> list[x509.Certificate]:
    if not chain:
        return []
    links = chains.split(chain, limit=settings.MAX_CHAIN)
    try:
        chains.verify(certificate, links)
    except BadChain as error:
        raise Invalid.rule(str(error)) from error
    return links


def _field(name: str, read: Any) -> Any:
    try:
        return read()
    except PkiError as error:
        raise as_invalid(error, default=name) from error


def _keep(given: Upload, read: Read, *, by: User, now: datetime) -> Certificate:
    stored = None if read.key is None else key_store.store(read.key)
    with committing("upload"):
        return _save(given, read, stored, by=by, now=now)


def _save(given: Upload, read: Read, stored: StoredKey | None, *, by: User, now: datetime) -> Certificate:
    _refuse_second(given, read)
    if stored is not None:
        stored.save(force_insert=True)
    certificate = Certificate.from_body(
        inspection.pem(read.certificate),
        chain="".join(map(inspection.pem, read.chain)) or None,
        csr=read.csr,
        private_key=stored.uri if stored else None,
        external_id=given.external_id,
        owner=given.owner,
        description=given.description,
        notify=given.notify,
        rotation=given.rotation,
        rotation_policy=given.rotation_policy or RotationPolicy.usual(),
        user=by,
        authority=given.authority,
        date_created=now,
    )
    many = {name: getattr(given, name) for name in MANY}
    try:
        with transaction.atomic():
            placing.place(certificate, name=given.name, by=by, tags=given.tags, **many)
    except IntegrityError as error:
        raise Conflict(f"A certificate with this name or serial was taken in at the same moment ({by}).") from error
    idempotency.remember(certificate)
    record(Event.CERTIFICATE_IMPORTED, certificate, by=by, has_key=certificate.has_private_key)
    return certificate


def _refuse_second(given: Upload, read: Read) -> None:
    """A certificate of an authority is unique by serial; without an authority it may exist any number of times."""
    if given.authority is None:
        return
    serial = str(read.certificate.serial_number)
    first = Certificate.objects.filter(authority=given.authority, serial=serial).first()
    if first is not None:
        raise Conflict(
            f"A certificate with serial={serial} already exists for this authority (Certificate id={first.pk})."
        )
