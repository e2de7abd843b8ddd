"""Authorities: who runs them, how long they live, what they limit, and how a key leaves."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from django.core.management import CommandError, call_command
from django.utils.timezone import now as clock

from accounts.models import Role
from accounts.service import create_role, grant, system_user
from authorities import service
from authorities.models import Authority
from core import keys
from core.audit import Event, acting_as
from core.errors import Forbidden, Invalid, Precondition
from core.models import AuditEntry
from pki.inspection import load
from tests.factories import a_certificate, an_authority

pytestmark = pytest.mark.django_db

SECRET = "correct horse battery"


class TestRoles:
    def test_an_owner_without_a_role_gets_one(self, people):
        assert not Role.objects.filter(name="new@example.org").exists()
        made = an_authority(people.root, name="New", owner="New@example.org")
        assert set(made.roles.values_list("name", flat=True)) == {"New_admin", "New_operator", "new@example.org"}

    def test_so_does_a_new_owner(self, people, root_ca):
        service.update(root_ca, by=people.root, owner="later@example.org")
        assert "later@example.org" in root_ca.roles.values_list("name", flat=True)
        assert "pki@example.org" not in root_ca.roles.values_list("name", flat=True)

    def test_also_in_the_admin_site(self, people, root_ca, client):
        people.root.is_staff = True
        people.root.save()
        client.force_login(people.root)
        page = client.get(f"/admin/authorities/authority/{root_ca.pk}/change/")
        given = {**page.context["adminform"].form.initial, "owner": "later@example.org", "active": "on"}
        given = {name: [one.pk for one in value] if isinstance(value, list) else value for name, value in given.items()}
        answer = client.post(
            page.request["PATH_INFO"], {name: value for name, value in given.items() if value is not None}
        )
        assert answer.status_code == 302, answer.context["errors"]
        root_ca.refresh_from_db()
        assert root_ca.owner == "later@example.org"
        names = set(root_ca.roles.values_list("name", flat=True))
        assert names == {"Root_admin", "Root_operator", "later@example.org", "team-web"}

    def test_the_owners_role_may_use_it(self, people, root_ca):
        grant(people.charlie, [Role.objects.get(name="pki@example.org")], by=people.root)
        people.charlie.refresh_from_db()
        assert a_certificate(people.charlie, root_ca).authority == root_ca

    def test_a_role_that_exists_is_not_taken_over(self, people):
        create_role("Taken_admin", by=people.root)
        with pytest.raises(Exception, match="Taken_admin"):
            an_authority(people.root, name="Taken")


class TestLife:
    def test_an_intermediate_never_outlives_its_parent(self, people):
        root = an_authority(people.root, name="Short", validity_years=1, roles=[people.team])
        lower = an_authority(people.root, name="Lower", parent=root)
        assert lower.certificate.not_valid_after_utc == root.certificate.not_valid_after_utc == lower.not_after

    def test_not_even_when_it_is_asked_for(self, people):
        root = an_authority(people.root, name="Short", validity_years=1)
        with pytest.raises(Invalid, match="must not be after"):
            an_authority(
                people.root,
                name="Lower",
                parent=root,
                validity_start=clock(),
                validity_end=root.not_after + timedelta(days=2),
            )

    def test_what_was_taken_over_is_over_when_its_chain_is(self, people):
        root = an_authority(people.root, name="Short", validity_years=1)
        lower = an_authority(people.root, name="Lower", parent=root, roles=[people.team])
        Authority.objects.filter(pk=lower.pk).update(not_after=clock() + timedelta(days=30))
        lower.refresh_from_db()
        assert a_certificate(people.alice, lower).not_after == lower.not_after.replace(microsecond=0)


class TestLimits:
    def test_those_of_the_browsers(self, people, root_ca):
        assert (root_ca.longest_days, root_ca.default_days) == (None, 365)
        service.update(root_ca, by=people.root, cab_compliant=True)
        assert (root_ca.longest_days, root_ca.default_days) == (397, 397)
        start = clock()
        with pytest.raises(Invalid, match="no longer than 397 days"):
            a_certificate(people.alice, root_ca, validity_start=start, validity_end=start + timedelta(days=398))

    def test_a_shorter_default(self, people, root_ca, settings):
        settings.PUBLIC_CA_DEFAULT_VALIDITY_DAYS = 90
        assert root_ca.default_days == 365
        service.update(root_ca, by=people.root, cab_compliant=True)
        made = a_certificate(people.alice, root_ca)
        assert root_ca.default_days == (made.not_after - made.not_before).days == 90


class TestOptions:
    def test_unknown_ones_are_refused(self, people, root_ca):
        with pytest.raises(Invalid):
            service.update(root_ca, by=people.root, options=[{"name": "nonsense", "value": "x"}])
        service.update(root_ca, by=people.root, options=[])

    def test_bases_are_checked(self, people, root_ca):
        with pytest.raises(Invalid):
            service.update(root_ca, by=people.root, pki_base_url="https://pki.example.org")


class TestBackup:
    def test_pkcs12(self, people, issuing_ca):
        data = service.backup(issuing_ca, SECRET, by=system_user())
        found = pkcs12.load_pkcs12(data, SECRET.encode())
        assert found.key is not None
        assert found.key.public_key() == issuing_ca.certificate.public_key()
        assert found.cert is not None
        assert found.cert.certificate == issuing_ca.certificate
        assert [one.certificate for one in found.additional_certs] == issuing_ca.issuers

    def test_pem(self, people, issuing_ca):
        data = service.backup(issuing_ca, SECRET, as_pem=True, by=system_user())
        assert data.count(b"BEGIN CERTIFICATE") == 2
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in data
        key = load_pem_private_key(data[data.index(b"-----BEGIN ENCRYPTED") :], SECRET.encode())
        assert key.public_key() == issuing_ca.certificate.public_key()

    def test_it_is_written_down_and_says_nothing_of_the_key(self, root_ca):
        service.backup(root_ca, SECRET, by=system_user())
        entry = AuditEntry.objects.get(event=Event.AUTHORITY_BACKED_UP)
        assert (entry.target_name, entry.details) == ("Root", {"format": "PKCS#12"})

    @pytest.mark.parametrize("kind", ["request", "task"])
    def test_nobody_gets_at_it_from_outside(self, people, root_ca, kind):
        with acting_as(kind=kind, user=people.root), pytest.raises(Forbidden, match="backup_ca` alone"):
            service.backup(root_ca, SECRET, by=people.root)

    def test_others_than_administrators_may_not(self, people, root_ca):
        with pytest.raises(Forbidden):
            service.backup(root_ca, SECRET, by=people.alice)

    def test_refusals(self, root_ca):
        with pytest.raises(Invalid, match="12 characters"):
            service.backup(root_ca, "short", by=system_user())
        root_ca.private_key = None
        with pytest.raises(Precondition, match="not kept here"):
            service.backup(root_ca, SECRET, by=system_user())
        assert not AuditEntry.objects.filter(event=Event.AUTHORITY_BACKED_UP).exists()

    def test_the_command(self, root_ca, tmp_path, monkeypatch):
        path, out = tmp_path / "root.p12", StringIO()
        monkeypatch.setattr("getpass.getpass", lambda prompt: SECRET)
        call_command("backup_ca", "Root", "--out", str(path), stdout=out)
        assert path.stat().st_mode & 0o777 == 0o600
        found = pkcs12.load_pkcs12(path.read_bytes(), SECRET.encode())
        assert found.key.private_numbers() == keys.reveal(root_ca.private_key).private_numbers()
        assert SECRET not in out.getvalue()
        with pytest.raises(CommandError, match="not overwritten"):
            call_command("backup_ca", "Root", "--out", str(path))

    def test_the_command_reads_a_file_and_complains_in_a_sentence(self, root_ca, tmp_path, monkeypatch):
        secret = tmp_path / "secret"
        secret.write_text(f"{SECRET}\n")
        path = tmp_path / "root.pem"
        call_command(
            "backup_ca", "Root", "--pem", "--out", str(path), "--passphrase-file", str(secret), stdout=StringIO()
        )
        assert load(path.read_bytes()[: path.read_bytes().index(b"-----BEGIN ENCRYPTED")]) == root_ca.certificate
        answers = iter(["a", "b"])
        monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
        for arguments, sentence in (
            (["Nobody"], "There is no authority called 'Nobody'"),
            (["Root", "--out", str(tmp_path / "x")], "differ"),
            (["Root", "--out", str(tmp_path / "x"), "--passphrase-file", str(tmp_path / "no")], "cannot be read"),
            (["Root", "--out", str(tmp_path / "no" / "x"), "--passphrase-file", str(secret)], "cannot be written"),
        ):
            with pytest.raises(CommandError, match=sentence):
                call_command("backup_ca", *arguments)
