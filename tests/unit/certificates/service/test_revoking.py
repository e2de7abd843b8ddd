"""Revoking: who may, what it takes, what others see of it, and authorities that are slow, odd or unwilling."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now as clock

from accounts.models import Role
from accounts.service import create_role, grant
from authorities import ledger
from authorities.models import Authority, Crl, Profile, Responder
from certificates import service
from certificates.models import Certificate, Deployment, Revocation, update_destinations
from certificates.models.certificate import Status
from certificates.service import revoking
from certificates.service.revoking import consequences, due_revocations
from certificates.tasks import sweep_deployments, sweep_revocations
from core.audit import Event
from core.errors import Conflict, Forbidden, Invalid
from core.models import AuditEntry
from lifecycle.models import Endpoint
from notifications.models import Notice, Notification
from notifications.tasks import sweep_notices
from plugins import Misconfigured, Permanent, Temporary, registry
from plugins.registry import Entry
from stores import service as stores
from stores.models import Destination, Source
from tests.factories import a_certificate, an_authority
from tests.notifying import a_notification
from tests.odd_issuer import RemoteCa
from tests.odd_stores import OddDestination, register
from tests.people import api
from tests.pki_material import material
from tests.unit.notifications.conftest import _as_it_was, mailbox  # noqa: F401

pytestmark = pytest.mark.django_db

LATER = timedelta(hours=1)


@pytest.fixture
def hers(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca)


def serve(certificate: Certificate, host: str = "www.example.org") -> Endpoint:
    source = Source.objects.create(label=host, plugin="none")
    return Endpoint.objects.create(
        name=host, dnsname=host, port=443, type="tls", source=source, certificate=certificate
    )


def events(certificate: Certificate) -> list[str]:
    rows = AuditEntry.objects.filter(target_type="certificates.certificate", target_id=str(certificate.pk))
    return list(rows.order_by("id").values_list("event", flat=True))


class TestOurOwn:
    def test_it_is_revoked_at_once_and_everywhere(self, people, hers, root_ca):
        Certificate.objects.filter(pk=hers.pk).update(rotation=True)
        done = service.revoke(hers, by=people.alice, reason="keyCompromise", comments="on a laptop")
        hers.refresh_from_db()
        assert (hers.status, hers.notify, hers.rotation) == (Status.REVOKED, False, False)
        assert (done.state, done.by, done.reason, done.comments) == (
            "done",
            people.alice,
            "keyCompromise",
            "on a laptop",
        )
        assert ledger.find(root_ca, hers.serial).reason == "keyCompromise"
        assert Crl.objects.filter(authority=root_ca).latest("number").entries == 1
        assert events(hers)[-2:] == [Event.REVOCATION_REQUESTED, Event.CERTIFICATE_REVOKED]

    def test_again_changes_nothing(self, people, hers):
        first = service.revoke(hers, by=people.alice, reason="superseded")
        assert service.revoke(hers, "keyCompromise", by=people.alice) == first
        assert Crl.objects.count() == 2
        assert Revocation.objects.count() == 1

    def test_a_hold_and_its_end(self, people, hers, root_ca):
        service.revoke(hers, by=people.alice, reason="certificateHold")
        service.revoke(hers, by=people.alice, reason="certificateHold")
        hers.refresh_from_db()
        assert hers.status == Status.REVOKED
        service.revoke(hers, by=people.alice, reason="removeFromCRL")
        hers.refresh_from_db()
        assert (hers.status, ledger.find(root_ca, hers.serial).revoked_at) == (Status.VALID, None)
        assert Crl.objects.latest("number").entries == 0
        assert events(hers)[-1] == Event.CERTIFICATE_RELEASED
        with pytest.raises(Invalid) as refused:
            service.revoke(hers, by=people.alice, reason="removeFromCRL")
        assert "on hold" in str(refused.value)
        service.revoke(hers, by=people.alice, reason="superseded")
        assert ledger.find(root_ca, hers.serial).reason == "superseded"

    def test_what_is_revoked_for_good_stays_so(self, people, hers):
        service.revoke(hers, by=people.alice, reason="superseded")
        with pytest.raises(Invalid) as refused:
            service.revoke(hers, by=people.alice, reason="removeFromCRL")
        assert "on hold" in str(refused.value)

    def test_reasons_have_names(self, people, hers):
        with pytest.raises(Invalid) as refused:
            service.revoke(hers, by=people.alice, reason="boredom")
        assert refused.value.reasons == {"crl_reason": "Not a valid choice."}

    def test_what_is_being_revoked_is_not_revoked_twice(self, people, hers):
        Revocation.objects.create(certificate=hers, by=people.alice, reason="superseded")
        with pytest.raises(Conflict, match="being revoked already"):
            service.revoke(hers, by=people.alice)

    def test_what_a_crash_left_the_sweep_takes_up(self, people, hers, root_ca):
        Revocation.objects.create(certificate=hers, by=people.alice, reason="superseded", not_before=clock())
        sweep_revocations()
        hers.refresh_from_db()
        assert (hers.status, ledger.find(root_ca, hers.serial).reason) == (Status.REVOKED, "superseded")
        assert due_revocations() == []

    def test_what_a_request_still_does_the_sweep_leaves_alone(self, people, hers):
        Revocation.objects.create(
            certificate=hers, by=people.alice, reason="superseded", attempts=1, not_before=clock() + LATER
        )
        sweep_revocations()
        hers.refresh_from_db()
        assert hers.status is None

    def test_a_hold_leaves_alone_what_its_end_would_have_to_restore(self, people, hers, root_ca):
        Certificate.objects.filter(pk=hers.pk).update(rotation=True)
        lower = an_authority(people.root, name="Lower", parent=root_ca)
        own = Certificate.objects.get(root_authority=lower)
        switches = [(one.notify, one.rotation) for one in Certificate.objects.filter(pk__in=[hers.pk, own.pk])]
        for certificate in (hers, own):
            service.revoke(certificate, by=people.root, reason="certificateHold")
        lower.refresh_from_db()
        now = [(one.notify, one.rotation) for one in Certificate.objects.filter(pk__in=[hers.pk, own.pk])]
        assert (now, lower.active) == (switches, True)
        service.revoke(own, by=people.root, reason="cACompromise")
        lower.refresh_from_db()
        own.refresh_from_db()
        assert (lower.active, own.notify) == (False, False)

    def test_released_and_revoked_at_the_same_time(self, people, hers, root_ca, monkeypatch):
        """Whoever writes first has decided; the certificate never looks better than the ledger says."""
        service.revoke(hers, by=people.root, reason="certificateHold")
        before = revoking._done_before

        def asks_first(rows, reason):
            monkeypatch.setattr(revoking, "_done_before", before)
            found = before(rows, reason)
            service.revoke(hers, by=people.root, reason="keyCompromise")
            return found

        monkeypatch.setattr(revoking, "_done_before", asks_first)
        with pytest.raises(Invalid, match="on hold"):
            service.revoke(hers, by=people.root, reason="removeFromCRL")
        hers.refresh_from_db()
        assert (hers.status, ledger.find(root_ca, hers.serial).reason) == (Status.REVOKED, "keyCompromise")

    def test_a_release_that_comes_too_late_fails(self, people, hers, root_ca):
        service.revoke(hers, by=people.alice, reason="certificateHold")
        late = Revocation.objects.create(certificate=hers, by=people.alice, reason="removeFromCRL")
        ledger.revoke(root_ca, hers.serial, reason="keyCompromise", at=clock())
        assert service.carry_out(late.pk).state == "failed"
        hers.refresh_from_db()
        assert hers.status == Status.REVOKED

    def test_a_copy_is_not_revoked_at_the_same_time(self, people, hers):
        copy = service.upload(by=people.root, body=hers.body, owner="x@example.org")
        Revocation.objects.create(certificate=copy, by=people.root, reason="superseded")
        with pytest.raises(Conflict, match="being revoked already"):
            service.revoke(hers, by=people.root)


class TestDestinations:
    """Contract 6.14: what is revoked for good leaves them."""

    @pytest.fixture
    def place(self, people, monkeypatch) -> Destination:
        register(monkeypatch)
        monkeypatch.setattr(OddDestination, "held_by", {})
        return stores.create(Destination, label="web", plugin="odd-destination", by=people.root)

    @pytest.fixture
    def there(self, hers, place) -> Deployment:
        update_destinations(hers, place)
        assert service.deploy(hers.deployments.get().pk)
        return hers.deployments.get()

    def test_it_is_taken_away(self, people, hers, there):
        service.revoke(hers, by=people.alice)
        assert (OddDestination.held_by, hers.deployments.exists()) == ({}, False)
        assert events(hers)[-2:] == [Event.CERTIFICATE_REVOKED, Event.CERTIFICATE_WITHDRAWN]

    def test_not_because_of_a_hold(self, people, hers, there):
        service.revoke(hers, by=people.alice, reason="certificateHold")
        assert (len(OddDestination.held_by), hers.deployments.get().state) == (1, "done")

    def test_one_that_does_not_let_go_is_asked_again(self, people, hers, there, monkeypatch):
        monkeypatch.setattr(OddDestination, "trouble", Temporary("no answer"))
        said = rf"Certificate \(id:{hers.pk}\) is revoked - Failed to remove destination: web\. no answer"
        with pytest.raises(Invalid, match=said):
            service.revoke(hers, by=people.alice)
        hers.refresh_from_db()
        assert (hers.status, Revocation.objects.get().state) == (Status.REVOKED, "done")
        assert hers.deployments.get().state == "waiting"
        monkeypatch.setattr(OddDestination, "trouble", None)
        service.deploy(there.pk, now=clock() + LATER)
        assert (OddDestination.held_by, hers.deployments.exists()) == ({}, False)

    def test_at_one_that_is_switched_off_it_waits(self, people, hers, place, there):
        Destination.objects.update(active=False)
        service.revoke(hers, by=people.alice)
        assert (len(OddDestination.held_by), hers.deployments.get().state) == (1, "waiting")
        Destination.objects.update(active=True)
        service.deploy(there.pk, now=clock() + LATER)
        assert (OddDestination.held_by, hers.deployments.exists()) == ({}, False)

    def test_what_a_crash_left_there_the_sweep_takes_away(self, people, hers, there, monkeypatch):
        def die(*args, **kwargs):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(OddDestination, "remove", die)
            with pytest.raises(KeyboardInterrupt):
                service.revoke(hers, by=people.alice)
        assert (len(OddDestination.held_by), hers.deployments.get().state) == (1, "waiting")
        service.deploy(there.pk, now=clock() + LATER)
        assert (OddDestination.held_by, hers.deployments.exists()) == ({}, False)

    def test_a_delivery_that_comes_too_late_is_taken_back(self, people, hers, place, monkeypatch):
        update_destinations(hers, place)

        def revoked_meanwhile(bundle):
            monkeypatch.setattr(OddDestination, "trouble", None)
            with pytest.raises(Invalid, match=r"is revoked - Failed to remove destination: web\. .* tried again"):
                service.revoke(hers, by=people.alice)

        monkeypatch.setattr(OddDestination, "trouble", revoked_meanwhile)
        service.deploy(hers.deployments.get().pk)
        assert (len(OddDestination.held_by), hers.deployments.get().state) == (1, "waiting")
        sweep_deployments()
        assert (OddDestination.held_by, hers.deployments.exists()) == ({}, False)

    def test_what_its_plugin_cannot_take_away_stays(self, people, hers, there, monkeypatch):
        monkeypatch.setattr(stores, "can_remove", lambda destination: False)
        service.revoke(hers, by=people.alice)
        assert hers.deployments.get().state == "done"

    def test_what_was_never_there_is_forgotten_without_asking(self, people, hers, place, monkeypatch):
        update_destinations(hers, place)
        monkeypatch.setattr(OddDestination, "trouble", Temporary("no answer"))
        service.revoke(hers, by=people.alice)
        assert not hers.deployments.exists()


class TestRights:
    @pytest.mark.parametrize("who", ["bob", "charlie", "dora", "olga"])
    def test_others_may_not(self, people, root_ca, who):
        hers = a_certificate(people.alice, root_ca, owner="alice@example.org")
        with pytest.raises(Forbidden, match="not authorized to revoke this certificate"):
            service.revoke(hers, by=getattr(people, who))
        with pytest.raises(Forbidden, match="not authorized to revoke this certificate"):
            service.deactivate(hers, by=getattr(people, who))

    def test_a_copy_of_ones_own_gives_no_right(self, people, hers):
        copy = service.upload(by=people.charlie, body=hers.body, owner="charlie@example.org")
        with pytest.raises(Forbidden, match=f"certificate {hers.pk}"):
            service.revoke(copy, by=people.charlie)
        with pytest.raises(Forbidden, match=f"certificate {copy.pk}"):
            service.revoke(hers, by=people.alice)
        service.revoke(hers, by=people.root)
        copy.refresh_from_db()
        assert (copy.status, copy.notify) == (Status.REVOKED, False)

    def test_another_certificate_under_the_same_serial_gives_none_either(self, people, root_ca):
        """Bob may claim the authority for an upload: of something else that bears the serial of Root's intermediate."""
        lower = an_authority(people.root, name="Lower", parent=root_ca)
        forged = material().leaf.pem
        row = service.upload(by=people.bob, body=forged, owner=people.bob.email, authority=root_ca)
        Certificate.objects.filter(pk=row.pk).update(serial=str(lower.certificate.serial_number))
        row.refresh_from_db()
        with pytest.raises(Invalid, match="has not issued this certificate here"):
            service.revoke(row, by=people.bob)
        assert ledger.find(root_ca, str(lower.certificate.serial_number)).revoked_at is None

    def test_the_certificate_of_a_responder_is_nobodys(self, people, root_ca):
        body = Responder.objects.get(authority=root_ca).body
        row = service.upload(by=people.bob, body=body, owner=people.bob.email, authority=root_ca)
        with pytest.raises(Invalid, match="OCSP responder"):
            service.revoke(row, by=people.bob)


