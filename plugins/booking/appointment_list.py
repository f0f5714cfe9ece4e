"""The list of appointments: a page of it, read from one end of time or the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from attrs import frozen
from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from core import Site
from plugins.booking.models import BookingAppointment

When = Literal["upcoming", "past", "all"]

PAGE = 50


@frozen
class Cursor:
    """A place in the list: the time and id of a row. Later rows of a page come after it."""

    starts_at: datetime
    id: int

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%dT%H:%M:%S%z}_{self.id}"


def read_cursor(text: str) -> Cursor | None:
    """What `str(cursor)` wrote; None for anything else."""
    when, _, number = text.partition("_")
    try:
        starts_at, row_id = datetime.strptime(when, "%Y-%m-%dT%H:%M:%S%z"), int(number[:18])
    except ValueError:
        return None
    return Cursor(starts_at, row_id) if 1970 <= starts_at.year < 9999 else None


@frozen(kw_only=True)
class ListPage:
    """Appointments as they are shown, and where the pages before and after begin; None where none is."""

    appointments: Sequence[BookingAppointment]
    previous: Cursor | None
    following: Cursor | None


def read_list(
    session: Session,
    when: When,
    now: datetime,
    *,
    after: Cursor | None = None,
    before: Cursor | None = None,
    size: int = PAGE,
) -> ListPage:
    """A page: upcoming ones soonest first without the cancelled, past and all ones latest first.

    Keyset pagination on (start, id): what comes `after` a row, or the page that ends `before` it.
    """
    key = tuple_(BookingAppointment.starts_at, BookingAppointment.id)
    ascending = when == "upcoming"
    statement = select(BookingAppointment)
    if when == "upcoming":
        statement = statement.where(BookingAppointment.starts_at > now, BookingAppointment.state == "booked")
    elif when == "past":
        statement = statement.where(BookingAppointment.starts_at <= now)
    place, backwards = (before, True) if before is not None else (after, False)
    if backwards:
        ascending = not ascending
    if place is not None:
        here = (place.starts_at, place.id)
        statement = statement.where(key > here if ascending else key < here)
    columns = (BookingAppointment.starts_at, BookingAppointment.id)
    ordered = statement.order_by(*(column.asc() if ascending else column.desc() for column in columns))
    rows = list(session.scalars(ordered.limit(size + 1)))
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    has_previous = more if backwards else place is not None
    has_following = place is not None if backwards else more
    return ListPage(
        appointments=rows,
        previous=_cursor(rows[0]) if rows and has_previous else None,
        following=_cursor(rows[-1]) if rows and has_following else None,
    )


def _cursor(appointment: BookingAppointment) -> Cursor:
    return Cursor(appointment.starts_at, appointment.id)


def count_upcoming(session: Session, now: datetime) -> int:
    """How many booked appointments are still to come."""
    statement = select(func.count()).where(BookingAppointment.starts_at > now, BookingAppointment.state == "booked")
    return session.scalar(statement) or 0


def monday_of(site: Site, moment: datetime) -> date:
    """The Monday of a moment's week, in the site's zone."""
    day = moment.astimezone(site.settings.zone).date()
    return day - timedelta(days=day.weekday())
