"""Renewing: the same certificate again, with a new key and a new end."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from authorities import service as authorities
from authorities.models import Authority
from authorities.service import USUAL_PROFILE
from certificates.extensions import as_invalid
from certificates.models import Certificate, Order
from certificates.permissions import permissions
from certificates.rules import before_weekend
from certificates.service.issuance import place_order, renewed_already
from certificates.spec import MANY, SUBJECT_FIELDS, CertificateSpec
from core import idempotency
from core.errors import Conflict, Invalid, Precondition
from core.statements import ModelStatement
from pki import names, profiles, validity
from pki.errors import BadName, BadValidity
from pki.extensions import Extensions
from pki.profiles import NEVER_FOR_LEAVES

REISSUED = "Reissued by Lemur for cert ID "
OPEN = (Order.State.WAITING, Order.State.UNKNOWN)


def calculate_reissue_range(
    start: datetime,
    end: datetime,
    authority: Authority | None = None,
    rotation: bool = False,
    *,
    now: datetime | None = None,
) -> tuple[datetime, datetime]:
    """From now on for as long as from ``start`` to ``end``.

    With an authority: no longer than that may issue, nor beyond its own end. ``rotation`` asks for the authority's
    default instead, where LEMUR_AUTOROTATION_USE_DEFAULT_VALIDITY is on. No end on a weekend where the site has none.
    """
    now = now or clock()
    if authority is not None and rotation and settings.LEMUR_AUTOROTATION_USE_DEFAULT_VALIDITY:
        start, end = now, now + timedelta(days=authority.default_days)
    try:
        first, last = validity.calculate_reissue_range(start, end, now=now, longest=_longest(authority))
    except BadValidity as error:
        raise as_invalid(error, default="validity_end") from error
    if authority is not None:
        last = min(last, authority.not_after)
    return first, before_weekend(first, last)


def _longest(authority: Authority | None) -> timedelta | None:
    days = authority and authority.longest_days
    return timedelta(days=days) if days else None


def get_certificate_primitives(
    certificate: Certificate, *, authority: Authority | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """What :func:`~certificates.service.create` needs to make the same again, from now on: ``create(**primitives)``.

    From the authority that issued it, or from another one. Names and subject are the certificate's own. Key type and
    usages are, as far as the profile that it was ordered with, or one that fits, still allows them; ``csr`` is None,
    since a new certificate gets a new key. Raises Invalid for a certificate without an authority.
    """
    authority = authority or certificate.authority
    if authority is None:
        raise Invalid.rule("Missing Authority.")
    profile = _profile(certificate, authority)
    start, end = _validity(certificate, authority, profile, now=now)
    return {
        **_subject(certificate, profile),
        **_lists(certificate),
        "authority": authority,
        "owner": certificate.owner,
        "cn": certificate.cn or "",
        "common_name": certificate.cn or "",
        "csr": None,
        "description": certificate.description,
        "extensions": _extensions(certificate, profile),
        "key_type": _key_type(certificate, profile),
        "profile": profile.name,
        "validity_start": start,
        "validity_end": end,
        "not_before": start,
        "not_after": end,
        "notify": certificate.notify,
        "rotation": certificate.rotation,
        "rotation_policy": certificate.rotation_policy,
        "dns_provider": certificate.dns_provider,
    }


def _lists(certificate: Certificate) -> dict[str, list[Any]]:
    lists: dict[str, list[Any]] = {name: held.rows(certificate.pk) for name, held in _HELD.items()}
    return {**lists, "replacements": lists["replaces"], "tags": certificate.tag_names}


def _held_by(name: str) -> Callable[[int], QuerySet[Any, Any]]:
    return lambda pk: getattr(Certificate(pk=pk), name).all()


_HELD = {name: ModelStatement[Any](_held_by(name)) for name in MANY}


def _validity(
    certificate: Certificate, authority: Authority, profile: profiles.Profile, *, now: datetime | None
) -> tuple[datetime, datetime]:
    """As long as before, as far as authority and profile allow."""
    before = (certificate.not_before, certificate.not_after)
    start, end = calculate_reissue_range(*before, authority, certificate.rotation, now=now)
    return start, min(end, start + profile.longest)


def _subject(certificate: Certificate, profile: profiles.Profile) -> dict[str, str]:
    subject = {name: getattr(certificate.subject_fields, name) for name in SUBJECT_FIELDS}
    return {name: value if name in profile.subject_fields else "" for name, value in subject.items()}


def renewing_authority(certificate: Certificate) -> Authority | None:
    """The one that renews it: ROTATE_AUTHORITY_TRANSLATION may name another than the one that issued it.

    Precondition if what it names does not exist.
    """
    successor = settings.ROTATE_AUTHORITY_TRANSLATION.get(certificate.authority_id or 0)
    if successor is None:
        return certificate.authority
    found = Authority.objects.filter(pk=successor).first()
    if found is None:
        raise Precondition(
            f"ROTATE_AUTHORITY_TRANSLATION names the authority {successor}, which there is not; mend it."
        )
    return found


def _profile(certificate: Certificate, authority: Authority) -> profiles.Profile:
    """The one that it was ordered with if the authority still offers it, else the first that allows its usages."""
    ordered = Order.objects.filter(certificate=certificate).values_list("profile", flat=True).first() or USUAL_PROFILE
    named = authorities.offered_profile(authority, ordered)
    fitting = named or authorities.fitting_profile(authority, certificate.facts.extensions)
    if fitting is None:
        raise Invalid.field("profile", f"{authority} offers no profile that fits this certificate any more.")
    return fitting


def _key_type(certificate: Certificate, profile: profiles.Profile) -> str:
    if certificate.key_type in profile.key_types:
        return str(certificate.key_type)
    usual = CertificateSpec.key_type
    return usual if usual in profile.key_types else min(profile.key_types)


def _extensions(certificate: Certificate, profile: profiles.Profile) -> Extensions:
    """What a requester may ask for again: the authority adds its own pointers and policies anew."""
    had = certificate.facts.extensions
    usages = profile.key_usage | profile.default_key_usage
    purposes = profile.extended_key_usage | profile.default_extended_key_usage
    return Extensions(
        names=tuple(name for name in had.names if name.type in profile.name_types and _normal(name)),
        key_usage=((had.key_usage or frozenset()) & usages) - NEVER_FOR_LEAVES or None,
        extended_key_usage=((had.extended_key_usage or frozenset()) & purposes) - NEVER_FOR_LEAVES or None,
        custom=tuple(custom for custom in had.custom if custom.oid in profile.custom_oids),
    )


def _normal(name: names.Name) -> bool:
    """Others write names that we do not."""
    try:
        return names.parse(name.type, name.value) == name
    except BadName:
        return False


def reissue_certificate(
    certificate: Certificate,
    replace: bool | None = None,
    user: User | None = None,
    *,
    notify: bool | None = None,
    now: datetime | None = None,
) -> Certificate | Order:
    """The same certificate again, with a new key: owner, roles, key type, destinations and the rest stay.

    It comes from the :func:`renewing_authority`. ``user`` acts and becomes its creator; without one, whoever acts now,
    and the creator stays. ``replace``: the new one takes the place of the old one, of which nobody is told any more.
    ``notify`` is accepted as in Lemur. Raises Conflict while another order renews it.
    """
    by, now = acting(user), now or clock()
    permissions.require(by, "reissue", certificate, message="You are not authorized to reissue this certificate")
    if certificate.root_authority_id is not None:
        raise Precondition("An authority's own certificate is not reissued; create a new authority.")
    if certificate.deleted:
        raise Precondition("Certificate is already deleted")
    if (other := open_order(certificate)) is not None and other != idempotency.recall(Order):
        raise Conflict(renewed_already(certificate))
    primitives = get_certificate_primitives(certificate, authority=renewing_authority(certificate), now=now)
    fields = {**primitives, "description": _description(certificate)}
    fields.pop("replacements")
    fields["replaces"] = [certificate] if replace else []
    keeps = {} if user else {"user_id": certificate.user_id, "handed_over": certificate.handed_over}
    return place_order(fields, by=by, now=now, reissues=certificate, keeps=keeps)


def open_order(certificate: Certificate) -> Order | None:
    """The order that renews it at this moment, if there is one."""
    return Order.objects.filter(reissues=certificate, state__in=OPEN).first()


def _description(certificate: Certificate) -> str:
    """Contract 6.9: of several renewals only the last is mentioned."""
    said, old = f"{REISSUED}{certificate.pk}", certificate.description
    if re.search(rf"{REISSUED}\d+", old):
        return re.sub(rf"{REISSUED}\d+", said, old)[:1024]
    return (f"{said}, {old}" if old else said)[:1024]
