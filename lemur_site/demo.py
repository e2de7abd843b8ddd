"""A believable company for a first look, made through the services with ``now`` in the past, and taken away whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError, Q, QuerySet
from django.utils.timezone import now as clock

from accounts import service as accounts
from accounts.models import Role, User
from authorities.models import Authority, Issuance, Responder
from authorities.service import DUTIES
from certificates import service
from certificates.models import Certificate, CertificateDomain, CertificateQuerySet, Domain, Order, Tag
from certificates.service.authority import CaSpec, NewAuthority
from core.audit import Event, acting_as, record
from core.errors import Conflict
from core.models import AuditEntry, StoredKey
from lemur_site import demo_places as places
from notifications.models import Notification
from pki import inspection, keys, names, signing
from pki.extensions import Extensions
from pki.subjects import Subject
from stores.models import Destination, Source

COMPANY = "Example Outfitters"
DOMAIN = "outfitters.example"
PROD = "env:prod"
TEAMS = {"shop": ("ines", "tomasz"), "platform": ("maya", "oleg"), "data": ("yuki",), "warehouse": ("ada", "sam")}


@dataclass(frozen=True)
class Wanted:
    """A certificate of the demo: issued ``age`` days ago for ``life`` days."""

    team: str
    names: tuple[str, ...]
    age: int
    life: int = 90
    key_type: str = "ECCPRIME256V1"
    profile: str = "server"
    revoke: str = ""
    successor: bool = False
    description: str = ""
    tags: tuple[str, ...] = ()


WANTED = (
    Wanted("shop", ("www", "shop", "checkout"), age=20, description="Storefront, behind the CDN.", tags=(PROD, "cdn")),
    Wanted("shop", ("payments",), age=81, description="Payment gateway callback.", tags=(PROD, "pci")),
    Wanted("shop", ("img", "static"), age=12, life=200, tags=(PROD, "cdn")),
    Wanted("shop", ("gift-cards",), age=140, description="Closed down with the spring campaign."),
    Wanted("shop", ("m",), age=55, revoke="cessationOfOperation", description="The old mobile site."),
    Wanted("platform", ("*.internal",), age=70, description="Ingress of the cluster.", tags=(PROD, "k8s/ingress")),
    Wanted("platform", ("vpn", "vpn-2"), age=60, life=365, key_type="RSA2048", description="Appliance: RSA only."),
    Wanted("platform", ("git",), age=85, successor=True, tags=(PROD,)),
    Wanted("platform", ("registry", "packages"), age=30, life=120),
    Wanted("platform", ("10.20.0.5", "ldap"), age=10, life=365, description="Directory server, reached by address."),
    Wanted("platform", ("build-agent",), age=3, life=30, profile="client", description="Signs in to the registry."),
    Wanted("data", ("warehouse-db",), age=88, description="Analytics database."),
    Wanted("data", ("kafka-1", "kafka-2", "kafka-3"), age=40, profile="server-and-client", tags=(PROD, "mtls")),
    Wanted("data", ("notebooks",), age=95, description="Expired: nobody has claimed it.", tags=("env:test",)),
    Wanted("data", ("metrics",), age=33, revoke="keyCompromise", description="Key found in a shell history."),
    Wanted("warehouse", ("scanners",), age=15, life=365),
    Wanted(
        "warehouse",
        ("conveyor", "conveyor-spare"),
        age=350,
        life=365,
        description="Renew by hand: the vendor must restart it.",
    ),
    Wanted("warehouse", ("labels",), age=1),
)
BROUGHT = ("vendor",)
"""Tags of what was imported."""
IMPORTED = (("erp", "platform", 30), ("partner-edi", "warehouse", 200), ("legacy-mail", "data", 725))


def exists() -> bool:
    """Is there anything of the demo?"""
    return Authority.objects.filter(demo=True).exists()


@transaction.atomic
def load(now: datetime | None = None) -> None:
    """Make all of it in one transaction: our own CA needs no network, so nothing half made can stay behind."""
    now = now or clock()
    if exists():
        raise Conflict("The demo data is loaded already.")
    system = accounts.system_user()
    with acting_as(user=system, demo=True):
        people = _people(system)
        issuing = _authorities(system, list(people.values()), now=now)
        for wanted in WANTED:
            _issue(wanted, people, issuing, now=now)
        places.load(DOMAIN, _stranger(now), by=system, now=now)
        for name, team, age in IMPORTED:
            _import(name, team, people[team], age=age, now=now)
    _mark()


def _people(system: User) -> dict[str, User]:
    """Two or so people a team, who cannot log in; the first one is the one who orders."""
    leads: dict[str, User] = {}
    for team, members in TEAMS.items():
        role = accounts.create_role(f"{team}@{DOMAIN}", description=f"The {team} team", by=system)
        for name in members:
            user = accounts.create_user(username=name, email=f"{name}@{DOMAIN}", roles=[role], by=system)
            leads.setdefault(team, user)
    User.objects.filter(email__endswith=f"@{DOMAIN}").update(demo=True)
    return leads


def _authorities(system: User, leads: Iterable[User], *, now: datetime) -> Authority:
    owner, base = f"pki@{DOMAIN}", _public_base()
    teams = tuple(Role.objects.filter(users__in=list(leads)).distinct())
    root = service.create_authority(
        NewAuthority(
            name="Demo Root",
            owner=owner,
            description="Offline in real life. Signs intermediates only.",
            pki_base_url=base,
        ),
        CaSpec(common_name=f"{COMPANY} Root CA", organization=COMPANY, country="NL", key_type="ECCSECP384R1"),
        by=system,
        now=now - timedelta(days=900),
    )
    return service.create_authority(
        NewAuthority(
            name="Demo Issuing",
            owner=owner,
            parent=root,
            roles=teams,
            description="For servers and services.",
            pki_base_url=base,
        ),
        CaSpec(common_name=f"{COMPANY} Issuing CA 1", organization=COMPANY, country="NL"),
        by=system,
        now=now - timedelta(days=800),
    )


def _public_base() -> str:
    """Of the demo alone, this machine may be the place where its certificates say that revocation is looked up."""
    here = settings.SITE_ROOT if settings.SITE_ROOT.startswith("http://") else ""
    return str(settings.PKI_ROOT or here)


def _issue(wanted: Wanted, people: dict[str, User], issuing: Authority, *, now: datetime) -> None:
    by, then = people[wanted.team], now - timedelta(days=wanted.age)
    made = _order(wanted, by, issuing, then=then)
    if wanted.revoke:
        service.revoke(made, reason=wanted.revoke, by=by, now=then + timedelta(days=wanted.age // 2))
    if wanted.successor:
        _order(wanted, by, issuing, then=now - timedelta(days=2), replaces=[made])


def _order(
    wanted: Wanted, by: User, issuing: Authority, *, then: datetime, replaces: Iterable[Certificate] = ()
) -> Certificate:
    wished = [_name(label) for label in wanted.names]
    made = service.create(
        by=by,
        now=then,
        authority=issuing,
        owner=f"{wanted.team}@{DOMAIN}",
        common_name="" if wished[0]["name_type"] == "IPAddress" else wished[0]["value"],
        extensions={"sub_alt_names": {"names": wished}},
        validity_start=then,
        validity_end=then + timedelta(days=wanted.life),
        key_type=wanted.key_type,
        profile=wanted.profile,
        description=wanted.description,
        replaces=list(replaces),
        tags=wanted.tags,
    )
    if not isinstance(made, Certificate):
        raise Conflict("The internal CA did not answer at once.")
    return made


def _name(label: str) -> dict[str, str]:
    if label.replace(".", "").isdigit():
        return {"name_type": "IPAddress", "value": label}
    return {"name_type": "DNSName", "value": f"{label}.{DOMAIN}"}


def _import(name: str, team: str, by: User, *, age: int, now: datetime) -> None:
    """A certificate of a CA that we do not run: made here, self-signed, and imported without its key."""
    start = now - timedelta(days=age)
    pem = _self_signed(f"{name}.{DOMAIN}", start, start + timedelta(days=730))
    said = "Found on the server, brought in by hand."
    service.upload(by=by, body=pem, owner=f"{team}@{DOMAIN}", description=said, tags=BROUGHT, now=now)


def _stranger(now: datetime) -> str:
    """Of a machine that nobody knew of."""
    start = now - timedelta(days=400)
    return _self_signed(f"{places.STRANGER}.{DOMAIN}", start, start + timedelta(days=3650))


def _self_signed(name: str, start: datetime, end: datetime) -> str:
    key = keys.generate(keys.KEY_SPECS["ECCPRIME256V1"])
    draft = signing.draft(
        subject=Subject(common_name=name).to_name(),
        public_key=key.public_key(),
        issuer=None,
        signer_public_key=key.public_key(),
        serial=signing.random_serial(),
        not_before=start,
        not_after=end,
        extensions=Extensions(names=(names.parse(names.NameType.DNS, name),)),
    )
    return inspection.pem(signing.sign(draft, key))


def _mark() -> None:
    """Mark what hangs on the demo's people and authorities."""
    authorities = Authority.objects.filter(owner__endswith=f"@{DOMAIN}")
    authorities.update(demo=True)
    Certificate.objects.filter(owner__endswith=f"@{DOMAIN}").update(demo=True)
    Role.objects.filter(name__endswith=f"@{DOMAIN}").update(demo=True)
    Role.objects.filter(authorities__demo=True, name__startswith="Demo ").update(demo=True)


