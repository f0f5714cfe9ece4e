"""The bundled plugins' sections of the Client Zone (K4): the own things, all of them, and nobody else's (T-Z2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from core import SYSTEM, Actor, Details, Site, state
from core.contacts.models import Contact, ContactActivity
from core.database.base import Base
from core.messages.models import Message
from core.testing import make_client, make_site
from plugins.booking import claims
from plugins.booking import plugin as booking
from plugins.booking.appointments import SlotTaken, book_appointment, move_appointment, new_token
from plugins.booking.hours import save_week
from plugins.booking.models import BookingAppointment, BookingClaim, BookingService
from plugins.booking.picker import write_start
from plugins.booking.services import find_service
from plugins.consent import plugin as consent
from plugins.consent.models import ConsentEvent, ConsentState
from plugins.forms import plugin as forms
from plugins.shop import plugin as shop
from plugins.shop.invoices import issue_invoice
from plugins.shop.models import Invoice, Order
from tests.core.zone.zone_support import Client, enter
from tests.plugins.booking.conftest import NINE_TO_FIVE, add_service
from tests.plugins.forms.conftest import fill_in
from tests.plugins.shop import helpers
from tests.support.dumps import Dump, rows_of

PEOPLE = {"anna@example.org": "Anna Müller", "bert@example.org": "Bert Beispiel"}
NOON = datetime.combine(datetime.now(UTC).date() + timedelta(days=9), time(12), ZoneInfo("Europe/Berlin"))
DAY = timedelta(days=1)
UNCHANGED = ("shop_", "booking_", "forms_", "consent_", "contacts")


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    made = make_site(
        tmp_path,
        *(shop, booking, forms, consent),
        database_url=database_url,
        base_url="https://crm.example.org",
        language="de",
    )
    with made.begin() as session:
        for key, value in helpers.SELLER.items():
            state.save_setting(session, key, value)
        save_week(session, [NINE_TO_FIVE] * 7)
        add_service(session, "haircut", lead_hours=24)
    yield made.refreshed()
    made.close()


def book(site: Site, email: str, starts_at: datetime) -> int:
    with site.begin() as session:
        service = find_service(session, "haircut")
        return book_appointment(
            session, site, service, starts_at=starts_at.astimezone(UTC), email=email, token=new_token()
        ).id


def ids(site: Site, model: type[Base], of: str = "email") -> dict[str, int]:
    """Address of the person → id of their row."""
    with site.session() as session:
        rows = session.execute(select(getattr(model, of), model.id))  # type: ignore[attr-defined]
        return {str(email).lower(): number for email, number in rows}


def everything(site: Site) -> Dump:
    tables = [table for name, table in Base.metadata.tables.items() if name.startswith(UNCHANGED)]
    return rows_of(site, tables)


def kinds(site: Site, contact_id: int) -> list[tuple[str, str]]:
    with site.session() as session:
        log = ContactActivity
        rows = session.execute(select(log.kind, log.actor_kind).where(log.contact_id == contact_id).order_by(log.id))
        return [(kind, actor) for kind, actor in rows]


@pytest.fixture
def served(site: Site) -> Site:
    """Anna and Bert have ordered, were invoiced, have booked, and have sent a form."""
    bread = helpers.add(site)
    with make_client(site) as client:
        for place, (email, name) in enumerate(PEOPLE.items()):
            details = Details(name=name, street="Weg 1", postal_code="53111", city="Bonn", country="DE")
            placed = helpers.order(site, (bread, 2), email=email, details=details)
            with site.begin() as session:
                issue_invoice(session, site, placed.id, Actor(kind="staff", id=1, name="Ada"))
            book(site, email, NOON + place * DAY)
            fill_in(site, client, email=email, name=name, message=f"Frage von {name}")
    return site


def test_k4_t_z2_the_own_things_are_there_and_nobody_elses(served: Site) -> None:
    site = served
    people, orders, booked = ids(site, Contact), ids(site, Order), ids(site, BookingAppointment)
    with site.session() as session:
        invoiced = select(Order.email, Invoice.id).join(Invoice, Invoice.order_id == Order.id)
        invoices = dict(session.execute(invoiced).all())
    anna, bert = PEOPLE
    with make_client(site) as client:
        client.headers["accept-language"] = "de"
        enter(site, client, people[anna])
        overview = client.get("/account").text
        for word in (
            "Bestellungen",
            "Ihre Termine",
            "Nachrichten",
            "Gesendete Formulare",
            "E-Mails von uns",
            "Ihre Daten",
        ):
            assert word in overview, word
        own = {
            "/account/orders": "Bestellungen",
            f"/account/orders/{orders[anna]}": "Rye bread",
            "/account/appointments": "Haircut",
            f"/account/appointments/{booked[anna]}/move": "Termin verschieben",
            f"/account/appointments/{booked[anna]}/cancel": "absagen",
            "/account/entries": "Frage von Anna Müller",
            "/account/messages": "Frage von Anna Müller",
            "/account/consent": "Werbung",
        }
        with site.session() as session:
            numbers = dict(session.execute(select(Order.email, Order.number)).all())
        for path, word in own.items():
            page = client.get(path)
            assert page.status_code == 200, path
            assert word in page.text, path
            for other in ("Bert", bert, numbers[bert]):
                assert other not in page.text, path
        pdf = client.get(f"/account/orders/invoices/{invoices[anna]}")
        assert pdf.headers["content-type"] == "application/pdf"
        assert pdf.content.startswith(b"%PDF")

        before = everything(site)
        at = write_start(NOON + 3 * DAY)
        for path in (
            f"/account/orders/{orders[bert]}",
            f"/account/orders/{2**62}",
            f"/account/orders/invoices/{invoices[bert]}",
            f"/account/orders/invoices/{2**62}",
            f"/account/appointments/{booked[bert]}/move",
            f"/account/appointments/{booked[bert]}/cancel",
        ):
            assert client.get(path).status_code == 404, path
            if "appointments" in path:
                assert client.post(path, data={"at": at}).status_code == 404, path
        assert everything(site) == before


def test_k4_b2_appointments_are_moved_and_called_off_within_the_services_rules(served: Site) -> None:
    site = served
    people, booked = ids(site, Contact), ids(site, BookingAppointment)
    anna, bert = people["anna@example.org"], people["bert@example.org"]
    address = f"/account/appointments/{booked['anna@example.org']}"
    with make_client(site) as client:
        client.headers["accept-language"] = "de"
        enter(site, client, anna)

        def move(starts_at: datetime) -> int:
            data = {"at": write_start(starts_at)}
            return client.post(f"{address}/move", data=data, follow_redirects=False).status_code

        # What is somebody else's, closed, in the past or no time at all; nothing changes.
        before = everything(site)
        for starts_at in (NOON + DAY, NOON.replace(hour=3), NOON - timedelta(days=30), NOON + timedelta(days=400)):
            assert move(starts_at) == 409
        assert client.post(f"{address}/move", data={"at": "soon"}).status_code == 200
        assert everything(site) == before

        # Half an hour later: its own time is no hindrance, and what it leaves is free again.
        later = NOON + timedelta(minutes=30)
        page = client.get(f"{address}/move?at={write_start(later)}").text
        assert "Auf diese Zeit verschieben" in page
        assert move(later) == 303
        with site.session() as session:
            row = session.get_one(BookingAppointment, booked["anna@example.org"])
            assert (row.starts_at, row.ends_at) == (later, later + timedelta(hours=1))
            assert session.scalar(select(func.count()).select_from(BookingClaim)) == 24
        assert kinds(site, anna)[-1] == ("booking.moved", "visitor")
        assert book(site, "carl@example.org", NOON - timedelta(minutes=30))

        # Called off once.
        assert client.post(f"{address}/cancel", follow_redirects=False).status_code == 303
        assert client.post(f"{address}/cancel", follow_redirects=False).status_code == 409
        assert move(NOON + 2 * DAY) == 409
        assert [kind for kind, _ in kinds(site, anna)].count("booking.cancelled") == 1
        assert (
            "Abgesagt" in client.get("/account/appointments").text
            or "abgesagt" in client.get("/account/appointments").text
        )

        # Within the service's lead time nothing goes any more, whatever the page said.
        enter(site, client, bert)
        with site.begin() as session:
            session.execute(update(BookingService).values(lead_hours=24 * 20))
        before = everything(site)
        address = f"/account/appointments/{booked['bert@example.org']}"
        for path in (f"{address}/move", f"{address}/cancel"):
            assert client.get(path).status_code == 409
            assert client.post(path, data={"at": write_start(NOON + 2 * DAY)}).status_code == 409
        assert "melden Sie sich bei uns" in client.get("/account/appointments").text
        assert everything(site) == before


def test_t_b7_of_two_who_move_to_one_time_one_gets_it(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site = served
    booked = list(ids(site, BookingAppointment).values())

    def race(starts_at: datetime) -> int:
        barrier = Barrier(2)

        def move(appointment_id: int) -> bool:
            barrier.wait()
            try:
                with site.begin() as session:
                    move_appointment(session, site, appointment_id, starts_at.astimezone(UTC), actor=SYSTEM)
            except SlotTaken:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(move, booked))

    assert race(NOON + 4 * DAY) == 1
    monkeypatch.setattr(claims, "claim", lambda *arguments: True)
    monkeypatch.setattr(claims, "claimed", lambda *arguments: frozenset())
    assert race(NOON + 5 * DAY) == 2, "this race would show a missing protection"


def test_k4_k2_consents_are_switched_with_the_zone_as_their_evidence(served: Site) -> None:
    site = served
    anna = ids(site, Contact)["anna@example.org"]

    def states() -> dict[str, str]:
        with site.session() as session:
            own = select(ConsentState.purpose, ConsentState.state).where(ConsentState.contact_id == anna)
            return dict(session.execute(own).all())

    def send(client: Client, **ticks: str) -> int:
        page = client.get("/account/consent").text
        versions = dict(re.findall(r'name="(version-\w+)" value="(\d+)"', page))
        return client.post("/account/consent", data={**versions, **ticks}, follow_redirects=False).status_code

    with make_client(site) as client:
        client.headers["accept-language"] = "de"
        enter(site, client, anna)
        # On: it waits for the confirmation, as on any form. A changed text is asked about anew.
        stale = client.post("/account/consent", data={"version-marketing": "99", "marketing": "1"})
        assert stale.status_code == 422
        assert states() == {}
        assert send(client, marketing="1", system="1") == 303
        assert states() == {"marketing": "pending"}
        with site.session() as session:
            event = session.scalars(select(ConsentEvent).where(ConsentEvent.contact_id == anna)).one()
            assert (event.way, event.page, event.actor_kind) == (
                "preferences",
                "https://crm.example.org/account/consent",
                "visitor",
            )
            assert event.wording
            mail = session.scalars(select(Message).order_by(Message.id.desc()).limit(1)).one()
        assert "/consent/confirm/" in mail.text
        # Off, each at once.
        assert send(client) == 303
        assert states() == {"marketing": "unsubscribed", "system": "unsubscribed"}
        assert "Abgemeldet" in client.get("/account").text
