"""Opening hours and the moments they mean (FEATURES B1, THREATS T-B8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import InvalidInput
from plugins.booking.hours import Hours, Span, moment, open_times, read_spans, write_spans

BERLIN = ZoneInfo("Europe/Berlin")
# Other rules: half an hour; at midnight; a whole day left out; none at all; for the length of Ramadan.
ZONES = [
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
    "America/Santiago",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/New_York",
    "Africa/Casablanca",
]
DAYS = st.dates(date(2009, 1, 1), date(2036, 12, 31))
SPANS = st.lists(st.integers(0, 288), min_size=2, max_size=8, unique=True).map(
    lambda units: [
        Span(opens * 5, closes * 5) for opens, closes in zip(sorted(units)[::2], sorted(units)[1::2], strict=False)
    ]
)


def only(spans: list[Span]) -> Hours:
    return Hours(weekdays=(tuple(spans),) * 7, exceptions={})


def hours_of(times: list[tuple[datetime, datetime]]) -> float:
    return sum((closes - opens).total_seconds() for opens, closes in times) / 3600


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_t_b8_a_day_in_berlin_has_the_hours_it_has(day: date, hours: int) -> None:
    assert hours_of(open_times(only([Span(0, 1440)]), day, BERLIN)) == hours


def test_t_b8_the_hour_that_is_left_out_in_march_is_not_open() -> None:
    times = open_times(only([Span(60, 240)]), date(2026, 3, 29), BERLIN)

    assert times == [(datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC))], (
        "one to four o'clock is two hours long"
    )


def test_t_b8_a_time_that_does_not_exist_is_the_moment_of_the_change() -> None:
    assert moment(date(2026, 3, 29), 150, BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert open_times(only([Span(120, 180)]), date(2026, 3, 29), BERLIN) == []


def test_t_b8_the_hour_that_comes_twice_in_october_is_open_twice() -> None:
    times = open_times(only([Span(60, 240)]), date(2026, 10, 25), BERLIN)

    assert times == [(datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 25, 3, tzinfo=UTC))]


def test_t_b8_half_an_hour_on_lord_howe() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")

    assert hours_of(open_times(only([Span(0, 1440)]), date(2026, 4, 5), zone)) == 24.5
    assert hours_of(open_times(only([Span(0, 1440)]), date(2026, 10, 4), zone)) == 23.5


@given(zone=st.sampled_from(ZONES), day=DAYS, earlier=st.integers(0, 1440), later=st.integers(0, 1440))
def test_t_b8_a_later_time_is_never_an_earlier_moment(zone: str, day: date, earlier: int, later: int) -> None:
    earlier, later = sorted((earlier, later))

    assert moment(day, earlier, ZoneInfo(zone)) <= moment(day, later, ZoneInfo(zone))


@given(zone=st.sampled_from(ZONES), day=DAYS)
def test_t_b8_days_follow_each_other_without_a_gap(zone: str, day: date) -> None:
    assert moment(day, 1440, ZoneInfo(zone)) == moment(day + timedelta(days=1), 0, ZoneInfo(zone))


@given(zone=st.sampled_from(ZONES), day=DAYS, minute=st.integers(0, 1439))
def test_t_b8_a_moment_shows_the_time_it_was_asked_for(zone: str, day: date, minute: int) -> None:
    found = moment(day, minute, ZoneInfo(zone)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    wanted = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)

    # Later only where the wall clock jumps over it: then a second earlier it showed something before it.
    assert found >= wanted
    if found > wanted:
        before = (moment(day, minute, ZoneInfo(zone)) - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
        assert before.replace(tzinfo=None) < wanted


@given(zone=st.sampled_from(ZONES), day=DAYS, spans=SPANS)
def test_t_b8_open_times_never_overlap(zone: str, day: date, spans: list[Span]) -> None:
    times = open_times(only(spans), day, ZoneInfo(zone))

    assert all(opens < closes for opens, closes in times)
    assert all(before[1] < after[0] for before, after in pairwise(times))


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("", ""),
        ("9-12", "09:00–12:00"),
        ("9:00–12:00, 14:00–18:30", "09:00–12:00, 14:00–18:30"),
        ("14.30 bis 18 Uhr und 8-12", "08:00–12:00, 14:30–18:00"),
        ("0-24", "00:00–24:00"),
    ],
)
def test_b1_hours_are_read_as_people_type_them(typed: str, written: str) -> None:
    assert write_spans(read_spans(typed, "day0")) == written
    assert write_spans(read_spans(written, "day0")) == written


@pytest.mark.parametrize(
    "typed", ["nine", "12-9", "9-9", "9-25", "9:61-10", "9:03-10", "9-12, 11-13", "-", "9", "٩-١٢:٧٧"]
)
def test_b1_hours_that_mean_nothing_are_refused(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_spans(typed, "day0")

    assert refused.value.field == "day0"


@given(st.text(max_size=200))
def test_b1_any_text_is_hours_or_refused(text: str) -> None:
    try:
        spans = read_spans(text, "day0")
    except InvalidInput:
        return
    assert read_spans(write_spans(spans), "day0") == spans
