"""`manage.py sweep`: by hand, and what each would do."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.timezone import now as clock

from core.models import SweepRun
from core.sweeps import running
from lemur_site.celery import app
from lemur_site.management.commands.sweep import DUE
from lemur_site.schedule import PERIODS
from notifications.models import Notice
from tests.ending import ending, mail_before
from tests.factories import an_order

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ALICE, WEB = "alice@example.org", "web@example.org"


def sweep(*arguments: str) -> str:
    out = io.StringIO()
    call_command("sweep", *arguments, stdout=out)
    return out.getvalue()


def test_the_list():
    assert "lifecycle.reissue_due" in sweep()
    assert sweep().count("never") == len(PERIODS)
    sweep("stores.sweep_scans")
    assert sweep().count("never") == len(PERIODS) - 1


@pytest.mark.parametrize("name", PERIODS)
def test_each_can_be_run_and_says_so(name):
    assert sweep(name) == f"{name} is done.\n"
    assert SweepRun.objects.get(name=name).succeeded_at is not None


@pytest.mark.parametrize("name", PERIODS)
def test_each_says_what_it_would_do(name, people):
    assert sweep(name, "--dry-run").startswith(f"{name} would take up ")
    assert not SweepRun.objects.exists()


def test_no_other_has_something_to_say():
    assert set(DUE) == set(PERIODS)


@pytest.fixture
def _told(settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL, settings.LEMUR_WEEKLY_DIGEST, settings.LEMUR_ESCALATION_DAYS = [], True, 3


@pytest.mark.usefixtures("_told")
def test_whom_it_would_tell_of_what(people):
    """Each says the notices that it would write, and once they are written nothing."""
    ending(people.alice, clock() + 9 * DAY, told=[mail_before(people.alice, days, to=WEB) for days in (30, 10)])
    said = {
        "lifecycle.notify_expiring": [f"certificate-expiring to {who}: www.example.org" for who in (WEB, ALICE)],
        "lifecycle.send_digests": [f"weekly-digest to {ALICE}: 1 certificate ends within 30 days"],
    }
    for name, notices in said.items():
        lines = "".join(f"  {notice}\n" for notice in notices)
        assert sweep(name, "--dry-run") == f"{name} would take up {len(notices)}.\n{lines}"
        sweep(name)
        assert sweep(name, "--dry-run") == f"{name} would take up 0.\n"
    assert Notice.objects.filter(state="waiting").count() == 3


def test_whom_it_would_tell_that_nobody_answers(people, settings):
    settings.LEMUR_SECURITY_TEAM_EMAIL, settings.LEMUR_ESCALATION_DAYS = [], 3
    settings.LEMUR_ESCALATION_EMAIL = ["chief@example.org"]
    ending(people.alice, clock() + 9 * DAY, told=[mail_before(people.alice, 10, to=WEB)])
    sweep("lifecycle.notify_expiring")
    Notice.objects.update(state="done", sent_at=clock() - 4 * DAY)
    lines = sweep("lifecycle.escalate", "--dry-run").splitlines()
    assert lines[1:] == ["  not-acknowledged to chief@example.org: www.example.org"] * 2
    sweep("lifecycle.escalate")
    assert sweep("lifecycle.escalate", "--dry-run").endswith("would take up 0.\n")


def test_which_alarms_it_would_raise_and_resolve(people, root_ca):
    order = an_order(people.alice, authority=root_ca, owner=ALICE, common_name="x.example.org")
    assert sweep("lifecycle.sweep_failures", "--dry-run").endswith(f"take up 1.\n  raise order failed: {order}\n")
    sweep("lifecycle.sweep_failures")
    type(order).objects.filter(pk=order.pk).update(state="done")
    assert sweep("lifecycle.sweep_failures", "--dry-run").endswith(f"take up 1.\n  resolve order failed: {order}\n")


def test_what_would_be_done_is_not(people, root_ca):
    order = an_order(people.alice, authority=root_ca, owner="alice@example.org", common_name="x.example.org")
    type(order).objects.filter(pk=order.pk).update(state="waiting", not_before=clock())
    assert (
        sweep("certificates.sweep_orders", "--dry-run") == f"certificates.sweep_orders would take up 1.\n  {order.pk}\n"
    )
    order.refresh_from_db()
    assert order.attempts == 1, "that of who has placed it"


def test_wrong_names_and_a_sweep_that_is_at_work():
    with pytest.raises(CommandError, match="There is no sweep called nothing"):
        sweep("nothing")
    with running("stores.sweep_scans"), pytest.raises(CommandError, match="is at work elsewhere"):
        sweep("stores.sweep_scans")


def test_a_task_of_the_timetable_is_counted_and_others_are_not():
    app.loader.import_default_modules()
    app.tasks["stores.sweep_scans"]()
    app.tasks["stores.scan"](0)
    assert [run.name for run in SweepRun.objects.all()] == ["stores.sweep_scans"]