class TestWhatWouldBreak:
    def test_what_an_endpoint_serves_is_refused_unless_forced(self, people, hers):
        serve(hers)
        with pytest.raises(Forbidden, match=r"Endpoints are deployed with the given certificate.*www.example.org:443"):
            service.revoke(hers, by=people.alice)
        assert not Revocation.objects.exists()
        assert service.revoke(hers, by=people.alice, force=True).state == "done"

    def test_so_is_what_serves_a_copy(self, people, hers):
        copy = service.upload(by=people.alice, body=hers.body, owner=people.alice.email)
        serve(copy)
        with pytest.raises(Forbidden, match="Endpoints are deployed"):
            service.revoke(hers, by=people.alice)

    def test_an_endpoint_that_is_gone_does_not_count(self, people, hers):
        Endpoint.objects.filter(pk=serve(hers).pk).update(active=False)
        assert not consequences(hers).serious
        assert service.revoke(hers, by=people.alice).state == "done"

    def test_the_end_of_a_hold_breaks_nothing(self, people, hers):
        service.revoke(hers, by=people.alice, reason="certificateHold")
        serve(hers)
        assert service.revoke(hers, by=people.alice, reason="removeFromCRL").state == "done"


class TestAuthorities:
    def test_an_intermediate_takes_insisting_and_is_switched_off(self, people, root_ca):
        lower = an_authority(people.root, name="Lower", parent=root_ca, roles=[people.team])
        a_certificate(people.alice, lower)
        own = Certificate.objects.get(root_authority=lower)
        with pytest.raises(Forbidden, match="1 valid certificates are under it"):
            service.revoke(own, by=people.root)
        service.revoke(own, by=people.root, force=True, reason="cACompromise")
        lower.refresh_from_db()
        assert not lower.active
        assert ledger.find(root_ca, own.serial).reason == "cACompromise"

    def test_it_takes_the_right_to_its_parent(self, people):
        strangers = create_role("strangers", by=people.root)
        root = an_authority(people.root, name="Theirs", roles=[strangers])
        lower = an_authority(people.root, name="Lower", parent=root, roles=[people.team])
        own = Certificate.objects.get(root_authority=lower)
        with pytest.raises(Forbidden, match="not authorized"):
            service.revoke(own, by=people.alice, force=True)
        grant(people.alice, [strangers], by=people.root)
        people.alice.refresh_from_db()
        assert service.revoke(own, by=people.alice).state == "done"

    def test_a_root_cannot_be_revoked(self, people, root_ca):
        with pytest.raises(Invalid, match="A root cannot be revoked"):
            service.revoke(Certificate.objects.get(root_authority=root_ca), by=people.root, force=True)


