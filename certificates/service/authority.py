"""Making and importing authorities: each has a Certificate row at once, so that it is watched like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from django.conf import settings
from django.utils.timezone import now as clock

from accounts.models import User
from accounts.service import acting
from authorities import ledger, pointers, publishing
from authorities import service as authorities
from authorities.models import Authority, Profile
from authorities.permissions import permissions
from authorities.service import NewAuthority
from certificates import rules
from certificates.extensions import as_invalid
from certificates.models import Certificate
from certificates.service import placing
from certificates.spec import SUBJECT_FIELDS, filled
from core import idempotency
from core import keys as key_store
from core.audit import Event
from core.commits import committing
from core.connectors import foreign
from core.errors import Invalid, Unavailable
from core.failpoints import around
from core.models import StoredKey
from core.plugins import named_plugin
from pki import chains, inspection, keys, profiles, signatures, signing
from pki.errors import PkiError
from pki.extensions import BasicConstraints, Extensions, KeyUsage
from pki.subjects import Subject
from plugins import OptionErrors, parse
from plugins.contracts import CreatesAuthorities, Issuer, StandsForAuthority
from plugins.errors import Permanent, PluginError
from plugins.options import by_name
from plugins.values import CaMaterial, CaRequest, Issued


@dataclass(frozen=True, kw_only=True)
class CaSpec:
    """What a new CA certificate should say. ``path_length`` None: the profile's."""

    common_name: str
    organization: str | None = None
    organizational_unit: str | None = None
    country: str | None = None
    state: str | None = None
    location: str | None = None
    key_type: str = "ECCPRIME256V1"
    validity_start: datetime | None = None
    validity_end: datetime | None = None
    validity_years: int | None = None
    path_length: int | None = None


def create_authority(
    new: NewAuthority, spec: CaSpec, *, by: User | None = None, now: datetime | None = None
) -> Authority:
    """A new root, or with ``new.parent`` an intermediate under it, made by the authority's plugin; or, of a plugin that
    speaks to a CA elsewhere, that CA as it is, whatever ``spec`` says.

    Our own plugin signs in this process, so one transaction holds everything but the making of the key: a crash leaves
    nothing behind. Its first revocation list and its OCSP responder come right after; a sweep makes what is missing.
    """
    by, now = acting(by), now or clock()
    if (made := idempotency.recall(Authority)) is not None:
        return made
    _require_may_create(new, by)
    try:
        made = _create(new, spec, by=by, now=now)
    except PkiError as error:
        raise as_invalid(error, default="common_name") from error
    publishing.prepare(made, now=clock())
    return made


def _require_may_create(new: NewAuthority, by: User) -> None:
    permissions.require(by, "create", message="You are not allowed to create a new authority.")
    if new.parent is not None:
        permissions.require(
            by, "use", new.parent, message="You are not authorized to use the specified parent authority."
        )
        if not new.parent.active:
            raise Invalid.field("parent", "The authority is inactive.")
    if not new.name.strip():
        raise Invalid.field("name", "Missing data for required field.")
    pointers.base_url(new.pki_base_url or "")


def _create(new: NewAuthority, spec: CaSpec, *, by: User, now: datetime) -> Authority:
    plugin = _plugin(new)
    if isinstance(plugin, StandsForAuthority):
        return _connect(new, plugin, by=by, now=now)
    parent = _parent_material(new)
    stored, key = key_store.generate(keys.KeySpec.parse(spec.key_type))
    draft = _draft(new, spec, key, parent, now=now)
    with committing("authority.create"):
        return _sign_and_save(new, plugin, draft, CaKey(stored, key, parent), by=by, now=now)


def _connect(new: NewAuthority, plugin: StandsForAuthority, *, by: User, now: datetime) -> Authority:
    """A CA that exists elsewhere and keeps its own key."""
    shown = _shown(new, plugin)
    certificate, links = inspection.load(shown.body), [inspection.load(link) for link in shown.chain]
    chains.verify(certificate, links)
    _check_ca(inspection.facts(certificate), links, now=now)
    with committing("authority.connect"):
        new = replace(new, parent=new.parent or _known_parent(links))
        return _found(new, (certificate, *links), None, by=by, now=now, event=Event.AUTHORITY_CREATED)


def _shown(new: NewAuthority, plugin: StandsForAuthority) -> Issued:
    try:
        with around("authority.ask"), foreign(new.plugin, authority=new.name):
            return plugin.authority()
    except Permanent as error:
        raise Invalid.field("plugin", error.message) from error
    except PluginError as error:
        raise Unavailable(error.message) from error


