"""From what was asked to what will be asked of the CA.

Every rule that an order must pass, before anything is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509

from accounts.models import User
from authorities import service as authorities
from authorities.permissions import permissions as authority_permissions
from authorities.service import USUAL_PROFILE
from certificates import rules
from certificates.extensions import as_invalid
from certificates.models import Certificate
from certificates.permissions import permissions
from certificates.service import placing
from certificates.service.deploying import refuse_duplicate_destinations, require_deliverable
from certificates.spec import CertificateSpec
from core.errors import Invalid
from pki import keys, naming, profiles, requests
from pki.errors import PkiError
from pki.extensions import PURPOSES, Extensions
from pki.profiles import Profile
from pki.subjects import Subject


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
    try:
        return _settle(spec, by=by, now=now)
    except PkiError as error:
        raise as_invalid(error, default="csr" if spec.csr else "extensions") from error


def _settle(spec: CertificateSpec, *, by: User, now: datetime) -> Wanted:
    if spec.name:
        naming.custom_name(spec.name)  # raises now what it would raise when the certificate exists already
    request = requests.read(spec.csr) if spec.csr else None
    key_type = request.key_type if request else keys.KeySpec.parse(spec.key_type).name
    if request:
        keys.check_strength(request.public_key, field="csr")
    common_name, subject, asked = _asked(spec, request)
    profile = _profile(spec, asked)
    _require_name(spec, common_name, asked)
    _require_deliverable(spec, request)
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


def _profile(spec: CertificateSpec, asked: Extensions) -> Profile:
    """The one that was named, else the first that fits; if none does, the usual one, which says what it misses."""
    fitting = None if spec.profile else authorities.fitting_profile(spec.authority, asked)
    return fitting or authorities.profile_for(spec.authority, spec.profile or USUAL_PROFILE)


def _require_deliverable(spec: CertificateSpec, request: requests.Request | None) -> None:
    refuse_duplicate_destinations(spec.destinations)
    kept = None if request else "its key will be kept here"
    require_deliverable(Certificate(private_key=kept), spec.destinations)


def _require_name(spec: CertificateSpec, common_name: str, asked: Extensions) -> None:
    if not common_name and not asked.names:
        raise Invalid.rule("Missing common_name, either CN or SAN must be present")
    if not common_name and not spec.authority.cn_optional:
        raise Invalid.rule("Missing common_name")


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
