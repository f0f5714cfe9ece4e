"""Two contacts that have to do with everything: for tests of merging with all bundled plugins and a stranger's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select

from core import Activity, Actor, Capture, Contact, Details, Money, capture_contact, receive_message
from core.contacts.activity import deactivate_contact
from core.contacts.bulk.models import SelectedContact
from core.contacts.custom_fields.administration import add_field
from core.contacts.custom_fields.definitions import key_of
from core.contacts.custom_fields.storing import write_values
from core.contacts.editing import edit_contact
from core.contacts.files import storing
from core.contacts.models import ContactSuggestion
from core.contacts.notes import add_note
from core.contacts.pictures import set_picture
from core.contacts.tagging import tag_contact
from core.plugins import discover, make_plugin
from core.site import Site
from core.testing import make_site
from core.transfer.models import ContactImport, ImportedContact
from plugins.booking.models import BookingAppointment, BookingService
from plugins.consent.changing import Evidence, change_consent
from plugins.forms.models import Entry, Form
from plugins.shop.models import Order, Voucher, VoucherUse
from plugins.shop.states import take_step
from plugins.shop.totals import count_order
from tests.sample_plugin import plugin as sample

KARLA = Actor(kind="staff", id=7, name="Karla Lindner")
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OLD, NEW = "anna.alt@example.org", "anna@example.org"


def open_full(folder: Path, url: str = "") -> Site:
    """A site with the bundled plugins and the sample plugin."""
    found, refused = discover()
    assert not refused
    bundled = [plugin for plugin in found if plugin.package.startswith("plugins.")]
    site = make_site(folder, *bundled, make_plugin(sample), database_url=url, language="de")
    assert site.refused == ()
    return site


def place_order(site: Site, email: str, number: str, *, at: datetime, total: int = 1000, **details: str) -> int:
    """An order as the shop records it, without the goods; answers its contact."""
    with site.begin() as session:
        capture = Capture(
            email=email,
            module="shop",
            activity=Activity(
                kind="shop.ordered", reference=number, data={"total": total, "total_currency": "EUR"}, href="/x"
            ),
            occurred_at=at,
            details=Details(**details),
            makes_customer=True,
            idempotency_key=f"shop.order:{number}",
        )
        contact_id = capture_contact(session, site, capture).contact_id
        session.add(
            Order(
                number=number,
                token=number,
                contact_id=contact_id,
                currency="EUR",
                total=total,
                email=email,
                name=details.get("name", ""),
                placed_at=at,
            )
        )
        session.flush()
        count_order(session, contact_id, Money(minor=total, currency="EUR"), at)
        return contact_id


def agree(site: Site, contact_id: int, purpose: str, to: str, at: datetime) -> None:
    """Staff record a consent or its end."""
    evidence = Evidence(way="staff", actor=KARLA, occurred_at=at, basis="am Tresen gefragt")
    with site.begin() as session:
        change_consent(session, contact_id=contact_id, purpose=purpose, to=to, evidence=evidence)


def _fill_what_others_keep(site: Site, kept: int, merged: int) -> None:
    """Staff's own fields, an import that brought both, and a selection of both."""
    with site.begin() as session:
        shoe, hat = (key_of(add_field(session, kind="text", label=label)) for label in ("Schuhgröße", "Hutgröße"))
        write_values(session, site, kept, {shoe: "39"}, KARLA)
        write_values(session, site, merged, {shoe: "40", hat: "56"}, KARLA)
        brought = ContactImport(
            name="alte.csv", stored_name="x", kind="csv", size=1, sha256="", state="done", actor_kind="staff"
        )
        session.add(brought)
        session.flush()
        for contact_id in (kept, merged):
            session.add(
                ImportedContact(import_id=brought.id, contact_id=contact_id, line=1, created=True, mark=1, version=1)
            )
            session.add(SelectedContact(selection_id=1, contact_id=contact_id))


def fill(site: Site) -> tuple[int, int]:
    """Two contacts with rows in every table that refers to contacts; answers their ids, the kept one first."""
    day = timedelta(days=1)
    kept = place_order(site, NEW, "2026-0001", at=START, name="Anna Müller", phone="030 123456")
    merged = place_order(
        site, OLD, "2026-0002", at=START - 9 * day, name="Anna Muller", phone="030 999999",
        street="Lindenstraße 4", postal_code="10969", city="Berlin", country="DE",
    )  # fmt: skip
    place_order(site, OLD, "2026-0003", at=START + day, total=2500)
    with site.begin() as session:
        cancelled = session.scalars(select(Order.id).where(Order.number == "2026-0003")).one()
        take_step(session, cancelled, "cancelled", KARLA, START + 2 * day)
        voucher = Voucher(code="Treue", code_key="treue", kind="percent", value=1000, currency="EUR")
        session.add(voucher)
        session.flush()
        used = session.scalars(select(Order.id).where(Order.number == "2026-0002")).one()
        session.add(VoucherUse(order_id=used, voucher_id=voucher.id, contact_id=merged))
        service = BookingService(name="Haarschnitt", slug="haarschnitt", minutes=60)
        form = Form(slug="frage", name="Frage", fields=[])
        session.add_all([service, form])
        session.flush()
        for number, contact_id in enumerate((kept, merged, merged)):
            tag_contact(session, site, contact_id, ["Stammkunde", f"Tag {number}"], KARLA)
            add_note(session, contact_id, f"Notiz {number}", (), KARLA)
            receive_message(
                session, site, contact_id=contact_id, text=f"Guten Tag {number}", module="forms", occurred_at=START
            )
            begin = START + number * day
            session.add(
                BookingAppointment(
                    service_id=service.id, service_name="Haarschnitt", starts_at=begin, ends_at=begin + day / 24,
                    contact_id=contact_id, email=NEW, token_hash=str(number), booked_at=START,
                )
            )  # fmt: skip
            session.add(
                Entry(
                    form_id=form.id, contact_id=contact_id, email=NEW, answers=[], boxes=[], occurred_at=START,
                    state="accepted", idempotency_key=str(number),
                )
            )  # fmt: skip
            session.execute(
                insert(ContactSuggestion).values(
                    contact_id=contact_id, group=("phone", "phone", "address")[number], source_kind="shop.ordered",
                    details={"phone": f"030 55555{number}"} if number < 2 else {"city": "Bonn"},
                    occurred_at=START + number * day,
                )
            )  # fmt: skip
    _fill_what_others_keep(site, kept, merged)
    with storing(site.settings.data_dir) as store:
        for contact_id in (kept, merged):
            with (Path(__file__)).open("rb") as source:
                picture, paper = store.save("picture.webp", source), store.save("brief.txt", source)
            with site.begin() as session:
                set_picture(session, site, contact_id, picture, KARLA)
                add_note(session, contact_id, "Mit Brief", [paper], KARLA)
    agree(site, kept, "marketing", "subscribed", START)
    agree(site, merged, "marketing", "subscribed", START)
    agree(site, merged, "marketing", "unsubscribed", START + day)
    agree(site, merged, "system", "subscribed", START)
    with site.begin() as session:
        contact = session.get_one(Contact, merged)
        typed = Details(name="Anna M.", phone=contact.phone, street=contact.street, city=contact.city)
        edit_contact(session, site, merged, typed, contact.version, KARLA)
        deactivate_contact(session, site, kept, KARLA)
    return kept, merged
