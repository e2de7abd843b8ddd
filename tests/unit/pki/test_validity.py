from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pki import validity
from pki.errors import BadValidity

NOW = datetime(2026, 5, 1, 12, 30, 45, 678901, tzinfo=UTC)
SECOND = NOW.replace(microsecond=0)
DAY = timedelta(days=1)
CA_START = datetime(2026, 1, 1, 8, 0, 0, tzinfo=UTC)
CA_END = datetime(2027, 1, 1, 8, 0, 0, tzinfo=UTC)

moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
any_moments = st.datetimes(timezones=st.sampled_from([UTC, None, timezone(timedelta(hours=14))]))
spans = st.timedeltas(timedelta(0), timedelta(days=4000))


def settle(start=None, end=None, **changes):
    defaults = {
        "now": NOW,
        "default": 90 * DAY,
        "longest": 200 * DAY,
        "issuer_not_before": CA_START,
        "issuer_not_after": CA_END,
    }
    return validity.settle(start=start, end=end, **(defaults | changes))


class TestSettleDefaults:
    def test_begins_now_in_whole_seconds_and_lasts_the_default(self):
        assert settle() == (SECOND, SECOND + 90 * DAY)

    def test_never_lasts_longer_than_the_profile_allows(self):
        assert settle(default=400 * DAY) == (SECOND, SECOND + 200 * DAY)

    def test_ends_with_the_issuer(self):
        assert settle(default=400 * DAY, longest=500 * DAY) == (SECOND, CA_END)

    def test_begins_with_the_issuer(self):
        opens = SECOND + 3 * DAY
        assert settle(issuer_not_before=opens) == (opens, SECOND + 90 * DAY)

    def test_a_root_has_no_issuer(self):
        assert settle(issuer_not_before=None, issuer_not_after=None, default=100 * DAY) == (SECOND, SECOND + 100 * DAY)

    def test_an_ended_issuer_is_named_with_its_end(self):
        with pytest.raises(BadValidity, match="issuer's own certificate ends at 2026-04-30T12:30:45") as caught:
            settle(issuer_not_after=SECOND - DAY)
        assert caught.value.field == "validity_end"

    def test_an_issuer_that_begins_after_the_default_end_is_refused(self):
        with pytest.raises(BadValidity, match="must be before validity end"):
            settle(issuer_not_before=SECOND + 100 * DAY)

    def test_the_end_of_the_calendar_is_refused(self):
        with pytest.raises(BadValidity, match="beyond the year 9999"):
            settle(default=timedelta(days=4_000_000), longest=timedelta(days=4_000_000))


