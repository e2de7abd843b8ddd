"""The people and objects of the permission table: everybody stands in one relation to Alice's certificate."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from django.conf import settings
from django.test import Client
from django.test.client import ClientHandler
from django.utils.timezone import now as clock

from accounts import service as accounts
from accounts.models import ADMIN, READ_ONLY, ApiKey, Role, Session, User
from authorities.models import Authority, DnsProvider
from certificates import service
from certificates.models import Batch, Certificate, Order, Revocation, Suggestion, update_destinations
from core import keys
from core.models import StoredKey, SweepRun
from lifecycle.models import Alarm, Brake, Endpoint, EndpointRotation, Finding, Spent, Sync
from notifications.models import Notice, Notification, Snooze
from notifications.service import by_mail, default_notifications, raise_notice, topic
from pki.keys import PrivateKey
from stores import service as stores
from stores.models import Destination, Source
from tests import pki_material
from tests.factories import a_certificate, an_authority, an_order, issued_for
from tests.notifying import a_notification
from tests.people import PASSWORD, People, make_people

# The heads of the columns, and who stands under them.
PEOPLE = {
    "nobody": None,
    "expired": "alice",
    "revoked": "alice",
    "reader": "dora",
    "reading key": "alice",
    "other": "charlie",
    "team": "bob",
    "owner": "alice",
    "creator": "grace",
    "former": "frank",
    "removed": "erin",
    "operator": "olga",
    "admin": "root",
    "staff": "stella",
    "staff reader": "rita",
    "staff admin": "adam",
    "superuser": "sam",
}
UNUSED = "unused"
SHARED = "Shared by the team 3!"
WITHOUT_SESSION = ("nobody", "reading key")
# What a destination is told: nobody answers there.
SFTP = {
    "host": "127.0.0.1",
    "port": 1,
    "user": "deploy",
    "hostKey": "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDCCxYxtJRoG8FWBYw",
    "destinationPath": "/etc/nginx/certs",
    "exportFormat": "NGINX",
    "password": "Canary*of*the*destination*1",
}
HANDLER = ClientHandler(enforce_csrf_checks=False)  # one for all, since each would look for the static files again
NEEDLE = slice(4, 24)  # of base64: without the ends, where neighbours decide


@dataclass
class World:
    """What the rows of the table are about, made once; whatever a request changes is rolled back."""

    users: dict[str, User]
    team: Role
    authorities: dict[str, Authority]
    certificates: dict[str, Certificate]
    uploads: tuple[pki_material.Pair, pki_material.Pair]
    notifications: dict[str, Notification] = field(default_factory=dict)
    notices: dict[str, Notice] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    issued: dict[int, str] = field(default_factory=dict)  # by order, what its CA would answer
    tokens: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)

    def client(self, person: str, *, api: bool) -> Client:
        """A client that identifies itself as this person does: a token for the API, a session for pages."""
        client = Client(raise_request_exception=False)
        client.handler = HANDLER
        if (api or person == "reading key") and person != "nobody":
            client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {self.tokens[person]}"
        elif person not in WITHOUT_SESSION:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[person]
        return client

    def certificate(self, which: str, person: str) -> Certificate:
        """``own`` is Alice's; for ``creator`` and ``former`` the one that they ordered for her or gave to her."""
        return self.certificates.get(f"{which} of {person}", self.certificates[which])

    def order(self, which: str, person: str) -> Order:
        """``own`` is Alice's; for ``creator`` the one that they placed for her."""
        return self.orders.get(f"{which} of {person}", self.orders[which])

    def secrets_in(self, content: bytes) -> list[str]:
        """The names of the secrets that the answer holds, in any usual spelling and however its lines are broken."""
        return found(content, self._needles)

    @cached_property
    def _needles(self) -> dict[str, list[bytes]]:
        return {name: spellings(secret) for name, secret in self._secrets().items()}

    def _secrets(self) -> dict[str, bytes]:
        secrets = {
            "SECRET_KEY": settings.SECRET_KEY.encode(),
            "ENCRYPTION_KEYS": settings.ENCRYPTION_KEYS.encode(),
            "the password": PASSWORD.encode(),
            "the team's password": SHARED.encode(),
            "the password of a destination": str(SFTP["password"]).encode(),
            "the uploaded CA's key": private_number(self.uploads[0].key),
            "the uploaded key": private_number(self.uploads[1].key),
        }
        for stored in StoredKey.objects.all():
            secrets[stored.uri] = private_number(keys.signer(stored.uri))
            secrets[f"sealed {stored.uri}"] = bytes(stored.reference)
        for user in self.users.values():
            secrets[f"{user}'s password hash"] = user.password.encode()
        for key in ApiKey.objects.all():
            secrets[f"digest of {key}, {key.pk}"] = key.digest.encode()
        return secrets | {f"token of {person}": token.encode() for person, token in self.tokens.items()}


