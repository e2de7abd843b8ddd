"""What a Lemur holds that cannot come over as it is: said, and nothing stops."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from accounts import service as accounts
from accounts.models import Role, User
from accounts.service import system_user
from authorities.models import Authority, Issuance
from certificates.models import Certificate, Domain, RotationPolicy
from core.audit import Event
from core.errors import Invalid, Unavailable
from core.models import AuditEntry
from lifecycle.moving import rows
from lifecycle.moving.lemur import Lemur, marked_secret, options
from lifecycle.moving.people import taken_password
from lifecycle.moving.report import Report
from notifications.models import Notification
from stores.models import Destination, Source
from tests.factories import an_authority
from tests.lemur import LemurDatabase
from tests.pki_material import Pair, as_pem, key_as_pem, material, p256
from tests.unit.lifecycle.moving.conftest import Mover, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def refused(report: Report) -> dict[int, str]:
    return {one.id: one.reason for one in report.refused}


def encrypted(pair: Pair) -> str:
    protection = BestAvailableEncryption(b"secret")
    return pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()


def said(report: Report, weight: str) -> dict[str, str]:
    """By title, what is said of it."""
    return {one["title"]: one["what"] for one in getattr(report, weight)}


def test_what_is_no_certificate_is_refused_with_the_reason(empty: LemurDatabase, take_over: Mover) -> None:
    good = empty.certificate(material().leaf, name="good")
    no_pem = empty.add("certificates", owner="a@example.org", name="none", body="nothing")
    torn = material().leaf.pem.replace("MII", "MIJ", 1)
    damaged = empty.add("certificates", owner="a@example.org", name="damaged", body=torn)
    report = take_over(empty)
    assert refused(report)[no_pem].startswith("Not a certificate in PEM form")
    assert refused(report)[damaged].startswith("Not a readable X.509 certificate")
    assert [one.pk for one in Certificate.objects.all()] == [good]
    assert not report.complete


@pytest.mark.parametrize("kind", ["another's", "no key", "another encryption key", "with a passphrase"])
def test_a_key_that_does_not_fit_stays_behind(kind: str, empty: LemurDatabase, take_over: Mover) -> None:
    sealed, reason = {
        "another's": (empty.seal(key_as_pem(p256())), "the private key is not that of the certificate"),
        "no key": (empty.seal("nothing"), "Private key presented is not valid"),
        "another encryption key": (
            empty.seal(material().leaf.key_pem, LemurDatabase.new_key()),
            "none of the encryption keys given opens it",
        ),
        "with a passphrase": (
            empty.seal(encrypted(material().leaf)),
            "The private key is encrypted: give its passphrase, or the key unencrypted",
        ),
    }[kind]
    number = empty.certificate(material().leaf, name="leaf", with_key=False)
    empty.run("UPDATE certificates SET private_key = %s", [sealed])
    report = take_over(empty)
    assert said(report, "lost") == {"leaf": f"Its private key stayed behind: {reason}."}
    assert Certificate.objects.get(pk=number).private_key is None
    assert not report.complete


def test_without_encryption_keys_all_keys_stay_behind(world: World, take_over: Mover) -> None:
    report = take_over(world.database, keys=[])
    assert all("Lemur's encryption keys were not given" in one["what"] for one in report.lost)
    assert not Authority.objects.get(pk=world.ids["sub"]).active
    assert not Issuance.objects.exists()
    assert report.counts["certificate"].taken == 8


def test_keys_that_open_later_open_authorities_too(world: World, take_over: Mover) -> None:
    take_over(world.database, keys=[])
    report = take_over(world.database)
    assert report.keys == 6
    sub = Authority.objects.get(pk=world.ids["sub"])
    assert sub.active
    assert sub.private_key == sub.own_certificates.get().private_key
    assert Issuance.objects.filter(authority=sub).count() == 4
    assert Issuance.objects.get(authority=sub, revoked_at__isnull=False).revoked_at.year == 2025
    assert not [one for one in report.lost if "private key" in one["what"]]
    assert "Switched off: its private key is not here." not in [one["what"] for one in report.noted]


def test_a_chain_that_does_not_fit_comes_over_and_one_that_is_none_stays(
    empty: LemurDatabase, take_over: Mover
) -> None:
    wrong = empty.certificate(material().leaf, name="wrong", chain=as_pem(material().other_root.certificate))
    none = empty.certificate(material().rsa_leaf, name="none", chain="-----BEGIN nothing", csr="nothing")
    report = take_over(empty)
    assert Certificate.objects.get(pk=wrong).chain == as_pem(material().other_root.certificate)
    assert "is not signed by 'Other Root'" in said(report, "noted")["wrong"]
    assert (Certificate.objects.get(pk=none).chain, Certificate.objects.get(pk=none).csr) == (None, None)
    assert {one["what"].partition(" stayed")[0] for one in report.lost} == {"Its chain", "Its signing request"}


def test_names_and_numbers_that_are_taken_are_changed(world: World, take_over: Mover) -> None:
    ours = an_authority(system_user(), name="sub authority")  # the name, and another certificate
    mine = Certificate.objects.get()
    Certificate.objects.update(name="revoked")
    if mine.pk not in {world.ids[name] for name in world.pairs}:
        world.certificate("numbered", material().other_root, id=mine.pk)
    report = take_over(world.database)
    assert {one.title for one in report.refused} == {"sub authority"}
    assert Certificate.objects.get(pk=mine.pk).root_authority == ours
    moved = {one["id"]: one["here"] for one in report.renumbered if one["kind"] == "certificate"}
    assert set(moved) == {mine.pk}
    assert moved[mine.pk] > max(world.ids.values())
    renamed = Certificate.objects.get(pk=world.ids["revoked"])
    assert renamed.name == f"revoked-{renamed.pk}"
    assert said(report, "noted")["revoked"] == f"Its name was taken; it is called {renamed.name} here."
    assert said(report, "lost")["leaf-Example.Inc-1"] == "Its authority did not come over."
    assert Certificate.objects.get(pk=world.ids["leaf"]).authority is None


def test_a_serial_number_is_an_authoritys_once(world: World, take_over: Mover) -> None:
    again = world.certificate("again", material().leaf, authority_id=world.ids["sub"])
    report = take_over(world.database)
    assert Certificate.objects.get(pk=again).authority is None
    assert "has this serial number already" in said(report, "noted")["again"]


def test_what_an_authority_did_not_sign_is_not_in_its_ledger(world: World, take_over: Mover) -> None:
    stranger = material().leaf_with(cn="stranger.example.com", issuer=material().other_root)
    number = world.certificate("stranger", stranger, authority_id=world.ids["sub"], chain=None)
    report = take_over(world.database)
    assert Certificate.objects.get(pk=number).authority is None
    assert said(report, "noted")["stranger"] == "sub authority did not sign it; it came over without authority."


def test_an_authority_that_may_not_sign_is_switched_off(empty: LemurDatabase, take_over: Mover) -> None:
    values = {"owner": "p@example.org", "plugin_name": "cryptography-issuer", "active": True}
    leaf = empty.add("authorities", name="leaf", **values)
    orphan = empty.add("authorities", name="orphan", **values)
    bare = empty.add("authorities", name="bare", **values)
    empty.certificate(material().leaf, name="leaf", root_authority_id=leaf, chain=as_pem(*material().chain))
    empty.certificate(material().intermediate, name="orphan", root_authority_id=orphan)
    report = take_over(empty)
    assert not Authority.objects.filter(active=True).exists()
    assert refused(report) == {bare: "It has no certificate of its own."}
    reasons = {one["what"] for one in report.noted if one["kind"] == "authority"}
    assert reasons == {
        "Switched off: its certificate does not say that it may sign certificates.",
        "Switched off: the certificates above it are not known up to the root.",
    }


def test_an_authority_whose_certificate_cannot_be_read(empty: LemurDatabase, take_over: Mover) -> None:
    authority = empty.add("authorities", name="CA", owner="p@example.org", plugin_name="cryptography-issuer")
    own = empty.add("certificates", owner="p@example.org", name="CA", body="nothing", root_authority_id=authority)
    leaf = empty.certificate(material().leaf, name="leaf", authority_id=authority)
    report = take_over(empty)
    assert [(one.kind, one.id) for one in report.refused] == [("certificate", own), ("authority", authority)]
    assert Certificate.objects.get().pk == leaf
    assert said(report, "lost") == {"leaf": "Its authority did not come over."}


def test_odd_people_policies_and_labels(empty: LemurDatabase, take_over: Mover) -> None:
    alice = accounts.create_user(username="alice", email="alice@example.org")
    empty.add("users", username="Alice", email="other@example.org", password="pbkdf2:sha1", active=True)
    second = empty.add("users", username="carol", email=None, password="pbkdf2:sha1", active=True)
    reserved = empty.add("users", username="System", email="s@example.org", active=True)
    admin = empty.add("roles", name="admin")
    empty.link("roles_users", user_id=second, role_id=admin)
    empty.link("roles_users", user_id=reserved, role_id=admin)
    empty.add("rotation_policies", name="default", days=10)
    never = empty.add("rotation_policies", name="never", days=0)
    Source.objects.create(label="files", plugin="directory-source")
    Notification.objects.create(label="mail", plugin="email-notification", active=False)
    empty.add("sources", label="files", plugin_name="nothing", options="[]")
    empty.add("notifications", label="mail", plugin_name="email-notification", options="[]", active=True)
    report = take_over(empty)
    assert refused(report) == {
        never: "0 days before the end cannot be kept; certificates get the usual policy.",
        reserved: "This user name cannot be used here; what they made belongs to the user system.",
    }
    assert User.objects.filter(username__iexact="alice").get() == alice
    carol = User.objects.get(username="carol")
    assert carol.email == f"lemur-{second}@localhost.localdomain"
    assert carol.is_administrator
    assert not carol.has_usable_password()
    assert RotationPolicy.objects.get(name="default").days == 30
    assert RotationPolicy.objects.get(name="default (10 days)").days == 10
    assert Source.objects.filter(label="files (lemur 1)", active=False).exists()
    assert not Notification.objects.get(label="mail").active
    assert set(system_user().roles.all()) == {Role.objects.get(name="admin")}


def test_sensitive_domains_are_protected_in_any_spelling(empty: LemurDatabase, take_over: Mover) -> None:
    """Rules compare lower-case A-labels."""
    Domain.objects.create(name="here.example.com", id=700)
    first = empty.add("domains", name="bank.example.com", sensitive=False)
    for name in ("Bank.Example.com", "Bücher.example.com", "HERE.example.com", "2001:DB8:0::1", "My_Shop"):
        empty.add("domains", name=name, sensitive=True)
    empty.add("domains", name="  ", sensitive=True)
    report = take_over(empty)
    assert set(Domain.objects.filter(sensitive=True).values_list("name", flat=True)) == {
        "bank.example.com", "xn--bcher-kva.example.com", "here.example.com", "2001:db8::1", "my_shop",
    }  # fmt: skip
    assert Domain.objects.count() == 5
    assert Domain.objects.get(name="bank.example.com").pk == first
    assert said(report, "noted")["Bank.Example.com"] == "It is called bank.example.com here."
    assert [one["what"] for one in report.noted if one["title"] == "My_Shop"] == [
        "It is neither a DNS name nor an IP address; it came over all the same.", "It is called my_shop here.",
    ]  # fmt: skip
    assert [one.reason for one in report.refused] == ["A name has between 1 and 255 characters."]
    assert AuditEntry.objects.filter(event=Event.DOMAIN_CREATED).count() == 4
    assert AuditEntry.objects.filter(event=Event.DOMAIN_UPDATED).count() == 1


def test_nobody_of_theirs_gets_to_run_an_authority_of_ours(empty: LemurDatabase, take_over: Mover) -> None:
    """One of the same name is refused, so its roles must not become those of ours either."""
    authority = an_authority(system_user(), name="Prod CA")
    carol = empty.add("users", username="carol", email="carol@example.org", active=True)
    numbers = {name: empty.add("roles", name=name) for name in ("Prod CA_admin", "Prod CA_operator", "pki@example.org")}
    for number in numbers.values():
        empty.link("roles_users", user_id=carol, role_id=number)
    report = take_over(empty)
    other = f"Prod CA_admin (lemur {numbers['Prod CA_admin']})"
    names = {role.name for role in User.objects.get(username="carol").roles.all()}
    assert names == {other, f"Prod CA_operator (lemur {numbers['Prod CA_operator']})", "pki@example.org"}
    assert not authority.roles.filter(name__startswith="Prod CA", users__username="carol").exists()
    noted = said(report, "noted")
    assert noted["Prod CA_admin"] == f"Prod CA_admin runs another authority here; it is called {other} here."
    assert noted["pki@example.org"].startswith("Is the role pki@example.org that was here already; whoever had it")


def test_a_role_whose_other_name_is_taken_too(empty: LemurDatabase, take_over: Mover) -> None:
    an_authority(system_user(), name="Prod CA")
    number = empty.add("roles", name="Prod CA_admin")
    Role.objects.create(name=f"Prod CA_admin (lemur {number})")
    report = take_over(empty)
    other = f"Prod CA_admin (lemur {number})"
    assert refused(report) == {number: f"There are roles called Prod CA_admin and {other} here already."}


def test_a_role_with_a_password_that_does_not_open(empty: LemurDatabase, take_over: Mover) -> None:
    empty.add("roles", name="team", username="team", password=empty.seal("x", LemurDatabase.new_key()))
    report = take_over(empty)
    assert Role.objects.get(name="team").password is None
    assert said(report, "lost")["team"].startswith("The password that its members share stayed behind")


def test_an_older_lemur_is_read_too(world: World, take_over: Mover) -> None:
    for change in (
        "ALTER TABLE certificates DROP COLUMN csr, DROP COLUMN key_type, DROP COLUMN rotation_policy_id",
        "ALTER TABLE certificate_associations DROP COLUMN ports",
        "ALTER TABLE notifications ALTER COLUMN options TYPE text USING options::text",
        "DROP TABLE rotation_policies CASCADE",
        "DROP TABLE api_keys, dns_providers, logs",
    ):
        world.database.run(change)
    report = take_over(world.database)
    assert report.complete
    assert report.counts["certificate"].taken == 8
    assert Notification.objects.get(label="web mail").options["interval"] == 30
    assert Certificate.objects.get(pk=world.ids["leaf"]).rotation_policy == RotationPolicy.usual()


def test_no_secret_is_in_the_report(world: World, take_over: Mover) -> None:
    text = str(take_over(world.database, keys=[]).as_json())
    for secret in ("hunter2", "secret-path", "123456789012", world.database.key, "Shared by the team"):
        assert secret not in text


def test_the_reader_sees_one_moment_and_writes_nothing(world: World) -> None:
    with Lemur(world.database.address) as opened:
        before = opened.ids(rows.Certificate)
        world.database.run("DELETE FROM certificate_associations")
        world.database.run("DELETE FROM certificates")
        assert len(opened.fetch(rows.Certificate, before)) == len(before)
        with pytest.raises(Unavailable, match="read-only"):
            opened._run("DELETE FROM users")


def test_a_database_that_is_none_of_lemurs(server: str) -> None:
    with pytest.raises(Invalid, match="has no table 'roles'"):
        Lemur(server)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ([{"name": "a", "value": 1}, {"name": "b", "value": ""}, {"value": 2}, "x"], {"a": 1}),
        ('[{"name": "a", "value": "1"}]', {"a": "1"}),
        ('"[{\\"name\\": \\"a\\", \\"value\\": true}]"', {"a": True}),
        ({"a": 1}, {"a": 1}),
        (None, {}),
        ("", {}),
        ("not JSON", {}),
        (5, {}),
    ],
)
def test_options_are_read_however_they_are_written(given: object, read: dict[str, object]) -> None:
    assert options(given) == read


def test_what_lemur_marks_as_secret_is_seen() -> None:
    assert marked_secret([{"name": "a", "sensitive": True}, {"name": "b"}]) == {"a"}


@pytest.mark.parametrize("digest", [None, "", "pbkdf2:sha256$x", "$2x$12$abc"])
def test_passwords_that_cannot_be_verified_are_unusable(digest: str | None) -> None:
    assert taken_password(digest).startswith("!")


def test_the_engine_numbers_new_rows_from_above(world: World, take_over: Mover) -> None:
    world.database.run("SELECT setval('destinations_id_seq', 500)")
    world.database.add("destinations", label="far", plugin_name="x", options="[]")
    take_over(world.database)
    assert Destination.objects.create(label="next", plugin="x").pk > 501
