"""Free times: opening hours less what is taken, past or too soon (FEATURES B1, THREATS T-B8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from core import Site
from core.testing import count_queries
from plugins.booking.appointments import book_appointment, new_token
from plugins.booking.hours import Span, save_exceptions, save_week
from plugins.booking.slots import free_days, free_slots, next_free_day
from tests.plugins.booking.conftest import NINE_TO_FIVE, MakeSite, add_service

NOW = datetime(2026, 3, 20, 8, tzinfo=UTC)
MONDAY = date(2026, 3, 23)
BERLIN = ZoneInfo("Europe/Berlin")


def times(site: Site, service: tuple[str, int], day: date, now: datetime = NOW, **values: int) -> list[str]:
    slug, minutes = service
    with site.session() as session:  # a reading one: the service is gone again afterwards
        made = add_service(session, slug, minutes=minutes, **values)
        slots = free_slots(session, site, made, day, now)
    return [f"{slot.starts_at.astimezone(site.settings.zone):%H:%M}" for slot in slots]


def test_b1_times_are_offered_every_half_hour_until_the_service_would_end_after_closing(site: Site) -> None:
    offered = times(site, ("cut", 60), MONDAY)

    assert offered[:3] == ["09:00", "09:30", "10:00"]
    assert offered[-1] == "16:00"


def test_b1_a_short_service_is_offered_back_to_back(site: Site) -> None:
    assert times(site, ("quick", 20), MONDAY)[:4] == ["09:00", "09:20", "09:40", "10:00"]


def test_b1_several_spans_a_day(make_booking_site: MakeSite) -> None:
    site = make_booking_site()
    with site.begin() as session:
        save_week(session, [(Span(540, 660), Span(840, 930)), (), (), (), (), (), ()])

    assert times(site, ("cut", 60), MONDAY) == ["09:00", "09:30", "10:00", "14:00", "14:30"]
    assert times(site, ("cut", 60), MONDAY + timedelta(days=1)) == []


def test_b1_spans_that_meet_are_one(make_booking_site: MakeSite) -> None:
    site = make_booking_site()
    with site.begin() as session:
        save_week(session, [(Span(540, 570), Span(570, 600))] * 7)

    assert times(site, ("cut", 60), MONDAY) == ["09:00"]


def test_b1_exceptions_close_or_change_a_date(site: Site) -> None:
    with site.begin() as session:
        save_exceptions(session, MONDAY, MONDAY, (), "Fair")
        save_exceptions(session, MONDAY + timedelta(days=1), MONDAY + timedelta(days=1), (Span(1200, 1260),))

    assert times(site, ("cut", 60), MONDAY) == []
    assert times(site, ("cut", 60), MONDAY + timedelta(days=1)) == ["20:00"]
    assert times(site, ("cut", 60), MONDAY + timedelta(days=2))[0] == "09:00"


def test_b1_the_past_and_the_lead_time_are_not_offered(site: Site) -> None:
    now = datetime(2026, 3, 23, 11, 10, tzinfo=UTC)  # 12:10 in Berlin

    assert times(site, ("cut", 60), MONDAY, now)[0] == "12:30"
    assert times(site, ("cut", 60), MONDAY, now, lead_hours=3)[0] == "15:30"
    assert times(site, ("cut", 60), MONDAY - timedelta(days=1), now) == []


def test_b1_only_so_many_days_ahead(site: Site) -> None:
    assert times(site, ("cut", 60), MONDAY, days_ahead=3)
    assert times(site, ("cut", 60), MONDAY + timedelta(days=1), days_ahead=3) == []


def test_b1_staff_need_no_lead_time(site: Site) -> None:
    with site.begin() as session:
        service = add_service(session, "cut", lead_hours=48, days_ahead=2)
        today = NOW.date()

        assert free_slots(session, site, service, today, NOW) == []
        assert free_slots(session, site, service, today, NOW, staff=True)
        assert free_slots(session, site, service, today + timedelta(days=90), NOW, staff=True)


def test_b1_taken_times_and_buffers_on_both_sides_are_not_offered(site: Site) -> None:
    with site.begin() as session:
        long = add_service(session, "long", minutes=60, buffer_minutes=30)
        noon = datetime(2026, 3, 23, 11, tzinfo=UTC)  # 12:00 in Berlin
        book_appointment(session, site, long, starts_at=noon, email="a@example.org", token=new_token(), now=NOW)

    # Taken from 12:00 to 13:30. Without a buffer one may end at 12:00; with one of half an hour, at 11:30.
    offered = times(site, ("cut", 60), MONDAY)
    assert ["11:00" in offered, "11:30" in offered, "13:00" in offered, "13:30" in offered] == [
        True,
        False,
        False,
        True,
    ]
    offered = times(site, ("other", 60), MONDAY, buffer_minutes=30)
    assert ["10:30" in offered, "11:00" in offered, "13:30" in offered] == [True, False, True]


@pytest.mark.parametrize(
    ("zone", "day", "count"),
    [
        ("Europe/Berlin", date(2026, 3, 28), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
    ],
)
def test_t_b8_no_hour_is_lost_or_doubled(make_booking_site: MakeSite, zone: str, day: date, count: int) -> None:
    site = make_booking_site(timezone=zone)
    with site.begin() as session:
        save_week(session, [(Span(0, 1440),)] * 7)
        service = add_service(session, minutes=30, days_ahead=700)
        days = free_days(session, site, service, day - timedelta(days=1), day + timedelta(days=1), NOW)

    slots = [slot for of_day in days.values() for slot in of_day]
    assert len(days[day]) == count * 2
    assert len({slot.starts_at for slot in slots}) == len(slots)
    assert all(before.ends_at == after.starts_at for before, after in pairwise(slots))


def test_t_b8_an_appointment_stays_at_its_moment_when_the_zone_changes(
    make_booking_site: MakeSite,
) -> None:
    site = make_booking_site()
    starts_at = datetime(2026, 3, 23, 9, tzinfo=UTC)
    with site.begin() as session:
        save_week(session, [NINE_TO_FIVE] * 7)
        service = add_service(session)
        booked = book_appointment(
            session, site, service, starts_at=starts_at, email="a@example.org", token=new_token(), now=NOW
        )
    from attrs import evolve

    moved = evolve(site, settings=evolve(site.settings, timezone="Europe/London"))
    with moved.session() as session:
        slots = free_slots(session, moved, service, MONDAY, NOW)

    assert booked.starts_at == starts_at
    assert starts_at not in {slot.starts_at for slot in slots}
    assert slots[0].starts_at == starts_at + timedelta(hours=1), "nine in London is taken, half past would overlap"


def test_a_week_costs_as_many_queries_as_a_day(site: Site) -> None:
    with site.session() as session:
        service = add_service(session, "cut")
        with count_queries(site) as one:
            free_days(session, site, service, MONDAY, MONDAY, NOW)
        with count_queries(site) as week:
            free_days(session, site, service, MONDAY, MONDAY + timedelta(days=6), NOW)

    assert len(one) == len(week) == 3


def test_the_next_free_day_is_found_beyond_a_closed_month(site: Site) -> None:
    with site.begin() as session:
        save_exceptions(session, NOW.date(), NOW.date() + timedelta(days=40), ())
        service = add_service(session, "cut")

        assert next_free_day(session, site, service, now=NOW) == NOW.date() + timedelta(days=41)
        assert next_free_day(session, site, service, NOW.date() + timedelta(days=60), NOW) is None
