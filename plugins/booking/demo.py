"""The demonstration: a bakery's courses and consultations, booked over two years by the same use cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from attrs import frozen
from sqlalchemy.orm import Session

from core import SYSTEM, VISITOR, Demo, DemoPerson, Money, Site
from plugins.booking.appointments import book_appointment, cancel_appointment, close_appointment
from plugins.booking.hours import Span, save_exceptions, save_week
from plugins.booking.models import BookingService
from plugins.booking.services import ServiceData, all_services, make_slug, save_service
from plugins.booking.slots import free_days

YEARS = timedelta(days=730)
MOST_PEOPLE = 290
BATCH = 40
"""Appointments in one transaction."""


def _service(
    name: str, description: str, minutes: int, buffer: int, euros: int | None, lead: int, ahead: int
) -> ServiceData:
    return ServiceData(
        name=name,
        slug=make_slug(name),
        description=description,
        minutes=minutes,
        buffer_minutes=buffer,
        price=None if euros is None else Money(minor=euros * 100, currency="EUR"),
        lead_hours=lead,
        days_ahead=ahead,
    )


SERVICES = (
    _service(
        "Backkurs Sauerteig",
        "Vom Ansatz bis zum fertigen Laib: ein Nachmittag in der Backstube, mit Brot für zu Hause.",
        180,
        30,
        89,
        24,
        90,
    ),
    _service(
        "Backkurs Croissants",
        "Touren, ruhen lassen, formen. Am Ende nehmen Sie ein Dutzend Croissants mit.",
        150,
        30,
        79,
        24,
        90,
    ),
    _service(
        "Plätzchen backen für Familien",
        "Zwei Stunden für ein Kind und einen Erwachsenen, mit allen Zutaten.",
        120,
        30,
        45,
        24,
        60,
    ),
    _service(
        "Beratung Hochzeitstorte",
        "Wir besprechen Größe, Füllung und Dekor und probieren drei Böden.",
        60,
        15,
        25,
        12,
        120,
    ),
    _service(
        "Beratung Feier und Buffet",
        "Für Firmenfeiern, Taufen und runde Geburtstage: Mengen, Auswahl, Lieferung.",
        45,
        15,
        None,
        4,
        60,
    ),
    _service(
        "Brotberatung bei Unverträglichkeit",
        "Welche Brote ohne Weizen, Gluten oder Laktose passen, mit Kostproben.",
        30,
        0,
        15,
        2,
        45,
    ),
)


@frozen
class _Plan:
    """When somebody books."""

    when: datetime
    person: DemoPerson


def make_history(site: Site, demo: Demo) -> None:
    """Services, opening hours, and appointments of a share of the demonstration's people, some to come."""
    with site.begin() as session:
        for service in SERVICES:
            save_service(session, service)
        _open(session, demo.now.astimezone(site.settings.zone).date())
    plans = _plans(demo)
    for first in range(0, len(plans), BATCH):
        with site.begin() as session:
            services = all_services(session)
            for plan in plans[first : first + BATCH]:
                _book(session, site, demo, services, plan)


def _open(session: Session, today: date) -> None:
    afternoon = (Span(10 * 60, 13 * 60), Span(14 * 60, 18 * 60))
    save_week(session, [(), afternoon, afternoon, afternoon, afternoon, (Span(9 * 60, 14 * 60),), ()])
    for year in range(today.year - 2, today.year + 2):
        save_exceptions(session, date(year, 12, 24), date(year, 12, 26), (), "Weihnachten")
        save_exceptions(session, date(year, 1, 1), date(year, 1, 1), (), "Neujahr")
    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=5)
    save_exceptions(session, monday, monday + timedelta(days=6), (), "Betriebsferien")


def _plans(demo: Demo) -> list[_Plan]:
    """When which people book, in the order of time; some book again and again, and some did only lately."""
    random = demo.random
    people = random.sample(list(demo.people), min(len(demo.people), MOST_PEOPLE))
    plans = []
    for person in people:
        earliest = max(person.since, demo.now - YEARS)
        for number in range(random.choices((1, 2, 3, 5), (60, 22, 12, 6))[0]):
            share = random.random() if number else random.random() ** 2 * 0.3
            plans.append(_Plan(earliest + (demo.now - earliest) * share, person))
    regulars = random.sample(people, min(len(people), 14))
    plans += [
        _Plan(max(person.since, demo.now - timedelta(hours=random.randint(2, 190))), person) for person in regulars
    ]
    return sorted(plans, key=lambda plan: (plan.when, plan.person.email))


def _book(session: Session, site: Site, demo: Demo, services: Sequence[BookingService], plan: _Plan) -> None:
    """Book one free time, and say what became of it when it lies in the past."""
    random = demo.random
    service = random.choice(services)
    booked_at = plan.when.astimezone(UTC)
    first = booked_at.astimezone(site.settings.zone).date() + timedelta(days=random.randint(1, 24))
    days = free_days(session, site, service, first, first + timedelta(days=6), booked_at)
    slots = [slot for of_day in days.values() for slot in of_day]
    if not slots:
        return
    booked = book_appointment(
        session,
        site,
        service,
        starts_at=random.choice(slots).starts_at,
        email=plan.person.email,
        details=plan.person.details,
        token=f"demo-{random.getrandbits(128):032x}",
        now=booked_at,
    )
    fate = random.random()
    cancelled_at = booked_at + (booked.starts_at - booked_at) * random.random()
    if fate < 0.08 and cancelled_at <= demo.now:
        cancel_appointment(session, site, booked.id, actor=VISITOR, now=cancelled_at)
    elif booked.starts_at + timedelta(minutes=service.minutes) <= demo.now:
        ended_at = booked.starts_at + timedelta(minutes=service.minutes)
        close_appointment(session, site, booked.id, "no_show" if fate > 0.96 else "done", actor=SYSTEM, now=ended_at)
