"""The staff's pages of appointments: the list by weeks, one appointment, booking on a contact's behalf."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, get_args
from urllib.parse import urlencode

from attrs import frozen
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core import (
    CaptureRejected,
    Contact,
    Form,
    FormInput,
    InvalidInput,
    NotFound,
    Request,
    get,
    post,
)
from plugins.booking.appointment_list import When, count_upcoming, monday_of, read_cursor, read_list
from plugins.booking.appointments import (
    SlotTaken,
    book_appointment,
    cancel_appointment,
    close_appointment,
)
from plugins.booking.models import BookingAppointment
from plugins.booking.picker import make_picker, read_start, time_label, write_start
from plugins.booking.public_pages import MAX_NOTE, issue_token, read_token
from plugins.booking.services import all_services, get_service
from plugins.booking.slots import Slot
from plugins.booking.views import AppointmentView, appointment_view, service_view

LIST = "/dashboard/booking/appointments"


@frozen(kw_only=True)
class Week:
    """A week of the list: its Monday and Sunday, its number (ISO 8601), and its appointments."""

    first: date
    last: date
    number: int
    appointments: Sequence[AppointmentView]


@get(["/dashboard/booking", LIST], permission="booking.appointments")
def appointments_page(
    request: Request, when: FromQuery[str] = "", after: FromQuery[str] = "", before: FromQuery[str] = ""
) -> Response[str]:
    """The appointments by weeks: upcoming, past, all."""
    site, now = request.site, datetime.now(UTC)
    shown: When = when if when in get_args(When) else "upcoming"  # type: ignore[assignment]
    with site.session() as session:
        page = read_list(session, shown, now, after=read_cursor(after), before=read_cursor(before))
        upcoming = count_upcoming(session, now)
        has_services = bool(all_services(session, active_only=True))
    views = [appointment_view(one, now, time_label(request, one.starts_at)) for one in page.appointments]
    weeks = [
        Week(
            first=monday,
            last=monday + timedelta(days=6),
            number=monday.isocalendar().week,
            appointments=list(group),
        )
        for monday, group in groupby(views, key=lambda view: monday_of(site, view.starts_at))
    ]

    def href(**place: object) -> str:
        return f"{LIST}?{urlencode({'when': shown, **place})}"

    return request.page(
        "booking/appointments.html",
        when=shown,
        weeks=weeks,
        upcoming=upcoming,
        has_services=has_services,
        previous=href(before=page.previous) if page.previous else None,
        following=href(after=page.following) if page.following else None,
    )


@get(LIST + "/{appointment_id:int}", permission="booking.appointments")
def appointment_page(request: Request, appointment_id: FromPath[int]) -> Response[str]:
    """One appointment."""
    return request.page("booking/appointment.html", appointment=_view(request, appointment_id))


def _view(request: Request, appointment_id: int) -> AppointmentView:
    with request.site.session() as session:
        appointment = session.get(BookingAppointment, appointment_id)
        if appointment is None:
            raise NotFound("There is no such appointment.")
        return appointment_view(appointment, datetime.now(UTC), time_label(request, appointment.starts_at))


@get(LIST + "/{appointment_id:int}/cancel", permission="booking.appointments")
def cancel_page(request: Request, appointment_id: FromPath[int]) -> Response[str] | Redirect:
    """Ask before an appointment is called off."""
    view = _view(request, appointment_id)
    if view.state != "booked":
        return Redirect(view.href, status_code=303)
    return request.page("booking/cancel.html", appointment=view)


@post(LIST + "/{appointment_id:int}/cancel", permission="booking.appointments")
def cancel(request: Request, appointment_id: FromPath[int]) -> Redirect:
    """Call an appointment off."""
    with request.site.begin() as session:
        appointment = cancel_appointment(session, request.site, appointment_id, actor=request.actor)
    return request.redirect(
        f"{LIST}/{appointment_id}",
        "Appointment %(reference)s is cancelled. Its time is free again.",
        reference=appointment.reference,
    )


@post(LIST + "/{appointment_id:int}/state", permission="booking.appointments")
def close(request: Request, appointment_id: FromPath[int], form: FormInput) -> Redirect:
    """Say what became of an appointment."""
    state = form.text("state")
    if state not in ("done", "no_show"):
        raise InvalidInput("Choose what became of the appointment.", field="state")
    with request.site.begin() as session:
        close_appointment(
            session,
            request.site,
            appointment_id,
            "done" if state == "done" else "no_show",
            actor=request.actor,
        )
    return request.redirect(f"{LIST}/{appointment_id}", "Saved.")


@get("/dashboard/booking/contacts/{contact_id:int}/book", permission="booking.appointments")
def book_for_page(
    request: Request,
    contact_id: FromPath[int],
    service: FromQuery[str] = "",
    day: FromQuery[str] = "",
    at: FromQuery[str] = "",
) -> Response[str]:
    """Book on a contact's behalf: service, day, time and note on one page."""
    return _book_for(request, contact_id, Form(), service, day, at)


