"""Each verb that is one transaction and no flow of test_failpoints: how a process carries it out, and what it leaves.

A new ``committing("…")`` needs an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.test import override_settings
from django.utils.timezone import now as clock

from accounts import service as accounts
from accounts.models import ADMIN, ApiKey, Role, SavedView, User
from authorities import challenges, publishing
from authorities import service as authorities
from authorities.models import Authority, DnsProvider, Profile
from certificates import service
from certificates.models import (
    Batch,
    Certificate,
    Deployment,
    Domain,
    Order,
    Revocation,
    RotationPolicy,
    update_destinations,
)
from certificates.service import adopting, batches, deploying, occupied, orders, revoking
from certificates.service.authority import CaSpec, NewAuthority
from core.audit import Event
from core.connectors import NewConnector
from core.errors import Precondition
from lifecycle import failures
from lifecycle.models import Alarm, Endpoint
from notifications import service as notifications
from notifications.models import Notice, Notification
from pki import signing
from plugins import Permanent
from stores import service as stores
from stores.models import Destination, Scan, Source
from tests import pki_material
from tests.factories import a_certificate, an_order, issued_for
from tests.faults import by_itself, moving, retrying, signing_in
from tests.faults.issuers import ENTRIES
from tests.odd_notifier import SLUG, OddNotifier
from tests.odd_stores import OddDestination, OddSource
from tests.people import PASSWORD

HOST = "leaf.example.org"
KEY_NAME = "old"
DAY = timedelta(days=1)
LOST = "lost.example.org"
UNKNOWN, SLOW = "unknown.example.org", "slow.example.org"
IMPORTED = {
    "certificates_certificate": 1,
    "certificates_certificate_notifications": 3,
    "certificates_certificate_roles": 1,
    "core_auditentry": 1,
}
NEW_PASSWORD = "Staple correct horse 2?"
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
    entries among them are the first of ``events``. ``calls_afterwards``: its calls to the outside follow its commit.
    """

    do: Ask | Callable[[], object]
    events: tuple[Event, ...]
    already: Mapping[str, int] = field(default_factory=dict)
    calls_afterwards: bool = False

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
    theirs = service.upload(
        by=alice,
        body=pki_material.material().leaf.pem,
        owner=alice.email,
        authority=Authority.objects.get(name="revoking-issuer"),
    )
    Revocation.objects.create(certificate=theirs, by=alice, reason="superseded", attempts=1, not_before=clock() + DAY)
    moving.without_its_key()
    _a_destination()
    _an_endpoint()
    _a_dns_provider()
    _a_notification()
    _orders()
    _batches()
    by_itself.furnish()
    signing_in.furnish()
    unused = accounts.add_role("unused", username="shared", password=NEW_PASSWORD, by=_user("root"))
    return {"leaf": leaf.pk, "root": root.pk, "unused": unused.pk}


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


def _orders() -> None:
    """One of which nobody knows what became of it, one that a CA has in work; and a DNS provider."""
    alice, fields = _user("alice"), {"owner": "alice@example.org", "common_name": UNKNOWN}
    an_order(alice, authority=Authority.objects.get(name="Root"), **fields)
    slow = Authority.objects.get(name="slow-issuer")
    service.create(by=alice, authority=slow, owner="alice@example.org", common_name=SLOW)


def _batches() -> None:
    """One that is at work, and one that is over; and a view of a list."""
    begun = {"verb": "notify", "given": {"on": True}, "by": _user("alice"), "created_at": clock()}
    for given, state, item in (
        ("at work", "waiting", "waiting"),
        ("over", "done", "failed"),
    ):
        later = clock() + DAY if given == "at work" else clock()
        batch = Batch.objects.create(**begun, state=state, not_before=later, last_error=given)
        batch.items.create(certificate=_leaf(), state=item)
    accounts.save_view(page="/certificates/", name="soon", query="phase=expiring", by=_user("alice"))


