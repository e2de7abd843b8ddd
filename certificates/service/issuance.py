"""Issuing: write the order down, ask the CA, record what it answers.

Between the two transactions stands the CA. Whatever dies there, the order knows what was asked for, and ``fulfil``
takes it up again without ever asking for a second certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import IntegrityError, transaction
from django.utils.timezone import now as clock

from accounts.models import Role, User
from accounts.service import acting
from authorities import ledger
from authorities import service as authorities
from authorities.models import Authority
from authorities.permissions import permissions as authority_permissions
from certificates import rules
from certificates.extensions import as_invalid
from certificates.extensions import parse as parse_extensions
from certificates.models import Certificate, Order
from certificates.models.order import REQUEST_LEASE
from certificates.permissions import permissions
from certificates.service import placing
from certificates.spec import CertificateSpec
from core import keys as key_store
from core.audit import Event, record
from core.audit import acting as context
from core.errors import Invalid, Precondition, Unavailable
from core.failpoints import failpoint
from core.jobs import LeaseLost
from core.secrets import digest
from pki import chains, keys, profiles, requests
from pki.errors import NotAllowed, PkiError
from pki.extensions import PURPOSES, Extensions
from pki.profiles import Profile
from pki.subjects import Subject
from plugins.errors import Permanent, PluginError
from plugins.values import Issued, IssueRequest, Pending

IDEMPOTENCY = timedelta(hours=24)
CSR_FIELDS = ("owner", "common_name", "organization", "organizational_unit", "country", "state", "location", "key_type")


class Minted(NamedTuple):
    """What a CA gave us. ``body`` is None while it is still at work; ``private_key`` is a key URI."""

    body: str | None
    private_key: str | None
    chain: str | None
    external_id: str | None
    csr: str


@dataclass(frozen=True)
class Wanted:
    """An order that passed every rule: what will be asked of the CA."""

    spec: CertificateSpec
    profile: Profile
    subject: x509.Name
    extensions: Extensions
    not_before: datetime
    not_after: datetime
    request: requests.Request | None


def create(
    *, by: User | None = None, creator: User | None = None, now: datetime | None = None, **fields: Any
) -> Certificate | Order:
    """Obtain a certificate: see :class:`~certificates.spec.CertificateSpec` for the fields.

    Returns the order instead when the CA answers later. Raises Invalid naming the field, Forbidden, or Unavailable when
    the CA does not answer; then the order stays and is tried again.
    """
    by, now = acting(by, creator), now or clock()
    if (begun := _already_ordered(by, now)) is not None:
        return _resume(begun, now=now)
    spec = CertificateSpec.of(**fields)
    require_may_order(spec, by)
    order = _write_down(settle(spec, by=by, now=now), by=by, now=now)
    failpoint("order.after-commit")
    return _carry_out(order, now=now)


def require_may_order(spec: CertificateSpec, by: User) -> None:
    """The rights that an order needs: to order at all, to use this authority, to replace those certificates."""
    permissions.require(by, "create", message="You are not authorized to create a new certificate.")
    authority_permissions.require(
        by, "use", spec.authority, message=f"You are not authorized to use the authority: {spec.authority.name}"
    )
    placing.require_may_replace(spec.replaces, by)
    if not spec.authority.active:
        raise Invalid.field("authority", "The authority is inactive.")


def settle(spec: CertificateSpec, *, by: User, now: datetime) -> Wanted:
    """Hold an order against every rule. Raises Invalid; nothing is written."""
    profile = authorities.profile_for(spec.authority, spec.profile)
    try:
        return _settle(spec, profile, by=by, now=now)
    except PkiError as error:
        raise as_invalid(error, default="csr" if spec.csr else "extensions") from error


def _settle(spec: CertificateSpec, profile: Profile, *, by: User, now: datetime) -> Wanted:
    request = requests.read(spec.csr) if spec.csr else None
    key_type = request.key_type if request else keys.KeySpec.parse(spec.key_type).name
    if request:
        keys.check_strength(request.public_key)
    common_name, subject, asked = _asked(spec, request)
    if not common_name and not asked.names:
        raise Invalid.rule("Missing common_name, either CN or SAN must be present")
    rules.check_names(common_name, asked.names, by)
    # Of a CSR its own subject is checked, before it is written anew without what is repeated or unknown.
    profiles.check(profile, asked=asked, subject=request.subject if request else subject, key_type=key_type)
    settled = profiles.settle(profile, asked, key_type=key_type or "")
    _check_identity(settled)
    start, end = rules.settle_validity(
        spec.authority,
        profile,
        start=spec.validity_start,
        end=spec.validity_end,
        years=spec.validity_years,
        now=now,
    )
    return Wanted(spec, profile, subject, settled, start, end, request)


def _check_identity(settled: Extensions) -> None:
    serves = PURPOSES["server_authentication"] in (settled.extended_key_usage or ())
    if serves and not settled.names:
        raise Invalid.field(
            "extensions.sub_alt_names.names",
            "A server's certificate needs at least one name: clients look at the subject alternative names only.",
        )


def _asked(spec: CertificateSpec, request: requests.Request | None) -> tuple[str, x509.Name, Extensions]:
    """Common name, subject and extensions: from the CSR if there is one, else from the order (contract 9.2)."""
    if request is None:
        common_name, subject, asked = spec.common_name, spec.subject().to_name(), spec.extensions
    else:
        # Written anew: a CSR's own order and string types of the subject are nobody's wish.
        named, asked = Subject.from_name(request.subject), request.extensions
        common_name, subject = named.common_name, named.to_name()
    names = rules.names_with_common_name(common_name, asked.names)
    return common_name, subject, replace(asked, names=names)


@transaction.atomic
def _write_down(wanted: Wanted, *, by: User, now: datetime) -> Order:
    """Transaction 1: key, CSR, serial number, draft, order. Afterwards we know what we asked for, whatever happens."""
    spec, key_uri, csr = wanted.spec, None, spec_csr(wanted.spec)
    if wanted.request is None:
        stored, key = key_store.generate(keys.KeySpec.parse(spec.key_type))
        key_uri, public_key = stored.uri, key.public_key()
        csr = requests.build(wanted.subject, wanted.extensions, key)
    else:
        public_key = wanted.request.public_key  # type: ignore[assignment]  # any that a CSR can hold
    draft = authorities.draft(
        spec.authority,
        subject=wanted.subject,
        public_key=public_key,
        extensions=wanted.extensions,
        not_before=wanted.not_before,
        not_after=wanted.not_after,
    )
    reserved = None if draft is None else ledger.reserve(spec.authority, draft)
    order = Order.objects.create(
        authority=spec.authority,
        by=by,
        spec=spec.row_fields(),
        csr=csr,
        private_key=key_uri,
        profile=spec.profile,
        draft=None if draft is None else draft.public_bytes(Encoding.DER),
        not_before_asked=wanted.not_before,
        not_after_asked=wanted.not_after,
        idempotency=digest(context().idempotency) if context().idempotency else None,
        # Born claimed: the sweep must not mint it while this request still does.
        attempts=1,
        not_before=now + REQUEST_LEASE,
    )
    order.profile_value, order.reserved = wanted.profile, reserved
    record(Event.CERTIFICATE_ORDERED, order, by=by, authority=spec.authority.name, profile=spec.profile)
    failpoint("order.before-commit")
    return order


def spec_csr(spec: CertificateSpec) -> str:
    """The CSR that the requester brought, without white space around it."""
    return (spec.csr or "").strip()


def _already_ordered(by: User, now: datetime) -> Order | None:
    """The order that an earlier request with the same Idempotency-Key wrote down before it died."""
    token = context().idempotency
    if not token:
        return None
    mine = Order.objects.filter(by=by, idempotency=digest(token), created_at__gt=now - IDEMPOTENCY)
    return mine.exclude(state=Order.State.FAILED).order_by("-pk").first()


def _resume(order: Order, *, now: datetime) -> Certificate | Order:
    if order.certificate is not None:
        return order.certificate
    claimed = Order.objects.claim(order.pk, lease=REQUEST_LEASE, now=now)
    return order if claimed is None else _carry_out(claimed, now=now)


def fulfil(order_id: int, *, now: datetime | None = None) -> Certificate | None:
    """Take up an order that is due; None if it is not, or if another worker has it, or if the CA is still at work."""
    now = now or clock()
    order = Order.objects.select_related("authority", "by").claim(order_id, now=now)
    if order is None:
        return None
    try:
        result = _carry_out(order, now=now)
    except Unavailable:
        return None
    return result if isinstance(result, Certificate) else None


def _carry_out(order: Order, *, now: datetime) -> Certificate | Order:
    """Ask the CA about a claimed order and record the answer.

    Raises Unavailable; then the order waits for the sweep.
    """
    try:
        minted = mint(authority=order.authority, order=order)
        if minted.body is None:
            return _wait(order, minted)
        return _record(order, minted, now=now)
    except (PluginError, PkiError) as error:
        _give_up(order, error, now=now)
        raise Unavailable(f"{order.authority} did not issue the certificate: {error}") from error


def _wait(order: Order, minted: Minted) -> Order:
    Order.objects.filter(pk=order.pk).update(external_id=minted.external_id)
    order.external_id = minted.external_id
    return order


@transaction.atomic
def _give_up(order: Order, error: Exception, *, now: datetime) -> None:
    """Later again, or never: an order that failed for good destroys its key."""
    permanent = isinstance(error, Permanent | PkiError)
    order.fail(str(error), permanent=permanent, now=now)
    if order.state == Order.State.FAILED:
        record(Event.ORDER_FAILED, order, by=order.by, error=str(error))
        if order.private_key:
            key_store.destroy(order.private_key)


def mint(*, authority: Authority, order: Order | None = None, **fields: Any) -> Minted:
    """Ask the CA: the only step that talks to it, outside of any transaction.

    With the seed's fields instead of an order, one is written down first; the sweep later records what was minted for
    it.
    """
    if order is None:
        by, now = acting(None, fields.pop("creator", None)), clock()
        spec = CertificateSpec.of(authority=authority, **fields)
        require_may_order(spec, by)
        order = _write_down(settle(spec, by=by, now=now), by=by, now=now)
    opened = authorities.issuer_of(authority)
    request = IssueRequest(
        csr=order.csr,
        serial=_draft(order).serial_number if order.draft else 0,
        not_before=order.not_before_asked,
        not_after=order.not_after_asked,
        profile=order.profile_value,
        draft=_draft(order) if order.draft else None,
        material=opened.material,
        reference=str(order.pk),
        external_id=order.external_id,
    )
    failpoint("issue.before")
    answer = opened.plugin.issue(request)
    failpoint("issue.after")
    return _minted(order, answer)


def _draft(order: Order) -> x509.Certificate:
    return x509.load_der_x509_certificate(bytes(order.draft or b""))


def _minted(order: Order, answer: Issued | Pending) -> Minted:
    if isinstance(answer, Pending):
        return Minted(None, order.private_key, None, answer.external_id, order.csr)
    chain = "".join(answer.chain) or None
    return Minted(answer.body, order.private_key, chain, answer.external_id, order.csr)


def _record(order: Order, minted: Minted, *, now: datetime) -> Certificate:
    """Transaction 2, tried again when somebody else took the name at the same moment."""
    for _ in range(3):
        try:
            certificate = _record_once(order, minted, now=now)
        except (IntegrityError, LeaseLost):
            if (done := Order.objects.get(pk=order.pk).certificate) is not None:
                return done
        else:
            failpoint("record.after-commit")
            return certificate
    raise Precondition(f"No free name could be found for {order}.")


@transaction.atomic
def _record_once(order: Order, minted: Minted, *, now: datetime) -> Certificate:
    certificate = Certificate.from_body(
        minted.body or "",
        chain=minted.chain,
        csr=minted.csr,
        private_key=minted.private_key,
        external_id=minted.external_id,
        owner=order.spec["owner"],
        description=order.spec["description"],
        notify=order.spec["notify"],
        rotation=order.spec["rotation"],
        user=order.by,
        authority=order.authority,
        date_created=now,
    )
    _check_answer(order, certificate)
    placing.place(
        certificate,
        name=order.spec["name"],
        roles=Role.objects.filter(pk__in=order.spec["roles"]) if order.spec["roles"] else (),
        replaces=Certificate.objects.filter(pk__in=order.spec["replaces"]) if order.spec["replaces"] else (),
        by=order.by,
    )
    order.succeed(certificate=certificate)
    record(Event.CERTIFICATE_ISSUED, certificate, by=order.by, order=order.pk, serial=certificate.serial)
    failpoint("record.before-commit")
    return certificate


def _check_answer(order: Order, certificate: Certificate) -> None:
    """Is it the certificate that was asked for? A CA's answer is input like any other."""
    chains.verify(certificate.parsed, certificate.issuers)
    csr = x509.load_pem_x509_csr(order.csr.encode())
    if keys.spki_sha256(csr.public_key()) != certificate.spki_sha256:
        raise NotAllowed("The CA certified another key than the one in the request.")
    if order.draft:
        ledger.confirm(order.authority, certificate.parsed, reserved=order.reserved)


def create_csr(**csr_config: Any) -> tuple[str, str]:
    """The seed's helper: a CSR and a new private key, both as PEM. Nothing is stored.

    Takes owner, common_name, organization, organizational_unit, country, state, location, key_type and extensions.
    """
    config: Mapping[str, Any] = {name: csr_config[name] for name in CSR_FIELDS if csr_config.get(name) is not None}
    spec = CertificateSpec(
        authority=Authority(), **{"owner": "", **config}, extensions=parse_extensions(csr_config.get("extensions"))
    )
    try:
        key = keys.generate(keys.KeySpec.parse(spec.key_type))
        return requests.build(spec.subject().to_name(), spec.extensions, key), keys.private_key_pem(key)
    except PkiError as error:
        raise as_invalid(error, default="csr") from error


def due_orders(limit: int = 1000) -> list[int]:
    """The orders that a sweep should take up, longest waiting first."""
    return list(Order.objects.due().order_by("not_before").values_list("pk", flat=True)[:limit])
