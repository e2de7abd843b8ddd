"""camelCase on the wire, by field name."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers as drf

from tests.unit.web.things import Extensions, Team, Thing, ThingOutput, ThingRequest
from web.rest.serializers import ModelSerializer, Serializer

VALID = {"displayName": "a", "owner": "Alice@Example.org"}


class Pair(ModelSerializer):
    class Meta:
        model = Thing
        fields = ("name", "owner", "not_after")


class Once(ModelSerializer):
    class Meta:
        model = Thing
        fields = ("name", "owner")


def test_input_in_both_spellings() -> None:
    for spelling in ("displayName", "display_name"):
        request = ThingRequest(data={spelling: "a", "owner": "a@b.de", "serial_number": 5, "unknown": 1})
        assert request.is_valid(), request.errors
        assert request.validated_data == {"name": "a", "owner": "a@b.de", "serial_number": 5}


def test_the_wire_spelling_wins() -> None:
    request = ThingRequest(data={**VALID, "display_name": "b", "displayName": "c"})
    assert request.is_valid()
    assert request.validated_data["name"] == "c"


def test_a_source_is_no_third_spelling() -> None:
    request = ThingRequest(data={"name": "a", "owner": "a@b.de"})
    assert not request.is_valid()
    assert set(request.errors) == {"displayName"}


def test_irregular_and_nested_names() -> None:
    for ski in ("useSKI", "use_ski"):
        request = Extensions(data={ski: False, "sub_alt_names": [{"name_type": "DNSName", "value": "x"}]})
        assert request.is_valid(), request.errors
        assert request.validated_data == {
            "use_ski": False,
            "sub_alt_names": [{"name_type": "DNSName", "value": "x"}],
        }
    assert set(Extensions().fields) == {"useSKI", "subAltNames"}


def test_values_keep_their_spelling() -> None:
    request = ThingRequest(data={**VALID, "options": {"some_key": {"otherKey": 1}}})
    assert request.is_valid()
    assert request.validated_data["options"] == {"some_key": {"otherKey": 1}}


def test_field_checks_are_found_under_the_python_name() -> None:
    request = ThingRequest(data={**VALID, "displayName": "forbidden"})
    assert not request.is_valid()
    assert request.errors == {"displayName": ["Not this name."]}


@pytest.mark.parametrize("data", [[], "x", 1, None, [{}]])
def test_what_is_no_object(data: Any) -> None:
    assert not ThingRequest(data=data).is_valid()


def test_unique_constraints_survive_renaming(db: None) -> None:
    assert Pair(data={"name": "a", "owner": "a@b.de", "notAfter": None}).is_valid()
    Thing.objects.create(name="a", owner="a@b.de")
    again = Once(data={"name": "a", "owner": "a@b.de"})
    assert not again.is_valid()
    assert set(again.errors) == {"non_field_errors"}


def test_output(db: None) -> None:
    team = Team.objects.create(name="web")
    thing = Thing.objects.create(name="a", owner="a@b.de", size=500, serial="255", team=team, options={"a_b": 1})
    thing.teams.add(team)
    assert ThingOutput(thing).data == {
        "id": thing.pk,
        "name": "a",
        "owner": "a@b.de",
        "mail": "a@b.de",
        "notify": True,
        "notAfter": None,
        "team": {"id": team.pk, "name": "web"},
        "allTeams": [{"id": team.pk, "name": "web"}],
        "itsSize": {"inBytes": 500, "isLarge": True},
        "serialHEX": "FF",
        "options": {"a_b": 1},
        "mainTeam": {"id": team.pk, "name": "web"},
    }


def test_many_rows_are_shown_without_a_statement_each(db: None, django_assert_num_queries: Any) -> None:
    team = Team.objects.create(name="web")
    for n in range(5):
        Thing.objects.create(name=f"{n}", owner="a@b.de", team=team).teams.add(team)
    with django_assert_num_queries(2):
        shown = ThingOutput(Thing.objects.select_related("team").prefetch_related("teams"), many=True).data
    assert [one["allTeams"][0]["name"] for one in shown] == ["web"] * 5


class TestCopies:
    """Prototypes are made once; what one serializer does to its fields is its own business."""

    def test_fields_are_independent(self) -> None:
        first, second = ThingRequest(), ThingRequest()
        first.fields["displayName"].required = False
        first.fields["extensions"].fields["useSKI"].required = True
        assert second.fields["displayName"].required
        assert not second.fields["extensions"].fields["useSKI"].required
        assert not ThingRequest().fields["extensions"].fields["useSKI"].required

    def test_each_field_belongs_to_its_serializer(self) -> None:
        for serializer in (
            ThingOutput(),
            ThingOutput(context={"a": 1}),
            ThingOutput(many=True, context={"a": 2}).child,
        ):
            for name, field in serializer.fields.items():
                assert field.parent is serializer
                assert field.field_name == name
                assert field.root is serializer.root
            nested = serializer.fields["allTeams"].child.fields["name"]
            assert nested.context == serializer.context

    def test_subclasses_have_their_own(self) -> None:
        class Base(Serializer):
            first_name = drf.CharField()

        class Extended(Base):
            last_name = drf.CharField()
            first_name = None

        class Irregular(Base):
            class Meta:
                wire = {"first_name": "FN"}

        assert [list(one().fields) for one in (Base, Extended, Irregular, Base)] == [
            ["firstName"],
            ["lastName"],
            ["FN"],
            ["firstName"],
        ]

    def test_the_model_is_looked_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Counted(ModelSerializer):
            built: list[str] = []

            class Meta:
                model = Thing
                fields = ("id", "name", "not_after")

            def build_field(self, field_name: str, *args: Any) -> Any:
                self.built.append(field_name)
                return super().build_field(field_name, *args)

        assert [list(Counted().fields) for _ in range(3)] == [["id", "name", "notAfter"]] * 3
        assert Counted.built == ["id", "name", "not_after"]


def test_listing_needs_no_statement_before_it_is_shown(db: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        ThingOutput(Thing.objects.all(), many=True)
        assert ThingRequest(data=VALID).is_valid()
    assert not captured.captured_queries