def _batch(which: str) -> Batch:
    return Batch.objects.get(last_error=which)


def _begin_batch() -> Batch:
    leaf = Certificate.objects.filter(pk=_leaf().pk)
    return service.begin_batch("notify", leaf, given={"on": True}, by=_user("alice"))


def _carry_out_a_batch() -> None:
    service.carry_out_batch(_begin_batch().pk)


def _connect() -> None:
    options = {"acme_url": "https://ca.example.org/directory", "certificate": pki_material.material().root.pem}
    new = NewAuthority(name="Elsewhere", owner="pki@example.org", plugin="acme-issuer", options=options)
    service.create_authority(new, CaSpec(common_name="not looked at"), by=_user("root"))


def _a_dns_provider() -> None:
    """Which nobody contacts."""
    options = {"server": "127.0.0.1", "keyName": "lemur", "keySecret": "c2VjcmV0"}
    new = NewConnector(label="names", plugin="rfc2136-dns", options=options)
    authorities.create_dns_provider(new, by=_user("root"))


def _try() -> None:
    with patch("plugins.dns.rfc2136.Rfc2136Dns.check"):
        authorities.try_dns_provider(DnsProvider.objects.get(), by=_user("root"))


def _withdraw_challenge() -> None:
    challenges.publish("token", "text", now=clock())
    challenges.withdraw("token")


def _order(common_name: str) -> Order:
    return Order.objects.select_related("authority", "by").get(spec__common_name=common_name)


def _a_destination() -> None:
    """One to which a delivery was given up, one that has the certificate, one that nothing is at; and a source."""
    root, leaf = _user("root"), _leaf()
    for label, state in (("failed", "failed"), ("done", "done"), ("empty", "")):
        made = stores.create(Destination, label=label, plugin="odd-destination", by=root)
        if state:
            Deployment.objects.create(certificate=leaf, destination=made, state=state, deployed_at=leaf.date_created)
    stores.create(Source, label="files", plugin="odd-source", by=root)


def _an_endpoint() -> None:
    """One that was seen serving the certificate of another issuer."""
    about = {
        "dnsname": "127.0.0.1",
        "port": 9,
        "source": Source.objects.get(label="files"),
        "certificate": _waiting().certificate,
    }
    Endpoint.objects.create(name="served", type="tls", **about)


def _look_and_write_down() -> None:
    """What revoking does first: the endpoint is asked, and only then something is written."""
    with override_settings(ASK_ENDPOINTS_SECONDS=5), patch("certificates.service.asking.serves", return_value=False):
        revoking.consequences(_waiting().certificate)
    revoking._write_down(_leaf(), reason="superseded", comments="", by=_user("root"), now=clock())


def _a_notification() -> None:
    """Alice's, and a rotation policy that nothing follows."""
    new = NewConnector(label="odd", plugin=SLUG, options=OPTIONS)
    service.create_notification(new, certificates=[], by=_user("alice"))
    service.create_policy(name="weekly", days=7, by=_user("root"))


def _notification() -> Notification:
    return Notification.objects.get(label="odd")


def _new_notification() -> NewConnector:
    return NewConnector(label="new", plugin=SLUG, options=OPTIONS)


def _raise() -> None:
    about = {"subject_label": "leaf", "topic": "x:1", "dedupe": "leaf"}
    notifications.raise_notice(Notice(kind="certificate-expiring", recipient=JOE, channel=SLUG, **about))


def _told() -> Notice:
    """Raised by the same process."""
    _raise()
    return Notice.objects.get(dedupe="leaf")


def _release() -> None:
    """Raised and released by one process."""
    _raise()
    notifications.release(Notice.objects.get().not_before, now=clock())


def _alarm() -> Alarm:
    """About the delivery that was given up."""
    return Alarm.objects.create(kind="delivery-stuck", topic="x:1", label="leaf", owner=JOE, url="/", since=clock())


def _raise_alarm() -> None:
    failure = failures.Failure("delivery-stuck", "x:1", "leaf", "/", JOE, "disk full")
    failures._raise(failure, by=accounts.system_user(), now=clock())


