"""What pages offer, and to whom; what they tell of a certificate's past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from certificates.models import Certificate
from lifecycle.models import Endpoint
from stores.models import Source
from tests.factories import a_certificate
from tests.pki_material import material

pytestmark = pytest.mark.django_db

ORDER, IMPORT, FOUND = (
    f'href="{reverse(name)}"' for name in ("certificates:order", "certificates:import", "authorities:create")
)
LIST = reverse("certificates:list")
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


class TestExpiredLongAgo:
    """Hidden, unless somebody asks for them; and the page says so."""

    HINT = "are hidden."

    @pytest.fixture
    def old(self, people, root_ca):
        made = a_certificate(people.alice, root_ca, cn="old.example.org")
        self.ended(made, days=40)
        return made

    def ended(self, certificate, *, days):
        Certificate.objects.filter(pk=certificate.pk).update(not_after=datetime.now(UTC) - timedelta(days=days))

    def test_they_are_hidden_and_that_is_said(self, people, old):
        shown = page(people.bob, LIST)
        assert old.cn not in shown
        assert self.HINT in shown
        assert "show_expired=1" in shown

    @pytest.mark.parametrize(
        "asked", ["show_expired=1", "phase=expired", "serial={serial}", "fingerprint={fingerprint}"]
    )
    def test_whoever_asks_for_them_sees_them(self, people, old, asked):
        shown = page(people.bob, f"{LIST}?{asked.format(serial=old.serial, fingerprint=old.fingerprint)}")
        assert old.cn in shown
        assert self.HINT not in shown

    def test_a_search_that_finds_nothing_says_that_they_are_hidden(self, people, old):
        shown = page(people.bob, f"{LIST}?q=old.example.org")
        assert "No certificate matches" in shown
        assert self.HINT in shown
        assert "q=old.example.org&amp;show_expired=1" in shown

    def test_for_how_long_is_the_sites_to_say(self, people, old, settings):
        settings.HIDE_EXPIRED_CERTS_AFTER_MONTHS = -2  # as Lemur writes it
        shown = page(people.bob, LIST)
        assert old.cn in shown
        assert self.HINT not in shown
        self.ended(old, days=70)
        assert old.cn not in page(people.bob, LIST)


def test_an_order_like_another_begins_with_what_that_says(people, root_ca):
    model = a_certificate(
        people.alice, root_ca, cn="model.example.org", description="for the shop", tags=["env:prod", "pci"]
    )
    assert f"?like={model.pk}" in page(people.bob, model.get_absolute_url())
    shown = page(people.bob, f"{reverse('certificates:order')}?like={model.pk}")
    assert "model.example.org</textarea>" in shown
    assert 'value="for the shop"' in shown
    assert 'name="tags" value="env:prod, pci"' in shown
    assert 'name="replaces"' not in shown
    assert "model.example.org" not in page(people.bob, f"{reverse('certificates:order')}?like=999999")


def test_an_order_and_an_import_take_tags(people, root_ca):
    client = Client()
    client.force_login(people.alice)
    said = {"names": "a.example.org", "owner": "alice@example.org", "authority": root_ca.pk, "profile": "server"}
    refused = client.post(reverse("certificates:order"), {**said, "key_type": "ECCPRIME256V1", "tags": "größe"})
    assert refused.status_code == 400
    assert "is no tag: use 1 to 64" in refused.content.decode()
    client.post(reverse("certificates:order"), {**said, "key_type": "ECCPRIME256V1", "tags": "Env:Prod pci"})
    made = Certificate.objects.get(cn="a.example.org")
    brought = {"owner": "alice@example.org", "body": material().leaf.pem, "tags": "vendor"}
    assert client.post(reverse("certificates:import"), brought).status_code == 302
    assert (made.tag_names, Certificate.objects.latest("pk").tag_names) == (["env:prod", "pci"], ["vendor"])
    shown = page(people.alice, f"{reverse('certificates:import')}?replaces={made.pk}")
    assert 'name="tags" value="env:prod, pci"' in shown


def test_a_list_that_is_narrowed_to_nothing_says_so(people):
    shown = page(people.bob, f"{LIST}?tag=unheard-of")
    assert "No certificate matches" in shown
    assert "No certificates yet" not in shown


def test_a_list_shows_few_of_many_tags(people, root_ca):
    a_certificate(people.alice, root_ca, tags=[f"n{number}" for number in range(8)])
    shown = page(people.bob, LIST)
    assert '<li class="pill">n4</li><li class="pill" title="n5, n6, n7">+3</li>' in shown


def sentence(people, certificate):
    return " ".join(
        page(people.bob, certificate.get_absolute_url()).partition('class="lead-line">')[2].partition("</p>")[0].split()
    )


def test_the_state_is_one_sentence_that_says_where_it_is_served_and_whether_it_renews_itself(people, root_ca):
    made = a_certificate(people.alice, root_ca, cn="www.example.org")
    assert "Nobody renews it by itself." in sentence(people, made)
    source = Source.objects.create(label="s", plugin="directory-source")
    for number, problems in enumerate([[], [], ["another certificate"]]):
        Endpoint.objects.create(
            name="w", dnsname="w", port=number, type="t", source=source, certificate=made, problems=problems
        )
    later = datetime.now(UTC) + timedelta(days=41, hours=1)
    Certificate.objects.filter(pk=made.pk).update(rotation=True, renews_at=later)
    assert "Served on 2 of 3 endpoints. It renews itself in 41 days." in sentence(people, made)
