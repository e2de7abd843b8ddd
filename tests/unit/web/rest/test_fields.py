"""References, moments, addresses, PEM."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.serializers import ValidationError

from tests.unit.web.things import Team
from web.rest.fields import MOST_REFERENCES, Email, Number, Pem, Ref, Text, UtcDateTime, Years, YesNo

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
EARLY, LATE = datetime(1950, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001  Hypothesis adds the zone
MODEL = "<class 'tests.unit.web.things.Team'>"


@pytest.fixture
def teams(db: None) -> list[Team]:
    return [Team.objects.create(name=name) for name in ("one", "two", "three")]


def refused(field: Any, data: Any) -> Any:
    with pytest.raises(ValidationError) as refusal:
        field.run_validation(data)
    return refusal.value.detail


class TestRef:
    one = Ref(Team.objects.all)
    many = Ref(Team.objects.all, many=True)

    def test_by_id_or_name(self, teams: list[Team]) -> None:
        for reference in ({"id": teams[1].pk}, {"id": str(teams[1].pk)}, {"name": "two"}, {"id": None, "name": "two"}):
            assert self.one.run_validation(reference) == teams[1]
        assert self.one.run_validation({"id": teams[1].pk, "name": "one", "more": []}) == teams[1]

    def test_a_list_in_the_order_asked_for_each_once(self, teams: list[Team], django_assert_num_queries: Any) -> None:
        ids = [{"id": teams[2].pk}, {"id": teams[0].pk}, {"id": str(teams[2].pk)}]
        with django_assert_num_queries(1):
            assert self.many.run_validation(ids) == [teams[2], teams[0]]
        with django_assert_num_queries(1):
            assert self.many.run_validation([{"name": "three"}, {"name": "one"}, {"name": "three"}]) == [
                teams[2],
                teams[0],
            ]
        assert self.many.run_validation([]) == []

    def test_one_element_without_an_id_makes_it_names(self, teams: list[Team]) -> None:
        mixed = [{"id": teams[0].pk, "name": "one"}, {"name": "two"}]
        assert self.many.run_validation(mixed) == teams[:2]
        assert "_schema" in refused(self.many, [{"id": teams[0].pk}, {"name": "two"}])

    @pytest.mark.parametrize(
        "data", [{}, {"id": None}, {"name": ""}, {"name": 5}, {"name": None}, "one", 1, [], {"x": 1}]
    )
    def test_neither_id_nor_name(self, db: None, data: Any) -> None:
        assert refused(self.one, data) == {"_schema": ["Associated object require a name or id."]}

    @pytest.mark.parametrize(
        "given", [99, "99", "abc", -1, True, 1.5, 2**63, 2**200, "9" * 400, "\u0661", [1], {"a": 1}, ""]
    )
    def test_unknown_ids(self, db: None, given: Any) -> None:
        for field, data in ((self.one, {"id": given}), (self.many, [{"id": given}])):
            (text,) = refused(field, data)["_schema"]
            assert text.startswith(f"Unable to find {MODEL} with id: ")
        assert len(text) < 250

    def test_unknown_names(self, teams: list[Team]) -> None:
        assert refused(self.one, {"name": "x"}) == {"_schema": [f"Unable to find {MODEL} with name: x"]}
        names = [{"name": "one"}, {"name": "x"}, {"name": "n\x00"}]
        assert refused(self.many, names) == {"_schema": [f"Unable to locate {MODEL} with name x, n\x00"]}

    def test_ambiguous_names(self, teams: list[Team]) -> None:
        Team.objects.create(name="two")
        assert "use its id" in str(refused(self.one, {"name": "two"}))

    def test_another_name_field(self, teams: list[Team]) -> None:
        assert Ref(Team.objects.all, name_field="id").run_validation({"id": teams[0].pk}) == teams[0]

    @pytest.mark.parametrize("data", [{"id": 1}, "x", 1, {}])
    def test_no_list(self, db: None, data: Any) -> None:
        assert refused(self.many, data) == ["Not a valid list."]

    def test_too_many(self, db: None) -> None:
        assert "no more than 1000" in str(refused(self.many, [{"id": 1}] * (MOST_REFERENCES + 1)))

    def test_shown(self, teams: list[Team]) -> None:
        assert self.one.to_representation(teams[0]) == {"id": teams[0].pk, "name": "one"}
        assert len(self.many.to_representation(Team.objects)) == 3

    @pytest.mark.django_db
    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(JSON)
    def test_any_json_is_found_or_refused(self, data: Any) -> None:
        for field in (self.one, self.many):
            with contextlib.suppress(ValidationError):
                assert field.run_validation(data) == []


class TestUtcDateTime:
    field = UtcDateTime()

    @pytest.mark.parametrize(
        "text",
        [
            "2026-11-23T07:31:49+00:00",
            "2026-11-23T07:31:49Z",
            "2026-11-23T07:31:49",
            "2026-11-23T08:31:49+01:00",
            "2026-11-23 07:31:49.000Z",
            "20261123T073149",
        ],
    )
    def test_spellings(self, text: str) -> None:
        assert self.field.run_validation(text) == datetime(2026, 11, 23, 7, 31, 49, tzinfo=UTC)

    @pytest.mark.parametrize(
        "data",
        [
            "",
            "soon",
            "2026-02-30T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            5,
            True,
            [],
            {},
            "2026-11-23T25:00:00",
            "9" * 10000,
            "2026-11-23T07:31:60Z",
            "\x00",
        ],
    )
    def test_junk(self, data: Any) -> None:
        assert refused(self.field, data) == ["Not a valid datetime."]

    def test_printed_with_its_offset(self) -> None:
        summer = timezone(timedelta(hours=2))
        assert self.field.to_representation(datetime(2026, 7, 1, 12, tzinfo=summer)) == "2026-07-01T10:00:00+00:00"
        exact = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
        assert self.field.to_representation(exact) == "2026-07-01T12:00:00.123456+00:00"

    @given(st.datetimes(timezones=st.timezones(), min_value=EARLY, max_value=LATE))
    def test_round_trip(self, moment: datetime) -> None:
        assert self.field.run_validation(self.field.to_representation(moment)) == moment.astimezone(UTC)

    @given(st.text(max_size=40))
    def test_any_text_is_a_moment_or_refused(self, text: str) -> None:
        with contextlib.suppress(ValidationError):
            assert self.field.run_validation(text).tzinfo is UTC


class TestEmail:
    def test_lower_case(self) -> None:
        assert Email().run_validation(" Joe@Example.COM ") == "joe@example.com"

    @pytest.mark.parametrize(
        "data", ["joe", "joe@", "@example.com", "a b@example.com", "a@b.com\n@", "joe@example.com\x00"]
    )
    def test_junk(self, data: str) -> None:
        assert "Not a valid email address." in refused(Email(), data)

    def test_length(self) -> None:
        assert Email(max_length=20).run_validation("a" * 8 + "@example.com")
        assert refused(Email(), "a" * 60 + "@" + "b" * 60 + "." + "c" * 60 + ".example.com")


class TestText:
    @pytest.mark.parametrize("data", [5, 1.5, True, ["x"], {"a": 1}])
    def test_what_is_no_text(self, data: Any) -> None:
        assert refused(Text(), data) == ["Not a valid string."]

    def test_white_space_goes_and_counts(self) -> None:
        assert Text(max_length=3).run_validation(" a ") == "a"
        assert refused(Text(max_length=3), " abc")
        assert refused(Text(), " ")
        assert refused(Text(), "a\x00b")


class TestYesNo:
    @pytest.mark.parametrize(("data", "meant"), [(True, True), ("YES", True), (1, True), ("f", False), (0, False)])
    def test_spellings(self, data: Any, meant: bool) -> None:
        assert YesNo().run_validation(data) is meant

    @pytest.mark.parametrize("data", ["", "null", "perhaps", 2, []])
    def test_neither(self, data: Any) -> None:
        assert refused(YesNo(allow_null=True), data) == ["Must be a valid boolean."]


class TestNumbers:
    @pytest.mark.parametrize("data", ["5", 5.5, True, [5], "x"])
    def test_what_is_no_number(self, data: Any) -> None:
        assert refused(Number(), data) == ["Not a valid integer."]

    @pytest.mark.parametrize("data", [7, "7", 7.0])
    def test_years(self, data: Any) -> None:
        assert Years().run_validation(data) == 7

    @pytest.mark.parametrize("data", [0, 101, "0", "101", "07", " 7", "7.0", "\u0667", "", True])
    def test_no_years(self, data: Any) -> None:
        assert refused(Years(), data)


class TestPem:
    def test_stripped(self) -> None:
        assert Pem().run_validation("\n-----BEGIN X-----\r\n ") == "-----BEGIN X-----"

    def test_length_and_kind(self) -> None:
        assert refused(Pem(max_length=10), "x" * 11)
        assert refused(Pem(), {"a": 1}) == ["Not a valid string."]
        assert refused(Pem(), "a\x00b")
