"""What an authority can do for others: open itself for signing, say what it offers, draft a certificate; and how
authorities, and the DNS providers that answer their challenges, are looked after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import Role, User
from accounts.service import create_role, ensure_owner_role
from authorities import pointers
from authorities.models import ISSUER_PLUGIN, Authority, DnsProvider, Profile
from authorities.permissions import permissions
from core import connectors, keys
from core.audit import Event, acting, record
from core.commits import committing
from core.connectors import NewConnector
from core.errors import Conflict, Forbidden, Invalid, Precondition
from core.statements import ModelStatement
from pki import containers, profiles, signing
from pki.extensions import Extensions
from pki.inspection import pem
from plugins.contracts import Issuer
from plugins.values import CaMaterial

USUAL_PROFILE = "server"


@dataclass(frozen=True)
class OpenIssuer:
    """An authority's plugin, and the CA's own certificate, chain and key where we keep them."""

    plugin: Issuer
    material: CaMaterial | None


def issuer_of(authority: Authority) -> OpenIssuer:
    """Open an authority. The key is opened once per process, and not validated again at each signature."""
    return OpenIssuer(authority.open(), _material(authority.private_key, authority.body, authority.chain))


@lru_cache(maxsize=256)
def _material(key_uri: str | None, body: str, chain: str | None) -> CaMaterial | None:
    if key_uri is None:
        return None
    opened = Authority(body=body, chain=chain)
    return CaMaterial(opened.certificate, tuple(opened.issuers), keys.signer(key_uri))


_OFFERED = ModelStatement[Profile](lambda one, name: Profile.objects.filter(authorities=one, ca=False, name=name))


def offered_profile(authority: Authority, name: str) -> profiles.Profile | None:
    """The profile of that name, if the authority offers it to end entities."""
    found = _OFFERED.first(authority.pk, name)
    return None if found is None else _limited(authority, found.value())


def profile_for(authority: Authority, name: str) -> profiles.Profile:
    """The same; Invalid names those that it does offer."""
    chosen = offered_profile(authority, name)
    if chosen is None:
        offered = Profile.objects.filter(authorities=authority.pk, ca=False)
        there_are = ", ".join(offered.values_list("name", flat=True)) or "none"
        raise Invalid.field("profile", f"{authority} does not offer the profile {name!r}. It offers: {there_are}.")
    return chosen


def fitting_profile(authority: Authority, asked: Extensions) -> profiles.Profile | None:
    """The first that it offers to end entities and that allows these purposes and kinds of name.

    The usual one comes first, then the others by name.
    """
    purposes, kinds = asked.extended_key_usage or frozenset(), {name.type for name in asked.names}
    offered = Profile.objects.filter(authorities=authority.pk, ca=False).order_by("name")
    # Nearly always it is the usual one, so that the others need not be read.
    for rows in (_OFFERED.rows(authority.pk, USUAL_PROFILE), offered.exclude(name=USUAL_PROFILE)):
        for one in (row.value() for row in rows):
            if purposes <= one.extended_key_usage | one.default_extended_key_usage and kinds <= one.name_types:
                return _limited(authority, one)
    return None


def _limited(authority: Authority, profile: profiles.Profile) -> profiles.Profile:
    """No longer than the CA/Browser Forum's rules allow, for an authority that follows them."""
    if authority.longest_days is not None:
        longest = min(profile.longest, timedelta(days=authority.longest_days))
        default = min(profile.default, longest, timedelta(days=authority.default_days))
        profile = replace(profile, longest=longest, default=default)
    return profile


def pointing(authority: Authority, extensions: Extensions) -> Extensions:
    """The extensions with the addresses of this authority, its issuer, whatever was asked for in their place."""
    found = pointers.addresses(authority)
    return replace(extensions, crl_urls=found.crl_urls, ocsp_urls=found.ocsp_urls, issuer_urls=found.issuer_urls)