@dataclass(frozen=True)
class CaKey:
    """The key of a new authority, not saved yet, and what its parent signs with."""

    stored: StoredKey
    key: keys.PrivateKey
    parent: CaMaterial | None


def _sign_and_save(
    new: NewAuthority, plugin: CreatesAuthorities, draft: x509.Certificate, ca: CaKey, *, by: User, now: datetime
) -> Authority:
    ca.stored.save(force_insert=True)
    if new.parent is not None:
        ledger.reserve(new.parent, draft)
    issued = plugin.create_authority(CaRequest(subject=draft.subject, key=ca.key, draft=draft, parent=ca.parent))
    path = [inspection.load(link) for link in (issued.body, *issued.chain)]
    return _found(new, path, ca.stored.uri, by=by, now=now, event=Event.AUTHORITY_CREATED)


def _plugin(new: NewAuthority) -> CreatesAuthorities | StandsForAuthority:
    plugin: type[Issuer] = named_plugin(new.plugin, "issuer")
    if not issubclass(plugin, CreatesAuthorities | StandsForAuthority):
        raise Invalid.field("plugin", f"The plugin {new.plugin} cannot create authorities; import the existing one.")
    try:
        return plugin(parse(plugin.Options, by_name(new.options)))
    except OptionErrors as error:
        raise Invalid(reasons={"plugin": {"plugin_options": error.errors}}) from error


def _draft(
    new: NewAuthority, spec: CaSpec, key: keys.PrivateKey, parent: CaMaterial | None, *, now: datetime
) -> x509.Certificate:
    usual = Profile.objects.get(name="intermediate").value() if parent else profiles.BUILT_IN["root"]
    subject, key_type = _subject(spec).to_name(), keys.KeySpec.parse(spec.key_type).name
    length = _path_length(spec, usual, parent)
    # The profile's path length is what is usual; whoever makes an authority may say another.
    profile = replace(usual, path_length=length)
    asked = Extensions(basic_constraints=BasicConstraints(ca=True, path_length=length))
    profiles.check(profile, asked=asked, subject=subject, key_type=key_type)
    start, end = _validity(new, spec, profile, now=now)
    settled = profiles.settle(profile, asked, key_type=key_type)
    return signing.draft(
        subject=subject,
        public_key=key.public_key(),
        issuer=parent.certificate if parent else None,
        signer_public_key=(parent.key if parent else key).public_key(),
        serial=signing.random_serial(),
        not_before=start,
        not_after=end,
        extensions=authorities.pointing(new.parent, settled) if new.parent else settled,
    )


def _path_length(spec: CaSpec, profile: profiles.Profile, parent: CaMaterial | None) -> int | None:
    """How many CAs may follow under the new one; its parent's own limit counts down (RFC 5280 4.2.1.9)."""
    wanted = profile.path_length if spec.path_length is None else spec.path_length
    limit = _remaining(parent.certificate, *parent.chain) if parent else None
    if limit == 0:
        raise Invalid.field(
            "parent", "The parent's path length is 0: it signs end entities only, no further authorities."
        )
    if limit is not None and (wanted is None or wanted >= limit):
        raise Invalid.field("path_length", f"The parent's path length is {limit}; give one below that.")
    return wanted


def _remaining(*chain: x509.Certificate) -> int | None:
    """How many CAs may follow under the first of these, the tightest limit of all above it counted down."""
    limits = [inspection.facts(one).path_length for one in chain]
    left = [limit - above for above, limit in enumerate(limits) if limit is not None]
    return max(0, min(left)) if left else None


def _parent_material(new: NewAuthority) -> CaMaterial | None:
    if new.parent is None:
        return None
    material = authorities.issuer_of(new.parent).material
    if material is None:
        raise Invalid.field("parent", f"The key of {new.parent} is not kept here, so it cannot sign an authority here.")
    return material


def _subject(spec: CaSpec) -> Subject:
    if not spec.common_name.strip():
        raise Invalid.field("common_name", "Missing data for required field.")
    given = {name: getattr(spec, name) for name in SUBJECT_FIELDS}
    return Subject(common_name=spec.common_name, **{name: filled(name, value) for name, value in given.items()})


