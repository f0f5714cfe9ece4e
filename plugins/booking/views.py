"""What the pages show of services and appointments: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import frozen

from core import Money
from plugins.booking.models import BookingAppointment, BookingService, State

STATE_LABELS: Mapping[State, str] = {
    "booked": "Booked",
    "cancelled": "Called off",
    "done": "Took place",
    "no_show": "Did not come",
}
"""State → its name for people, a message id."""

STATE_SIGNS: Mapping[State, tuple[str, str]] = {
    "booked": ("blue", "calendar"),
    "cancelled": ("neutral", "x"),
    "done": ("green", "check"),
    "no_show": ("amber", "warning"),
}
"""State → tone and icon of its badge."""


@frozen(kw_only=True)
class ServiceView:
    """A service."""

    id: int
    name: str
    slug: str
    description: str
    minutes: int
    buffer_minutes: int
    price: Money | None
    lead_hours: int
    days_ahead: int
    active: bool


@frozen(kw_only=True)
class AppointmentView:
    """An appointment; `state_label` is a message id, `can_close`: it has begun and was not cancelled."""

    id: int
    reference: str
    service: str
    price: Money | None
    starts_at: datetime
    ends_at: datetime
    time: str
    state: State
    state_label: str
    state_tone: str
    state_icon: str
    contact_id: int | None
    who: str
    email: str
    name: str
    phone: str
    note: str
    booked_at: datetime
    booked_by: str
    cancelled_at: datetime | None
    can_close: bool
    href: str


def service_view(service: BookingService) -> ServiceView:
    """The values of a service."""
    return ServiceView(
        id=service.id,
        name=service.name,
        slug=service.slug,
        description=service.description,
        minutes=service.minutes,
        buffer_minutes=service.buffer_minutes,
        price=service.price,
        lead_hours=service.lead_hours,
        days_ahead=service.days_ahead,
        active=service.active,
    )


def appointment_view(appointment: BookingAppointment, now: datetime, time: str = "") -> AppointmentView:
    """The values of an appointment at `now`; `time` is its time of day as it is shown."""
    tone, icon = STATE_SIGNS[appointment.state]
    return AppointmentView(
        id=appointment.id,
        reference=appointment.reference,
        service=appointment.service_name,
        price=appointment.price,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        time=time,
        state=appointment.state,
        state_label=STATE_LABELS[appointment.state],
        state_tone=tone,
        state_icon=icon,
        contact_id=appointment.contact_id,
        who=appointment.name or appointment.email,
        email=appointment.email,
        name=appointment.name,
        phone=appointment.phone,
        note=appointment.note,
        booked_at=appointment.booked_at,
        booked_by=appointment.booked_by,
        cancelled_at=appointment.cancelled_at,
        can_close=appointment.state != "cancelled" and appointment.starts_at <= now,
        href=f"/dashboard/booking/appointments/{appointment.id}",
    )
