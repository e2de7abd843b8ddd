"""May this name, key and validity be asked of this authority by this user?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings

from accounts.models import User
from authorities.models import Authority
from certificates.extensions import too_many_names
from certificates.models import Domain
from certificates.permissions import domain_permissions
from core.errors import Invalid
from core.statements import Statement
from pki import validity
from pki.errors import BadName
from pki.names import Name, NameType, normalised, parse
from pki.profiles import Profile

SATURDAY = 5


def check_names(common_name: str, names: Sequence[Name], by: User) -> None:
    """Refuse names that the site does not allow, or has marked as sensitive (contract 9.7).

    Compared as lower-case A-labels and addresses in their shortest form, so that no other spelling gets around a rule.
    A common name with a space inside is a person's or a device's, not a domain's. Addresses can be sensitive only.
    """
    if len(names) > settings.MAX_NAMES_IN_ORDER:
        raise Invalid.field("extensions.sub_alt_names.names", too_many_names())
    if domain_permissions.can(by, "order"):
        return
    domains = {_comparable(common_name): "common_name"} if common_name and " " not in common_name else {}
    addresses: dict[str, str] = {}
    for name in map(normalised, names):
        if name.type in (NameType.DNS, NameType.IP):
            named = domains if name.type is NameType.DNS else addresses
            named.setdefault(name.value, "extensions.sub_alt_names.names")
    _check_allowed(domains)
    _check_sensitive({**addresses, **domains})


def _check_allowed(domains: dict[str, str]) -> None:
    patterns = [re.compile(pattern) for pattern in settings.LEMUR_ALLOWED_DOMAINS]
    for domain, field in domains.items() if patterns else ():
        if not any(pattern.match(domain) for pattern in patterns):
            raise Invalid.field(
                field,
                f"Domain {domain} does not match allowed domain patterns. "
                "Contact an administrator to issue the certificate.",
            )


_SENSITIVE = Statement(lambda names: Domain.objects.filter(name__in=names, sensitive=True).values_list("name"))


def _check_sensitive(domains: dict[str, str]) -> None:
    for (sensitive,) in _SENSITIVE.rows(list(domains))[:1]:
        raise Invalid.field(
            domains[sensitive],
            f"Domain {sensitive} has been marked as sensitive. Contact an administrator to issue the certificate.",
        )


def _comparable(common_name: str) -> str:
    for kind in (NameType.IP, NameType.DNS):
        with suppress(BadName):
            return parse(kind, common_name).value
    return common_name.lower()


def settle_validity(
    authority: Authority | None,
    profile: Profile,
    *,
    start: datetime | None,
    end: datetime | None,
    years: int | None,
    now: datetime,
) -> tuple[datetime, datetime]:
    """The validity that will be asked for (of a root, which has no authority above it, only its profile limits it).

    One without the other is refused; explicit ones are refused outside the authority's, defaults fit into it.
    """
    weekends, unasked = settings.LEMUR_ALLOW_WEEKEND_EXPIRATION, end is None
    if years is not None:
        start, end = validity.years(now, years, weekends=weekends)
    if start is None and end is not None:
        raise Invalid.rule("If validity start is specified so must validity end.")
    if end is None and start is not None:
        raise Invalid.rule("If validity end is specified so must validity start.")
    if end is not None and not weekends:
        validity.check_weekday(end)
    first, last = validity.settle(
        start=start,
        end=end,
        now=now,
        default=profile.default,
        longest=profile.longest,
        issuer_not_before=authority.not_before if authority else None,
        issuer_not_after=authority.not_after if authority else None,
    )
    return first, before_weekend(first, last) if unasked else last


def before_weekend(first: datetime, last: datetime) -> datetime:
    """The same end, or where the site has none on a Saturday or Sunday (UTC), the Friday before, if that is later."""
    day = timedelta(days=1)
    while not settings.LEMUR_ALLOW_WEEKEND_EXPIRATION and last.weekday() >= SATURDAY and last - day > first:
        last -= day
    return last


def names_with_common_name(common_name: str, names: Iterable[Name]) -> tuple[Name, ...]:
    """The names, with the common name first if it is a domain or address that is missing among them (RFC 9525)."""
    listed = tuple(names)
    if not common_name or " " in common_name:
        return listed
    for kind in (NameType.IP, NameType.DNS):
        try:
            name = parse(kind, common_name)
        except BadName:
            continue
        return listed if name in listed else (name, *listed)
    return listed
