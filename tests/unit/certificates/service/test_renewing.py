"""The moment of a renewal: worked out once, worked out anew when something changes, and moved by the CA's word."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now as clock

from authorities.models import Authority, Profile
from certificates import service
from certificates.models import Certificate, RotationPolicy, Suggestion
from certificates.service.renewing import due_suggestions, settle_moments
from certificates.tasks import sweep_suggestions
from core.audit import Event, about
from plugins import Permanent, RenewalWindow, Temporary, registry
from plugins.registry import Entry
from tests.factories import a_certificate
from tests.odd_issuer import SuggestingCa
from tests.pki_material import material

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def leaf(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca, rotation=True)


def moment(certificate: Certificate):
    return Certificate.objects.get(pk=certificate.pk).renews_at


class TestSettling:
    def test_once(self, leaf):
        assert moment(leaf) is None
        assert settle_moments() == 1
        assert moment(leaf) == leaf.renewal_opens()
        assert settle_moments() == 0

    @pytest.mark.parametrize("changes", [{"rotation": False}, {"deleted": True}, {"authority": None}])
    def test_of_what_renews_itself_alone(self, leaf, changes):
        Certificate.objects.filter(pk=leaf.pk).update(**changes)
        assert settle_moments() == 0

    def test_another_policy(self, people, leaf):
        settle_moments()
        before = moment(leaf)
        weekly = service.create_policy(name="weekly", days=7, by=people.root)
        service.update(leaf.pk, rotation_policy=weekly, by=people.alice)
        assert moment(leaf) is None
        settle_moments()
        assert moment(leaf) == before + 23 * DAY
        assert about(leaf)[0].details == {"fields": ["rotation_policy"]}

    def test_the_policy_changes(self, people, leaf):
        settle_moments()
        before, default = moment(leaf), RotationPolicy.usual()
        service.update_policy(default, windows="mon 00:00-24:00", by=people.root)
        assert settle_moments() == 0, "that moves no moment"
        service.update_policy(default, days=20, by=people.root)
        assert settle_moments() == 1
        assert moment(leaf) == before + 10 * DAY
        default.refresh_from_db()
        assert default.changed_at is None
        assert settle_moments() == 0

    def test_in_batches(self, people, root_ca, monkeypatch):
        monkeypatch.setattr("certificates.service.renewing.AT_ONCE", 2)
        for number in range(5):
            a_certificate(people.alice, root_ca, cn=f"n{number}.example.org", rotation=True)
        assert settle_moments() == 5


class TestSuggestions:
    @pytest.fixture
    def ca(self, people, monkeypatch) -> Authority:
        entry = Entry(SuggestingCa.slug, "issuer", "tests.odd_issuer:SuggestingCa", "tests")
        monkeypatch.setitem(registry.entries, SuggestingCa.slug, entry)
        monkeypatch.setattr(SuggestingCa, "about", [])
        root = material().root
        made = Authority.objects.create(
            name="Suggesting", owner="pki@example.org", plugin=SuggestingCa.slug, body=root.pem,
            not_before=root.certificate.not_valid_before_utc, not_after=root.certificate.not_valid_after_utc,
        )  # fmt: skip
        made.profiles.set(Profile.objects.filter(ca=False))
        return made

    @pytest.fixture
    def leaf(self, people, ca) -> Certificate:
        policy = service.create_policy(name="by the CA", days=30, follows_ca=True, by=people.root)
        certificate = service.upload(
            by=people.root, body=material().leaf.pem, owner="alice@example.org", authority=ca, rotation=True,
            rotation_policy=policy,
        )  # fmt: skip
        settle_moments()
        return certificate

    def window(self, monkeypatch, start, end, **more) -> RenewalWindow:
        found = RenewalWindow(start=start, end=end, **more)
        monkeypatch.setattr(SuggestingCa, "window", found)
        return found

    def test_the_ca_is_asked_and_its_word_counts(self, leaf, monkeypatch):
        now = clock()
        assert moment(leaf) == leaf.renewal_opens(), "until it has said something"
        found = self.window(monkeypatch, now - 2 * DAY, now - DAY, explanation="https://ca.example/why")
        sweep_suggestions()
        assert found.start <= moment(leaf) <= found.end
        assert SuggestingCa.about == [leaf.parsed]
        entry = about(leaf)[0]
        assert (entry.event, entry.details["explanation"]) == (Event.RENEWAL_SUGGESTED, "https://ca.example/why")
        assert due_suggestions() == []
        assert len(due_suggestions(now + timedelta(hours=7))) == 1

    def test_the_same_again_is_no_event_and_undoes_no_pause(self, leaf, monkeypatch):
        now = clock()
        self.window(monkeypatch, now - DAY, now + DAY)
        sweep_suggestions()
        later = now + 5 * DAY
        Certificate.objects.filter(pk=leaf.pk).update(renews_at=later)
        [pk] = due_suggestions(now + DAY)
        assert service.ask_for_window(pk, now=now + DAY)
        assert moment(leaf) == later
        assert [entry.event for entry in about(leaf)].count(Event.RENEWAL_SUGGESTED) == 1

    @pytest.mark.parametrize(("trouble", "state"), [(Temporary("busy"), "waiting"), (Permanent("unknown"), "failed")])
    def test_one_that_says_nothing(self, leaf, monkeypatch, trouble, state):
        monkeypatch.setattr(SuggestingCa, "window", trouble)
        sweep_suggestions()
        known = Suggestion.objects.get()
        assert (known.state, known.last_error) == (state, str(trouble))
        assert moment(leaf) == leaf.renewal_opens(), "the days count"

    def test_one_that_cannot_say(self, people, leaf, root_ca):
        Certificate.objects.filter(pk=leaf.pk).update(authority=root_ca)
        sweep_suggestions()
        assert Suggestion.objects.get().state == "failed"

    def test_it_is_asked_no_more_of_what_was_replaced(self, people, leaf, root_ca, monkeypatch):
        now = clock()
        self.window(monkeypatch, now - DAY, now + DAY)
        a_certificate(people.root, root_ca, replaces=[leaf])
        sweep_suggestions()
        assert Suggestion.objects.get().state == "done"
        assert SuggestingCa.about == []