def _book_for(
    request: Request,
    contact_id: int,
    form: Form,
    service_text: str,
    day: str,
    at: str,
    *,
    status: int = 200,
    taken: bool = False,
) -> Response[str]:
    address = f"/dashboard/booking/contacts/{contact_id}/book"
    starts_at = read_start(at)
    if starts_at is not None and not day:
        day = starts_at.astimezone(request.site.settings.zone).date().isoformat()

    def href(**values: object) -> str:
        return f"{address}?{urlencode(values)}"

    with request.site.session() as session:
        contact = session.get(Contact, contact_id)
        if contact is None:
            raise NotFound("There is no such contact.")
        services = all_services(session, active_only=True)
        chosen = next((one for one in services if str(one.id) == service_text), None)
        picker = None
        if chosen is None and len(services) == 1:
            chosen = services[0]
        if chosen is not None:
            service_id = chosen.id

            def slot_href(slot: Slot) -> str:
                return href(service=service_id, at=write_start(slot.starts_at)) + "#confirm"

            picker = make_picker(
                request,
                session,
                chosen,
                day,
                day_href=lambda one: href(service=service_id, day=one.isoformat()),
                slot_href=slot_href,
                staff=True,
            )
            offered = {time.value for _, times in picker.parts for time in times}
            if starts_at is not None and write_start(starts_at) not in offered:
                starts_at, taken = None, True
        values: dict[str, Any] = {
            "who": contact.name or contact.email,
            "email": contact.email,
            "services": [service_view(one) for one in services],
            "chosen": service_view(chosen) if chosen else None,
        }
    return request.page(
        "booking/book_for.html",
        status=409 if taken else status,
        **values,
        contact_id=contact_id,
        service_hrefs={one.id: href(service=one.id) for one in services},
        picker=picker,
        taken=taken,
        starts_at=starts_at,
        time=time_label(request, starts_at) if starts_at else "",
        at=write_start(starts_at) if starts_at else "",
        action=address,
        values=form.values,
        errors=form.errors,
        token=form.text("token") or issue_token(request),
    )


@post("/dashboard/booking/contacts/{contact_id:int}/book", permission="booking.appointments")
def book_for(request: Request, contact_id: FromPath[int], form: FormInput) -> Response[str] | Redirect:
    """Book on a contact's behalf; the person becomes a customer (FEATURES C4), their details stay."""
    site = request.site
    starts_at = read_start(form.text("at"))
    note = form.text("note", multiline=True)
    service_id = form.whole_number("service") or 0
    if len(note) > MAX_NOTE:
        form.fail(InvalidInput("This is too long: %(max)s characters at most.", field="note", max=MAX_NOTE))
    if form.errors or starts_at is None:
        return _book_for(request, contact_id, form, form.text("service"), "", form.text("at"), status=422)
    try:
        with site.begin() as session:
            contact = session.get(Contact, contact_id)
            if contact is None:
                raise NotFound("There is no such contact.")
            booked = book_appointment(
                session,
                site,
                get_service(session, service_id),
                starts_at=starts_at,
                email=contact.email,
                note=note,
                token=read_token(request, form),
                actor=request.actor,
            )
    except SlotTaken:
        return _book_for(request, contact_id, form, form.text("service"), "", form.text("at"), taken=True)
    except CaptureRejected as error:
        form.fail(InvalidInput(error.message, field="note", **error.values))
        return _book_for(request, contact_id, form, form.text("service"), "", form.text("at"), status=422)
    return request.redirect(f"{LIST}/{booked.id}", "Appointment %(reference)s is booked.", reference=booked.reference)


ROUTES: list[Any] = [
    appointments_page,
    appointment_page,
    cancel_page,
    cancel,
    close,
    book_for_page,
    book_for,
]
