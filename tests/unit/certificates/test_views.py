"""What pages offer, and to whom; what they tell of a certificate's past."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from certificates.models import Certificate

pytestmark = pytest.mark.django_db

ORDER, IMPORT, FOUND = (
    f'href="{reverse(name)}"' for name in ("certificates:order", "certificates:import", "authorities:create")
)
PAGES = ("overview", "certificates:list", "authorities:list")


def page(user, address, **headers):
    client = Client()
    client.force_login(user)
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_those_who_only_read_are_offered_nothing_else(people, name):
    """The database is empty: the pages' first words are about what to do first."""
    shown = page(people.dora, reverse(name))
    assert [link for link in (ORDER, IMPORT, FOUND) if link in shown] == []


def test_nor_are_the_rows_alone_that_a_search_asks_for(people):
    shown = page(people.dora, reverse("certificates:list"), HX_Request="true")
    assert ORDER not in shown
    assert "No certificates yet" in shown


@pytest.mark.parametrize("name", PAGES)
def test_everybody_else_may_order_and_import(people, name):
    shown = page(people.charlie, reverse(name))
    assert ORDER in shown
    assert IMPORT in shown
    assert FOUND not in shown


def test_in_strict_mode_only_operators_are_offered_it(people, settings):
    settings.LEMUR_STRICT_ROLE_ENFORCEMENT = True
    assert ORDER not in page(people.alice, reverse("certificates:list"))
    assert ORDER in page(people.olga, reverse("certificates:list"))


def test_administrators_are_offered_an_authority_too(people):
    assert FOUND in page(people.root, reverse("authorities:list"))
    assert FOUND in page(people.root, reverse("overview"))


def test_an_authoritys_own_certificate_tells_the_authoritys_past(people, root_ca, issuing_ca):
    own = Certificate.objects.get(root_authority=root_ca)
    shown = page(people.charlie, own.get_absolute_url())
    assert shown.count("Authority created") == 1
    assert "Nothing is recorded" not in shown
