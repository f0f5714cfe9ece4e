"""Services: what staff type, and what can be stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Form, InvalidInput, Money, NotFound, currency_digits, upsert
from plugins.booking.claims import UNIT
from plugins.booking.models import BookingService

CURRENCIES = ("EUR", "CHF", "GBP", "USD", "DKK", "SEK", "NOK", "PLN", "CZK", "JPY")
"""Currencies a price can have (ISO 4217)."""

MAX_NAME = 120
MAX_DESCRIPTION = 2000
MAX_PRICE = 10**12


@frozen(kw_only=True)
class ServiceData:
    """A service as it can be stored."""

    name: str
    slug: str
    description: str = ""
    minutes: int
    buffer_minutes: int = 0
    price: Money | None = None
    lead_hours: int = 0
    days_ahead: int = 60
    active: bool = True


def make_slug(name: str) -> str:
    """The part of the address that a service is reached by, made of its name."""
    text = name.casefold()
    for letter, written in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(letter, written)
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:80].strip("-")


def read_amount(text: str, currency: str) -> Money | None:
    """An amount as typed: „49“, „49,50“, „1.250,00“. None when empty. Raises InvalidInput for the rest."""
    typed = re.sub(r"[\s\u00a0\u202f'’]", "", text)
    if not typed:
        return None
    if re.fullmatch(r"\d{1,3}(\.\d{3})*,\d+|\d{1,3}(\.\d{3})+", typed):
        typed = typed.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d{1,3}(,\d{3})*\.\d+", typed):
        typed = typed.replace(",", "")
    else:
        typed = typed.replace(",", ".")
    digits = currency_digits(currency)
    wrong = InvalidInput("Enter an amount such as 49.50, or leave this empty.", field="price")
    if len(typed) > 20 or not re.fullmatch(r"\d+(\.\d+)?", typed, re.ASCII):
        raise wrong
    try:
        minor = Decimal(typed).scaleb(digits)
    except InvalidOperation as error:
        raise wrong from error
    if minor != minor.to_integral_value() or minor > MAX_PRICE:
        raise wrong
    return Money(minor=int(minor), currency=currency)


def write_amount(price: Money | None, language: str) -> str:
    """An amount as it can be typed again, with the comma or point of the language."""
    if price is None:
        return ""
    digits = currency_digits(price.currency)
    written = f"{Decimal(price.minor).scaleb(-digits):.{digits}f}"
    return written.replace(".", ",") if language == "de" else written


def read_service(form: Form) -> ServiceData | None:
    """Read the form of a service. None when something is wrong, which is then in `form.errors`."""
    name = form.text("name")
    if not name:
        form.fail(InvalidInput("Enter a name.", field="name"))
    elif len(name) > MAX_NAME:
        form.fail(InvalidInput("This is too long: %(max)s characters at most.", field="name", max=MAX_NAME))
    description = form.text("description", multiline=True)
    if len(description) > MAX_DESCRIPTION:
        form.fail(
            InvalidInput("This is too long: %(max)s characters at most.", field="description", max=MAX_DESCRIPTION)
        )
    slug = form.text("slug").lower() or make_slug(name)
    if name and (not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) or len(slug) > 80 or slug == "thanks"):
        form.fail(InvalidInput("Use small letters, digits and hyphens, such as first-visit.", field="slug"))
    minutes = _number(form, "minutes", 60, low=UNIT, high=24 * 60, step=UNIT)
    buffer = _number(form, "buffer_minutes", 0, low=0, high=24 * 60, step=UNIT)
    lead = _number(form, "lead_hours", 0, low=0, high=24 * 365)
    ahead = _number(form, "days_ahead", 60, low=1, high=730)
    currency = form.text("currency") or CURRENCIES[0]
    price = None
    if currency not in CURRENCIES:
        form.fail(InvalidInput("Choose a currency from the list.", field="currency"))
    else:
        try:
            price = read_amount(form.text("price"), currency)
        except InvalidInput as error:
            form.fail(error)
    if form.errors:
        return None
    return ServiceData(
        name=name,
        slug=slug,
        description=description,
        minutes=minutes,
        buffer_minutes=buffer,
        price=price,
        lead_hours=lead,
        days_ahead=ahead,
        active=form.ticked("active"),
    )


def _number(form: Form, name: str, default: int, *, low: int, high: int, step: int = 1) -> int:
    number = form.whole_number(name)
    if number is None:
        return default
    if not low <= number <= high:
        form.fail(InvalidInput("Enter a number from %(low)s to %(high)s.", field=name, low=low, high=high))
    elif number % step:
        form.fail(InvalidInput("Use times in steps of %(minutes)s minutes.", field=name, minutes=step))
    return number


def save_service(session: Session, data: ServiceData, service_id: int | None = None) -> int:
    """Store a new service, or change one; answers its id. Appointments keep what they were booked with.

    Raises InvalidInput when another service has the slug, and NotFound when there is none to change.
    """
    values = {
        "name": data.name,
        "slug": data.slug,
        "description": data.description,
        "minutes": data.minutes,
        "buffer_minutes": data.buffer_minutes,
        "price_minor": data.price.minor if data.price else None,
        "currency": data.price.currency if data.price else CURRENCIES[0],
        "lead_hours": data.lead_hours,
        "days_ahead": data.days_ahead,
        "active": data.active,
    }
    taken = InvalidInput("Another service has this address. Choose a different one.", field="slug")
    if service_id is None:
        inserted: int | None = session.execute(
            upsert(session, BookingService, values, keys=["slug"]).returning(BookingService.id)
        ).scalar()
        if inserted is None:
            raise taken
        return inserted
    service = get_service(session, service_id, lock=True)
    owner = session.scalar(select(BookingService.id).where(BookingService.slug == data.slug))
    if owner not in (None, service_id):
        raise taken
    for name, value in values.items():
        setattr(service, name, value)
    session.flush()
    return service.id


def get_service(session: Session, service_id: int, *, lock: bool = False) -> BookingService:
    """A service by its id. Raises NotFound."""
    service = session.get(BookingService, service_id, with_for_update=True if lock else None)
    if service is None:
        raise NotFound("There is no such service.")
    return service


def find_service(session: Session, slug: str) -> BookingService:
    """A service that can be booked, by its slug. Raises NotFound."""
    service = session.scalar(select(BookingService).where(BookingService.slug == slug, BookingService.active))
    if service is None:
        raise NotFound("There is no such service.")
    return service


def all_services(session: Session, *, active_only: bool = False) -> Sequence[BookingService]:
    """All services by name."""
    statement = select(BookingService).order_by(BookingService.name, BookingService.id)
    return session.scalars(statement.where(BookingService.active) if active_only else statement).all()