def draft(
    authority: Authority,
    *,
    subject: x509.Name,
    public_key: Any,
    extensions: Extensions,
    not_before: datetime,
    not_after: datetime,
) -> x509.Certificate | None:
    """What this authority is about to sign, complete but for the signature; None where somebody else signs."""
    material = _material(authority.private_key, authority.body, authority.chain)
    if material is None:
        return None
    return signing.draft(
        subject=subject,
        public_key=public_key,
        issuer=material.certificate,
        signer_public_key=material.key.public_key(),
        serial=signing.random_serial(),
        not_before=not_before,
        not_after=not_after,
        extensions=pointing(authority, extensions),
    )


# A role may have 128: "<name>_operator".
LONGEST_NAME = 119
DUTIES = ("admin", "operator")


@dataclass(frozen=True)
class NewAuthority:
    """What a person says about an authority that they make or bring.

    ``offered`` None: every profile for end entities. ``pki_base_url`` None: the site's ``PKI_ROOT``. ``options`` are
    the plugin's.
    """

    name: str
    owner: str
    description: str = ""
    plugin: str = ISSUER_PLUGIN
    parent: Authority | None = None
    roles: tuple[Role, ...] = ()
    offered: tuple[Profile, ...] | None = None
    pki_base_url: str | None = None
    cn_optional: bool = True
    cab_compliant: bool | None = None
    options: Any = None
    dns_provider: DnsProvider | None = None


@committing("authority.row")
def create(
    new: NewAuthority,
    *,
    by: User,
    path: Sequence[x509.Certificate],
    key_uri: str | None,
    event: Event = Event.AUTHORITY_CREATED,
) -> Authority:
    """The row of an authority whose certificate exists, with the roles that run it. Conflict if the name is taken.

    ``path``: its certificate, then those above it up to the root. ``key_uri`` None: somebody else keeps its key.
    """
    permissions.require(by, "create", message="You are not allowed to create a new authority.")
    if len(new.name) > LONGEST_NAME:
        raise Invalid.field("name", f"At most {LONGEST_NAME} characters: the names of its roles are longer.")
    authority = _row(new, path, key_uri)
    try:
        with transaction.atomic():
            authority.save()
    except IntegrityError as error:
        raise Conflict(f"Authority with name {new.name} already exists") from error
    authority.roles.add(*new.roles, *_own_roles(authority, by=by))
    authority.profiles.add(*(Profile.objects.filter(ca=False) if new.offered is None else new.offered))
    record(event, authority, by=by, plugin=new.plugin, parent=new.parent.name if new.parent else None)
    return authority


def _row(new: NewAuthority, path: Sequence[x509.Certificate], key_uri: str | None) -> Authority:
    base = settings.PKI_ROOT if new.pki_base_url is None else new.pki_base_url
    certificate, *issuers = path
    authority = Authority(
        name=new.name,
        owner=new.owner.strip().lower(),
        description=new.description,
        parent=new.parent,
        dns_provider=new.dns_provider,
        body=pem(certificate),
        chain="".join(map(pem, issuers)) or None,
        private_key=key_uri,
        not_before=certificate.not_valid_before_utc,
        not_after=min(one.not_valid_after_utc for one in path),
        pki_base_url=pointers.base_url(base),
        cn_optional=new.cn_optional,
        cab_compliant=new.cab_compliant,
        demo=acting().demo,
    )
    authority.configure(new.plugin, new.options)
    return authority


def _own_roles(authority: Authority, *, by: User) -> list[Role]:
    """Those who run it. New roles only: a name that exists already would hand the authority to strangers."""
    made = [
        create_role(f"{authority.name}_{duty}", description=f"{duty} of the authority {authority.name}", by=by)
        for duty in DUTIES
    ]
    return [*made, ensure_owner_role(authority.owner, by=by)]


CHANGEABLE = frozenset(
    {
        "owner", "description", "active", "roles", "profiles", "options", "pki_base_url", "cn_optional",
        "cab_compliant", "dns_provider", "renewals_per_hour",
    }
)  # fmt: skip


