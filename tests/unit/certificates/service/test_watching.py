"""Which notifications speak up about which certificates."""

from __future__ import annotations

import pytest

from certificates import service
from certificates.models import Certificate
from core.audit import Event, about
from core.connectors import NewConnector
from core.errors import Conflict, Forbidden
from notifications.models import Notification
from tests.factories import a_certificate
from tests.notifying import OPTIONS, PLUGIN, a_notification

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(people, root_ca):
    return [a_certificate(people.alice, root_ca, cn=f"{name}.example.org") for name in "abc"]


@pytest.fixture
def foreign(people, root_ca):
    return a_certificate(people.root, root_ca, cn="foreign.example.org", owner="strangers@example.org")


def watched(notification):
    return sorted(notification.certificates.values_list("cn", flat=True))


def test_what_there_is_and_added_without_removed(people, three):
    a, b, c = three
    mine = a_notification(people.alice)
    service.watch(mine, add=[a, b], by=people.alice)
    service.watch(mine, add=[b, c, c], remove=[a, c], by=people.alice)
    assert watched(mine) == ["b.example.org"]
    assert [entry.details for entry in about(a)[:2]] == [
        {"fields": ["notifications"], "removed": ["web"]},
        {"fields": ["notifications"], "added": ["web"]},
    ]
    assert Event.CERTIFICATE_UPDATED not in [entry.event for entry in about(c)]


def test_it_takes_the_right_to_each_certificate(people, three, foreign):
    mine = a_notification(people.alice)
    for change in ({"add": [three[0], foreign]}, {"add": [foreign]}):
        with pytest.raises(Forbidden, match="You are not authorized to update this certificate"):
            service.watch(mine, by=people.alice, **change)
    assert watched(mine) == []
    service.watch(mine, add=[foreign], by=people.root)
    with pytest.raises(Forbidden):
        service.watch(mine, remove=[foreign], by=people.alice)
    service.watch(mine, add=[foreign], remove=[three[0]], by=people.alice)  # nothing changes, so nothing is asked
    assert watched(mine) == ["foreign.example.org"]


def test_it_takes_the_right_to_the_notification(people, three):
    with pytest.raises(Forbidden):
        service.watch(a_notification(people.root), add=three, by=people.alice)


def test_statements_do_not_grow_with_what_is_watched_already(people, three, django_assert_max_num_queries):
    mine = a_notification(people.root)
    service.watch(mine, add=three, by=people.root)
    with django_assert_max_num_queries(8):
        service.watch(mine, add=Certificate.objects.all()[:2], by=people.root)


def test_a_new_one_and_its_certificates_stand_or_fall_together(people, foreign):
    new = NewConnector(label="new", plugin=PLUGIN, options=OPTIONS)
    with pytest.raises(Forbidden):
        service.create_notification(new, certificates=[foreign], by=people.alice)
    assert not Notification.objects.filter(label="new").exists()
    made = service.create_notification(new, certificates=[foreign], by=people.root)
    with pytest.raises(Forbidden):
        service.update_notification(made, remove=[foreign], active=False, by=people.alice)
    other = a_notification(people.root, label="other")
    with pytest.raises(Conflict):
        service.update_notification(other, add=[foreign], label="new", by=people.root)
    assert watched(other) == []