def _tell() -> None:
    """Raised and told by one process."""
    _raise()
    notifications.tell(JOE, SLUG)


def _tell_in_vain() -> None:
    OddNotifier.trouble = Permanent("nobody is there")
    _tell()


def _test_in_vain() -> None:
    OddNotifier.trouble = Permanent("nobody is there")
    with suppress(Precondition):
        notifications.send_test(_notification(), by=_user("alice"))


def _ask_to_scan() -> Scan:
    return stores.ask_to_scan(Source.objects.get(label="files"), by=_user("root"))


def _scan() -> None:
    stores.scan(_ask_to_scan().pk)


def _scan_in_vain() -> None:
    OddSource.trouble = Permanent("nobody is there")
    _scan()


def _policy() -> RotationPolicy:
    return RotationPolicy.objects.get(name="weekly")


def _place(label: str) -> Destination:
    return Destination.objects.get(label=label)


def _deliver() -> None:
    """Attached and delivered by one process."""
    update_destinations(_leaf(), _place("empty"))
    service.deploy(Deployment.objects.latest("pk").pk)


def _deliver_the_key() -> None:
    """Attached, and the key taken out once it was seen that nobody else's certificate is there."""
    update_destinations(_leaf(), _place("empty"))
    occupied.require_nobody_elses(Deployment.objects.latest("pk"), now=clock())
    deploying._parcel(_leaf(), _place("empty"), with_key=True)


def _postpone() -> None:
    """Attached, claimed, and left for later by one process."""
    update_destinations(_leaf(), _place("empty"))
    deploying._postpone(Deployment.objects.claim(Deployment.objects.latest("pk").pk), clock())


def _deliver_in_vain() -> None:
    OddDestination.trouble = Permanent("not in this format")
    _deliver()


def _user(name: str) -> User:
    return User.objects.get(username=name)


def _key() -> ApiKey:
    return ApiKey.objects.get(name=KEY_NAME)


def _unused() -> Role:
    """A role that nothing uses, with a log-in to share."""
    return Role.objects.get(name="unused")


def _ca() -> Authority:
    return Authority.objects.get(name="Root")


def _team() -> Role:
    return Role.objects.get(name="team-web")


def _leaf() -> Certificate:
    return Certificate.objects.get(cn=HOST)


def _root() -> Authority:
    return Authority.objects.get(name="Root")


def _adopt() -> None:
    """One that was issued after the backup was made."""
    made = publishing._material(_root())
    lost = pki_material.certificate(
        pki_material.name(LOST), pki_material.p256(), pki_material.Pair(made.certificate, made.key)
    )
    service.adopt(lost, by=accounts.system_user(), now=clock())


def _adopt_list() -> None:
    """What a list says that was published after the backup was made."""
    adopting._enter_all(_root(), [signing.Revoked(4711, clock())], by=accounts.system_user())


def _waiting() -> Revocation:
    return Revocation.objects.select_related("certificate", "by").get(state=Revocation.State.WAITING)


def _create_user() -> None:
    accounts.create_user(username="eve", email="eve@example.org", roles=[_team()], by=_user("root"))


def _switch_off() -> None:
    accounts.update_user(_user("alice"), is_active=False, by=_user("root"))


def _order_at(slug: str, status: int) -> Ask:
    body = {"owner": "alice@example.org", "commonName": "www.example.org", "authority": {"name": slug}}
    return Ask("alice", "post", "/api/1/certificates", body, status)


def _login(password: str, status: int) -> Ask:
    return Ask("", "post", "/api/1/auth/login", {"username": "alice", "password": password}, status)


KEYS_REVOKED = (Event.APIKEY_REVOKED,) * 2  # of Alice's
ORDERED = {"core_auditentry": 1, "core_storedkey": 1, "certificates_order": 1}
ATTACHED = {"core_auditentry": 1, "certificates_deployment": 1}
LEAF, ROOT = "/api/1/certificates/{leaf}", "/api/1/authorities/{root}"
NEW_OWNER = {"owner": "new@example.org", "description": "handed over"}

