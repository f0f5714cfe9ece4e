"""Opening hours: what people type, and which moments it means on a given day (THREATS T-B8).

Hours are minutes since midnight on the wall clock of the site's zone. On a day when the clock is put forward,
a time that does not exist means the moment of the change; when it is put back, a time that comes twice means
the first. So a later time never means an earlier moment, spans that don't overlap on the wall don't overlap
in fact, and no hour is lost or doubled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from attrs import frozen
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import InvalidInput, upsert
from plugins.booking.claims import UNIT
from plugins.booking.models import BookingException, BookingWeekday

MIDNIGHT = 24 * 60
MAX_DAYS = 366
"""How many days one entry of exceptions may cover."""

_SPAN = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(?:-|–|—|bis|to)\s*(\d{1,2})(?:[:.](\d{2}))?")
_WORDS = re.compile(r"\b(uhr|h)\b", re.IGNORECASE)


@frozen(order=True)
class Span:
    """Open from `opens` to `closes`, in minutes since midnight; 1440 is the end of the day."""

    opens: int
    closes: int

    def __str__(self) -> str:
        return f"{_clock(self.opens)}–{_clock(self.closes)}"


@frozen
class Hours:
    """When the calendar is open: seven weekdays from Monday on, and the dates that differ."""

    weekdays: tuple[tuple[Span, ...], ...]
    exceptions: dict[date, tuple[Span, ...]]

    def on(self, day: date) -> tuple[Span, ...]:
        """The spans of one day."""
        return self.exceptions.get(day, self.weekdays[day.weekday()])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def read_spans(text: str, field: str) -> tuple[Span, ...]:
    """Read hours as typed: „9-12, 14:00–18:30“; empty means closed. Raises InvalidInput naming the field."""
    spans = []
    for part in re.split(r"[,;\n]|\bund\b|\band\b", text[:500]):
        typed = _WORDS.sub("", part).strip()
        if not typed:
            continue
        match = _SPAN.fullmatch(typed)
        if match is None:
            raise InvalidInput(
                "Write hours such as 9:00–12:00, 14:00–18:30. '%(part)s' can't be read.",
                field=field,
                part=typed[:40],
            )
        opens, closes = (int(match[i]) * 60 + int(match[i + 1] or 0) for i in (1, 3))
        if closes > MIDNIGHT or int(match[2] or 0) > 59 or int(match[4] or 0) > 59:
            raise InvalidInput("'%(part)s' is no time of day.", field=field, part=typed[:40])
        if opens >= closes:
            raise InvalidInput("'%(part)s' ends before it begins.", field=field, part=typed[:40])
        if opens % UNIT or closes % UNIT:
            raise InvalidInput("Use times in steps of %(minutes)s minutes.", field=field, minutes=UNIT)
        spans.append(Span(opens, closes))
    spans.sort()
    for before, after in pairwise(spans):
        if after.opens < before.closes:
            raise InvalidInput("%(first)s and %(second)s overlap.", field=field, first=str(before), second=str(after))
    return tuple(spans)


def write_spans(spans: Sequence[Span]) -> str:
    """Hours as they are shown and can be typed again."""
    return ", ".join(str(span) for span in spans)


def moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, when the wall clock shows `minutes` after midnight of `day` (1440: the next)."""
    wall = datetime.combine(day + timedelta(days=minutes // MIDNIGHT), time(), None) + timedelta(
        minutes=minutes % MIDNIGHT
    )
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # The clock jumps over this time. Read with the offset from before the jump it lies after it, read with
    # the one from after the jump before it; in between, by the minute, is the jump itself.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def open_times(hours: Hours, day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """When the calendar is open on `day`, as moments in UTC; spans that meet are one, empty ones left out."""
    times: list[tuple[datetime, datetime]] = []
    for span in hours.on(day):
        opens, closes = moment(day, span.opens, zone), moment(day, span.closes, zone)
        if opens >= closes:
            continue
        if times and times[-1][1] == opens:
            times[-1] = (times[-1][0], closes)
        else:
            times.append((opens, closes))
    return times


# Stored hours


def read_hours(session: Session, first: date, last: date) -> Hours:
    """The hours of the week, and the exceptions from `first` to `last`."""
    rows = session.execute(select(BookingWeekday.weekday, BookingWeekday.hours))
    weekdays = dict(rows.all())
    exceptions = session.execute(
        select(BookingException.day, BookingException.hours).where(BookingException.day.between(first, last))
    )
    return Hours(
        weekdays=tuple(_spans(weekdays.get(weekday, [])) for weekday in range(7)),
        exceptions={day: _spans(hours) for day, hours in exceptions},
    )


def _spans(stored: Sequence[Sequence[int]]) -> tuple[Span, ...]:
    return tuple(Span(opens, closes) for opens, closes in stored)


def _stored(spans: Sequence[Span]) -> list[list[int]]:
    return [[span.opens, span.closes] for span in spans]


def save_week(session: Session, weekdays: Sequence[Sequence[Span]]) -> None:
    """Save the hours of the week, from Monday on."""
    for weekday, spans in enumerate(weekdays):
        hours = _stored(spans)
        session.execute(
            upsert(
                session,
                BookingWeekday,
                {"weekday": weekday, "hours": hours},
                keys=["weekday"],
                update={"hours": hours},
            )
        )


def save_exceptions(session: Session, first: date, last: date, spans: Sequence[Span], note: str = "") -> list[date]:
    """Let every date from `first` to `last` have these hours instead of its weekday's; answers the dates.

    Raises InvalidInput when `last` is before `first` or more than a year later.
    """
    if last < first:
        raise InvalidInput("The last day is before the first.", field="last")
    if (last - first).days >= MAX_DAYS:
        raise InvalidInput("Choose a year at most.", field="last")
    days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
    changed = {"hours": _stored(spans), "note": note}
    for day in days:
        session.execute(upsert(session, BookingException, {"day": day, **changed}, keys=["day"], update=changed))
    return days


def remove_exception(session: Session, day: date) -> None:
    """Let a date have its weekday's hours again."""
    session.execute(delete(BookingException).where(BookingException.day == day))
