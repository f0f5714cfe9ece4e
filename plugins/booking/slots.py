"""The times at which a service can be booked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from attrs import frozen
from sqlalchemy.orm import Session

from core import Site
from plugins.booking.claims import claimed, units
from plugins.booking.hours import moment, open_times, read_hours
from plugins.booking.models import BookingService

STEP = 30
"""Minutes between two offered starts; a service shorter than that is offered back to back."""


@frozen(order=True)
class Slot:
    """A time that can be booked, in UTC. The buffer comes after `ends_at`."""

    starts_at: datetime
    ends_at: datetime


STAFF_DAYS = 730
"""How many days ahead staff can book, whatever the service says."""


def bookable_days(
    site: Site, service: BookingService, now: datetime | None = None, *, staff: bool = False
) -> tuple[date, date]:
    """The first and last date, in the site's zone, on which the service can be booked at `now`.

    Staff, who have the person on the telephone, need no lead time and may look further ahead.
    """
    now = now or datetime.now(UTC)
    today = now.astimezone(site.settings.zone).date()
    ahead = STAFF_DAYS if staff else service.days_ahead
    return _not_before(service, now, staff).astimezone(site.settings.zone).date(), today + timedelta(days=ahead)


def _not_before(service: BookingService, now: datetime, staff: bool) -> datetime:
    return now if staff else now + timedelta(hours=service.lead_hours)


def free_slots(
    session: Session,
    site: Site,
    service: BookingService,
    day: date,
    now: datetime | None = None,
    *,
    staff: bool = False,
) -> list[Slot]:
    """The free times for `service` on `day`, a date in the site's zone, as they are at `now`."""
    return free_days(session, site, service, day, day, now, staff=staff)[day]


def free_days(
    session: Session,
    site: Site,
    service: BookingService,
    first: date,
    last: date,
    now: datetime | None = None,
    *,
    staff: bool = False,
) -> Mapping[date, list[Slot]]:
    """The free times of every date from `first` to `last`, in three queries whatever the number of days.

    Starts are counted in real time from the opening, every `STEP` minutes. A time is offered when the service
    ends before closing, begins after `now` and its lead time, and it and its buffer touch no time that is
    taken.
    """
    now = now or datetime.now(UTC)
    zone = site.settings.zone
    earliest, latest = bookable_days(site, service, now, staff=staff)
    days = {first + timedelta(days=count): list[Slot]() for count in range((last - first).days + 1)}
    wanted = [day for day in days if earliest <= day <= latest]
    if not wanted:
        return days
    length = timedelta(minutes=service.minutes)
    buffer = timedelta(minutes=service.buffer_minutes)
    step = timedelta(minutes=min(STEP, service.minutes))
    not_before = _not_before(service, now, staff)
    hours = read_hours(session, wanted[0], wanted[-1])
    taken = claimed(session, moment(wanted[0], 0, zone), moment(wanted[-1], 1440, zone) + buffer)
    for day in wanted:
        for opens, closes in open_times(hours, day, zone):
            starts_at = opens
            while starts_at + length <= closes:
                if starts_at >= not_before and taken.isdisjoint(units(starts_at, starts_at + length + buffer)):
                    days[day].append(Slot(starts_at, starts_at + length))
                starts_at += step
    return days


def next_free_day(
    session: Session,
    site: Site,
    service: BookingService,
    after: date | None = None,
    now: datetime | None = None,
    *,
    staff: bool = False,
) -> date | None:
    """The first date with a free time, after the date `after` if given; None when there is none left."""
    first, last = bookable_days(site, service, now, staff=staff)
    if after is not None:
        first = max(first, after + timedelta(days=1))
    while first <= last:
        until = min(first + timedelta(days=27), last)
        for day, slots in free_days(session, site, service, first, until, now, staff=staff).items():
            if slots:
                return day
        first = until + timedelta(days=1)
    return None
