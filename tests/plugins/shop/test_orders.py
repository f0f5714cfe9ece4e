"""Recording orders: contacts, numbers, snapshots, totals, and the steps that follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import select, update

from core import hookimpl
from core.contacts.models import Contact, ContactActivity, ContactModule, ContactSuggestion
from core.errors import CaptureRejected, Conflict, InvalidEmail, InvalidInput
from core.site import Site
from core.testing import make_site
from core.values import SYSTEM, Actor, Capture, Details, Money, Screening
from plugins.shop import plugin as shop
from plugins.shop.models import (
    CustomerAmount,
    CustomerTotals,
    Order,
    OrderEvent,
    OrderLine,
    OrderTax,
    Product,
    Variant,
)
from plugins.shop.states import STEPS, Step, take_step
from plugins.shop.stock import OutOfStock
from tests.plugins.shop.helpers import DETAILS, add, contact, count, everything, order, stock_of

BERTA = Actor(kind="staff", id=1, name="Berta")


def totals(site: Site, contact_id: int | None) -> tuple[int, dict[str, int], datetime | None]:
    with site.session() as session:
        row = session.scalars(select(CustomerTotals).where(CustomerTotals.contact_id == contact_id)).one()
        amounts = session.scalars(select(CustomerAmount).where(CustomerAmount.contact_id == contact_id))
        return row.orders, {one.currency: one.minor for one in amounts}, row.last_order_at


def step(site: Site, order_id: int, what: Step) -> None:
    with site.begin() as session:
        take_step(session, order_id, what, BERTA)


def test_s1_an_order_makes_a_customer_with_module_activity_and_details(site: Site) -> None:
    bread, bag = add(site, "Bread", 590, 700), add(site, "Bag", 1190, 1900)
    details = Details(**{**_fields(DETAILS), "language": "en"})

    made = order(site, (bread, 2), (bag, 1), email=" Anna@Example.org ", details=details)

    found = contact(site, "anna@example.org")
    assert (found.stage, found.name, found.city, found.language) == (
        "customer",
        "Anna Müller",
        "Berlin",
        "en",
    )
    with site.session() as session:
        assert session.scalars(select(ContactModule.module)).all() == ["shop"]
        entry = session.scalars(select(ContactActivity)).one()
        assert (entry.kind, entry.reference) == ("shop.ordered", made.number)
        assert entry.data == {"total": 2370, "total_currency": "EUR"}
        assert entry.href == f"/dashboard/shop/orders/{made.id}"
        taxes = {part.rate: (part.gross, part.tax) for part in session.scalars(select(OrderTax))}
    assert made.total == Money(minor=2370, currency="EUR")
    assert taxes == {700: (1180, 77), 1900: (1190, 190)}
    assert totals(site, found.id)[:2] == (1, {"EUR": 2370})


def _fields(details: Details) -> dict[str, str]:
    return {name: getattr(details, name) for name in ("name", "phone", "street", "postal_code", "city", "country")}


def test_c5_a_second_order_in_another_spelling_brings_details_up_to_date(site: Site) -> None:
    bread = add(site)
    order(site, (bread, 1), email="anna@example.org")

    order(
        site,
        (bread, 2),
        email="ANNA@EXAMPLE.ORG ",
        details=Details(name="Anna Meier", street="Am Ring 1", city="Köln"),
    )

    found = contact(site, "anna@example.org")
    assert count(site, Contact) == 1
    assert (found.name, found.street, found.city, found.phone) == (
        "Anna Meier",
        "Am Ring 1",
        "Köln",
        "030 123456",
    )
    assert totals(site, found.id)[:2] == (2, {"EUR": 3 * 590})


def test_c6_an_order_of_a_locked_contact_only_suggests(site: Site) -> None:
    bread = add(site)
    order(site, (bread, 1))
    with site.begin() as session:
        session.execute(update(Contact).values(locked_at=datetime.now(UTC), locked_by="Berta"))

    made = order(site, (bread, 1), details=Details(name="Anna Müller", street="Am Ring 1", city="Köln"))

    assert contact(site, "anna@example.org").city == "Berlin"
    with site.session() as session:
        suggestion = session.scalars(select(ContactSuggestion)).one()
    assert (suggestion.group, suggestion.reference) == ("address", made.number)
    assert suggestion.details["city"] == "Köln"


def test_c5_a_replayed_old_order_does_not_overwrite_newer_details(site: Site) -> None:
    bread = add(site)
    order(site, (bread, 1))

    past = datetime.now(UTC) - timedelta(days=400)
    order(site, (bread, 1), placed_at=past, details=Details(name="Anna Alt", city="Bonn", street="Alte Gasse 1"))

    found = contact(site, "anna@example.org")
    assert (found.name, found.city) == ("Anna Müller", "Berlin")
    last = totals(site, found.id)[2]
    assert last is not None
    assert last > past


def test_an_order_keeps_what_it_was_when_the_product_changes(site: Site) -> None:
    bread = add(site, "Bread", 590, 700)
    order(site, (bread, 1))

    with site.begin() as session:
        session.execute(update(Product).values(name="Other", tax_rate=1900, active=False))
        session.execute(update(Variant).values(price=999, name="Large"))

    with site.session() as session:
        line = session.scalars(select(OrderLine)).one()
    assert (line.name, line.unit_price, line.tax_rate) == ("Bread", 590, 700)


def test_numbers_grow_by_year_without_gaps_even_when_orders_are_given_up(site: Site) -> None:
    bread = add(site)
    # In Berlin this is already 2026.
    at_new_year = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    numbers = [order(site, (bread, 1), placed_at=at_new_year).number for _ in range(2)]
    with pytest.raises(Conflict):
        # Given up after it has taken its number.
        order(site, (bread, 1), placed_at=at_new_year, contact_id=4711)
    numbers.append(order(site, (bread, 1), placed_at=at_new_year).number)
    numbers.append(order(site, (bread, 1), placed_at=datetime(2025, 6, 1, tzinfo=UTC)).number)

    assert numbers == ["2026-0001", "2026-0002", "2026-0003", "2025-0001"]


def test_t_b6_a_quantity_that_can_not_be_is_refused(site: Site) -> None:
    bread = add(site)
    before = everything(site)

    for quantity in (0, -1, 1000):
        with pytest.raises(InvalidInput):
            order(site, (bread, quantity))

    assert everything(site) == before


def test_an_order_of_nothing_of_unknown_or_inactive_goods_is_refused(site: Site) -> None:
    bread = add(site)
    with site.begin() as session:
        session.execute(update(Product).values(active=False))
    before = everything(site)

    with pytest.raises(InvalidInput):
        order(site)
    for variant_id in (bread, 4711):
        with pytest.raises(Conflict):
            order(site, (variant_id, 1))

    assert everything(site) == before


def test_an_address_that_is_none_is_refused(site: Site) -> None:
    bread = add(site, stock=3)

    with pytest.raises(InvalidEmail):
        order(site, (bread, 1), email="nobody")

    assert stock_of(site, bread) == 3


def test_t_b5_stock_is_taken_and_never_below_zero(site: Site) -> None:
    bread, cake = add(site, "Bread", stock=5), add(site, "Cake", stock=1)
    order(site, (bread, 3))
    before = everything(site)

    with pytest.raises(OutOfStock):
        order(site, (cake, 1), (bread, 3))

    assert everything(site) == before
    assert (stock_of(site, bread), stock_of(site, cake)) == (2, 1)


def test_s4_cancelling_puts_stock_back_and_no_longer_counts(site: Site) -> None:
    bread = add(site, stock=5)
    first = order(site, (bread, 1), placed_at=datetime(2026, 1, 1, tzinfo=UTC))
    second = order(site, (bread, 3), placed_at=datetime(2026, 2, 1, tzinfo=UTC))

    step(site, second.id, "cancelled")

    assert stock_of(site, bread) == 4
    assert totals(site, first.contact_id) == (1, {"EUR": 590}, datetime(2026, 1, 1, tzinfo=UTC))
    step(site, first.id, "cancelled")
    assert totals(site, first.contact_id) == (0, {}, None)


def test_cancelling_does_not_add_to_a_stock_that_was_not_counted_then(site: Site) -> None:
    bread = add(site)
    made = order(site, (bread, 3))
    with site.begin() as session:
        session.execute(update(Variant).values(stock=10))

    step(site, made.id, "cancelled")

    assert stock_of(site, bread) == 10


def test_s4_each_step_is_logged_for_order_and_contact(site: Site) -> None:
    made = order(site, (add(site), 1))

    step(site, made.id, "shipped")
    step(site, made.id, "paid")

    with site.session() as session:
        row = session.get_one(Order, made.id)
        kinds = session.scalars(select(ContactActivity.kind).order_by(ContactActivity.id)).all()
        events = session.execute(select(OrderEvent.event, OrderEvent.actor_name).order_by(OrderEvent.id)).all()
    assert row.state == "shipped"
    assert row.paid_at is not None
    assert kinds == ["shop.ordered", "shop.shipped", "shop.paid"]
    assert [tuple(event) for event in events] == [("placed", ""), ("shipped", "Berta"), ("paid", "Berta")]


def test_s4_steps_that_make_no_sense_are_refused(site: Site) -> None:
    bread = add(site, stock=5)
    cases: list[tuple[list[Step], list[Step]]] = [
        (["paid"], ["paid"]),
        (["shipped"], ["shipped", "cancelled"]),
        (["paid", "shipped"], list(STEPS)),
        (["cancelled"], list(STEPS)),
    ]
    for taken, refused in cases:
        made = order(site, (bread, 1))
        for one in taken:
            step(site, made.id, one)
        before = everything(site)

        for one in refused:
            with pytest.raises(Conflict):
                step(site, made.id, one)

        assert everything(site) == before


def test_totals_are_kept_by_currency_and_never_added_up(site: Site) -> None:
    made = order(site, (add(site, "Bread", 590), 1))
    abroad = site.with_plugins(site.enabled, site.revision, {"shop.currency": "JPY"})
    with pytest.raises(InvalidInput):
        order(abroad)
    sushi = add(abroad, "Sushi", 1200, 1000)

    order(abroad, (sushi, 2))

    assert totals(site, made.contact_id)[1] == {"EUR": 590, "JPY": 2400}


def test_a_product_in_the_former_currency_is_not_sold(site: Site) -> None:
    bread = add(site, "Bread", 590)
    abroad = site.with_plugins(site.enabled, site.revision, {"shop.currency": "JPY"})

    with pytest.raises(Conflict):
        order(abroad, (bread, 1))

    assert count(site, Order) == 0


def test_an_order_outlives_its_contact_without_the_person_in_the_totals(site: Site) -> None:
    made = order(site, (add(site), 1))

    with site.begin() as session:
        session.delete(session.get_one(Contact, made.contact_id))

    with site.session() as session:
        assert session.get_one(Order, made.id).contact_id is None
    assert count(site, CustomerTotals) == count(site, CustomerAmount) == 0
    step(site, made.id, "paid")


def test_a_rejected_capture_leaves_no_order_and_takes_no_stock(tmp_path: Path, database_url: str) -> None:
    gate = ModuleType("gate")
    gate.__package__ = "gate"

    @hookimpl
    def screen_capture(capture: Capture) -> Screening:
        return Screening(verdict="reject", reason="Not here.")

    gate.screen_capture = screen_capture  # type: ignore[attr-defined]
    site = make_site(tmp_path, shop, gate, database_url=database_url)
    bread = add(site, stock=2)
    before = everything(site)

    with pytest.raises(CaptureRejected):
        order(site, (bread, 1))

    assert everything(site) == before
    site.close()


def test_the_same_form_makes_one_order(site: Site) -> None:
    bread = add(site, stock=9)
    first = order(site, (bread, 1), checkout_key="k")

    again = order(site, (bread, 1), checkout_key="k")

    assert again.replayed
    assert (again.id, again.token) == (first.id, first.token)
    assert stock_of(site, bread) == 8
    assert count(site, Order) == 1


def test_system_steps_name_nobody(site: Site) -> None:
    made = order(site, (add(site), 1))
    with site.begin() as session:
        take_step(session, made.id, "paid", SYSTEM)
    with site.session() as session:
        assert session.scalars(select(OrderEvent.actor_kind).order_by(OrderEvent.id)).all() == [
            "visitor",
            "system",
        ]
