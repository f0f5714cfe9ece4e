"""Choosing a day and a time: what visitors and staff see of a service's free times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from attrs import frozen
from sqlalchemy.orm import Session

from core import Request
from plugins.booking.models import BookingService
from plugins.booking.slots import Slot, bookable_days, free_days, next_free_day

NOON, EVENING = 12, 17


@frozen(kw_only=True)
class DayTab:
    """A day of the week shown, and how many times are free on it."""

    day: date
    href: str
    free: int
    current: bool


@frozen(kw_only=True)
class Time:
    """A free time as a link (`href`) or as a choice of a form (`value`)."""

    label: str
    value: str
    href: str


@frozen(kw_only=True)
class Picker:
    """A week of days, and the free times of the one that is chosen, by parts of the day.

    `days` are all free times of the week by day, for a form that must not be left to see another day.
    `next_free` is the first later day with a free time, looked for only when the chosen day has none.
    """

    day: date
    week: Sequence[DayTab]
    previous: str | None
    following: str | None
    parts: Sequence[tuple[str, Sequence[Time]]]
    days: Sequence[tuple[date, Sequence[Time]]]
    next_free: date | None
    next_free_href: str


def write_start(starts_at: datetime) -> str:
    """A start as it stands in addresses and forms: ISO 8601 in UTC, to the minute."""
    return f"{starts_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def read_start(text: str) -> datetime | None:
    """What `write_start` wrote; None for anything else."""
    try:
        starts_at = datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    # Near the ends of what a datetime can hold, another zone would push it over.
    return starts_at if 1970 <= starts_at.year < 9999 else None


def read_day(text: str) -> date | None:
    """A date in ISO 8601; None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def time_label(request: Request, starts_at: datetime) -> str:
    """The time of day, with the zone's short name in the hour that comes twice when the clock is put back."""
    zone = request.site.settings.zone
    local = starts_at.astimezone(zone)
    other = local.replace(fold=1 - local.fold)
    label = request.language.time(starts_at)
    return label if local.utcoffset() == other.utcoffset() else f"{label} {local.tzname()}"


def make_picker(
    request: Request,
    session: Session,
    service: BookingService,
    wanted: str,
    *,
    day_href: Callable[[date], str],
    slot_href: Callable[[Slot], str],
    staff: bool = False,
    now: datetime | None = None,
) -> Picker:
    """The week around the day `wanted`, as the address names it; else around the first with a free time."""
    site = request.site
    now = now or datetime.now(UTC)
    first, last = bookable_days(site, service, now, staff=staff)
    day = read_day(wanted) or next_free_day(session, site, service, now=now, staff=staff) or first
    day = max(first, min(day, last))
    monday = day - timedelta(days=day.weekday())
    week = free_days(session, site, service, monday, monday + timedelta(days=6), now, staff=staff)
    following = None if week[day] else next_free_day(session, site, service, day, now, staff=staff)

    def time(slot: Slot) -> Time:
        return Time(
            label=time_label(request, slot.starts_at),
            value=write_start(slot.starts_at),
            href=slot_href(slot),
        )

    parts: dict[str, list[Time]] = {}
    for slot in week[day]:
        hour = slot.starts_at.astimezone(site.settings.zone).hour
        part = "Morning" if hour < NOON else "Afternoon" if hour < EVENING else "Evening"
        parts.setdefault(part, []).append(time(slot))
    return Picker(
        day=day,
        week=[
            DayTab(day=one, href=day_href(one), free=len(slots), current=one == day)
            for one, slots in week.items()
            if first <= one <= last
        ],
        previous=day_href(max(first, monday - timedelta(days=7))) if monday > first else None,
        following=day_href(monday + timedelta(days=7)) if monday + timedelta(days=7) <= last else None,
        parts=list(parts.items()),
        days=[(one, [time(slot) for slot in slots]) for one, slots in week.items() if slots],
        next_free=following,
        next_free_href=day_href(following) if following else "",
    )