class TestSettleWhatWasAskedFor:
    def test_is_kept_in_whole_seconds(self):
        start = datetime(2026, 6, 1, 0, 0, 0, 500, tzinfo=UTC)
        assert settle(start, start + 30 * DAY) == (
            start.replace(microsecond=0),
            start.replace(microsecond=0) + 30 * DAY,
        )

    def test_is_turned_into_utc(self):
        start = datetime(2026, 6, 1, 2, tzinfo=timezone(timedelta(hours=2)))
        first, last = settle(start, start + DAY)
        assert (first, first.tzinfo) == (datetime(2026, 6, 1, tzinfo=UTC), UTC)
        assert last.tzinfo is UTC

    # The texts are the wrong way round in the API this follows, and clients compare them.
    def test_only_a_start(self):
        with pytest.raises(BadValidity, match=r"^If validity end is specified so must validity start\.$") as caught:
            settle(start=NOW)
        assert caught.value.field == "validity_end"

    def test_only_an_end(self):
        with pytest.raises(BadValidity, match=r"^If validity start is specified so must validity end\.$") as caught:
            settle(end=NOW)
        assert caught.value.field == "validity_start"

    @pytest.mark.parametrize("gap", [timedelta(0), DAY, timedelta(microseconds=1)])
    def test_start_not_before_end(self, gap):
        with pytest.raises(BadValidity, match=r"^Validity start must be before validity end\.$"):
            settle(SECOND + gap, SECOND)

    def test_start_on_the_day_before_the_issuers(self):
        with pytest.raises(
            BadValidity, match=r"^Validity start must not be before 2026-01-01T08:00:00\+00:00$"
        ) as caught:
            settle(datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
        assert caught.value.field == "validity_start"

    def test_end_on_the_day_after_the_issuers(self):
        with pytest.raises(BadValidity, match=r"^Validity end must not be after 2027-01-01T08:00:00\+00:00$") as caught:
            settle(datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC))
        assert caught.value.field == "validity_end"

    def test_a_hundred_years_under_a_shorter_issuer(self):
        with pytest.raises(BadValidity, match="must not be after"):
            settle(SECOND, SECOND + 36500 * DAY, longest=40000 * DAY)

    def test_the_issuers_own_days_pass_and_are_cut_to_its_seconds(self):
        start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, 23, 59, 59, tzinfo=UTC)
        assert settle(start, end, longest=400 * DAY) == (CA_START, CA_END)

    def test_a_validity_wholly_after_the_issuers_last_second_is_refused(self):
        with pytest.raises(BadValidity, match="issuer's own certificate ends"):
            settle(CA_END + timedelta(hours=1), CA_END + timedelta(hours=2))

    def test_exactly_the_longest_passes(self):
        assert settle(SECOND, SECOND + 200 * DAY) == (SECOND, SECOND + 200 * DAY)

    def test_longer_than_the_longest_is_refused_with_both_figures(self):
        with pytest.raises(BadValidity, match="no longer than 200 days, but 200 days and 0:00:01 were asked") as caught:
            settle(SECOND, SECOND + 200 * DAY + timedelta(seconds=1))
        assert caught.value.field == "validity_end"

    def test_a_time_without_a_zone_is_refused(self):
        with pytest.raises(BadValidity, match="has no time zone"):
            settle(NOW.replace(tzinfo=None), NOW + DAY)
        with pytest.raises(BadValidity, match="has no time zone") as caught:
            settle(NOW, (NOW + DAY).replace(tzinfo=None))
        assert caught.value.field == "validity_end"

    def test_the_edge_of_the_calendar_is_refused(self):
        with pytest.raises(BadValidity, match="outside the calendar"):
            settle(NOW, datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))))


@given(
    asked=st.none() | st.tuples(any_moments, any_moments),
    now=moments,
    default=spans,
    longest=spans,
    issuer=st.none() | st.tuples(moments, moments),
)
def test_whatever_is_settled_lies_inside_issuer_and_profile(asked, now, default, longest, issuer):
    opens, closes = issuer or (None, None)
    try:
        first, last = validity.settle(
            start=asked[0] if asked else None,
            end=asked[1] if asked else None,
            now=now,
            default=default,
            longest=longest,
            issuer_not_before=opens,
            issuer_not_after=closes,
        )
    except BadValidity:
        return
    assert first < last
    assert last - first <= longest
    assert first.microsecond == last.microsecond == 0
    assert closes is None or last <= closes
    assert opens is None or first >= opens.replace(microsecond=0)


class TestReissueRange:
    def test_lasts_as_long_as_before_from_now_on(self):
        assert validity.calculate_reissue_range(CA_START, CA_END, now=NOW) == (NOW, NOW + 365 * DAY)

    def test_is_cut_to_the_longest(self):
        assert validity.calculate_reissue_range(CA_START, CA_END, now=NOW, longest=100 * DAY) == (NOW, NOW + 100 * DAY)

    def test_a_shorter_one_is_not_stretched(self):
        assert validity.calculate_reissue_range(NOW - DAY, NOW, now=NOW, longest=100 * DAY) == (NOW, NOW + DAY)

    def test_bad_input(self):
        with pytest.raises(BadValidity, match="no time zone"):
            validity.calculate_reissue_range(NOW.replace(tzinfo=None), NOW, now=NOW)
        with pytest.raises(BadValidity, match="9999"):
            validity.calculate_reissue_range(NOW.replace(year=1), NOW.replace(year=9999), now=NOW)


