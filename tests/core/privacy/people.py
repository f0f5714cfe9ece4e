"""People with something in every plugin."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from itertools import count

from attrs import frozen
from sqlalchemy import select

from core import VISITOR, Details, Site, capture_contact, receive_message
from core.contacts.files import storing
from core.contacts.models import Contact
from core.contacts.notes import add_note
from core.contacts.tagging import tag_contact
from core.values import Activity, Actor, Capture
from plugins.booking.appointments import book_appointment, new_token
from plugins.booking.hours import Span, save_week
from plugins.booking.services import ServiceData, get_service, save_service
from plugins.booking.slots import free_slots
from plugins.consent.changing import Evidence, change_consent
from plugins.forms.definitions import find_form
from plugins.forms.entries import Sent, record_entry
from plugins.shop.orders import Item, NewOrder, record_order
from plugins.shop.products import ProductValues, VariantValues, add_product, variant_ids

KARLA = Actor(kind="staff", id=7, name="Karla Lindner")
ANNA = "anna@example.org"
NUMBERS = count(1)


@frozen(kw_only=True)
class Person:
    """What `make_person` made."""

    contact_id: int
    order: str


def details(name: str, email: str) -> Details:
    return Details(
        name=name,
        phone=f"030 {abs(hash(email)) % 10**6:06}",
        street=f"{email.partition('@')[0]}straße 4",
        postal_code="10969",
        city="Berlin",
        country="DE",
        language="de",
    )


def make_person(site: Site, email: str = ANNA, name: str = "Anna Müller") -> Person:
    """Somebody who ordered, booked, wrote (once more into quarantine), unsubscribed, and of whom staff keep notes."""
    local = email.partition("@")[0]
    about = details(name, email)
    # What is for sale is nobody's: it stays when its buyer goes.
    number = next(NUMBERS)
    with site.begin() as session:
        product = add_product(
            session,
            site,
            ProductValues(
                name=f"Bread {number}",
                slug=f"bread-{number}",
                variants=[VariantValues(price=590)],
                tax_rate=700,
                position=100,
            ),
        )
        order = record_order(
            session,
            site,
            NewOrder(
                email=email,
                details=about,
                items=[Item(variant_id=variant_ids(session, product)[0], quantity=2)],
                note=f"For {local}, please ring",
            ),
        )
        contact_id = order.contact_id
        assert contact_id is not None
        save_week(session, [(Span(9 * 60, 17 * 60),)] * 7)
        service = get_service(
            session,
            save_service(
                session,
                ServiceData(name=f"Course {number}", slug=f"course-{number}", minutes=60, lead_hours=0, days_ahead=60),
            ),
        )
        now = datetime.now(UTC)
        slots = free_slots(session, site, service, (now + timedelta(days=3)).date(), now, staff=False)
        book_appointment(
            session,
            site,
            service,
            starts_at=slots[0].starts_at,
            email=email,
            token=new_token(),
            details=about,
            note=f"Note of {local}",
        )
        form = find_form(session, "contact")
        for suspicion in ("", "honeypot"):
            answers = {"name": name, "email": email.upper(), "message": f"Message of {local} {suspicion}"}
            record_entry(
                session,
                site,
                form,
                Sent(answers=answers, occurred_at=now, nonce=local + suspicion, suspicion=suspicion),
            )
        for to, way in (("subscribed", "staff"), ("unsubscribed", "unsubscribe_link")):
            evidence = Evidence(way=way, actor=VISITOR, occurred_at=now, basis=f"On paper, {local}")  # type: ignore[arg-type]
            change_consent(session, contact_id=contact_id, purpose="marketing", to=to, evidence=evidence)
        receive_message(session, site, contact_id=contact_id, text=f"Reply of {local}", module="forms", occurred_at=now)
        tag_contact(session, site, contact_id, ["Regular"], KARLA)
    with storing(site.settings.data_dir) as store:
        saved = store.save(f"contract {local}.txt", io.BytesIO(f"Contract of {local}".encode()))
        with site.begin() as session:
            add_note(session, contact_id, f"Note about {local}", [saved], KARLA)
    return Person(contact_id=contact_id, order=order.number)


def capture(site: Site, email: str = ANNA, reference: str = "1") -> int:
    """A visit of somebody; answers the contact's id."""
    with site.begin() as session:
        activity = Activity(kind="forms.entered", reference=reference, data={"form": "Contact"})
        return capture_contact(
            session,
            site,
            Capture(email=email, module="forms", activity=activity, details=details("Anna Müller", email)),
        ).contact_id


def contacts(site: Site) -> list[tuple[int, str]]:
    """Id and address as compared of all contacts."""
    with site.session() as session:
        rows = session.execute(select(Contact.id, Contact.email_key).order_by(Contact.id))
        return [(row.id, row.email_key) for row in rows]