def private_number(key: PrivateKey) -> bytes:
    """The secret part of a P-256 key."""
    return key.private_numbers().private_value.to_bytes(32, "big")


def spellings(secret: bytes) -> list[bytes]:
    """As it is, in hexadecimal, and in base64 wherever in a longer text it begins."""
    spelled = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + secret)[NEEDLE]
        spelled += [text, text.replace(b"+", b"-").replace(b"/", b"_")]
    return spelled


def found(content: bytes, needles: Mapping[str, list[bytes]]) -> list[str]:
    """The names of those whose needles are in the content, as it is or with the ends of its lines taken out."""
    joined = content.replace(b"\\n", b"").replace(b"\n", b"")
    looked_at = content if joined == content else content + b"\n" + joined
    return [name for name, ones in needles.items() if any(map(looked_at.__contains__, ones))]


def build() -> World:
    """All of it, through the services."""
    people = make_people()
    users = _users(people)
    authorities = _authorities(people)
    world = World(users, people.team, authorities, _certificates(users, people.team, authorities), _uploads())
    _deliver(world.certificates["own"], by=people.root)
    world.notifications = _notifications(users, world.certificates["foreign"])
    world.notices = _notices(world.certificates["foreign"])
    _jobs(world.certificates["own"], users["alice"])
    service.create_policy(name="weekly", days=7, by=people.root)
    _orders(world, people)
    for name in ("grace", "frank"):
        users[name].roles.clear()
    accounts.update_role(people.team, username="team", password=SHARED, by=people.root)
    accounts.create_role(UNUSED)
    accounts.create_api_key(user=users["zoe"], name="hers", by=people.root)
    _session("zoe", users["zoe"])
    for person, name in PEOPLE.items():
        if name is not None:
            user = User.objects.get(username=name)
            world.tokens[person] = _token(person, user, by=people.root)
            world.sessions[person] = _session(person, user)
    return world


def _users(people: People) -> dict[str, User]:
    users = {name: getattr(people, name) for name in ("alice", "bob", "charlie", "dora", "olga", "root")}
    read_only, admin = Role.objects.get(name=READ_ONLY), Role.objects.get(name=ADMIN)
    users["dora"].roles.add(people.team)  # everything but her role speaks for her
    held = {"grace": [people.team], "frank": [people.team], "erin": [people.team], "stella": [people.team]}
    for name, roles in {**held, "rita": [people.team, read_only], "adam": [admin], "sam": [], "zoe": []}.items():
        users[name] = accounts.create_user(
            username=name, email=f"{name}@example.org", password=PASSWORD, roles=roles, superuser=name == "sam"
        )
    User.objects.filter(username__in=("stella", "rita", "adam")).update(is_staff=True)
    return users


def _authorities(people: People) -> dict[str, Authority]:
    strangers = accounts.create_role("strangers")
    own = an_authority(people.root, name="Ours", roles=[people.team])
    foreign = an_authority(people.root, name="Theirs", roles=[strangers])
    inactive = an_authority(people.root, name="Retired", roles=[people.team])
    Authority.objects.filter(pk=inactive.pk).update(active=False)
    return {"own": own, "foreign": foreign, "inactive": inactive}


def _certificates(users: dict[str, User], team: Role, authorities: dict[str, Authority]) -> dict[str, Certificate]:
    own, foreign = authorities["own"], authorities["foreign"]
    alice = users["alice"].email
    given_away = a_certificate(users["frank"], own, cn="given.example.org", roles=[team])
    service.update(given_away.pk, by=users["frank"], owner=alice)
    deleted = a_certificate(users["alice"], own, cn="deleted.example.org", roles=[team])
    service.delete(deleted.pk, by=users["alice"])
    return {
        "own": a_certificate(users["alice"], own, cn="own.example.org", roles=[team], tags=["env:prod"]),
        "own of creator": a_certificate(users["grace"], own, cn="ordered.example.org", owner=alice),
        "own of former": given_away,
        "foreign": a_certificate(users["root"], foreign, cn="foreign.example.org", owner="strangers@example.org"),
        "ca": Certificate.objects.get(root_authority=own),
        "deleted": deleted,
    }


def _orders(world: World, people: People) -> None:
    """Nobody knows what became of them; and an endpoint and a DNS provider."""
    own, foreign = world.authorities["own"], world.authorities["foreign"]
    for name, by, authority in (("own", "alice", own), ("own of creator", "grace", own), ("foreign", "root", foreign)):
        owner = "strangers@example.org" if name == "foreign" else "alice@example.org"
        roles = [] if name == "foreign" else [people.team]
        fields = {"authority": authority, "owner": owner, "common_name": "ordered.example.org", "roles": roles}
        order = an_order(world.users[by], **fields)
        world.issued[order.pk] = issued_for(order)
        world.orders[name] = order
    source = Source.objects.get()
    endpoint = Endpoint.objects.create(name="www", dnsname="www", port=443, type="tls", source=source)
    _of_itself(world.certificates["own"], endpoint)
    DnsProvider.objects.create(name="dns", plugin="route53-dns")