class TestOtherIssuers:
    @pytest.fixture
    def theirs(self, people, monkeypatch) -> Certificate:
        for slug, kind in (("remote-ca", "RemoteCa"), ("odd-issuer", "OddIssuer")):
            where = f"tests.odd_issuer:{kind}"
            monkeypatch.setitem(registry.entries, slug, Entry(slug, "issuer", where, "tests"))
        monkeypatch.setattr(RemoteCa, "revoked", [])
        monkeypatch.setattr(RemoteCa, "answer", None)
        root = material().root
        ca = Authority.objects.create(
            name="Remote",
            owner="pki@example.org",
            plugin="remote-ca",
            body=root.pem,
            not_before=root.certificate.not_valid_before_utc,
            not_after=root.certificate.not_valid_after_utc,
        )
        ca.profiles.set(Profile.objects.filter(ca=False))
        ca.roles.set(Role.objects.filter(name="team-web"))
        return service.upload(
            by=people.alice, body=material().leaf.pem, owner=people.alice.email, authority=ca, external_id="x-7"
        )

    def test_the_plugin_is_asked(self, people, theirs):
        assert service.revoke(theirs, by=people.alice, reason="superseded").state == "done"
        [request] = RemoteCa.revoked
        assert (request.certificate, request.reason.value, request.external_id) == (theirs.parsed, "superseded", "x-7")
        theirs.refresh_from_db()
        assert theirs.status == Status.REVOKED
        assert not Crl.objects.exists()

    @pytest.mark.parametrize("error", [Temporary("no answer"), Misconfigured("no token"), RuntimeError("a bug")])
    def test_one_that_does_not_answer_is_asked_again(self, people, theirs, monkeypatch, error):
        monkeypatch.setattr(RemoteCa, "answer", error)
        waiting = service.revoke(theirs, by=people.alice)
        theirs.refresh_from_db()
        assert (waiting.state, theirs.status) == ("waiting", None)
        assert waiting.last_error
        monkeypatch.setattr(RemoteCa, "answer", None)
        assert service.carry_out(waiting.pk) is None, "not yet"
        service.carry_out(waiting.pk, now=datetime.now(UTC) + LATER)
        theirs.refresh_from_db()
        assert theirs.status == Status.REVOKED

    def test_one_that_refuses_is_not(self, people, theirs, monkeypatch):
        monkeypatch.setattr(RemoteCa, "answer", Permanent("never heard of it"))
        with pytest.raises(Invalid, match="Failed to revoke: never heard of it"):
            service.revoke(theirs, by=people.alice)
        theirs.refresh_from_db()
        assert (Revocation.objects.get().state, theirs.status) == ("failed", None)
        assert events(theirs)[-1] == Event.REVOCATION_FAILED
        monkeypatch.setattr(RemoteCa, "answer", None)
        assert service.revoke(theirs, by=people.alice).state == "done"

    def test_a_refusal_to_the_sweep_ends_it(self, people, theirs, monkeypatch):
        monkeypatch.setattr(RemoteCa, "answer", Temporary("no answer"))
        waiting = service.revoke(theirs, by=people.alice)
        monkeypatch.setattr(RemoteCa, "answer", Permanent("no"))
        ended = service.carry_out(waiting.pk, now=datetime.now(UTC) + LATER)
        assert ended is not None
        assert ended.state == "failed"

    def test_after_the_last_failure_it_can_be_asked_again(self, people, theirs, monkeypatch, client):
        monkeypatch.setattr(RemoteCa, "answer", Temporary("no answer today"))
        page, calls = theirs.get_absolute_url(), api(people.alice)
        client.force_login(people.alice)
        told = client.post(f"{page}/revoke", {"reason": "superseded", "comments": "old"}, follow=True).content.decode()
        assert "It is asked again, 80 times in all" in told
        assert "has not agreed yet, and is asked again by itself" in told
        pk = Revocation.objects.get().pk
        monkeypatch.setattr(Revocation, "most_failures", 8)  # of 80, so that it takes no while
        for hours in range(1, 8):
            service.carry_out(pk, now=clock() + 2 * hours * LATER)
        assert service.carry_out(pk, now=clock() + 99 * LATER) is None
        shown = client.get(page).content.decode()
        assert "is not asked again by itself: it is not revoked" in shown
        assert "no answer today" in shown
        assert f'href="{page}/revoke">Ask again' in shown
        form = client.get(f"{page}/revoke").content.decode()
        assert re.search(r'value="superseded"[^>]*checked', form)
        assert 'value="old"' in form
        [failed] = calls.get(f"/api/1{page}/revocations").json()["items"]
        assert (failed["status"], failed["numberAttempts"], failed["crlReason"]) == ("failed", 8, "superseded")
        assert failed["lastError"] == "no answer today"
        monkeypatch.setattr(RemoteCa, "answer", None)
        assert calls.put(f"/api/1{page}/revoke", {"crlReason": "superseded"}, format="json").status_code == 200
        states = [one["status"] for one in calls.get(f"/api/1{page}/revocations").json()["items"]]
        assert states == ["done", "failed"]
        assert "Ask again" not in client.get(page).content.decode()

    def test_who_may_not_revoke_is_offered_nothing(self, people, theirs, client):
        Revocation.objects.create(certificate=theirs, by=people.alice, reason="superseded", state="failed")
        client.force_login(people.charlie)
        shown = client.get(theirs.get_absolute_url()).content.decode()
        assert "it is not revoked" in shown
        assert "Ask again" not in shown

    def test_an_issuer_without_revocation(self, people, theirs):
        Authority.objects.update(plugin="odd-issuer")
        theirs.refresh_from_db()
        with pytest.raises(Invalid, match="Revoke is not implemented for issuer of this certificate"):
            service.revoke(theirs, by=people.alice)

    def test_what_nobody_here_issued(self, people):
        known = service.upload(by=people.alice, body=material().leaf.pem, owner=people.alice.email)
        with pytest.raises(Invalid, match="Revoke is not implemented for issuer of this certificate"):
            service.revoke(known, by=people.alice)
        with pytest.raises(Invalid, match="Deactivate is not implemented"):
            service.deactivate(known, by=people.alice)