@committing("authority.update")
def update(authority: Authority, *, by: User, **changes: Any) -> Authority:
    """Change what may be changed about an authority: see :data:`CHANGEABLE`. Lists replace what was there.

    Its own two roles and its owner's stay with it; a new owner takes the place of the old one.
    """
    permissions.require(by, "change", authority, message="You are not authorized to update this authority.")
    if unknown := set(changes) - CHANGEABLE:
        raise TypeError(f"update() got unexpected fields: {sorted(unknown)}")
    fields, before = sorted(changes), authority.owner
    lists = {name: list(changes.pop(name)) for name in ("roles", "profiles") if name in changes}
    _set_columns(authority, changes)
    if "profiles" in lists:
        authority.profiles.set(lists["profiles"])
    _set_roles(authority, lists.get("roles"), before=before, by=by)
    record(Event.AUTHORITY_UPDATED, authority, by=by, fields=fields)
    return authority


def _set_columns(authority: Authority, changes: dict[str, Any]) -> None:
    if "owner" in changes:
        changes["owner"] = changes["owner"].strip().lower()
    if "pki_base_url" in changes:
        changes["pki_base_url"] = pointers.base_url(changes["pki_base_url"])
    if "options" in changes:
        authority.configure(authority.plugin, changes.pop("options"))
        changes |= {"options": authority.options, "secrets": authority.secrets}
    for field, value in changes.items():
        setattr(authority, field, value)
    if changes:
        authority.save(update_fields=list(changes))


def _set_roles(authority: Authority, wanted: list[Role] | None, *, before: str, by: User) -> None:
    roles = list(authority.roles.all()) if wanted is None else wanted
    kept = [role for role in roles if authority.owner == before or role.name != before]
    own = authority.roles.filter(name__in=[f"{authority.name}_{duty}" for duty in DUTIES])
    authority.roles.set({*kept, *own, ensure_owner_role(authority.owner, by=by)})


SHORTEST_PASSPHRASE = 12


def backup(authority: Authority, passphrase: str, *, as_pem: bool = False, by: User) -> bytes:
    """The CA's certificate, chain and private key in one file under a passphrase: PKCS#12, or PEM.

    The only way in which a CA's key leaves, and open to whoever can run a command on the host alone.
    """
    if acting().kind:
        raise Forbidden("The key of an authority leaves through `manage.py backup_ca` alone.")
    permissions.require(by, "back_up", authority)
    if authority.private_key is None:
        raise Precondition(f"The key of {authority} is not kept here; there is nothing to back up.")
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise Invalid.field("passphrase", f"Give at least {SHORTEST_PASSPHRASE} characters.")
    key, certificate, chain = keys.reveal(authority.private_key), authority.certificate, authority.issuers
    if as_pem:
        data = containers.pem_backup(certificate, chain, key, passphrase)
    else:
        data = containers.pkcs12(authority.name, key, certificate, chain, passphrase)
    with committing("authority.back-up"):
        record(Event.AUTHORITY_BACKED_UP, authority, by=by, format="PEM" if as_pem else "PKCS#12")
    return data


NOT_YOURS = "You are not authorized to manage DNS providers."


def create_dns_provider(new: NewConnector, *, by: User) -> DnsProvider:
    """Errors as those of core.connectors.create."""
    return connectors.create(DnsProvider(), new, by=by, event=Event.DNS_PROVIDER_CREATED, message=NOT_YOURS)


def update_dns_provider(provider: DnsProvider, *, by: User, **changes: Any) -> DnsProvider:
    """Change name, description, active, plugin or options; see core.connectors.update."""
    return connectors.update(provider, changes, by=by, event=Event.DNS_PROVIDER_UPDATED, message=NOT_YOURS)


def delete_dns_provider(provider: DnsProvider, *, by: User) -> None:
    """Certificates that named it name none any more."""
    connectors.delete(provider, by=by, event=Event.DNS_PROVIDER_DELETED, message=NOT_YOURS)


def try_dns_provider(provider: DnsProvider, *, by: User) -> str:
    """Try whether the plugin can work as it is configured: what is wrong, in one sentence, or ""."""
    return connectors.try_out(provider, by=by, event=Event.DNS_PROVIDER_TESTED, message=NOT_YOURS)
