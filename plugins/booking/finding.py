"""Appointments and services in the search for everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import SearchHit, SearchSource, fold
from plugins.booking.models import BookingAppointment, BookingService

UPCOMING = 500
"""Of so many upcoming appointments, the soonest, names are looked through."""


def search_sources() -> list[SearchSource]:
    """Appointments and services."""
    return [
        SearchSource(
            key="booking.appointments",
            label="Appointments",
            search=find_appointments,
            permission="booking.appointments",
            order=300,
        ),
        SearchSource(
            key="booking.services", label="Services", search=find_services, permission="booking.services", order=301
        ),
    ]


def find_appointments(session: Session, text: str, limit: int) -> Sequence[SearchHit]:
    """The appointment with this number, then upcoming ones by person, address or service, the soonest first."""
    of = BookingAppointment
    words = fold(text).split()
    columns = select(of.id, of.name, of.email, of.service_name, of.starts_at)
    found: list[Any] = []
    if text.isascii() and text.isdigit() and len(text) < 10:
        found += session.execute(columns.where(of.id == int(text) - 1000)).all()
    upcoming = columns.where(of.starts_at > datetime.now(UTC), of.state == "booked")
    for row in session.execute(upcoming.order_by(of.starts_at, of.id).limit(UPCOMING)):
        if all(word in fold(f"{row.name} {row.email} {row.service_name}") for word in words):
            found.append(row)
    return [
        SearchHit(
            title=row.name or row.email,
            detail=row.service_name,
            at=row.starts_at,
            href=f"/dashboard/booking/appointments/{row.id}",
            icon="calendar",
        )
        for row in found[:limit]
    ]


def find_services(session: Session, text: str, limit: int) -> Sequence[SearchHit]:
    """Services with every word in their name."""
    words = fold(text).split()
    rows = session.execute(
        select(BookingService.id, BookingService.name).order_by(BookingService.active.desc(), BookingService.name)
    )
    found = [row for row in rows if all(word in fold(row.name) for word in words)]
    return [
        SearchHit(title=row.name, href=f"/dashboard/booking/services/{row.id}", icon="calendar")
        for row in found[:limit]
    ]