def _validity(
    new: NewAuthority, spec: CaSpec, profile: profiles.Profile, *, now: datetime
) -> tuple[datetime, datetime]:
    start, end = spec.validity_start, spec.validity_end
    return rules.settle_validity(new.parent, profile, start=start, end=end, years=spec.validity_years, now=now)


def import_authority(
    new: NewAuthority,
    *,
    body: str,
    private_key: str,
    chain: str = "",
    by: User | None = None,
    now: datetime | None = None,
) -> Authority:
    """Take over a CA that exists: its certificate, the certificates above it up to the root, its private key."""
    by, now = acting(by), now or clock()
    if (made := idempotency.recall(Authority)) is not None:
        return made
    _require_may_create(new, by)
    material = _read(body, private_key, chain, new.parent, now=now)
    stored = key_store.store(material.key)
    with committing("authority.import"):
        stored.save(force_insert=True)
        new, path = replace(new, parent=new.parent or _known_parent(material.chain)), _path(material)
        made = _found(new, path, stored.uri, by=by, now=now, event=Event.AUTHORITY_IMPORTED)
    publishing.prepare(made, now=clock())
    return made


def _read(body: str, private_key: str, chain: str, parent: Authority | None, *, now: datetime) -> CaMaterial:
    try:
        certificate = inspection.load(body)
        facts = inspection.facts(certificate)
        links = _links(certificate, chain, parent)
        chains.verify(certificate, links)
        key, public_key = keys.load_private_key(private_key), signatures.public_key_of(certificate)
        if public_key is not None:
            keys.check_strength(public_key, for_import=True, field="body")
    except PkiError as error:
        raise as_invalid(error, default="body") from error
    _check_ca(facts, links, now=now)
    if public_key is None or not keys.belongs(key, public_key):
        raise Invalid.rule("Private key does not match certificate.")
    return CaMaterial(certificate, tuple(links), key)


def _links(certificate: x509.Certificate, chain: str, parent: Authority | None) -> list[x509.Certificate]:
    """The certificates above it as given, or as we know them from the parent, which must be the one that signed it."""
    known = [] if parent is None else [parent.certificate, *parent.issuers]
    links = chains.split(chain, limit=settings.MAX_CHAIN) if chain.strip() else known
    if known and (not links or links[0] != known[0] or not chains.is_signed_by(certificate, known[0])):
        raise Invalid.field("parent", f"{parent} did not sign this certificate.")
    return links


def _check_ca(facts: inspection.Facts, links: list[x509.Certificate], *, now: datetime) -> None:
    """May it sign certificates, now, and can others follow its chain to a root?"""
    usage = facts.extensions.key_usage
    if not facts.is_ca:
        raise Invalid.field("body", "This is no CA certificate: its basic constraints do not say CA:TRUE.")
    if usage is not None and KeyUsage.KEY_CERT_SIGN not in usage:
        raise Invalid.field("body", "This CA may not sign certificates: its key usage lacks keyCertSign.")
    if facts.not_after <= now:
        raise Invalid.field("body", f"This CA expired on {facts.not_after:%Y-%m-%d}.")
    if facts.key_type is None:
        raise Invalid.field("body", "Keys of this kind cannot sign here.")
    top = inspection.facts(links[-1]) if links else facts
    if not top.self_signed:
        raise Invalid.field("chain", "Give the certificates above it up to the root, which signs itself.")


def _path(material: CaMaterial) -> list[x509.Certificate]:
    return [material.certificate, *material.chain]


def _known_parent(links: Sequence[x509.Certificate]) -> Authority | None:
    """The authority we already run that signed the one below these, if any."""
    if not links:
        return None
    fingerprint = inspection.fingerprint(links[0])
    own = Certificate.objects.filter(fingerprint=fingerprint, root_authority__isnull=False).first()
    return own.root_authority if own else None


def _found(
    new: NewAuthority,
    path: Sequence[x509.Certificate],
    key_uri: str | None,
    *,
    by: User,
    now: datetime,
    event: Event,
) -> Authority:
    authority = authorities.create(new, by=by, path=path, key_uri=key_uri, event=event)
    idempotency.remember(authority)
    certificate = Certificate.from_body(
        authority.body,
        chain=authority.chain,
        private_key=key_uri,
        owner=authority.owner,
        description=authority.description,
        user=by,
        root_authority=authority,
        date_created=now,
    )
    placing.place(certificate, name=authority.name, roles=authority.roles.all(), by=by)
    return authority


__all__ = ["CaSpec", "NewAuthority", "create_authority", "import_authority"]
