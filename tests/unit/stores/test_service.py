"""Making, changing, deleting and trying destinations and sources."""

from __future__ import annotations

import pytest

from core.audit import Event
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.models import AuditEntry
from pki import inspection
from pki.errors import BadCertificate
from plugins import FoundCertificate, Misconfigured, Temporary, registry
from plugins.testing import sample_pki
from stores import service
from stores.models import Destination, Scan, Source
from stores.tasks import sweep_scans
from tests.odd_stores import OddDestination, OddSource, register

pytestmark = pytest.mark.django_db
SECRET = "s3cret-canary"


@pytest.fixture(autouse=True)
def odd(monkeypatch) -> None:
    register(monkeypatch)


@pytest.fixture
def destination(people) -> Destination:
    return service.create(
        Destination,
        label="web",
        plugin="odd-destination",
        options=[{"name": "place", "value": "rack"}, {"name": "token", "value": SECRET}],
        by=people.root,
    )


@pytest.fixture
def source(people) -> Source:
    return service.create(Source, label="files", plugin="odd-source", options={"token": SECRET}, by=people.root)


def events(store) -> list[str]:
    return list(AuditEntry.objects.filter(target_id=str(store.pk), target_type=store._meta.label_lower).order_by("pk")
                .values_list("event", flat=True))  # fmt: skip


def test_a_new_one_is_configured_and_recorded(destination):
    assert destination.options == {"place": "rack", "keyless": False}
    assert destination.secret_names == {"token"}
    assert destination.open().options.token.get_secret_value() == SECRET
    assert events(destination) == [Event.DESTINATION_CREATED]
    assert SECRET not in str(AuditEntry.objects.values_list("details", flat=True))
    assert SECRET.encode() not in bytes(destination.secrets)


@pytest.mark.parametrize(
    ("plugin", "options", "at"),
    [
        ("no-such", {}, "_schema"),
        ("odd-source", {}, "_schema"),
        ("pem-export", {}, "_schema"),
        ("odd-destination", {"place": "a b"}, "place"),
        ("odd-destination", {"elsewhere": "x"}, "elsewhere"),
        ("odd-destination", {"keyless": "perhaps"}, "keyless"),
        ("odd-destination", "junk", "plugin_options"),
    ],
)
def test_what_is_wrong_is_named(people, plugin, options, at):
    with pytest.raises(Invalid) as caught:
        service.create(Destination, label="x", plugin=plugin, options=options, by=people.root)
    assert at in str(caught.value.reasons)
    assert not Destination.objects.exists()


@pytest.mark.parametrize("person", ["alice", "dora", "olga"])
def test_only_administrators_run_them(people, destination, source, person):
    by = getattr(people, person)
    for store in (destination, source):
        for attempt in (
            lambda s=store: service.create(type(s), label="y", plugin=s.plugin, by=by),
            lambda s=store: service.update(s, label="y", by=by),
            lambda s=store: service.delete(s, by=by),
            lambda s=store: service.try_connection(s, by=by),
        ):
            with pytest.raises(Forbidden):
                attempt()
    with pytest.raises(Forbidden):
        service.ask_to_scan(source, by=by)
    assert (events(destination), events(source)) == ([Event.DESTINATION_CREATED], [Event.SOURCE_CREATED])


def test_a_change_keeps_what_is_not_said(people, destination):
    service.update(destination, label="web-2", by=people.root)
    changed = service.update(destination, options={"place": "shelf"}, by=people.root)
    assert (changed.label, changed.options["place"], changed.secret_names) == ("web-2", "shelf", {"token"})
    assert AuditEntry.objects.latest("pk").details == {"fields": ["options"]}


def test_a_new_secret_takes_the_place_of_the_old_one(people, destination):
    changed = service.update(destination, options={"token": "another"}, by=people.root)
    assert changed.open().options.token.get_secret_value() == "another"
    assert changed.options["place"] == "here"


def test_a_refused_change_changes_nothing(people, destination):
    with pytest.raises(Invalid):
        service.update(destination, label="new", options={"place": "a b"}, by=people.root)
    destination.refresh_from_db()
    assert (destination.label, destination.options["place"]) == ("web", "rack")


def test_unknown_fields_are_a_mistake_of_the_caller(people, destination):
    with pytest.raises(TypeError):
        service.update(destination, secrets=b"", by=people.root)


def test_labels_of_sources_are_unique_and_those_of_destinations_need_not_be(people, destination, source):
    service.create(Destination, label="web", plugin="odd-destination", by=people.root)
    with pytest.raises(Conflict, match="already a source called files"):
        service.create(Source, label="files", plugin="odd-source", by=people.root)
    other = service.create(Source, label="other", plugin="odd-source", by=people.root)
    with pytest.raises(Conflict):
        service.update(other, label="files", by=people.root)


def test_deleting(people, destination, source):
    for store in (destination, source):
        pk = store.pk
        service.delete(store, by=people.root)
        assert not type(store).objects.filter(pk=pk).exists()
    assert set(AuditEntry.objects.order_by("-pk").values_list("event", flat=True)[:2]) == {
        Event.DESTINATION_DELETED, Event.SOURCE_DELETED,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["destination", "source"])