@transaction.atomic
def remove(*, by: User, with_what_people_made: bool = False) -> int:
    """Take all of it away, keys and history included; returns how many certificates went.

    What people made with the demo's authorities hangs on them: Conflict names it, unless it may go too. The audit log
    keeps what was removed, and whatever it says about what is not of the demo.
    """
    authorities = _with_descendants(list(Authority.objects.filter(demo=True)))
    of_these = Q(authority__in=authorities) | Q(root_authority__in=authorities)
    certificates = Certificate.objects.filter(Q(demo=True) | of_these)
    if not with_what_people_made:
        _refuse_to_remove(certificates.filter(demo=False))
    orders = Order.objects.filter(authority__in=authorities)
    pks = list(certificates.values_list("pk", flat=True))
    responders = Responder.objects.filter(authority__in=authorities)
    keys = {key for rows in (certificates, orders, responders) for key in rows.values_list("private_key", flat=True)}
    told = set(Notification.objects.filter(certificates__in=pks).values_list("pk", flat=True))
    domains = set(CertificateDomain.objects.filter(certificate__in=pks).values_list("domain", flat=True))
    tags = set(Tag.objects.filter(certificates__in=pks).values_list("pk", flat=True))
    orders.delete()
    _remove_rows(Destination.objects.filter(demo=True), Event.DESTINATION_DELETED, by=by)
    _remove_rows(Source.objects.filter(demo=True), Event.SOURCE_DELETED, by=by)
    _remove_rows(certificates, Event.CERTIFICATE_DELETED, by=by)
    _remove_authorities(authorities, by=by)
    defaults = Notification.objects.filter(creator=None, options__recipients__endswith=f"@{DOMAIN}")
    _remove_rows(defaults.filter(pk__in=told, certificates=None), Event.NOTIFICATION_DELETED, by=by)
    Domain.objects.filter(pk__in=domains, certificate_domains=None, sensitive=False).delete()
    Tag.objects.filter(pk__in=tags, certificates=None).delete()
    StoredKey.objects.filter(pk__in=[uri.removeprefix("key:") for uri in keys if uri]).delete()
    AuditEntry.objects.filter(demo=True).delete()
    _remove_people(by=by)
    _remove_rows(Role.objects.filter(demo=True), Event.ROLE_DELETED, by=by)
    return len(pks)


