"""What staff see of orders: the list, and the form to place one on a contact's behalf; one order is in
`order_pages.py`.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from attrs import frozen
from litestar.params import FromQuery
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import (
    CaptureRejected,
    Conflict,
    Contact,
    Details,
    Form,
    FormInput,
    InvalidInput,
    NotFound,
    Request,
    get,
    local_path,
    parse_address,
    post,
)
from plugins.shop.addresses import FIELDS, home_country, read_delivery, read_details, read_email, values_of
from plugins.shop.catalogue import find_variants
from plugins.shop.forms import QUANTITY, as_input, chosen_ids, number_of, read_note, read_quantities, summary
from plugins.shop.free_lines import FREE_LINES, read_free_items
from plugins.shop.orders import Item, NewOrder, RecordedOrder, record_once
from plugins.shop.payments import chosen_way, ways_to_pay
from plugins.shop.vouchers import usable_codes


@get("/dashboard/shop", permission="shop.orders")
def show_shop(request: Request) -> Redirect:
    """The shop in the dashboard begins with its orders."""
    return request.redirect("/dashboard/shop/orders")


# On behalf of a contact (FEATURES S2)


@frozen(kw_only=True)
class Person:
    """For whom staff order; `contact_id` is None for an address that no contact has yet."""

    contact_id: int | None
    email: str
    name: str
    details: Details

    @property
    def query(self) -> str:
        """How the form's address names the person."""
        return urlencode({"contact": self.contact_id} if self.contact_id else {"email": self.email})


def _person_of(session: Session, contact_id: int) -> Person:
    """A contact, or the one it was merged into. Raises NotFound."""
    contact = session.get(Contact, contact_id)
    while contact is not None and contact.merged_into_id is not None:
        contact = session.get(Contact, contact.merged_into_id)
    if contact is None:
        raise NotFound("There is no such contact.")
    details = Details(**{name: getattr(contact, name) for name in FIELDS})
    return Person(contact_id=contact.id, email=contact.email, name=contact.name, details=details)


def _person_at(session: Session, email: str) -> Person:
    """The contact with this address, or a new person. Raises InvalidEmail."""
    address = parse_address(email)
    contact_id = session.scalar(select(Contact.id).where(Contact.email_key == address.key))
    if contact_id is not None:
        return _person_of(session, contact_id)
    return Person(contact_id=None, email=address.email, name="", details=Details())


@get("/dashboard/shop/orders/new", permission="shop.orders")
def new_order(
    request: Request, contact: FromQuery[str] = "", email: FromQuery[str] = "", next: FromQuery[str] = ""
) -> Response[str] | Redirect:
    """The form to order on somebody's behalf; without a person it asks for the e-mail address first.

    `next` is the page to return to when it is placed; without one the order is shown.
    """
    if not contact and not email.strip():
        return _ask_for_person(request, Form())
    with request.site.session() as session:
        if contact:
            person = _person_of(session, number_of(contact))
        else:
            form = Form(fields={"email": [email]})
            if not read_email(form):
                return _ask_for_person(request, form, 422)
            person = _person_at(session, form.text("email"))
    if person.contact_id is not None and not contact:
        return request.redirect(f"/dashboard/shop/orders/new?contact={person.contact_id}")
    values = values_of(person.details)
    if not any(values[name] for name in ("street", "city", "country")):
        values["country"] = home_country(request.site)
    values |= {"delivery_country": home_country(request.site), "next": next, "mail": "1"}
    form = Form(fields={name: [value] for name, value in values.items()})
    return _order_form(request, form, person, secrets.token_urlsafe(24))


def _ask_for_person(request: Request, form: Form, status: int = 200) -> Response[str]:
    return request.page(
        "shop/new_order_person.html",
        status=status,
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
    )


def _order_form(request: Request, form: Form, person: Person, key: str, status: int = 200) -> Response[str]:
    find = form.text("find")[:200]
    with request.site.session() as session:
        offered = find_variants(session, request.site, find, chosen_ids(form))
        codes = usable_codes(session, request.site)
    usual = f"/dashboard/contacts/{person.contact_id}" if person.contact_id else "/dashboard/shop/orders"
    return request.page(
        "shop/new_order.html",
        codes=codes,
        status=status,
        back=local_path(form.text("next") or usual),
        customer=person,
        offered=offered,
        find=find,
        quantity=QUANTITY,
        free_lines=range(1, FREE_LINES + 1),
        currency=request.site.setting("shop.currency"),
        ways=ways_to_pay(request.site, request.language),
        ticked=frozenset(name for name in ("mail", "elsewhere") if form.ticked(name)),
        can_mail=request.site.settings.mail_server is not None,
        key=key,
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
    )


@post("/dashboard/shop/orders/new", permission="shop.orders", max_body=200_000)
def place_for_contact(
    request: Request, form: FormInput, contact: FromQuery[str] = "", email: FromQuery[str] = ""
) -> Response[str] | Redirect:
    """Order for exactly this contact. The form sent twice makes one order."""
    with request.site.session() as session:
        person = _person_of(session, number_of(contact)) if contact else _person_at(session, email)
    key = form.text("key")[:100] or secrets.token_urlsafe(24)
    quantities = read_quantities(form)
    details = read_details(form, request.language, required=("name",))
    note = read_note(form)
    if form.ticked("search"):
        # Nothing is ordered yet, and so nothing is wrong yet.
        form.errors.clear()
        return _order_form(request, form, person, key)
    free = read_free_items(form, request.site.setting("shop.currency"))
    delivery = read_delivery(form, request.language)
    try:
        payment = chosen_way(request.site, form.text("payment"))
    except InvalidInput as error:
        form.fail(error)
    status = 422
    if not form.errors:
        new = NewOrder(
            email=person.email,
            details=details,
            items=[*(Item(variant_id=one, quantity=many) for one, many in quantities.items() if many), *free],
            delivery=delivery,
            payment_method=payment,
            mail=form.ticked("mail"),
            note=note,
            voucher=form.text("voucher"),
            second_voucher=form.text("second_voucher"),
            actor=request.actor,
            checkout_key=f"staff {key}",
            contact_id=person.contact_id,
        )
        try:
            order = record_once(request.site, new)
        except (Conflict, InvalidInput, CaptureRejected) as error:
            status = 409 if isinstance(error, Conflict) else 422
            form.fail(as_input(error))
        else:
            return _placed(request, form, order)
    return _order_form(request, form, person, key, status)


def _placed(request: Request, form: Form, order: RecordedOrder) -> Redirect:
    back = form.text("next") or f"/dashboard/shop/orders/{order.id}"
    return request.redirect(back, "Order %(number)s is placed.", number=order.number)


ROUTES: list[Any] = [
    show_shop,
    new_order,
    place_for_contact,
]