def test_what_somebody_has_deleted_meanwhile(people, request, kind):
    store = request.getfixturevalue(kind)
    service.delete(type(store).objects.get(pk=store.pk), by=people.root)
    before = AuditEntry.objects.count()
    for attempt in (
        lambda: service.update(store, label="x", by=people.root),
        lambda: service.delete(store, by=people.root),
    ):
        with pytest.raises(NotFound, match=f"no such {kind}"):
            attempt()
    assert AuditEntry.objects.count() == before


def test_trying_the_connection(people, destination, source, monkeypatch):
    assert service.try_connection(destination, by=people.root) == ""
    for trouble in (Misconfigured("no such host"), Temporary("no such host")):
        monkeypatch.setattr(OddDestination, "trouble", trouble)
        assert service.try_connection(destination, by=people.root) == "no such host"
    assert events(destination)[1:] == [Event.DESTINATION_TESTED] * 3
    assert AuditEntry.objects.latest("pk").details == {"works": False}
    assert service.try_connection(source, by=people.root) == ""
    assert events(source)[1:] == [Event.SOURCE_TESTED]


def test_a_plugin_that_fails_unexpectedly_is_a_sentence(people, destination, source, monkeypatch):
    monkeypatch.setattr(OddDestination, "trouble", ZeroDivisionError(SECRET))
    said = service.try_connection(destination, by=people.root)
    assert "odd-destination failed unexpectedly" in said
    assert SECRET not in said
    monkeypatch.setattr(OddSource, "trouble", KeyError(SECRET))
    assert "failed unexpectedly" in scanned(source, people).last_error


def test_a_plugin_that_is_gone(people, destination, source, monkeypatch):
    monkeypatch.delitem(registry.entries, "odd-destination")
    monkeypatch.delitem(registry.entries, "odd-source")
    assert "There is no destination plugin 'odd-destination'" in service.try_connection(destination, by=people.root)
    assert "There is no source plugin 'odd-source'" in scanned(source, people).last_error
    assert {option["name"] for option in destination.described_options()} == {"place", "keyless"}
    service.delete(destination, by=people.root)


def scanned(source, people) -> Scan:
    """Asked for by a person, done by a worker."""
    job = service.ask_to_scan(source, by=people.root)
    service.scan(job.pk)
    job.refresh_from_db()
    return job


def test_looking_into_a_source(people, source, monkeypatch):
    bundle = sample_pki().bundle()
    held = FoundCertificate(certificate=bundle.certificate, private_key=bundle.private_key, where="a\u202e")
    monkeypatch.setattr(OddSource, "found", [held] * (service.SHOWN + 1))
    job = scanned(source, people)
    assert (job.state, job.total, len(job.found)) == ("done", service.SHOWN + 1, service.SHOWN)
    assert (job.found[0]["where"], job.found[0]["has_key"]) == ("a\\u202e", True)
    assert "PRIVATE" not in str(job.found)
    source.refresh_from_db()
    assert source.last_run is not None
    assert events(source)[1:] == [Event.SOURCE_SCANNED]
    entry = AuditEntry.objects.first()
    assert (entry.actor_name, entry.details) == ("root", {"found": service.SHOWN + 1})


def test_a_certificate_that_cannot_be_read_is_left_out(people, source, monkeypatch):
    good = FoundCertificate(certificate=sample_pki().bundle().certificate, where="good")
    bad = FoundCertificate(certificate=object(), where="bad")
    read = inspection.facts

    def facts(certificate):
        if certificate is bad.certificate:
            raise BadCertificate("The subject cannot be read.")
        return read(certificate)

    monkeypatch.setattr(inspection, "facts", facts)
    monkeypatch.setattr(OddSource, "found", [bad, good])
    job = scanned(source, people)
    assert (job.state, job.total, job.found[0]["where"]) == ("done", 1, "good")


def test_a_worker_is_told_at_once_and_the_sweep_finds_what_it_missed(
    people, source, nudges, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        job = service.ask_to_scan(source, by=people.root)
    assert nudges == [("stores.scan", (job.pk,))]
    sweep_scans()
    job.refresh_from_db()
    assert job.state == "done"
    assert service.due_scans() == []
    assert not service.scan(job.pk)


def test_what_goes_wrong_is_said_and_asking_again_begins_anew(people, source, monkeypatch):
    monkeypatch.setattr(OddSource, "trouble", Temporary("nobody answers"))
    job = scanned(source, people)
    assert (job.state, job.last_error) == ("failed", "nobody answers")
    monkeypatch.setattr(OddSource, "trouble", None)
    job = scanned(source, people)
    assert (job.state, job.last_error, Scan.objects.count()) == ("done", "", 1)


def test_asking_while_it_is_looked_at_changes_nothing(people, source):
    job = service.ask_to_scan(source, by=people.root)
    held = Scan.objects.claim(job.pk)
    service.ask_to_scan(source, by=people.root)
    assert not service.scan(job.pk)
    held.succeed(total=3)
    assert Scan.objects.get().total == 3


def test_what_is_uploaded_is_looked_at(destination, monkeypatch):
    bundle = sample_pki().bundle()
    service.upload(destination, bundle)
    assert OddDestination.held_by["sample"] == bundle
    monkeypatch.setattr(OddDestination, "held", lambda self, name: "0" * 64)
    with pytest.raises(Temporary, match="holds another one"):
        service.upload(destination, bundle)


def test_stats_count_by_label(people, destination):
    service.create(Destination, label="web", plugin="odd-destination", by=people.root)
    service.create(Destination, label="api", plugin="odd-destination", by=people.root)
    assert service.stats() == {"api": 0, "web": 0}