class TestRenewalOpens:
    @pytest.mark.parametrize(
        ("life", "days", "before_end"),
        [
            (398, 30, timedelta(days=30)),
            (90, 30, timedelta(days=30)),
            (47, 30, timedelta(days=47) / 3),
            (6, 30, timedelta(days=2)),
            (398, 200, timedelta(days=398) / 3),
            (90, 0, timedelta(0)),
        ],
    )
    def test_the_later_of_days_and_a_third_of_the_life(self, life, days, before_end):
        opens = validity.renewal_opens(NOW, NOW + life * DAY, days=days)
        assert opens == NOW + life * DAY - before_end

    def test_another_ratio(self):
        assert validity.renewal_opens(NOW, NOW + 10 * DAY, days=30, ratio=Fraction(1, 2)) == NOW + 5 * DAY

    @given(start=moments, life=spans, days=st.integers(-10, 10**9), ratio=st.fractions(0, 3))
    def test_lies_within_the_life(self, start, life, days, ratio):
        opens = validity.renewal_opens(start, start + life, days=days, ratio=ratio)
        assert start <= opens <= start + life
        assert start + life - opens <= max(days, 0) * DAY if days < 10_000 else True


class TestYears:
    @pytest.mark.parametrize(
        ("today", "number", "end"),
        [
            (date(2016, 1, 1), 2, date(2018, 1, 1)),
            (date(2015, 1, 10), 1, date(2016, 1, 8)),  # a Sunday
            (date(2015, 1, 9), 1, date(2016, 1, 7)),  # a Saturday
            (date(2016, 2, 29), 1, date(2017, 2, 28)),
            (date(2016, 2, 29), 4, date(2020, 2, 27)),  # the leap day is a Saturday
        ],
    )
    def test_calendar_years_off_the_weekend(self, today, number, end):
        now = datetime(today.year, today.month, today.day, 10, 20, 30, 40, tzinfo=UTC)
        first, last = validity.years(now, number, weekends=False)
        assert (first, last.date()) == (now.replace(microsecond=0), end)
        assert (last.hour, last.minute, last.second, last.microsecond) == (10, 20, 30, 0)

    def test_weekends_are_kept_unless_forbidden(self):
        assert validity.years(datetime(2015, 1, 10, tzinfo=UTC), 1)[1] == datetime(2016, 1, 10, tzinfo=UTC)

    @pytest.mark.parametrize("number", [0, -1])
    def test_at_least_one(self, number):
        with pytest.raises(BadValidity, match="1 or more"):
            validity.years(NOW, number)

    @pytest.mark.parametrize("number", [7974, 10**6, 10**30])
    def test_at_most_the_calendar(self, number):
        with pytest.raises(BadValidity, match="9999") as caught:
            validity.years(NOW, number)
        assert caught.value.field == "validity_years"

    @given(now=moments, number=st.integers(1, 50))
    def test_never_ends_on_a_weekend_when_forbidden(self, now, number):
        first, last = validity.years(now, number, weekends=False)
        assert last.weekday() < 5
        assume(number > 1)
        assert timedelta(days=365 * number - 2) <= last - first <= timedelta(days=366 * number)


@pytest.mark.parametrize(("day", "weekend"), [(1, False), (2, True), (3, True), (4, False)])
def test_expiry_on_a_weekend_is_refused_where_a_site_wants_that(day, weekend):
    end = datetime(2026, 5, day, tzinfo=UTC)
    if not weekend:
        validity.check_weekday(end)
        return
    with pytest.raises(BadValidity, match=r"^Validity end must not land on a weekend\.$"):
        validity.check_weekday(end)


@pytest.mark.parametrize(
    ("issued", "days"),
    [
        ("2020-08-31T23:59:59", 825),
        ("2020-09-01T00:00:00", 398),
        ("2026-03-14T23:59:59", 398),
        ("2026-03-15T00:00:00", 200),
        ("2027-03-14T23:59:59", 200),
        ("2027-03-15T00:00:00", 100),
        ("2029-03-14T23:59:59", 100),
        ("2029-03-15T00:00:00", 47),
    ],
)
def test_what_public_authorities_may_changes_at_midnight(issued: str, days: int) -> None:
    assert validity.longest_public(datetime.fromisoformat(f"{issued}+00:00"))[0] == days