class TestWhoIsTold:
    """Once each: the owner, and whom the notifications of the certificate name."""

    def told(self) -> list[tuple[str, str, str]]:
        return sorted(Notice.objects.values_list("kind", "recipient", "subject_label"))

    def test_the_owner_once_though_three_notifications_name_them(self, people, hers, mailbox):  # noqa: F811
        assert hers.notifications.count() == 3
        service.revoke(hers, by=people.alice, reason="superseded")
        assert self.told() == [("certificate-revoked", "alice@example.org", f"{hers} (superseded)")]
        assert mailbox.received == []
        sweep_notices()
        sweep_notices()
        [mail] = mailbox.received
        assert mail.recipients == ["alice@example.org"]
        assert mail.message["Subject"] == f"Lemur: certificate revoked: {hers} (superseded)"
        assert hers.get_absolute_url() in mail.message.get_body(("plain",)).get_content()

    def test_whom_notifications_name(self, people, hers):
        to = {"interval": 2, "unit": "days", "recipients": "web@example.org,ALICE@example.org"}
        told, off = a_notification(people.alice, options=to), a_notification(people.alice, label="off", active=False)
        broken = Notification.objects.create(label="broken", plugin="gone")
        hers.notifications.set([told, off, broken])
        service.revoke(hers, by=people.alice)
        assert [recipient for _, recipient, _ in self.told()] == ["alice@example.org", "web@example.org"]
        assert Notice.objects.get(recipient="web@example.org").notification == told

    def test_the_owner_of_every_copy(self, people, hers):
        service.upload(by=people.root, body=hers.body, owner="copy@example.org", notifications=[])
        service.revoke(hers, by=people.root)
        assert [recipient for _, recipient, _ in self.told()] == ["alice@example.org", "copy@example.org"]

    def test_of_a_hold_and_its_end(self, people, hers):
        service.revoke(hers, by=people.alice, reason="certificateHold")
        service.revoke(hers, by=people.alice, reason="removeFromCRL")
        assert [kind for kind, _, _ in self.told()] == ["certificate-on-hold", "certificate-released"]

    @pytest.mark.parametrize("columns", [{"notify": False}, {"demo": True}])
    def test_nobody(self, people, hers, columns):
        Certificate.objects.filter(pk=hers.pk).update(**columns)
        service.revoke(hers, by=people.alice)
        assert self.told() == []

    def test_nobody_as_long_as_the_authority_has_not_agreed(self, people, hers, monkeypatch):
        monkeypatch.setattr(ledger, "is_kept", lambda authority: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            service.revoke(hers, by=people.alice)
        assert self.told() == []
