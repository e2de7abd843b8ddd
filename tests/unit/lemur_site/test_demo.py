"""The demo: believable, marked, and gone without a trace."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import User
from authorities.models import Authority
from certificates.models import Certificate
from core.errors import Conflict
from lemur_site import demo
from tests.factories import a_certificate, an_authority

pytestmark = pytest.mark.django_db


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


def test_removing_takes_all_of_it_away():
    before = counts()
    demo.load()
    demo.remove()
    assert counts() == before
    demo.load()


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
        demo.remove()
    demo.remove(with_what_people_made=True)
    after = counts()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"Role", "Notification", "AuditEntry"}, "of the owner of the last one, and that it was issued"
