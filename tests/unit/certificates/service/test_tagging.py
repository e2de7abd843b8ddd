"""Tags of certificates: who may give them, what is written down, who inherits them, and which ones there are."""

from __future__ import annotations

import pytest

from certificates import service
from certificates.models import Certificate, Order, Tag
from certificates.service.tagging import tag, tags_in_use, untag, update_tags
from certificates.spec import related
from core.errors import Forbidden, Invalid
from core.models import AuditEntry
from tests.factories import a_certificate, an_order
from tests.pki_material import material

pytestmark = pytest.mark.django_db


@pytest.fixture
def hers(people, root_ca) -> Certificate:
    return a_certificate(people.alice, root_ca, roles=[people.team], tags=["env:prod", "PCI"])


def tags_of(certificate: Certificate) -> list[str]:
    """As the database has them now."""
    return Certificate.objects.get(pk=certificate.pk).tag_names


def last_entry() -> AuditEntry:
    return AuditEntry.objects.filter(event="certificate.updated").latest("pk")


def test_the_whole_set_is_replaced(people, hers):
    update_tags(hers, ["Cdn", "env:prod"], by=people.bob)
    assert tags_of(hers) == ["cdn", "env:prod"]
    assert last_entry().details == {"fields": ["tags"], "tags_added": ["cdn"], "tags_removed": ["pci"]}
    update_tags(hers, [], by=people.bob)
    assert tags_of(hers) == []


def test_some_are_added_and_some_taken_away(people, hers):
    tag(hers, ["CDN", "pci"], by=people.alice)
    assert tags_of(hers) == ["cdn", "env:prod", "pci"]
    assert last_entry().details == {"fields": ["tags"], "tags_added": ["cdn"], "tags_removed": []}
    untag(hers, ["PCI", "unheard-of"], by=people.alice)
    assert tags_of(hers) == ["cdn", "env:prod"]
    assert last_entry().details == {"fields": ["tags"], "tags_added": [], "tags_removed": ["pci"]}


@pytest.mark.parametrize("verb", [update_tags, tag, untag])
def test_who_may_not_change_the_certificate_may_not_tag_it(people, hers, verb):
    for stranger in (people.charlie, people.dora):
        with pytest.raises(Forbidden, match="You are not authorized to update this certificate"):
            verb(hers, ["x"], by=stranger)
    assert tags_of(hers) == ["env:prod", "pci"]


@pytest.mark.parametrize("verb", [update_tags, tag, untag])
def test_what_is_no_tag_changes_nothing(people, hers, verb):
    with pytest.raises(Invalid) as refused:
        verb(hers, ["fine", "not fine"], by=people.alice)
    assert "'not fine' is no tag" in refused.value.reasons["tags"]
    assert tags_of(hers) == ["env:prod", "pci"]
    assert not Tag.objects.filter(name="fine").exists()


def test_a_certificate_has_fifty_at_most(people, hers):
    tag(hers, [f"n{number}" for number in range(48)], by=people.alice)
    assert len(tags_of(hers)) == 50
    with pytest.raises(Invalid) as refused:
        tag(hers, ["one-more"], by=people.alice)
    assert refused.value.reasons == {"tags": "A certificate has at most 50 tags; leave some out."}
    assert len(tags_of(hers)) == 50


def test_rows_are_shared(people, hers, root_ca):
    other = a_certificate(people.alice, root_ca, tags=["env:prod"])
    assert Tag.objects.count() == 2
    assert {one.pk for one in Certificate.objects.bearing("env:prod")} == {hers.pk, other.pk}


def test_they_are_read_along_with_their_certificates(people, hers, root_ca, django_assert_num_queries):
    bare = a_certificate(people.alice, root_ca)
    with django_assert_num_queries(1):
        found = {one.pk: one.tag_names for one in Certificate.objects.with_tags()}
    assert (found[hers.pk], found[bare.pk]) == (["env:prod", "pci"], [])


def test_the_successor_inherits_them(people, hers):
    made = service.reissue_certificate(hers, replace=True, user=people.alice)
    assert tags_of(made) == ["env:prod", "pci"]
    again = service.create(by=people.alice, **service.get_certificate_primitives(made))
    assert tags_of(again) == ["env:prod", "pci"]


def test_what_is_imported_has_them(people):
    made = service.upload(by=people.alice, body=material().leaf.pem, owner="web@example.org", tags=["Vendor"])
    assert tags_of(made) == ["vendor"]
    with pytest.raises(Invalid, match="Validation Error"):
        service.upload(by=people.alice, body=material().p384_leaf.pem, owner="web@example.org", tags=["no tag"])


def test_an_order_carries_them_and_older_orders_have_none(people, root_ca):
    order = an_order(
        people.alice, authority=root_ca, owner="web@example.org", common_name="a.example.org", tags=["b", "a"]
    )
    assert related(Order.objects.get(pk=order.pk).spec)["tags"] == ["a", "b"]
    older = {name: value for name, value in order.spec.items() if name != "tags"}
    assert related(older)["tags"] == ()


def test_only_those_in_use_are_offered(people, hers, root_ca):
    other = a_certificate(people.alice, root_ca, tags=["env:prod", "old"])
    assert numbers(people.charlie) == {"env:prod": 2, "pci": 1, "old": 1}
    untag(other, ["old"], by=people.alice)
    service.delete(hers.pk, by=people.alice)
    assert numbers(people.charlie) == {"env:prod": 1}
    tag(other, ["old"], by=people.alice)
    assert numbers(people.dora) == {"env:prod": 1, "old": 1}


def numbers(user) -> dict[str, int]:
    return {one.name: one.number for one in tags_in_use(user)}