RAISED = {"notifications_notice": 1}
JOE = "joe@example.org"
OPTIONS = {"interval": 10, "unit": "days", "recipients": "web@example.org"}

VERBS: dict[str, Verb] = {
    "alarm.raise": Verb(_raise_alarm, (Event.ALARM_RAISED,)),
    "alarm.resolve": Verb(
        lambda: failures._resolve(_alarm(), by=accounts.system_user(), now=clock()),
        (Event.ALARM_RESOLVED,),
        already={"lifecycle_alarm": 1},
    ),
    "apikey.create": Verb(
        lambda: accounts.create_api_key(user=_user("alice"), name="new", by=_user("alice")), (Event.APIKEY_CREATED,)
    ),
    "apikey.delete": Verb(lambda: accounts.delete_api_key(_key(), by=_user("alice")), (Event.APIKEY_DELETED,)),
    "apikey.update": Verb(
        lambda: accounts.update_api_key(_key(), name="new", days=7, revoked=True, by=_user("alice")),
        (Event.APIKEY_UPDATED, Event.APIKEY_REVOKED),
    ),
    "apikey.revoke": Verb(lambda: accounts.revoke_api_key(_key(), by=_user("alice")), (Event.APIKEY_REVOKED,)),
    "authority.connect": Verb(_connect, (*(Event.ROLE_CREATED,) * 2, Event.AUTHORITY_CREATED)),
    "authority.update": Verb(Ask("root", "put", ROOT, NEW_OWNER), (Event.ROLE_CREATED, Event.AUTHORITY_UPDATED)),
    "certificate.delete": Verb(lambda: service.delete(_leaf().pk, by=_user("root")), (Event.CERTIFICATE_DELETED,)),
    "certificate.export": Verb(Ask("alice", "post", f"{LEAF}/export", {"plugin": PKCS12}), (Event.KEY_REVEALED,)),
    "authority.back-up": Verb(
        lambda: authorities.backup(_root(), PASSWORD, by=accounts.system_user()), (Event.AUTHORITY_BACKED_UP,)
    ),
    # Of another CA: the call, then one transaction. The flow with our own is in test_revocations.
    "certificate.revoke": Verb(lambda: revoking._carry_out(_waiting(), now=clock()), (Event.CERTIFICATE_REVOKED,)),
    "ledger.adopt": Verb(_adopt, (Event.CERTIFICATE_IMPORTED, Event.LEDGER_ADOPTED), already=IMPORTED),
    "ledger.adopt-list": Verb(_adopt_list, (Event.LEDGER_ADOPTED,)),
    "crl.publish": Verb(lambda: publishing.publish_crl(_root(), now=clock()), (Event.CRL_PUBLISHED,)),
    "responder.issue": Verb(lambda: publishing.renew_responder(_root(), now=clock()), (Event.RESPONDER_ISSUED,)),
    "revocation": Verb(_look_and_write_down, (Event.REVOCATION_REQUESTED,)),
    "revocation.give-up": Verb(
        lambda: revoking._give_up(_waiting(), Permanent("no"), now=clock()), (Event.REVOCATION_FAILED,)
    ),
    "certificate.update": Verb(
        Ask("alice", "put", LEAF, NEW_OWNER),
        (Event.ROLE_CREATED, *(Event.NOTIFICATION_CREATED,) * 3, Event.CERTIFICATE_UPDATED),
    ),
    "deployment.fail": Verb(_deliver_in_vain, (Event.KEY_DELIVERED, Event.DEPLOYMENT_FAILED), already=ATTACHED),
    "deployment.postpone": Verb(_postpone, (), already={"certificates_deployment": 1}),
    "challenge.publish": Verb(lambda: challenges.publish("token", "text", now=clock()), ()),
    "challenge.withdraw": Verb(_withdraw_challenge, (), already={"authorities_httpchallenge": 1}),
    "connector.test": Verb(_try, (Event.DNS_PROVIDER_TESTED,)),
    "batch.begin": Verb(_begin_batch, (Event.BATCH_BEGUN,)),
    "batch.cancel": Verb(lambda: service.cancel_batch(_batch("at work"), by=_user("alice")), (Event.BATCH_CANCELLED,)),
    "batch.go-on": Verb(
        _carry_out_a_batch,
        (Event.BATCH_BEGUN, Event.CERTIFICATE_UPDATED, Event.BATCH_ENDED),
        already={"certificates_batch": 1, "certificates_batchitem": 1, "core_auditentry": 2},
    ),
    "batch.hold": Verb(lambda: batches._is_ours(_batch("at work")), ()),
    "batch.item": Verb(lambda: batches._close(_batch("at work").items.get(), "in vain"), ()),
    "batch.retry": Verb(lambda: service.retry_batch(_batch("over"), by=_user("alice")), (Event.BATCH_RETRIED,)),
    "connector.create": Verb(
        Ask(
            "root",
            "post",
            "/api/1/destinations",
            {"label": "n", "description": "", "plugin": {"slug": "odd-destination"}},
        ),
        (Event.DESTINATION_CREATED,),
    ),
    "connector.delete": Verb(
        lambda: stores.delete(Source.objects.get(label="files"), by=_user("root")), (Event.SOURCE_DELETED,)
    ),
    "connector.update": Verb(
        lambda: stores.update(_place("done"), options={"place": "new"}, by=_user("root")), (Event.DESTINATION_UPDATED,)
    ),
    "deployment.remove": Verb(
        lambda: service.remove_from_destination(_leaf(), _place("done"), by=_user("root")),
        (Event.CERTIFICATE_WITHDRAWN,),
    ),
    "deployment.retry": Verb(
        lambda: service.deliver_again(_place("failed"), by=_user("root")), (Event.DESTINATION_RETRIED,)
    ),
    "deployment.succeed": Verb(_deliver, (Event.KEY_DELIVERED, Event.CERTIFICATE_DEPLOYED), already=ATTACHED),
    "destination.withdraw": Verb(
        lambda: service.withdraw(_place("done"), by=_user("root")),
        (Event.CERTIFICATE_WITHDRAWN, Event.DESTINATION_DELETED),
    ),
    "domain.create": Verb(lambda: service.create_domain("new.example.org", by=_user("alice")), (Event.DOMAIN_CREATED,)),
    "domain.update": Verb(
        lambda: service.mark_domain(Domain.objects.get(name=HOST).pk, sensitive=True, by=_user("root")),
        (Event.DOMAIN_UPDATED,),
    ),
    "key.deliver": Verb(_deliver_the_key, (Event.KEY_DELIVERED,), already={"certificates_deployment": 1}),
    "key.reveal": Verb(Ask("alice", "get", f"{LEAF}/key"), (Event.KEY_REVEALED,)),
    "login.failed": Verb(_login("something else", 403), (Event.LOGIN_FAILED,), already={"accounts_failedlogin": 1}),
    "login.succeeded": Verb(lambda: accounts.log_in("alice", PASSWORD, address="192.0.2.1"), (Event.LOGIN_SUCCEEDED,)),
    "login.token": Verb(_login(PASSWORD, 200), (Event.LOGIN_SUCCEEDED,), already={"core_auditentry": 1}),
    "certificate.watch": Verb(
        lambda: service.watch(_notification(), add=[_leaf()], by=_user("alice")), (Event.CERTIFICATE_UPDATED,)
    ),
    "moving.batch": Verb(moving.batch, (Event.POLICY_CREATED,)),
    "moving.certificates": Verb(moving.certificates, (Event.CERTIFICATE_IMPORTED,)),
    "moving.keys": Verb(moving.keys, (Event.CERTIFICATE_UPDATED,)),
    "moving.replacements": Verb(moving.replacements, (Event.CERTIFICATE_UPDATED,)),
    "notice.acknowledge": Verb(
        lambda: notifications.acknowledge(_told(), by=_user("root")), (Event.NOTICE_ACKNOWLEDGED,), already=RAISED
    ),
    "notice.snooze": Verb(
        lambda: notifications.snooze(_told(), days=3, by=_user("root")), (Event.NOTICE_SNOOZED,), already=RAISED
    ),
    "notice.failed": Verb(_tell_in_vain, (Event.NOTICE_FAILED,), already=RAISED),
    "notice.raise": Verb(_raise, ()),
    "notice.release": Verb(_release, (), already=RAISED),
    "notice.sent": Verb(_tell, (Event.NOTICE_SENT,), already=RAISED),
    "notification.create-watching": Verb(
        lambda: service.create_notification(_new_notification(), certificates=[_leaf()], by=_user("alice")),
        (Event.NOTIFICATION_CREATED, Event.CERTIFICATE_UPDATED),
    ),
    "notification.default": Verb(
        lambda: notifications.default_notifications("new@example.org", _user("alice")),
        (Event.NOTIFICATION_CREATED,) * 3,
    ),
    "notification.test": Verb(
        lambda: notifications.send_test(_notification(), by=_user("alice")),
        (Event.NOTIFICATION_TESTED,),
        calls_afterwards=True,
    ),
    "notification.test-failed": Verb(
        _test_in_vain, (Event.NOTIFICATION_TESTED, Event.NOTIFICATION_FAILED), already={"core_auditentry": 1}
    ),
    "notification.update-watching": Verb(
        lambda: service.update_notification(_notification(), active=False, add=[_leaf()], by=_user("alice")),
        (Event.NOTIFICATION_UPDATED, Event.CERTIFICATE_UPDATED),
    ),
    "policy.create": Verb(Ask("root", "post", "/api/1/policies", {"name": "new", "days": 3}), (Event.POLICY_CREATED,)),
    "policy.delete": Verb(lambda: service.delete_policy(_policy(), by=_user("root")), (Event.POLICY_DELETED,)),
    "policy.update": Verb(lambda: service.update_policy(_policy(), days=3, by=_user("root")), (Event.POLICY_UPDATED,)),
    "order.cancel": Verb(lambda: service.cancel_order(_order(SLOW), by=_user("alice")), (Event.ORDER_CANCELLED,)),
    "order.retry": Verb(
        lambda: orders._take_up(_order(UNKNOWN), by=_user("alice"), now=clock()), (Event.ORDER_RETRIED,)
    ),
    "order.reveal": Verb(lambda: service.reveal_order_key(_order(UNKNOWN), by=_user("alice")), (Event.KEY_REVEALED,)),
    "order.update": Verb(
        lambda: service.update_order(_order(UNKNOWN), description="new", by=_user("alice")), (Event.ORDER_UPDATED,)
    ),
    "order.upload": Verb(
        lambda: service.fulfil_by_hand(_order(UNKNOWN), body=issued_for(_order(UNKNOWN)), by=_user("alice")),
        (Event.CERTIFICATE_ISSUED,),
    ),
    "order.give-up": Verb(
        _order_at("refusing-issuer", 503), (Event.CERTIFICATE_ORDERED, Event.ORDER_FAILED), already=ORDERED
    ),
    "order.wait": Verb(_order_at("slow-issuer", 202), (Event.CERTIFICATE_ORDERED,), already=ORDERED),
    "password.change": Verb(
        lambda: accounts.change_password(_user("alice"), NEW_PASSWORD, by=_user("alice")),
        (*KEYS_REVOKED, Event.PASSWORD_CHANGED),
    ),
    "role.add": Verb(
        lambda: accounts.add_role("new", password=NEW_PASSWORD, users=[_user("charlie")], by=_user("root")),
        (Event.ROLE_CREATED, Event.ROLE_GRANTED),
    ),
    "role.delete": Verb(lambda: accounts.delete_role(_unused(), by=_user("root")), (Event.ROLE_DELETED,)),
    "role.members": Verb(
        lambda: accounts.set_members(_team(), [_user("charlie")], by=_user("root")),
        (Event.ROLE_WITHDRAWN, Event.ROLE_WITHDRAWN, Event.ROLE_GRANTED),
    ),
    "role.reveal": Verb(Ask("root", "get", "/api/1/roles/{unused}/credentials"), (Event.CREDENTIALS_REVEALED,)),
    "role.update": Verb(
        lambda: accounts.update_role(_unused(), description="d", authorities=[_ca()], by=_user("root")),
        (Event.AUTHORITY_UPDATED, Event.ROLE_UPDATED),
    ),
    "role.create": Verb(lambda: accounts.create_role("team-new", by=_user("root")), (Event.ROLE_CREATED,)),
    "role.owner": Verb(lambda: accounts.ensure_owner_role("new@example.org", by=_user("alice")), (Event.ROLE_CREATED,)),
    "roles.grant": Verb(lambda: accounts.grant(_user("charlie"), [_team()], by=_user("root")), (Event.ROLE_GRANTED,)),
    "roles.set": Verb(
        lambda: accounts.set_roles(_user("alice"), Role.objects.filter(name=ADMIN), by=_user("root")),
        (Event.ROLE_WITHDRAWN, Event.ROLE_GRANTED),
    ),
    "scan.ask": Verb(_ask_to_scan, ()),
    "scan.give-up": Verb(_scan_in_vain, (), already={"stores_scan": 1}),
    "source.scanned": Verb(_scan, (Event.SOURCE_SCANNED,), already={"stores_scan": 1}),
    "store.test": Verb(lambda: stores.try_connection(_place("done"), by=_user("root")), (Event.DESTINATION_TESTED,)),
    "user.create": Verb(_create_user, (Event.ROLE_GRANTED, Event.USER_CREATED)),
    "user.update": Verb(_switch_off, (*KEYS_REVOKED, Event.USER_UPDATED)),
    "view.remove": Verb(
        lambda: accounts.remove_view(SavedView.objects.get(name="soon"), by=_user("alice")), (Event.VIEW_REMOVED,)
    ),
    "view.save": Verb(
        lambda: accounts.save_view(page="/certificates/", name="new", query="q=a", by=_user("alice")),
        (Event.VIEW_SAVED,),
    ),
}
VERBS |= {name: Verb(do, events, already) for name, (do, events, already) in by_itself.VERBS.items()}
VERBS |= {name: Verb(do, events, already) for name, (do, events, already) in retrying.VERBS.items()}
VERBS |= {name: Verb(do, events, already) for name, (do, events, already) in signing_in.VERBS.items()}
VERBS["key.swap"] = Verb(*by_itself.SWAP, calls_afterwards=True)
# Calls to the outside that only a verb makes: which.
CALLS = {
    "authority.ask": ("authority.connect",),
    "connector.check": ("connector.test",),
    **by_itself.CALLS,
    **signing_in.CALLS,
    "cancel": ("order.cancel",),
    "custody.reveal": ("key.reveal", "certificate.export"),
    "destination.confirm": ("deployment.succeed",),
    "destination.look": ("key.deliver",),
    "destination.remove": ("deployment.remove",),
    "destination.upload": ("deployment.succeed",),
    "endpoint.ask": ("revocation",),
    "notifier.send": ("notice.sent",),
    "notifier.test": ("notification.test",),
    "source.scan": ("source.scanned",),
    "store.check": ("store.test",),
    "revoke": ("certificate.revoke",),
}
# The failpoints that test_verbs tries.
TRIED = {f"{verb}.{at}" for verb in VERBS for at in ("before-commit", "after-commit")}
TRIED |= {f"{call}.{at}" for call in CALLS for at in ("before", "after")}
