"""A few weeks of a few certificates: everything is renewed in time, and each failure is told once."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

import pytest

from notifications.models import Notice
from plugins import registry
from plugins.destinations.directory import directories
from tests.year import plugins, telling, year
from tests.year.__main__ import BROKEN
from tests.year.furnishing import SECURITY
from tests.year.truth import Truth

pytestmark = pytest.mark.django_db

OPTIONS = Namespace(certificates=6, days=35, seed=13, step=12, workers=0)


@pytest.fixture
def lived(monkeypatch, tmp_path, settings):
    """What was found, and what was true."""
    settings.LEMUR_SECURITY_TEAM_EMAIL = [SECURITY]
    settings.LEMUR_DEFAULT_EXPIRATION_NOTIFICATION_INTERVALS = settings.LEMUR_SECURITY_TEAM_EMAIL_INTERVALS = [7, 2]
    monkeypatch.setattr(directories, "roots", ())
    directories.configure([str(tmp_path)])
    for slug, entry in plugins.ENTRIES.items():
        monkeypatch.setitem(registry.entries, slug, entry)
    truths: list[Truth] = []
    check = telling.check
    monkeypatch.setattr(telling, "check", lambda truth: truths.append(truth) or check(truth))
    found = year.simulate(OPTIONS, datetime.now(UTC), tmp_path, say=lambda _: None)
    monkeypatch.undo()
    return found, truths[0]


def test_promises_are_kept_and_broken_ones_are_seen(lived):
    found, truth = lived
    assert {name: found[name] for name in BROKEN} == dict.fromkeys(BROKEN, 0)
    assert found["renewals"] >= OPTIONS.certificates
    assert found["refused_by_ca"]
    assert found["failures"]

    told = Notice.objects.filter(kind__in=("renewal-failing", "delivery-stuck"), state="done")
    silenced = told.first()
    Notice.objects.filter(pk=silenced.pk).update(state="waiting")
    assert (telling.check(truth).untold, telling.check(truth).twice) == (1, 0)
    again = told.last()
    again.pk, again.dedupe = None, f"{again.dedupe}again"
    again.save()
    assert (telling.check(truth).untold, telling.check(truth).twice) == (1, 1)
