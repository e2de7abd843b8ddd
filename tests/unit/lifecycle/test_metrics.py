"""Figures for Prometheus: what they say, who gets them, and that alerts and documentation speak of the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.utils.timezone import now as clock
from prometheus_client.parser import text_string_to_metric_families

from authorities.models import Responder
from certificates.models import Certificate, Deployment, Order
from core.models import SweepRun
from lifecycle.metrics import exposition
from stores.models import Destination
from tests.factories import a_certificate, an_order

ROOT = Path(settings.BASE_DIR)
NOW = datetime(2030, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def figures(now: datetime = NOW) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels."""
    families = text_string_to_metric_families(exposition(now=now).decode())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


@pytest.fixture
def leaf(people, root_ca) -> Certificate:
    made = a_certificate(people.alice, root_ca)
    Certificate.objects.filter(pk=made.pk).update(not_before=NOW - timedelta(days=1), not_after=NOW + timedelta(days=9))
    return made


def test_certificates_by_phase(people, root_ca):
    a_certificate(people.alice, root_ca)
    assert figures()["lemur_certificates", "valid"] == 2, "with the CA's own"
    assert sum(value for (name, *_), value in figures().items() if name == "lemur_certificates") == 2


def test_the_first_end_of_what_is_in_use(leaf):
    assert not any(name == "lemur_first_end_timestamp_seconds" for name, *_ in figures())
    place = Destination.objects.create(label="web", plugin="odd-destination")
    Deployment.objects.create(certificate=leaf, destination=place, state="done")
    wanted = (NOW + timedelta(days=9)).timestamp()
    assert figures()["lemur_first_end_timestamp_seconds", "destination"] == wanted
    assert not any(name == "lemur_first_end_timestamp_seconds" for name, *_ in figures(NOW + timedelta(days=10)))


def test_jobs_that_are_not_done(leaf, people, root_ca):
    an_order(people.alice, authority=root_ca, common_name="x.example.org", owner="alice@example.org")
    assert figures()["lemur_jobs", "order", "unknown"] == 1
    Order.objects.filter(state="unknown").update(state="waiting", not_before=NOW - timedelta(minutes=5))
    late = NOW + timedelta(minutes=11)
    assert [figures()["lemur_jobs", "order", state] for state in ("waiting", "due", "overdue")] == [1, 1, 0]
    assert figures(late)["lemur_jobs", "order", "overdue"] == 1


def test_sweeps_and_the_timetable(db):
    assert "lemur_beat_last_seen_timestamp_seconds" not in {name for name, *_ in figures()}
    begun, well = NOW - timedelta(minutes=1), NOW - timedelta(hours=1)
    SweepRun.objects.create(name="lifecycle.reissue_due", begun_at=begun, succeeded_at=well)
    found = figures()
    assert found["lemur_sweep_last_success_timestamp_seconds", "lifecycle.reissue_due"] == well.timestamp()
    assert found["lemur_beat_last_seen_timestamp_seconds",] == begun.timestamp()
    assert found["lemur_sweep_period_seconds", "lifecycle.reissue_due"] == 3600


def test_lists_and_calls_of_authorities(leaf):
    found = figures()
    assert found["lemur_ca_calls", "Root", "issued"] == 1
    life = (
        found["lemur_crl_next_update_timestamp_seconds", "Root"]
        - found["lemur_crl_this_update_timestamp_seconds", "Root"]
    )
    assert life >= 7 * 86400


def test_responders_of_authorities(root_ca):
    made, name = Responder.objects.get(), "lemur_ocsp_responder_end_timestamp_seconds"
    assert figures(clock())[name, "Root"] == made.not_after.timestamp()
    Responder.objects.update(not_after=root_ca.not_after)  # it ends with its authority, so no other one comes after it
    assert (name, "Root") not in figures(clock())
    Responder.objects.update(not_after=made.not_after, private_key="")
    assert (name, "Root") not in figures(clock())


def test_nothing_of_an_authority_that_is_over(root_ca):
    names = {name for name, *labels in figures(root_ca.not_after) if labels == ["Root"]}
    assert names <= {"lemur_ca_calls"}


def test_alerts_and_documentation_know_these_figures_alone(leaf):
    """Those without a value yet are there by name as well."""
    known = set(re.findall(r"^# TYPE (\S+)", exposition().decode(), flags=re.MULTILINE))
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(lemur_\w+)`", page, flags=re.MULTILINE)) == known
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]
    assert len(rules) == 4
    assert {name for rule in rules for name in re.findall(r"lemur_\w+", rule["expr"])} <= known


@pytest.mark.parametrize(
    ("token", "shown", "status"),
    [
        ("", "", 404),
        ("", "Bearer x", 404),
        ("s3cret", "", 401),
        ("s3cret", "Bearer x", 401),
        ("s3cret", "Bearer s3cret", 200),
    ],
)
def test_who_gets_them(client, settings, token, shown, status):
    settings.METRICS_TOKEN = token
    answer = client.get("/metrics", headers={"Authorization": shown})
    assert answer.status_code == status
    assert answer.content.startswith(b"# HELP lemur_") == (status == 200)
    assert b"s3cret" not in answer.content