def _of_itself(certificate: Certificate, endpoint: Endpoint) -> None:
    """A rotation that was given up, renewals that are held, a certificate that was found; and what sweeps keep."""
    EndpointRotation.objects.create(endpoint=endpoint, certificate=certificate, state=EndpointRotation.State.FAILED)
    Brake.objects.create(began_at=clock(), due=100, allowed=25)
    Finding.objects.create(
        fingerprint=certificate.fingerprint, certificate=certificate, source=endpoint.source, found_at=clock()
    )
    Sync.objects.create(source=endpoint.source)
    Suggestion.objects.create(certificate=certificate)
    rows, alice = Certificate.objects.filter(pk=certificate.pk), User.objects.get(username="alice")
    service.begin_batch("notify", rows, given={"on": True}, by=alice)
    Batch.objects.update(state=Batch.State.DONE)
    Spent.objects.create(scope="all", hour=clock())
    SweepRun.objects.create(name="lifecycle.reissue_due")


def _deliver(certificate: Certificate, *, by: User) -> None:
    """A destination that shall have it, and a source."""
    destination = stores.create(Destination, label="web", plugin="sftp-destination", options=SFTP, by=by)
    update_destinations(certificate, destination)
    path = {"path": str(settings.LEMUR_HOME)}
    source = stores.create(Source, label="files", plugin="directory-source", options=path, by=by)
    stores.ask_to_scan(source, by=by)


def _jobs(certificate: Certificate, by: User) -> None:
    """What the background has to show: a notice that was sent, one that waits, an alarm, and a revocation that its
    authority refused."""
    told = {"recipient": by.email, "channel": "email-notification", "subject_label": certificate.name}
    Notice.objects.create(kind="certificate-expiring", dedupe="told", state=Notice.State.DONE, sent_at=clock(), **told)
    Revocation.objects.create(certificate=certificate, by=by, reason="superseded", state=Revocation.State.FAILED)
    Snooze.objects.create(topic="x:1", until=clock(), by=by)
    Alarm.objects.create(kind="delivery-stuck", topic="x:1", label="web", url="/", owner=by.email, since=clock())


def _notices(certificate: Certificate) -> dict[str, Notice]:
    """That it ends, told to Alice, to Joe, whose role Bob holds, and to somebody else."""
    told = {"own": "alice@example.org", "default": "joe@example.org", "foreign": "else@example.org"}
    for address in by_mail(*told.values()):
        fields = {"topic": topic(certificate), "label": certificate.name, "url": certificate.get_absolute_url()}
        raise_notice(address.notice("certificate-expiring", "told", **fields))
    return {name: Notice.objects.get(recipient=who, dedupe__contains=":told:") for name, who in told.items()}


def _notifications(users: dict[str, User], foreign: Certificate) -> dict[str, Notification]:
    """Alice's, Root's, and a default of Joe, whose role Bob holds, which is about a certificate that is not his."""
    accounts.grant(users["bob"], [accounts.ensure_owner_role("joe@example.org")], by=users["root"])
    default, *_ = default_notifications("joe@example.org", users["root"])
    service.watch(default, add=[foreign], by=users["root"])
    made = {
        "own": a_notification(users["alice"], label="own"),
        "foreign": a_notification(users["root"], label="foreign"),
    }
    return {**made, "default": default}


def _uploads() -> tuple[pki_material.Pair, pki_material.Pair]:
    """A CA and a certificate of its, made elsewhere."""
    ca_key, key = pki_material.p256(), pki_material.p256()
    extensions = pki_material.ca_extensions(ca_key)
    ca = pki_material.Pair(
        pki_material.certificate(pki_material.name("Elsewhere"), ca_key, extensions=extensions), ca_key
    )
    names = pki_material.leaf_extensions(ca, ["brought.example.org"])
    leaf = pki_material.certificate(pki_material.name("brought.example.org"), key, ca, extensions=names)
    return ca, pki_material.Pair(leaf, key)


def _token(person: str, user: User, *, by: User) -> str:
    key, token = accounts.create_api_key(user=user, name=person, read_only=person == "reading key", by=by)
    if person == "expired":
        ApiKey.objects.filter(pk=key.pk).update(expires_at=clock() - timedelta(seconds=1))
    if person == "revoked":
        accounts.revoke_api_key(key, by=user)
    return token


def _session(person: str, user: User) -> str:
    client = Client()
    client.handler = HANDLER
    client.force_login(user)
    session = client.session.session_key
    assert session
    if person == "expired":
        Session.objects.filter(pk=session).update(expire_date=clock() - timedelta(seconds=1))
    if person == "revoked":
        client.logout()
    return session