def _remove_rows(rows: QuerySet[Any], event: Event, *, by: User) -> None:
    """Together, and with a line about each."""
    for row in rows:
        record(event, row, by=by)
    rows.model._default_manager.filter(pk__in=[row.pk for row in rows]).delete()


def _remove_people(*, by: User) -> None:
    """Those who have ordered or revoked something else are real by now, and stay."""
    for user in User.objects.filter(demo=True):
        try:
            with transaction.atomic():
                _remove_rows(User.objects.filter(pk=user.pk), Event.USER_DELETED, by=by)
        except ProtectedError:
            User.objects.filter(pk=user.pk).update(demo=False)


def _refuse_to_remove(made: CertificateQuerySet) -> None:
    if count := made.count():
        names = ", ".join(made.order_by("pk").values_list("name", flat=True)[:5])
        raise Conflict(
            f"{count} certificates were made with the demo's authorities: {names}. Say --all to remove them too."
        )


def _with_descendants(authorities: list[Authority]) -> list[Authority]:
    """The same, and whatever is under them."""
    found, todo = list(authorities), authorities
    while todo:
        todo = list(Authority.objects.filter(parent__in=todo).exclude(pk__in=[one.pk for one in found]))
        found += todo
    return found


def _remove_authorities(authorities: list[Authority], *, by: User) -> None:
    roles = Role.objects.filter(name__in=[f"{one.name}_{duty}" for one in authorities for duty in DUTIES])
    Issuance.objects.filter(authority__in=authorities).delete()
    for authority in sorted(authorities, key=lambda one: one.pk, reverse=True):  # children are younger than parents
        _remove_rows(Authority.objects.filter(pk=authority.pk), Event.AUTHORITY_DELETED, by=by)
    _remove_rows(roles, Event.ROLE_DELETED, by=by)
