"""A customer's own appointments in the Client Zone (FEATURES K4, B2): see them, call them off, move them.

Both are possible until the service's lead time before the appointment: whoever may book no later than a day ahead may
change no later than that, too. A new time is one of those that can be booked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from attrs import frozen
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import VISITOR, Conflict, FormInput, NotFound, Request, ZoneSection, get, post
from plugins.booking.appointments import SlotTaken, cancel_appointment, last_change, move_appointment
from plugins.booking.models import BookingAppointment, BookingService
from plugins.booking.picker import make_picker, read_start, time_label, write_start
from plugins.booking.slots import Slot
from plugins.booking.views import AppointmentView, appointment_view

APPOINTMENTS = "/account/appointments"
ONE = APPOINTMENTS + "/{appointment_id:int}"
SHOWN = 100
ON_CARD = 3


@frozen(kw_only=True)
class OwnAppointment:
    """An appointment as its customer sees it.

    `until` is when it can be changed last, None when it can't be any more; `can_move`: its service is still offered.
    """

    view: AppointmentView
    until: datetime | None
    can_move: bool

    @property
    def address(self) -> str:
        """What its pages begin with."""
        return f"{APPOINTMENTS}/{self.view.id}"


def zone_sections() -> list[ZoneSection]:
    """„Ihre Termine“."""
    return [
        ZoneSection(
            key="booking.appointments",
            label="Your appointments",
            href=APPOINTMENTS,
            icon="calendar",
            description="You have no upcoming appointment.",
            template="booking/zone_card.html",
            load=_next,
            order=200,
        )
    ]


def _next(session: Session, contact_id: int) -> Sequence[AppointmentView] | None:
    now = datetime.now(UTC)
    statement = (
        select(BookingAppointment)
        .where(
            BookingAppointment.contact_id == contact_id,
            BookingAppointment.state == "booked",
            BookingAppointment.starts_at > now,
        )
        .order_by(BookingAppointment.starts_at, BookingAppointment.id)
        .limit(ON_CARD)
    )
    return [appointment_view(one, now) for one in session.scalars(statement)] or None


@get(APPOINTMENTS, customer=True)
def own_appointments(request: Request) -> Response[str]:
    """The appointments to come, soonest first, and those before, latest first."""
    now = datetime.now(UTC)
    with request.site.session() as session:
        rows = session.execute(
            select(BookingAppointment, BookingService)
            .outerjoin(BookingService, BookingService.id == BookingAppointment.service_id)
            .where(BookingAppointment.contact_id == request.customer.contact_id)
            .order_by(BookingAppointment.starts_at.desc(), BookingAppointment.id.desc())
            .limit(SHOWN)
        )
        all_of_them = [_own(request, one, service, now) for one, service in rows]
    upcoming = [one for one in all_of_them if one.view.state == "booked" and one.view.starts_at > now]
    return request.page(
        "booking/zone_appointments.html",
        upcoming=upcoming[::-1],
        past=[one for one in all_of_them if one not in upcoming],
    )


def _own(
    request: Request, appointment: BookingAppointment, service: BookingService | None, now: datetime
) -> OwnAppointment:
    until = last_change(appointment, service)
    open_now = appointment.state == "booked" and until > now
    return OwnAppointment(
        view=appointment_view(appointment, now, time_label(request, appointment.starts_at)),
        until=until if open_now else None,
        can_move=open_now and service is not None and service.active,
    )


def _find(session: Session, request: Request, appointment_id: int) -> tuple[BookingAppointment, BookingService | None]:
    """One of the own appointments. Raises NotFound for anybody else's."""
    statement = select(BookingAppointment).where(
        BookingAppointment.id == appointment_id, BookingAppointment.contact_id == request.customer.contact_id
    )
    appointment = session.scalar(statement)
    if appointment is None:
        raise NotFound("There is no such appointment.")
    service = session.get(BookingService, appointment.service_id) if appointment.service_id is not None else None
    return appointment, service


def _check_open(appointment: BookingAppointment, service: BookingService | None) -> None:
    if appointment.state != "booked" or last_change(appointment, service) <= datetime.now(UTC):
        raise Conflict("This appointment can’t be changed here any more. Please get in touch with us.")


@get(f"{ONE}/cancel", customer=True)
def ask_cancel(request: Request, appointment_id: FromPath[int]) -> Response[str]:
    """Ask before an appointment is called off."""
    with request.site.session() as session:
        appointment, service = _find(session, request, appointment_id)
        _check_open(appointment, service)
        own = _own(request, appointment, service, datetime.now(UTC))
    return request.page("booking/zone_cancel.html", own=own)


@post(f"{ONE}/cancel", customer=True, max_body=10_000)
def cancel(request: Request, appointment_id: FromPath[int]) -> Redirect:
    """Call an appointment off."""
    site = request.site
    with site.begin() as session:
        appointment, service = _find(session, request, appointment_id)
        _check_open(appointment, service)
        cancel_appointment(session, site, appointment_id, actor=VISITOR)
    return request.redirect(APPOINTMENTS, "Your appointment is cancelled.")


@get(f"{ONE}/move", customer=True)
def choose_time(
    request: Request, appointment_id: FromPath[int], day: FromQuery[str] = "", at: FromQuery[str] = ""
) -> Response[str]:
    """The free times; one that was chosen is asked about."""
    return _times(request, appointment_id, day, read_start(at))


def _times(
    request: Request, appointment_id: int, day: str, chosen: datetime | None, *, taken: bool = False
) -> Response[str]:
    address = f"{APPOINTMENTS}/{appointment_id}/move"
    zone = request.site.settings.zone
    if chosen is not None and not day:
        day = chosen.astimezone(zone).date().isoformat()

    def day_href(one: date) -> str:
        return f"{address}?{urlencode({'day': one.isoformat()})}"

    def slot_href(slot: Slot) -> str:
        return f"{address}?{urlencode({'at': write_start(slot.starts_at)})}#confirm"

    with request.site.session() as session:
        appointment, service = _find(session, request, appointment_id)
        _check_open(appointment, service)
        if service is None or not service.active:
            raise Conflict("This appointment can’t be changed here any more. Please get in touch with us.")
        picker = make_picker(request, session, service, day, day_href=day_href, slot_href=slot_href)
        own = _own(request, appointment, service, datetime.now(UTC))
        ends_at = chosen + timedelta(minutes=service.minutes) if chosen else None
    return request.page(
        "booking/zone_move.html",
        status=409 if taken else 200,
        own=own,
        picker=picker,
        chosen=None if taken else chosen,
        ends_at=ends_at,
        time=time_label(request, chosen) if chosen else "",
        at=write_start(chosen) if chosen else "",
        taken=taken,
    )


@post(f"{ONE}/move", customer=True, max_body=10_000)
def move(request: Request, appointment_id: FromPath[int], form: FormInput) -> Response[str] | Redirect:
    """Move an appointment to another free time; the old one is free again."""
    site, starts_at = request.site, read_start(form.text("at"))
    if starts_at is None:
        return _times(request, appointment_id, "", None)
    try:
        with site.begin() as session:
            appointment, service = _find(session, request, appointment_id)
            _check_open(appointment, service)
            move_appointment(session, site, appointment_id, starts_at, actor=VISITOR)
    except SlotTaken:
        return _times(request, appointment_id, "", starts_at, taken=True)
    return request.redirect(
        APPOINTMENTS,
        "Your appointment is now on %(day)s at %(time)s.",
        day=request.language.date(starts_at),
        time=time_label(request, starts_at),
    )


ROUTES: list[Any] = [own_appointments, ask_cancel, cancel, choose_time, move]
