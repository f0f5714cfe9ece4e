"""Two never get the same or an overlapping time (THREATS T-B7)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import Contact, Site
from plugins.booking import appointments, claims
from plugins.booking.appointments import SlotTaken, book_appointment, new_token
from plugins.booking.models import BookingAppointment, BookingClaim
from plugins.booking.services import find_service
from tests.plugins.booking.conftest import add_service

THREADS = 20


def race(site: Site, starts: list[tuple[str, datetime]], tokens: list[str] | None = None) -> list[object]:
    """Let as many visitors as `starts` book at once; answers what each got."""
    barrier = Barrier(len(starts))

    def visit(number: int) -> object:
        slug, starts_at = starts[number]
        barrier.wait()
        try:
            with site.begin() as session:
                return book_appointment(
                    session,
                    site,
                    find_service(session, slug),
                    starts_at=starts_at,
                    email=f"visitor{number}@example.org",
                    token=tokens[number] if tokens else new_token(),
                )
        except SlotTaken as taken:
            return taken

    with ThreadPoolExecutor(len(starts)) as pool:
        return list(pool.map(visit, range(len(starts))))


@pytest.fixture
def noon() -> datetime:
    day = datetime.now(UTC).date() + timedelta(days=3)
    return datetime.combine(day, time(12), ZoneInfo("Europe/Berlin")).astimezone(UTC)


def overlaps(site: Site) -> int:
    """How many pairs of appointments overlap."""
    with site.session() as session:
        rows = session.execute(select(BookingAppointment.starts_at, BookingAppointment.ends_at)).all()
    return sum(
        1
        for index, (starts, ends) in enumerate(rows)
        for other_starts, other_ends in rows[index + 1 :]
        if starts < other_ends and other_starts < ends
    )


def test_t_b7_one_of_many_gets_a_time(site: Site, noon: datetime) -> None:
    results = race(site, [("haircut", noon)] * THREADS)

    assert sum(not isinstance(result, SlotTaken) for result in results) == 1
    with site.session() as session:
        assert session.scalar(select(func.count()).select_from(BookingAppointment)) == 1
        assert session.scalar(select(func.count()).select_from(Contact)) == 1, "the others left nothing"
        assert session.scalar(select(func.count()).select_from(BookingClaim)) == 12


def test_t_b7_overlapping_times_of_two_services_are_never_both_booked(site: Site, noon: datetime) -> None:
    with site.begin() as session:
        add_service(session, "long", minutes=90, buffer_minutes=15)
    starts = [
        ("long" if number % 2 else "haircut", noon + timedelta(minutes=30 * (number % 5))) for number in range(THREADS)
    ]

    results = race(site, starts)

    assert any(not isinstance(result, SlotTaken) for result in results)
    assert overlaps(site) == 0


def test_t_b7_control_without_the_claims_many_get_the_same_time(
    site: Site, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "claim", lambda *arguments: True)

    race(site, [("haircut", noon)] * THREADS)

    assert overlaps(site) > 0, "this race would show a missing protection"


def test_t_p1_one_form_sent_many_times_at_once_books_once(site: Site, noon: datetime) -> None:
    token = new_token()

    results = race(site, [("haircut", noon)] * 8, [token] * 8)

    assert not any(isinstance(result, SlotTaken) for result in results)
    assert len({result.id for result in results}) == 1  # type: ignore[attr-defined]
    assert sum(result.replayed for result in results) == 7  # type: ignore[attr-defined]


def test_t_p1_one_form_sent_twice_books_once_when_the_first_ends_while_the_second_looks(
    site: Site, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = new_token()
    (first,) = race(site, [("haircut", noon)], [token])
    look, looks = appointments.find_by_token, []

    def find_by_token(session: Session, token: str) -> BookingAppointment | None:
        looks.append(token)
        # When the second looked first, the first had not ended.
        return None if len(looks) == 1 else look(session, token)

    monkeypatch.setattr(appointments, "find_by_token", find_by_token)
    (second,) = race(site, [("haircut", noon)], [token])

    assert not isinstance(second, SlotTaken)
    assert (second.id, second.replayed) == (first.id, True)  # type: ignore[attr-defined]
