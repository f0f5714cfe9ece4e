"""The visitors' pages: services, free times, the form, and the thanks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response
from sqlalchemy.orm import Session

from core import (
    CaptureRejected,
    Details,
    Form,
    FormInput,
    InvalidInput,
    NotFound,
    PublicField,
    Request,
    check_public_fields,
    clean_details,
    get,
    parse_address,
    post,
    public_fields,
    sign,
    submit_public_form,
    unsign,
)
from plugins.booking.appointments import SlotTaken, book_appointment, find_by_token, new_token
from plugins.booking.models import BookingService
from plugins.booking.picker import Picker, make_picker, read_start, time_label, write_start
from plugins.booking.services import all_services, find_service
from plugins.booking.slots import Slot, free_slots
from plugins.booking.views import service_view

FORM = "booking.appointment"
"""Name of the public form, for the tick boxes of other plugins."""

MAX_NOTE = 2000


def issue_token(request: Request) -> str:
    """A new token for a form, signed: a visitor can't choose their own."""
    return sign(request.site.secret, FORM, new_token())


def read_token(request: Request, form: Form) -> str:
    """The token of a sent form; a new one when it was altered."""
    return unsign(request.site.secret, FORM, form.text("token")) or new_token()


@get("/booking", public=True)
def services_page(request: Request) -> Response[str]:
    """The services that can be booked."""
    with request.site.session() as session:
        services = [service_view(service) for service in all_services(session, active_only=True)]
    return request.page("booking/services.html", services=services)


@get("/booking/{slug:str}", public=True)
def times_page(request: Request, slug: FromPath[str], day: FromQuery[str] = "") -> Response[str]:
    """The free times of a service, a week of days at once."""
    return _times(request, slug, day)


def _times(request: Request, slug: str, day: str, *, taken: bool = False) -> Response[str]:
    with request.site.session() as session:
        service = find_service(session, slug)
        picker = _picker(request, session, service, day)
        view = service_view(service)
    return request.page("booking/times.html", status=409 if taken else 200, service=view, picker=picker, taken=taken)


def _picker(request: Request, session: Session, service: BookingService, day: str) -> Picker:
    address = f"/booking/{service.slug}"

    def day_href(one: date) -> str:
        return f"{address}?{urlencode({'day': one.isoformat()})}"

    def slot_href(slot: Slot) -> str:
        return f"{address}/book?{urlencode({'at': write_start(slot.starts_at)})}"

    return make_picker(request, session, service, day, day_href=day_href, slot_href=slot_href)


@get("/booking/{slug:str}/book", public=True)
def book_page(request: Request, slug: FromPath[str], at: FromQuery[str] = "") -> Response[str]:
    """The form for one free time; an address with a time that is gone shows the free ones instead."""
    starts_at = read_start(at)
    if starts_at is None or not _is_free(request, slug, starts_at):
        day = starts_at.astimezone(request.site.settings.zone).date().isoformat() if starts_at else ""
        return _times(request, slug, day, taken=True)
    return _form(request, slug, Form(), public_fields(request, FORM), starts_at)


def _is_free(request: Request, slug: str, starts_at: datetime) -> bool:
    site = request.site
    day = starts_at.astimezone(site.settings.zone).date()
    with site.session() as session:
        slots = free_slots(session, site, find_service(session, slug), day)
    return any(slot.starts_at == starts_at for slot in slots)


def _form(
    request: Request,
    slug: str,
    form: Form,
    fields: Sequence[PublicField],
    starts_at: datetime | None,
    *,
    status: int = 200,
    taken: bool = False,
) -> Response[str]:
    """The form with what was typed; when the time was `taken`, with fresh ones to choose from."""
    with request.site.session() as session:
        service = find_service(session, slug)
        view = service_view(service)
        picker = None
        if taken or starts_at is None:
            zone = request.site.settings.zone
            day = starts_at.astimezone(zone).date().isoformat() if starts_at else ""
            picker = _picker(request, session, service, day)
            if not picker.parts and picker.next_free:
                picker = _picker(request, session, service, picker.next_free.isoformat())
    return request.page(
        "booking/book.html",
        status=status,
        service=view,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=view.minutes) if starts_at else None,
        time=time_label(request, starts_at) if starts_at else "",
        at=write_start(starts_at) if starts_at else "",
        picker=picker,
        taken=taken,
        values=form.values,
        errors=form.errors,
        fields=fields,
        token=form.text("token") or issue_token(request),
    )


@post("/booking/{slug:str}/book", public=True)
def book(request: Request, slug: FromPath[str], form: FormInput) -> Response[str] | Redirect:
    """Book the time. Sent twice, it books once (T-P1); taken meanwhile, what was typed is kept (T-B7)."""
    site = request.site
    token = read_token(request, form)
    with site.session() as session:
        if find_by_token(session, token) is not None:
            return request.redirect(f"/booking/thanks/{token}")
        find_service(session, slug)
    fields = public_fields(request, FORM)
    starts_at = read_start(form.text("at"))
    details = _read_details(request, form, fields)
    if form.errors or details is None:
        return _form(request, slug, form, fields, starts_at, status=422)
    if starts_at is None:
        return _form(request, slug, form, fields, None, status=409, taken=True)
    email = form.text("email")
    now = datetime.now(UTC)
    try:
        with site.begin() as session:
            booked = book_appointment(
                session,
                site,
                find_service(session, slug),
                starts_at=starts_at,
                email=email,
                details=details,
                note=form.text("note", multiline=True),
                token=token,
                now=now,
            )
            if not booked.replayed and booked.contact_id is not None:
                submit_public_form(
                    session,
                    request,
                    form,
                    FORM,
                    fields,
                    contact_id=booked.contact_id,
                    email=email,
                    occurred_at=now,
                )
    except SlotTaken:
        return _form(request, slug, form, fields, starts_at, status=409, taken=True)
    except CaptureRejected as error:
        form.fail(InvalidInput(error.message, field="email", **error.values))
        return _form(request, slug, form, fields, starts_at, status=422)
    return request.redirect(f"/booking/thanks/{token}")


def _read_details(request: Request, form: Form, fields: Sequence[PublicField]) -> Details | None:
    """The person's details; None when something is wrong, which is then in `form.errors`."""
    details = None
    try:
        parse_address(form.text("email"))
    except InvalidInput as error:
        form.fail(error)
    try:
        details = clean_details(
            {"name": form.text("name"), "phone": form.text("phone"), "language": request.language.code}
        )
    except InvalidInput as error:
        form.fail(error)
    if len(form.text("note", multiline=True)) > MAX_NOTE:
        form.fail(InvalidInput("This is too long: %(max)s characters at most.", field="note", max=MAX_NOTE))
    check_public_fields(fields, form)
    return details


@get("/booking/thanks/{token:str}", public=True)
def thanks_page(request: Request, token: FromPath[str]) -> Response[str]:
    """What was booked. Shows the appointment, and nothing that is known of the person."""
    with request.site.session() as session:
        appointment = find_by_token(session, token)
        if appointment is None:
            raise NotFound("There is no such appointment.")
    return request.page(
        "booking/thanks.html",
        service=appointment.service_name,
        price=appointment.price,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        time=time_label(request, appointment.starts_at),
        reference=appointment.reference,
        cancelled=appointment.state == "cancelled",
    )


ROUTES: list[Any] = [services_page, times_page, book_page, book, thanks_page]
