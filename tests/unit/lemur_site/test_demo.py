"""The demo: believable, marked, and gone without a trace."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.utils.timezone import now as clock

from accounts import service as accounts
from accounts.models import Role, User
from accounts.service import grant
from authorities.models import Authority
from certificates.models import Certificate, Deployment
from certificates.service.deploying import due_deployments
from core.errors import Conflict
from core.models import AuditEntry
from lemur_site import demo
from lifecycle.checking import due_endpoints
from lifecycle.discovery import sync_sources
from lifecycle.endpoints import behind
from lifecycle.models import Endpoint, Finding
from notifications.models import Notification
from tests.factories import a_certificate, an_authority

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def counts():
    tables = set(connection.introspection.table_names())
    ours = [model for model in apps.get_models() if model._meta.db_table in tables]
    return {model.__name__: model._default_manager.count() for model in ours}


def test_it_shows_certificates_in_every_state():
    demo.load()
    phases = {certificate.phase for certificate in Certificate.objects.filter(demo=True)}
    assert phases >= {"valid", "expiring", "expired", "revoked", "replaced"}
    assert Certificate.objects.filter(demo=True, authority=None, root_authority=None).exists(), "imported ones"
    assert not any(user.has_usable_password() for user in User.objects.filter(demo=True))
    assert Certificate.objects.filter(demo=False).count() == 0


def test_it_shows_where_certificates_are_and_that_one_is_not_as_it_should_be():
    demo.load()
    assert Deployment.objects.filter(state="done", destination__active=False).count() == 3
    assert [one.dnsname for one in Endpoint.objects.exclude(problems=[])] == ["registry.outfitters.example"]
    assert [one.certificate.cn for one in Finding.objects.all()] == ["label-printer.outfitters.example"]
    assert Certificate.objects.get(cn="vpn.outfitters.example").endpoints.count() == 2


def test_nobody_connects_to_its_machines():
    """Also hours later, and when something that is served there was replaced."""
    demo.load()
    Certificate.objects.get(cn="www.outfitters.example").replaces.add(
        Certificate.objects.get(cn="vpn.outfitters.example")
    )
    later = clock() + timedelta(hours=5)
    assert due_deployments(later) == due_endpoints(later) == sync_sources(now=later) == list(behind(later)) == []


def remove(**options):
    return demo.remove(by=accounts.system_user(), **options)


def changed(before):
    """The models of which there are more or fewer rows than before."""
    after = counts()
    return {name for name in after if after[name] != before[name]}


def deleted():
    """What the audit log says was deleted, by whom, and how much of it."""
    return Counter(AuditEntry.objects.filter(event__endswith=".deleted").values_list("event", "actor_name"))


def test_removing_takes_all_of_it_away():
    before = counts()
    demo.load()
    remove()
    assert changed(before) == {"AuditEntry"}
    demo.load()


def test_removing_leaves_a_line_about_each_thing_that_went(people):
    kept = set(AuditEntry.objects.values_list("pk", flat=True))
    roles = Role.objects.count()
    demo.load()
    expected = {
        "certificate.deleted": Certificate.objects.count(),
        "authority.deleted": Authority.objects.count(),
        "user.deleted": User.objects.filter(demo=True).count(),
        "role.deleted": Role.objects.count() - roles,
        "notification.deleted": Notification.objects.count(),
        "destination.deleted": 1,
        "source.deleted": 1,
    }
    remove()
    assert deleted() == {(event, "system"): count for event, count in expected.items()}
    assert kept < set(AuditEntry.objects.values_list("pk", flat=True))
    assert not AuditEntry.objects.filter(demo=True).exists()


def test_people_of_the_demo_who_did_something_real_stay(people, root_ca):
    demo.load()
    maya = User.objects.get(username="maya")
    grant(maya, [people.team], by=people.root)
    made = a_certificate(maya, root_ca)
    remove()
    assert made in Certificate.objects.all()
    assert User.objects.get(username="maya").demo is False
    assert not User.objects.filter(username="oleg").exists()


def test_it_is_loaded_once():
    demo.load()
    with pytest.raises(Conflict):
        demo.load()


def test_what_people_made_themselves_stays(people, root_ca):
    a_certificate(people.alice, root_ca)
    before = counts()
    demo.load()
    a_certificate(people.root, Authority.objects.get(name="Demo Issuing"), owner="x@example.org")
    an_authority(people.root, name="Lower", parent=Authority.objects.get(name="Demo Root"))
    with pytest.raises(Conflict, match=r"2 certificates were made with the demo's authorities: .*Lower"):
        remove()
    remove(with_what_people_made=True)
    assert changed(before) <= {"Role", "Notification", "AuditEntry"}, (
        "of the owner of the last one, and that it was issued"
    )
