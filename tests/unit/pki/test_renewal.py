"""When a certificate is renewed: the moment, and hours of the week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import renewal
from pki.errors import BadWindow
from pki.renewal import Rule

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)  # a Wednesday
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST, MIDDLE, LAST = "0" * 64, "8" + "0" * 63, "f" * 64

fingerprints = st.text("0123456789abcdef", min_size=64, max_size=64)


def opens(rule: Rule, life: timedelta, *, fingerprint: str = FIRST, **more) -> datetime:
    return renewal.opens(NOW, NOW + life, rule, fingerprint=fingerprint, **more)


class TestMoment:
    @pytest.mark.parametrize(
        ("rule", "life", "left"),
        [
            (Rule(30), 365 * DAY, 30 * DAY),
            (Rule(30), 47 * DAY, 47 * DAY / 3),
            (Rule(30), 6 * DAY, 2 * DAY),
            (Rule(30, share=50), 6 * DAY, 3 * DAY),
            (Rule(1, share=25), 100 * DAY, 25 * DAY),
            (Rule(30, share=50), HOUR, HOUR / 2),
        ],
    )
    def test_days_or_a_share(self, rule, life, left):
        assert abs(NOW + life - left - opens(rule, life)) < timedelta(seconds=1)

    def test_a_jitter_that_is_the_certificates_own(self):
        rule, base = Rule(30, jitter=24 * HOUR), NOW + 335 * DAY
        assert opens(rule, 365 * DAY) == base
        assert opens(rule, 365 * DAY, fingerprint=MIDDLE) == base + 12 * HOUR
        assert base + 23 * HOUR < opens(rule, 365 * DAY, fingerprint=LAST) <= base + 24 * HOUR

    @settings(deadline=None)
    @given(
        st.integers(1, 3650), st.none() | st.integers(1, 90), st.integers(0, 720), st.integers(1, 4_000), fingerprints
    )
    def test_it_is_never_late(self, days, share, jitter, life, fingerprint):
        """Within the life, and at least two thirds of the window are left."""
        plain = opens(Rule(days, share), life * DAY, fingerprint=fingerprint)
        spread = opens(Rule(days, share, jitter * HOUR), life * DAY, fingerprint=fingerprint)
        end = NOW + life * DAY
        assert NOW <= plain <= spread <= end
        assert end - spread >= (end - plain) * 2 / 3 - timedelta(seconds=1)

    def test_in_the_window_of_the_ca(self):
        window = (NOW + 10 * DAY, NOW + 12 * DAY)
        assert opens(Rule(30), 365 * DAY, suggested=window) == window[0]
        assert opens(Rule(30, jitter=9 * HOUR), 365 * DAY, fingerprint=MIDDLE, suggested=window) == NOW + 11 * DAY

    def test_a_window_that_ends_before_it_begins_is_a_moment(self):
        window = (NOW + 10 * DAY, NOW + 8 * DAY)
        assert opens(Rule(30), 365 * DAY, fingerprint=LAST, suggested=window) == window[0]


class TestWindows:
    @pytest.mark.parametrize(
        ("text", "normal"),
        [
            ("", ""),
            ("mon 08:00-16:00", "mon 08:00-16:00"),
            (" Mon-Wed  22:00-04:00 ;\n SUN 00:00-24:00;", "mon,tue,wed 22:00-04:00; sun 00:00-24:00"),
            ("fri-mon 10:00-11:00", "mon,fri,sat,sun 10:00-11:00"),
            ("mon,mon 09:30-09:31", "mon 09:30-09:31"),
        ],
    )
    def test_as_people_write_them(self, text, normal):
        found = "; ".join(map(str, renewal.parse_windows(text)))
        assert found == normal
        assert renewal.parse_windows(found) == renewal.parse_windows(text)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("at night", "'at night' is no window"),
            ("mon 8-16", "is no window"),
            ("mun 08:00-16:00", "'mun' is no weekday"),
            ("mon- 08:00-16:00", None),
            ("mon 24:00-16:00", "names a time that there is not"),
            ("mon 08:00-24:01", "names a time that there is not"),
            ("mon 08:60-16:00", "names a time that there is not"),
            ("mon, 08:00-16:00", "is no weekday"),
        ],
    )
    def test_others_are_refused(self, text, said):
        if said is None:
            assert renewal.parse_windows(text)
            return
        with pytest.raises(BadWindow, match=said):
            renewal.parse_windows(text)

    @pytest.mark.parametrize(
        ("text", "moment", "expected"),
        [
            ("wed 12:00-13:00", NOW, True),
            ("wed 11:00-12:00", NOW, False),
            ("thu 12:00-13:00", NOW, False),
            ("tue 22:00-12:30", NOW, True),
            ("tue 22:00-12:00", NOW, False),
            ("wed 22:00-04:00", NOW + 15 * HOUR, True),
            ("wed 22:00-04:00", NOW + 16 * HOUR, False),
            ("thu 12:00-13:00; wed 00:00-24:00", NOW, True),
            ("", NOW, True),
        ],
    )
    def test_open_or_not(self, text, moment, expected):
        assert renewal.is_open(renewal.parse_windows(text), moment) is expected

    @pytest.mark.parametrize(
        ("text", "hours"), [("wed 13:00-14:00", 1), ("wed 12:00-14:00", 7 * 24), ("tue 12:00-14:00", 6 * 24)]
    )
    def test_the_next_opening(self, text, hours):
        [window] = renewal.parse_windows(text)
        assert window.next_opening(NOW) == NOW + hours * HOUR

    @settings(deadline=None)
    @given(
        st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1),
        st.integers(0, 1439), st.integers(1, 1440), st.integers(0, 7 * 24 * 60),
    )  # fmt: skip
    def test_it_is_open_right_after_it_opens(self, days, start, end, minutes):
        text = f"{','.join(days)} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
        windows = renewal.parse_windows(text)
        opening = windows[0].next_opening(NOW + timedelta(minutes=minutes))
        assert renewal.is_open(windows, opening)
