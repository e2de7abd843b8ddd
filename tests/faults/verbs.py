"""Each verb that is one transaction and no flow of test_failpoints: how a process carries it out, and what it leaves.

A new ``committing("…")`` needs an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts import service as accounts
from accounts.models import ADMIN, ApiKey, Role, User
from authorities.models import Authority, Profile
from certificates import service
from certificates.models import Certificate, Domain
from core.audit import Event
from tests import pki_material
from tests.factories import a_certificate
from tests.faults.issuers import ENTRIES
from tests.people import PASSWORD

HOST = "leaf.example.org"
KEY_NAME = "old"
NEW_PASSWORD = "staple correct horse"
PKCS12 = {"slug": "openssl-export", "pluginOptions": [{"name": "type", "value": "PKCS12 (.p12)"}]}


@dataclass(frozen=True)
class Ask:
    """A request to the API; the address may name {leaf} and {root}. Nobody: without a token."""

    who: str
    method: str
    address: str
    body: Mapping[str, Any] | None = None
    status: int = 200


@dataclass(frozen=True)
class Verb:
    """``events``: what the audit log says of it.

    ``already``: what other transactions have committed before this one, as the number of new rows by table. The audit
    entries among them are the first of ``events``.
    """

    do: Ask | Callable[[], object]
    events: tuple[Event, ...]
    already: Mapping[str, int] = field(default_factory=dict)

    @property
    def by_api(self) -> bool:
        return isinstance(self.do, Ask)


def furnish() -> dict[str, Any]:
    """What the verbs are about: a certificate with its key, an API key, two remote CAs. Returns ids for addresses."""
    alice, root = _user("alice"), Authority.objects.get(name="Root")
    leaf = a_certificate(alice, root, cn=HOST)
    accounts.create_api_key(user=alice, name=KEY_NAME, by=alice)
    for slug in ENTRIES:
        _remote(slug)
    return {"leaf": leaf.pk, "root": root.pk}


def _remote(slug: str) -> None:
    ca = pki_material.material().root
    authority = Authority.objects.create(
        name=slug,
        owner="pki@example.org",
        plugin=slug,
        body=ca.pem,
        not_before=ca.certificate.not_valid_before_utc,
        not_after=ca.certificate.not_valid_after_utc,
    )
    authority.profiles.set(Profile.objects.filter(ca=False))
    authority.roles.set([_team()])


def _user(name: str) -> User:
    return User.objects.get(username=name)


def _team() -> Role:
    return Role.objects.get(name="team-web")


def _leaf() -> Certificate:
    return Certificate.objects.get(cn=HOST)


def _create_user() -> None:
    accounts.create_user(username="eve", email="eve@example.org", roles=[_team()], by=_user("root"))


def _switch_off() -> None:
    alice = _user("alice")
    alice.is_active = False
    accounts.update_user(alice, fields=["is_active"], by=_user("root"))


def _order_at(slug: str, status: int) -> Ask:
    body = {"owner": "alice@example.org", "commonName": "www.example.org", "authority": {"name": slug}}
    return Ask("alice", "post", "/api/1/certificates", body, status)


def _login(password: str, status: int) -> Ask:
    return Ask("", "post", "/api/1/auth/login", {"username": "alice", "password": password}, status)


ORDERED = {"core_auditentry": 1, "core_storedkey": 1, "certificates_order": 1}
LEAF, ROOT = "/api/1/certificates/{leaf}", "/api/1/authorities/{root}"
NEW_OWNER = {"owner": "new@example.org", "description": "handed over"}

VERBS: dict[str, Verb] = {
    "apikey.create": Verb(
        lambda: accounts.create_api_key(user=_user("alice"), name="new", by=_user("alice")), (Event.APIKEY_CREATED,)
    ),
    "apikey.revoke": Verb(
        lambda: accounts.revoke_api_key(ApiKey.objects.get(name=KEY_NAME), by=_user("alice")), (Event.APIKEY_REVOKED,)
    ),
    "authority.update": Verb(Ask("root", "put", ROOT, NEW_OWNER), (Event.ROLE_CREATED, Event.AUTHORITY_UPDATED)),
    "certificate.delete": Verb(lambda: service.delete(_leaf().pk, by=_user("root")), (Event.CERTIFICATE_DELETED,)),
    "certificate.export": Verb(Ask("alice", "post", f"{LEAF}/export", {"plugin": PKCS12}), (Event.KEY_REVEALED,)),
    "certificate.revoke": Verb(lambda: service.revoke(_leaf(), by=_user("root")), (Event.CERTIFICATE_REVOKED,)),
    "certificate.update": Verb(Ask("alice", "put", LEAF, NEW_OWNER), (Event.ROLE_CREATED, Event.CERTIFICATE_UPDATED)),
    "domain.update": Verb(
        lambda: service.mark_domain(Domain.objects.get(name=HOST).pk, sensitive=True, by=_user("root")),
        (Event.DOMAIN_UPDATED,),
    ),
    "key.reveal": Verb(Ask("alice", "get", f"{LEAF}/key"), (Event.KEY_REVEALED,)),
    "login.failed": Verb(_login("something else", 403), (Event.LOGIN_FAILED,)),
    "login.succeeded": Verb(lambda: accounts.log_in("alice", PASSWORD, address="192.0.2.1"), (Event.LOGIN_SUCCEEDED,)),
    "login.token": Verb(_login(PASSWORD, 200), (Event.LOGIN_SUCCEEDED,), already={"core_auditentry": 1}),
    "order.give-up": Verb(
        _order_at("refusing-issuer", 503), (Event.CERTIFICATE_ORDERED, Event.ORDER_FAILED), already=ORDERED
    ),
    "order.wait": Verb(_order_at("slow-issuer", 202), (Event.CERTIFICATE_ORDERED,), already=ORDERED),
    "password.change": Verb(
        lambda: accounts.change_password(_user("alice"), NEW_PASSWORD, by=_user("alice")), (Event.PASSWORD_CHANGED,)
    ),
    "role.create": Verb(lambda: accounts.create_role("team-new", by=_user("root")), (Event.ROLE_CREATED,)),
    "role.owner": Verb(lambda: accounts.ensure_owner_role("new@example.org", by=_user("alice")), (Event.ROLE_CREATED,)),
    "roles.grant": Verb(lambda: accounts.grant(_user("charlie"), [_team()], by=_user("root")), (Event.ROLE_GRANTED,)),
    "roles.set": Verb(
        lambda: accounts.set_roles(_user("alice"), Role.objects.filter(name=ADMIN), by=_user("root")),
        (Event.ROLE_WITHDRAWN, Event.ROLE_GRANTED),
    ),
    "user.create": Verb(_create_user, (Event.ROLE_GRANTED, Event.USER_CREATED)),
    "user.update": Verb(_switch_off, (Event.USER_UPDATED,)),
}
# Calls to the outside that only a verb makes: which.
CALLS = {"custody.reveal": ("key.reveal", "certificate.export")}
# The failpoints that test_verbs tries.
TRIED = {f"{verb}.{at}" for verb in VERBS for at in ("before-commit", "after-commit")}
TRIED |= {f"{call}.{at}" for call in CALLS for at in ("before", "after")}
