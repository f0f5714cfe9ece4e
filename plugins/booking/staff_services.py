"""The staff's pages of services and opening hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from attrs import frozen
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from core import Form, FormInput, InvalidInput, Request, get, post
from plugins.booking.hours import (
    Span,
    read_hours,
    read_spans,
    remove_exception,
    save_exceptions,
    save_week,
    write_spans,
)
from plugins.booking.models import BookingException, BookingService
from plugins.booking.picker import read_day
from plugins.booking.services import (
    CURRENCIES,
    all_services,
    get_service,
    read_service,
    save_service,
    write_amount,
)
from plugins.booking.views import service_view

SERVICES = "/dashboard/booking/services"
HOURS = "/dashboard/booking/hours"
MAX_EXCEPTION_NOTE = 200

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@get(SERVICES, permission="booking.services")
def services_page(request: Request) -> Response[str]:
    """All services."""
    with request.site.session() as session:
        services = [service_view(service) for service in all_services(session)]
    return request.page("booking/staff_services.html", services=services)


def _stored_values(service: BookingService, language: str) -> Mapping[str, str]:
    return {
        "name": service.name,
        "slug": service.slug,
        "description": service.description,
        "minutes": str(service.minutes),
        "buffer_minutes": str(service.buffer_minutes),
        "price": write_amount(service.price, language),
        "currency": service.currency,
        "lead_hours": str(service.lead_hours),
        "days_ahead": str(service.days_ahead),
        **({"active": "1"} if service.active else {}),
    }


NEW_SERVICE: Mapping[str, str] = {"minutes": "60", "lead_hours": "2", "days_ahead": "60", "active": "1"}
"""What the form of a new service begins with."""


def _service_form(
    request: Request, service_id: int | None, values: Mapping[str, str], form: Form, status: int = 200
) -> Response[str]:
    return request.page(
        "booking/service_form.html",
        status=status,
        service_id=service_id,
        values=values,
        errors=form.errors,
        currencies=CURRENCIES,
    )


@get(SERVICES + "/new", permission="booking.services")
def new_service_page(request: Request) -> Response[str]:
    """The form of a new service."""
    return _service_form(request, None, NEW_SERVICE, Form())


@post(SERVICES + "/new", permission="booking.services")
def add_service(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add a service."""
    return _save(request, None, form)


@get(SERVICES + "/{service_id:int}", permission="booking.services")
def service_page(request: Request, service_id: FromPath[int]) -> Response[str]:
    """The form of a service."""
    with request.site.session() as session:
        values = _stored_values(get_service(session, service_id), request.language.code)
    return _service_form(request, service_id, values, Form())


@post(SERVICES + "/{service_id:int}", permission="booking.services")
def change_service(request: Request, service_id: FromPath[int], form: FormInput) -> Response[str] | Redirect:
    """Change a service."""
    return _save(request, service_id, form)


def _save(request: Request, service_id: int | None, form: Form) -> Response[str] | Redirect:
    data = read_service(form)
    if data is not None:
        try:
            with request.site.begin() as session:
                save_service(session, data, service_id)
        except InvalidInput as error:
            form.fail(error)
        else:
            return request.redirect(SERVICES, "“%(name)s” is saved.", name=data.name)
    return _service_form(request, service_id, form.values, form, status=422)


@frozen(kw_only=True)
class ExceptionView:
    """A date that differs: its hours as text (empty: closed) and what for."""

    day: date
    hours: str
    note: str


@get(HOURS, permission="booking.services")
def hours_page(request: Request) -> Response[str]:
    """Opening hours and exceptions."""
    return _hours(request, Form())


def _hours(
    request: Request,
    form: Form,
    *,
    week: Sequence[str] | None = None,
    exception: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    zone = request.site.settings.zone
    today = datetime.now(UTC).astimezone(zone).date()
    with request.site.session() as session:
        if week is None:
            stored = read_hours(session, today, today)
            week = [write_spans(spans) for spans in stored.weekdays]
        rows = session.scalars(
            select(BookingException)
            .where(BookingException.day >= today - timedelta(days=1))
            .order_by(BookingException.day)
        ).all()
    exceptions = [
        ExceptionView(
            day=row.day,
            hours=write_spans([Span(opens, closes) for opens, closes in row.hours]),
            note=row.note,
        )
        for row in rows
    ]
    return request.page(
        "booking/hours.html",
        status=status,
        weekdays=list(zip(WEEKDAYS, week, strict=True)),
        exceptions=exceptions,
        exception=exception or {},
        errors=form.errors,
        zone=zone.key,
    )


@post(HOURS, permission="booking.services")
def save_hours(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Save the hours of the week."""
    week: list[tuple[Span, ...]] = []
    for weekday in range(7):
        try:
            week.append(read_spans(form.text(f"day{weekday}"), f"day{weekday}"))
        except InvalidInput as error:
            form.fail(error)
    if form.errors:
        typed = [form.text(f"day{weekday}") for weekday in range(7)]
        return _hours(request, form, week=typed, status=422)
    with request.site.begin() as session:
        save_week(session, week)
    return request.redirect(HOURS, "The opening hours are saved.")


@post(HOURS + "/exceptions", permission="booking.services")
def add_exception(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Close on a date or some days, or open at other hours."""
    first = read_day(form.text("first"))
    last = read_day(form.text("last")) if form.text("last") else first
    note = form.text("note")
    spans: tuple[Span, ...] = ()
    if first is None:
        form.fail(InvalidInput("Choose a day.", field="first"))
    if last is None and first is not None:
        form.fail(InvalidInput("Choose a day.", field="last"))
    if len(note) > MAX_EXCEPTION_NOTE:
        form.fail(InvalidInput("This is too long: %(max)s characters at most.", field="note", max=MAX_EXCEPTION_NOTE))
    try:
        spans = read_spans(form.text("hours"), "hours")
    except InvalidInput as error:
        form.fail(error)
    if not form.errors and first is not None and last is not None:
        try:
            with request.site.begin() as session:
                save_exceptions(session, first, last, spans, note)
        except InvalidInput as error:
            form.fail(error)
        else:
            return request.redirect(HOURS, "The exception is saved.")
    return _hours(request, form, exception=form.values, status=422)


@post(HOURS + "/exceptions/remove", permission="booking.services")
def drop_exception(request: Request, form: FormInput) -> Redirect:
    """Let a date have its weekday's hours again."""
    day = read_day(form.text("day"))
    if day is None:
        raise InvalidInput("Choose a day.", field="day")
    with request.site.begin() as session:
        remove_exception(session, day)
    return request.redirect(HOURS, "The exception is removed.")


ROUTES: list[Any] = [
    services_page,
    new_service_page,
    add_service,
    service_page,
    change_service,
    hours_page,
    save_hours,
    add_exception,
    drop_exception,
]
