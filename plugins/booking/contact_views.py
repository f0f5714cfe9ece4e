"""What contacts show of their appointments: columns, filter, panel; and the overview's tile (FEATURES B3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.orm import Session

from core import Choice, Contact, TileData, comparison, site_of
from plugins.booking.appointment_list import monday_of
from plugins.booking.hours import moment
from plugins.booking.models import BookingAppointment
from plugins.booking.views import AppointmentView, appointment_view

NOT_CANCELLED = BookingAppointment.state != "cancelled"
IN_PANEL = 5
"""How many upcoming, and how many past, appointments the panel lists."""

WEEKS = 12
"""Weeks of the tile's chart, the current one last."""


def _now() -> datetime:
    return datetime.now(UTC)


_booked = BookingAppointment.__table__.c
_of_contacts = _booked.contact_id.in_(bindparam("ids", expanding=True))
# Built once: building a statement takes longer than running it.
NEXT = (
    select(_booked.contact_id, func.min(_booked.starts_at))
    .where(_of_contacts, _booked.state == "booked", _booked.starts_at > bindparam("now"))
    .group_by(_booked.contact_id)
)
LAST = (
    select(_booked.contact_id, func.max(_booked.starts_at))
    .where(_of_contacts, _booked.state.in_(("booked", "done")), _booked.starts_at <= bindparam("now"))
    .group_by(_booked.contact_id)
)


def next_appointments(session: Session, contact_ids: Sequence[int]) -> Mapping[int, datetime]:
    """Contact id → start of the next booked appointment."""
    return _times(session, NEXT, contact_ids)


def last_appointments(session: Session, contact_ids: Sequence[int]) -> Mapping[int, datetime]:
    """Contact id → start of the last appointment that was kept, or not marked otherwise."""
    return _times(session, LAST, contact_ids)


def _times(session: Session, statement: Select[Any], contact_ids: Sequence[int]) -> Mapping[int, datetime]:
    found = session.connection().execute(statement, {"ids": contact_ids, "now": _now()}).all()
    return {row[0]: row[1] for row in found}


def booked_choices(session: Session) -> Sequence[Choice]:
    """What the filter offers."""
    return [
        Choice(value="yes", label="Has booked"),
        Choice(value="upcoming", label="Has an upcoming appointment"),
        Choice(value="no", label="Has never booked"),
    ]


def booked_predicate(value: str) -> ColumnElement[bool] | None:
    """The condition on contacts for one choice of the filter; cancelled appointments do not count."""
    kept = select(BookingAppointment.contact_id).where(NOT_CANCELLED, BookingAppointment.contact_id.is_not(None))
    if value == "yes":
        return Contact.id.in_(kept)
    if value == "upcoming":
        return Contact.id.in_(kept.where(BookingAppointment.state == "booked", BookingAppointment.starts_at > _now()))
    if value == "no":
        return Contact.id.not_in(kept)
    return None


def by_next(value: str) -> ColumnElement[bool] | None:
    """The condition on contacts for the day of their next booked appointment."""
    return _by_day(
        func.min(BookingAppointment.starts_at),
        value,
        BookingAppointment.state == "booked",
        BookingAppointment.starts_at > _now(),
    )


def by_last(value: str) -> ColumnElement[bool] | None:
    """The condition on contacts for the day of their last appointment that was kept, or not marked otherwise."""
    return _by_day(
        func.max(BookingAppointment.starts_at),
        value,
        BookingAppointment.state.in_(("booked", "done")),
        BookingAppointment.starts_at <= _now(),
    )


def _by_day(extreme: Any, value: str, *of_which: ColumnElement[bool]) -> ColumnElement[bool] | None:
    # Made anew for each question: what is next depends on the moment.
    found = (
        select(BookingAppointment.contact_id, extreme.label("starts_at"))
        .where(BookingAppointment.contact_id.is_not(None), *of_which)
        .group_by(BookingAppointment.contact_id)
        .subquery()
    )
    return comparison("date", found.c.starts_at, found.c.contact_id)(value)


@frozen(kw_only=True)
class BookedServices:
    """The panel „Gebuchte Services“: counts, what is next, soonest first, and what was, latest first."""

    contact_id: int
    total: int
    kept: int
    cancelled: int
    upcoming: Sequence[AppointmentView]
    past: Sequence[AppointmentView]


def booked_services(session: Session, contact_id: int) -> BookedServices | None:
    """What a contact has booked; None without any appointment."""
    now = _now()
    mine = BookingAppointment.contact_id == contact_id
    rows = session.execute(
        select(BookingAppointment.state, func.count()).where(mine).group_by(BookingAppointment.state)
    )
    counts = dict(rows.all())
    if not counts:
        return None
    upcoming = session.scalars(
        select(BookingAppointment)
        .where(mine, BookingAppointment.state == "booked", BookingAppointment.starts_at > now)
        .order_by(BookingAppointment.starts_at, BookingAppointment.id)
        .limit(IN_PANEL)
    )
    past = session.scalars(
        select(BookingAppointment)
        .where(mine, (BookingAppointment.starts_at <= now) | (BookingAppointment.state == "cancelled"))
        .order_by(BookingAppointment.starts_at.desc(), BookingAppointment.id.desc())
        .limit(IN_PANEL)
    )
    return BookedServices(
        contact_id=contact_id,
        total=sum(counts.values()),
        kept=counts.get("done", 0),
        cancelled=counts.get("cancelled", 0),
        upcoming=[appointment_view(one, now) for one in upcoming],
        past=[appointment_view(one, now) for one in past],
    )


def week_tile(session: Session) -> TileData | None:
    """Appointments of this week and the eleven before; they begin on Monday in the site's zone (ISO 8601)."""
    site = site_of(session)
    zone = site.settings.zone
    current = monday_of(site, _now())
    mondays = [current - timedelta(weeks=ago) for ago in reversed(range(WEEKS))]
    starts = session.scalars(
        select(BookingAppointment.starts_at).where(
            NOT_CANCELLED,
            BookingAppointment.starts_at >= moment(mondays[0], 0, zone),
            BookingAppointment.starts_at < moment(current + timedelta(weeks=1), 0, zone),
        )
    )
    counts = dict.fromkeys(mondays, 0)
    for starts_at in starts:
        counts[monday_of(site, starts_at)] += 1
    if not any(counts.values()) and session.scalar(select(BookingAppointment.id).limit(1)) is None:
        return None
    return TileData(
        value=counts[current],
        detail="By calendar week",
        series=[(str(monday.isocalendar().week), count) for monday, count in counts.items()],
    )
