"""Everything of a Lemur comes over, once, as it was."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.test import override_settings

from accounts.models import Role, User
from accounts.service import reveal_credentials, system_user
from authorities import publishing
from authorities.models import Authority, DnsProvider, Issuance
from certificates import service
from certificates.models import Certificate, Deployment, Domain, RotationPolicy
from certificates.service.authority import NewAuthority
from core.audit import Event
from core.keys import reveal
from core.models import AuditEntry, StoredKey
from lifecycle.models import Moved
from notifications.models import Notification
from pki import keys, signing
from stores.models import Destination, Source
from tests.factories import a_certificate
from tests.pki_material import as_pem, material
from tests.unit.lifecycle.moving.conftest import PASSWORD, SHARED, Mover, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "accounts.passwords.LemurHasher"]


def test_all_of_it_comes_over(world: World, take_over: Mover) -> None:
    report = take_over(world.database)
    taken = {kind: count.taken for kind, count in report.counts.items()}
    assert report.refused == []
    assert report.lost == []
    assert report.complete
    assert taken == {
        "rotation policy": 2, "role": 4, "user": 3, "DNS provider": 1, "notification": 2, "destination": 2, "source": 1,
        "domain": 2, "authority": 3, "certificate": 8,
    }  # fmt: skip
    assert report.replacements == 1


def test_a_certificate_is_as_it_was(world: World, take_over: Mover) -> None:
    take_over(world.database)
    made = Certificate.objects.get(pk=world.ids["leaf"])
    assert made.name == "leaf-Example.Inc-1"
    assert (made.owner, made.description, made.user.username) == ("web@example.org", "The shop", "alice")
    assert (made.notify, made.rotation, made.deleted, made.status) == (True, True, False, None)
    assert made.date_created == datetime(2024, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
    assert made.rotation_policy == RotationPolicy.objects.get(name="early", days=60)
    assert made.dns_provider == DnsProvider.objects.get(pk=world.ids["dns"])
    assert made.authority == Authority.objects.get(pk=world.ids["sub"])
    assert made.chain == as_pem(material().intermediate.certificate)
    assert {role.name for role in made.roles.all()} == {"operator", "web@example.org"}
    assert {one.label for one in made.notifications.all()} == {"web mail", "web chat"}
    assert [one.label for one in made.sources.all()] == ["elb"]
    assert [one.pk for one in made.replaces.all()] == [world.ids["revoked"]]


def test_its_key_is_opened_and_sealed_anew(world: World, take_over: Mover) -> None:
    take_over(world.database)
    for called in ("leaf", "revoked", "uploaded", "root certificate"):
        made = Certificate.objects.get(pk=world.ids[called])
        assert made.private_key
        assert keys.belongs(reveal(made.private_key), made.public_key)
    assert Certificate.objects.get(pk=world.ids["rsa"]).private_key is None


def test_what_is_there_is_not_delivered_again(world: World, take_over: Mover) -> None:
    take_over(world.database)
    deployments = Deployment.objects.filter(certificate=world.ids["leaf"])
    assert {one.destination_id for one in deployments} == {world.ids["sftp"], world.ids["aws"]}
    assert {one.state for one in deployments} == {"done"}
    assert not Deployment.objects.due().exists()


def test_switches_stay_as_they_were(world: World, take_over: Mover) -> None:
    take_over(world.database)
    revoked, deleted, uploaded = (
        Certificate.objects.get(pk=world.ids[one]) for one in ("revoked", "deleted", "uploaded")
    )
    assert (revoked.status, revoked.notify) == ("revoked", False)
    assert (deleted.deleted, deleted.owner) == (True, "ops@example.org")
    assert Role.objects.filter(name="ops@example.org", certificates=deleted).exists()
    assert (uploaded.user, uploaded.authority, uploaded.chain, uploaded.status) == (
        system_user(),
        None,
        None,
        "unknown",
    )
    assert uploaded.rotation_policy == RotationPolicy.usual()


def test_connectors_that_cannot_work_here_are_switched_off(world: World, take_over: Mover) -> None:
    report = take_over(world.database)
    mail, slack = (Notification.objects.get(pk=world.ids[one]) for one in ("mail", "slack"))
    assert mail.active
    assert mail.options == {"interval": 30, "unit": "days", "recipients": "web@example.org"}
    assert slack.active
    assert slack.options == {"interval": 10, "unit": "days", "username": "lemur"}
    assert slack.secret_names == {"webhook"}
    sftp, aws = (Destination.objects.get(pk=world.ids[one]) for one in ("sftp", "aws"))
    assert (sftp.active, sftp.plugin, sftp.secret_names) == (False, "sftp-destination", {"password"})
    assert "hunter2" not in str(sftp.options)
    assert (aws.active, aws.options) == (False, {"accountNumber": "123456789012"})
    assert not Source.objects.get(label="elb").active
    dns = DnsProvider.objects.get(name="route53")
    assert (dns.active, dns.plugin, dns.options["account_id"]) == (True, "route53-dns", "123456789012")
    said = " ".join(f"{one['title']}: {one['what']}" for one in report.noted)
    assert "web1: Switched off: Option 'hostKey' is required." in said
    assert "Left out what its plugin does not know here: privateKeyPath." in said
    assert "There is no destination plugin 'azure-keyvault-destination'" in said


def test_a_destination_works_once_it_is_told_what_it_lacked(world: World, take_over: Mover) -> None:
    take_over(world.database)
    sftp = Destination.objects.get(pk=world.ids["sftp"])
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Qx1pQK1J2kGf5ZQv2mY6Qz0b3sJm3Nn1n9m3Qv2mY"
    sftp.configure("sftp-destination", {**sftp.options, "hostKey": key})
    assert sftp.open().options.password.get_secret_value() == "hunter2 hunter2"


def test_people_keep_roles_and_passwords(world: World, take_over: Mover) -> None:
    take_over(world.database)
    lemur, alice = User.objects.get(username="lemur"), User.objects.get(username="alice")
    assert lemur.is_administrator
    assert not lemur.is_superuser
    assert alice.email == "alice@example.org"
    assert [role.name for role in alice.roles.all()] == ["web@example.org"]
    assert not User.objects.get(username="sso@example.org").is_active
    with override_settings(PASSWORD_HASHERS=HASHERS):
        assert authenticate(username="alice", password="something else") is None
        assert authenticate(username="alice", password=PASSWORD) == alice
    alice.refresh_from_db()
    assert alice.password.startswith("argon2")


def test_roles_we_have_are_the_same_and_keep_their_log_in(world: World, take_over: Mover) -> None:
    take_over(world.database)
    assert Role.objects.filter(name="admin").count() == 1
    team = Role.objects.get(name="web@example.org")
    assert team.third_party
    assert reveal_credentials(team, by=User.objects.get(username="lemur")) == ("web", SHARED)


def test_authorities_of_the_built_in_issuer_go_on(world: World, take_over: Mover) -> None:
    take_over(world.database)
    root, sub = Authority.objects.get(pk=world.ids["root"]), Authority.objects.get(pk=world.ids["sub"])
    assert (root.active, sub.active, sub.parent, root.parent) == (True, True, root, None)
    assert (root.chain, sub.chain) == (None, as_pem(material().root.certificate))
    assert sub.own_certificates.get().private_key == sub.private_key
    assert {role.name for role in sub.roles.all()} == {"pki@example.org", "web@example.org"}
    made = a_certificate(User.objects.get(username="alice"), sub, cn="new.example.org")
    assert made.pk > max(world.ids.values())
    service.revoke(made, reason="superseded", by=User.objects.get(username="lemur"))


def test_others_are_switched_off(world: World, take_over: Mover) -> None:
    take_over(world.database)
    acme = Authority.objects.get(pk=world.ids["acme"])
    assert (acme.active, acme.private_key, acme.plugin, acme.cab_compliant) == (False, None, "acme-issuer", True)
    assert acme.options == {"acme_url": "https://ca"}


def test_the_ledger_knows_what_they_issued(world: World, take_over: Mover) -> None:
    take_over(world.database)
    sub, pairs = Authority.objects.get(pk=world.ids["sub"]), world.pairs
    lines = {line.serial: line for line in Issuance.objects.filter(authority=sub)}
    assert set(lines) == {str(pairs[one].certificate.serial_number) for one in ("leaf", "revoked", "deleted", "rsa")}
    revoked = lines[str(pairs["revoked"].certificate.serial_number)]
    assert revoked.revoked_at == datetime(2025, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert revoked.tbs_sha256 == signing.tbs_sha256(pairs["revoked"].certificate)
    assert [line.revoked_at for line in lines.values() if line is not revoked] == [None] * 3
    listed = publishing.publish_crl(sub, now=datetime.now(UTC))
    assert listed is not None
    root = Issuance.objects.get(authority=world.ids["root"])
    assert root.serial == str(material().intermediate.certificate.serial_number)


def test_domains_are_shared_and_stay_sensitive(world: World, take_over: Mover) -> None:
    take_over(world.database)
    shared = Domain.objects.get(name="www.example.com")
    assert shared.sensitive
    ports = {
        one.domain.name: one.ports for one in Certificate.objects.get(pk=world.ids["leaf"]).certificate_domains.all()
    }
    assert ports == {"www.example.com": [443, 8443], "example.com": []}
    assert Domain.objects.filter(name="unused.example.com", sensitive=False).exists()


def test_each_thing_is_one_line_in_the_audit_log(world: World, take_over: Mover) -> None:
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    take_over(world.database)
    entries = list(AuditEntry.objects.exclude(pk__in=before))
    made = [entry for entry in entries if "lemur_id" in entry.details]
    assert {entry.actor_name for entry in entries} == {"system"}
    counted = {event: sum(entry.event == event for entry in made) for event in Event}
    assert {event: count for event, count in counted.items() if count} == {
        Event.POLICY_CREATED: 1, Event.ROLE_CREATED: 1, Event.USER_CREATED: 3, Event.DNS_PROVIDER_CREATED: 1,
        Event.NOTIFICATION_CREATED: 2, Event.DESTINATION_CREATED: 2, Event.SOURCE_CREATED: 1, Event.DOMAIN_CREATED: 1,
        Event.AUTHORITY_IMPORTED: 3, Event.CERTIFICATE_IMPORTED: 8,
    }  # fmt: skip
    leaf = next(entry for entry in made if entry.target_name == "leaf-Example.Inc-1")
    assert leaf.details == {"has_key": True, "lemur_id": world.ids["leaf"]}


def everything() -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with connection.cursor() as cursor:
        found = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found[table] = sorted(map(tuple, cursor.fetchall()), key=str)
        return found


def test_a_second_time_changes_nothing(world: World, take_over: Mover) -> None:
    take_over(world.database)
    before = everything()
    report = take_over(world.database)
    assert everything() == before
    assert {count.taken for count in report.counts.values()} == {0}
    assert report.counts["certificate"].before == 8
    assert report.replacements == 0
    assert any("hostKey" in one["what"] for one in report.noted)


def test_what_is_new_comes_with_the_next_run(world: World, take_over: Mover) -> None:
    take_over(world.database)
    world.certificate("new", material().leaf_with(cn="later.example.com"), authority_id=world.ids["sub"])
    report = take_over(world.database)
    assert report.counts["certificate"].taken == 1
    assert Certificate.objects.get(pk=world.ids["new"]).name == "new"


def test_a_dry_run_keeps_nothing(world: World, take_over: Mover) -> None:
    before = everything()
    report = take_over(world.database, dry=True)
    assert report.counts["certificate"].taken == 8
    after = everything()
    before.pop("sqlite_sequence", None), after.pop("sqlite_sequence", None)
    assert after == before
    assert not Moved.objects.exists()
    assert not StoredKey.objects.exists()


def test_two_lemurs_do_not_mix(world: World, take_over: Mover) -> None:
    """The second knows the same authorities; what it says they issued is there already."""
    take_over(world.database, origin="first")
    report = take_over(world.database, origin="second")
    assert report.refused == []
    assert [one["title"] for one in report.lost] == ["web@example.org"]  # the password that its members share
    assert Authority.objects.count() == 3
    assert Certificate.objects.filter(name__startswith="leaf-Example.Inc-1").count() == 2
    assert Certificate.objects.filter(authority=world.ids["sub"]).count() == 4


def test_an_authority_that_was_taken_over_before_gets_its_ledger(world: World, take_over: Mover) -> None:
    root = User.objects.get(username="system")
    pair, above = material().intermediate, as_pem(material().root.certificate)
    new = NewAuthority(name="sub authority", owner="pki@example.org")
    ours = service.import_authority(new, body=pair.pem, private_key=pair.key_pem, chain=above, by=root)
    before = ours.own_certificates.get()
    take_over(world.database)
    assert ours.own_certificates.get() == before
    assert set(ours.certificates.values_list("pk", flat=True)) == {
        world.ids[one] for one in ("leaf", "revoked", "deleted", "rsa")
    }
    assert Issuance.objects.filter(authority=ours, revoked_at__isnull=False).count() == 1
