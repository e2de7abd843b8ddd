"""The demo: believable, marked, and gone without a trace."""

from __future__ import annotations

import pytest
from django.apps import apps

from accounts.models import User
from authorities.models import Authority
from certificates.models import Certificate
from core.errors import Conflict
from lemur_site import demo

pytestmark = pytest.mark.django_db


def counts():
    return {model.__name__: model._default_manager.count() for model in apps.get_models()}


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
    from tests.factories import a_certificate

    a_certificate(people.alice, root_ca)
    before = counts()
    demo.load()
    a_certificate(people.root, Authority.objects.get(name="Demo Issuing"), owner="x@example.org")
    demo.remove()
    after = counts()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"Role", "AuditEntry"}, "the owner's role of the last one, and that it was issued"
