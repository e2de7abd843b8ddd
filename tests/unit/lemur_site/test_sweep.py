"""`manage.py sweep`: by hand, and what each would do."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.timezone import now as clock

from core.models import SweepRun
from core.sweeps import running
from lemur_site.celery import app
from lemur_site.management.commands.sweep import DUE
from lemur_site.schedule import PERIODS
from tests.factories import an_order

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("name", DUE)
def test_each_says_what_it_would_do(name, people):
    assert sweep(name, "--dry-run").startswith(f"{name} would take up ")
    assert not SweepRun.objects.exists()


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
