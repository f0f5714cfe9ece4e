"""Who holds which time: rows of five minutes whose primary key two appointments can't share (THREATS T-B7).

The same on SQLite and PostgreSQL, without an extension. A booking inserts a row for each unit from its start
to the end of its buffer. Where a row stands already, the database refuses; where another transaction is just
inserting one, it waits for that transaction, and then refuses or goes on.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from plugins.booking.models import THE_CALENDAR, BookingClaim

UNIT = 5
"""Minutes of one claim. Starts, lengths and buffers are whole units; anything else is rounded outwards."""

_SECONDS = UNIT * 60

_TABLE = BookingClaim.__table__
assert isinstance(_TABLE, Table)
_CLAIM = insert(_TABLE)


def units(starts_at: datetime, ends_at: datetime) -> range:
    """The units that the time from `starts_at` to before `ends_at` touches, counted from 1970 in UTC."""
    return range(int(starts_at.timestamp()) // _SECONDS, -(-int(ends_at.timestamp()) // _SECONDS))


def claim(session: Session, appointment_id: int, starts_at: datetime, ends_at: datetime) -> bool:
    """Take the time for an appointment; answers whether all of it was free. If not, give the transaction up.

    Units are inserted in ascending order, so that two transactions that want overlapping times wait in one
    direction.
    """
    rows = [
        {"calendar": THE_CALENDAR, "unit": unit, "appointment_id": appointment_id} for unit in units(starts_at, ends_at)
    ]
    try:
        session.execute(_CLAIM, rows)
    except IntegrityError:
        return False
    return True


def release(session: Session, appointment_id: int) -> None:
    """Give an appointment's time back."""
    session.execute(delete(BookingClaim).where(BookingClaim.appointment_id == appointment_id))


def claimed(session: Session, starts_at: datetime, ends_at: datetime) -> AbstractSet[int]:
    """The units between two moments that somebody holds."""
    wanted = units(starts_at - timedelta(minutes=UNIT), ends_at)
    statement = select(BookingClaim.unit).where(
        BookingClaim.calendar == THE_CALENDAR,
        BookingClaim.unit >= wanted.start,
        BookingClaim.unit < wanted.stop,
    )
    return frozenset(session.scalars(statement))
