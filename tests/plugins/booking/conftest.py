"""A site with the booking plugin, its calendar open every day from nine to five, and a service of an hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from core import Site
from core.testing import make_site
from plugins.booking import plugin
from plugins.booking.hours import Span, save_week
from plugins.booking.models import BookingService
from plugins.booking.services import ServiceData, get_service, save_service

NINE_TO_FIVE = (Span(9 * 60, 17 * 60),)

MakeSite = Callable[..., Site]


def add_service(
    session: Session,
    slug: str = "haircut",
    *,
    minutes: int = 60,
    buffer_minutes: int = 0,
    lead_hours: int = 0,
    days_ahead: int = 60,
    active: bool = True,
    name: str = "",
) -> BookingService:
    service_id = save_service(
        session,
        ServiceData(
            name=name or slug.title(),
            slug=slug,
            minutes=minutes,
            buffer_minutes=buffer_minutes,
            lead_hours=lead_hours,
            days_ahead=days_ahead,
            active=active,
        ),
    )
    return get_service(session, service_id)


@pytest.fixture
def make_booking_site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[MakeSite]:
    """`make_booking_site(timezone=…)`: a site with the tables made, and nothing in them."""
    made: list[Site] = []

    def prepare(url: str) -> None:
        make_site(tmp_path / "template", plugin, database_url=url).close()

    def make(*plugins: object, **settings: object) -> Site:
        url = fresh_database("booking", prepare)
        made.append(make_site(tmp_path, plugin, *plugins, database_url=url, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture
def site(make_booking_site: MakeSite) -> Site:
    site = make_booking_site()
    with site.begin() as session:
        save_week(session, [NINE_TO_FIVE] * 7)
        add_service(session)
    return site


@pytest.fixture
def soon() -> date:
    """A day that can be booked now."""
    return datetime.now(UTC).date() + timedelta(days=3)
