"""Taking orders back in part or as a whole: what was really bought is always what the lines say (FEATURES S4)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from core.contacts.models import ContactActivity
from core.database.migrate import downgrade, upgrade
from core.errors import Conflict, InvalidInput
from core.site import Site, migrations_of
from core.testing import sign_in
from core.values import SYSTEM, Actor
from plugins.shop.amounts import PricedLine, discounts_of, part_of, taxes_of
from plugins.shop.models import (
    CustomerAmount,
    CustomerTotals,
    Order,
    OrderEvent,
    OrderLine,
    Payment,
    Refund,
    RefundLine,
    Voucher,
)
from plugins.shop.refunds import TakeBack, TakenBack, note_surplus, refund
from plugins.shop.states import take_step
from plugins.shop.tiles import overview_tiles
from tests.plugins.shop.helpers import Client, add, everything, order, stock_of
from tests.plugins.shop.test_vouchers import voucher

BERTA = Actor(kind="staff", id=1, name="Berta")


def lines(site: Site, order_id: int) -> list[OrderLine]:
    with site.session() as session:
        return list(session.scalars(select(OrderLine).where(OrderLine.order_id == order_id).order_by(OrderLine.id)))


def take(site: Site, order_id: int, *pieces: int, **values: Any) -> TakenBack:
    wanted = {line.id: many for line, many in zip(lines(site, order_id), pieces, strict=False) if many}
    with site.begin() as session:
        return refund(session, order_id, TakeBack(pieces=wanted, **values), BERTA)


def step(site: Site, order_id: int, what: Any) -> None:
    with site.begin() as session:
        take_step(session, order_id, what, BERTA)


def agree(site: Site, order_id: int) -> tuple[str, int]:
    """State and what was bought, after everything that says what was bought was found to say the same."""
    with site.session() as session:
        row = session.get_one(Order, order_id)
        bought = row.total - row.refunded
        of_lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order_id)).all()
        assert sum(one.unit_price * one.quantity - one.discount for one in of_lines) == row.total
        assert sum(one.unit_price * one.quantity - one.discount - one.refunded_amount for one in of_lines) == bought
        for one in of_lines:
            taken = session.execute(
                select(func.sum(RefundLine.quantity), func.sum(RefundLine.amount)).where(RefundLine.line_id == one.id)
            ).one()
            assert (taken[0] or 0, taken[1] or 0) == (one.refunded, one.refunded_amount)
        refunds = session.scalars(select(func.sum(Refund.amount)).where(Refund.order_id == order_id)).one()
        assert (refunds or 0) == row.refunded
        came = session.scalar(select(func.sum(Payment.amount)).where(Payment.state == "paid")) or 0
        went = session.scalar(select(func.sum(Refund.money_back))) or 0
        if row.paid_at is not None:
            assert came - went == bought
        kept = session.scalar(select(CustomerAmount.minor).where(CustomerAmount.contact_id == row.contact_id)) or 0
        assert kept == bought
        counts = row.state not in ("cancelled", "refunded")
        assert session.get_one(CustomerTotals, row.contact_id).orders == int(counts)
        tile = next(tile for tile in overview_tiles() if tile.key == "shop.revenue").load(session)
        assert tile is not None
        assert tile.value.minor == bought  # type: ignore[attr-defined]
        return row.state, bought


def test_s4_a_refund_in_parts_with_a_voucher_adds_up_to_the_cent(site: Site) -> None:
    voucher(site, kind="fixed", value=100)
    bread, book = add(site, "Bread", 333, 700, stock=9), add(site, "Book", 1000, 1900, stock=5)
    made = order(site, (bread, 3), (book, 1), voucher="SUMMER")
    assert made.total.minor == 1899
    step(site, made.id, "paid")

    first = take(site, made.id, 1, 0, seen=0, reason="burnt")
    assert first.amount == first.money_back
    assert first.amount.minor == 316
    assert agree(site, made.id) == ("paid", 1583)
    assert stock_of(site, bread) == 7
    step(site, made.id, "shipped")
    take(site, made.id, 0, 0, reduction=83, seen=1)
    assert agree(site, made.id) == ("shipped", 1500)
    take(site, made.id, 2, 1, restock=False)

    assert agree(site, made.id) == ("refunded", 0)
    assert (stock_of(site, bread), stock_of(site, book)) == (7, 4)
    with site.session() as session:
        events = session.scalars(select(OrderEvent.event).order_by(OrderEvent.id)).all()
        kinds = session.scalars(select(ContactActivity.kind).order_by(ContactActivity.id)).all()
        # It was used, and the goods were had.
        assert session.scalars(select(Voucher.uses)).one() == 1
        assert session.scalars(select(Refund.reason).order_by(Refund.id)).first() == "burnt"
    assert events == ["placed", "paid", "refunded", "shipped", "refunded", "refunded"]
    assert kinds == ["shop.ordered", "shop.paid", "shop.refunded", "shop.shipped", "shop.refunded", "shop.refunded"]


def test_s4_what_is_not_paid_is_taken_off_and_cancelled_when_nothing_is_left(site: Site) -> None:
    voucher(site, value=1000)
    bread = add(site, price=1000, stock=9)
    made = order(site, (bread, 3), voucher="SUMMER")

    done = take(site, made.id, 1)
    assert (done.amount.minor, done.money_back.minor) == (900, 0)
    assert agree(site, made.id) == ("open", 1800)
    step(site, made.id, "paid")
    assert agree(site, made.id) == ("paid", 1800)
    # Cancelling a paid order gives back what was paid, and the voucher's use.
    step(site, made.id, "cancelled")
    assert agree(site, made.id) == ("cancelled", 0)
    assert stock_of(site, bread) == 9
    with site.session() as session:
        assert session.scalars(select(Voucher.uses)).one() == 0
        assert session.scalars(select(Refund.money_back).order_by(Refund.id)).all() == [0, 1800]

    other = order(site, (bread, 1), email="berta@example.org")
    take(site, other.id, 1)
    with site.session() as session:
        assert session.get_one(Order, other.id).state == "cancelled"


def test_s4_what_can_not_be_taken_back_is_refused_and_changes_nothing(site: Site) -> None:
    bread = add(site, price=500, stock=9)
    made = order(site, (bread, 2))
    step(site, made.id, "shipped")
    before = everything(site)

    for pieces, values in (((3,), {}), ((-1,), {}), ((0,), {}), ((1,), {"reduction": 501}), ((0,), {"reduction": -1})):
        with pytest.raises(InvalidInput):
            take(site, made.id, *pieces, **values)
    with pytest.raises(InvalidInput), site.begin() as session:
        refund(session, made.id, TakeBack(pieces={4711: 1}), BERTA)
    with pytest.raises(Conflict):
        take(site, made.id, 1, seen=1)
    with pytest.raises(Conflict), site.begin() as session:
        note_surplus(session, made.id, BERTA)
    assert everything(site) == before

    take(site, made.id, 2)
    assert agree(site, made.id) == ("refunded", 0)
    for what in ("paid", "shipped", "cancelled"):
        with pytest.raises(Conflict):
            step(site, made.id, what)
    with pytest.raises(Conflict):
        take(site, made.id, 1)


def test_s4_staff_refund_over_the_form_and_a_second_click_refunds_nothing(site: Site, client: Client) -> None:
    bread = add(site, price=500, stock=9)
    made = order(site, (bread, 3))
    step(site, made.id, "paid")
    sign_in(site, client)
    line = lines(site, made.id)[0].id
    form = f"/dashboard/shop/orders/{made.id}/refund"

    page = client.get(form).text
    assert "Refund order" in page
    seen = re.search(r'name="seen" value="(\d+)"', page)
    assert seen is not None
    wrong = client.post(form, data={"seen": seen[1], f"quantity-{line}": "4", "reason": "too many"})
    assert wrong.status_code == 422
    assert "At most 3 of these are left." in wrong.text
    assert 'value="too many"' in wrong.text
    odd = client.post(form, data={"seen": seen[1], "reduction": "1.234"})
    assert odd.status_code == 422

    sent = {"seen": seen[1], f"quantity-{line}": "1", "reduction": "0.50", "restock": "1"}
    done = client.post(form, data=sent)
    assert "€5.50 of order" in done.text
    assert "Refunded in part" in done.text
    assert "€9.50" in done.text
    again = client.post(form, data=sent)
    assert again.status_code == 409
    assert agree(site, made.id) == ("paid", 950)

    client.post(form, data={"seen": "1", "everything": "1", "restock": "1"})
    assert agree(site, made.id) == ("refunded", 0)
    assert stock_of(site, bread) == 9
    assert client.get(form, follow_redirects=False).status_code == 303
    sign_in(site, client, role="assistant", name="Cem")
    assert "Refunded" in client.get(f"/dashboard/shop/orders/{made.id}").text


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(1, 9), st.sampled_from([0, 700, 1900])), min_size=1, max_size=6
    ),
    st.integers(0, 10**7),
    st.randoms(),
)
@settings(max_examples=60)
def test_t_b1_lines_less_their_discounts_and_refunds_in_any_parts_add_up(
    items: list[tuple[int, int, int]], off: int, random: Any
) -> None:
    priced = [
        PricedLine(name="x", unit_price=price, quantity=many, tax_rate=rate, currency="EUR")
        for price, many, rate in items
    ]
    off = min(off, sum(line.sum.minor for line in priced))
    shares = discounts_of(priced, off)
    assert sum(shares) == off
    for part in taxes_of(priced, off):
        of_rate = [(line, share) for line, share in zip(priced, shares, strict=True) if line.tax_rate == part.rate]
        assert sum(line.sum.minor - share for line, share in of_rate) == part.gross
    for line, share in zip(priced, shares, strict=True):
        assert 0 <= share <= line.sum.minor
        rest, left = line.sum.minor - share, line.quantity
        while left:
            pieces = random.randint(1, left)
            part_back = part_of(rest, pieces, left)
            assert 0 <= part_back <= rest
            rest, left = rest - part_back, left - pieces
            assert rest <= line.unit_price * left
        assert rest == 0


def test_system_refunds_name_nobody(site: Site) -> None:
    made = order(site, (add(site), 1))
    with site.begin() as session:
        take_step(session, made.id, "paid", SYSTEM)
        refund(session, made.id, TakeBack(reduction=90), SYSTEM)
    assert agree(site, made.id) == ("paid", 500)


def test_orders_from_before_refunds_say_the_same_after_the_upgrade(site: Site) -> None:
    voucher(site, kind="fixed", value=100)
    bread, book = add(site, "Bread", 333, 700, stock=9), add(site, "Book", 1000, 1900)
    paid = order(site, (bread, 3), (book, 1), voucher="SUMMER")
    step(site, paid.id, "paid")
    gone = order(site, (bread, 2), email="berta@example.org")
    step(site, gone.id, "paid")
    step(site, gone.id, "cancelled")
    shares = [line.discount for line in lines(site, paid.id)]
    assert sum(shares) == 100

    migrations = migrations_of(site.plugins["shop"])
    downgrade(site.database, migrations, "0003")
    upgrade(site.database, [migrations])

    assert [line.discount for line in lines(site, paid.id)] == shares
    assert agree(site, paid.id) == ("paid", 1899)
    assert lines(site, gone.id)[0].refunded == 2
    with site.session() as session:
        assert session.get_one(Order, gone.id).refunded == 666
        assert session.execute(select(Refund.kind, Refund.money_back)).all() == [("cancel", 666)]
    step(site, paid.id, "cancelled")
    assert agree(site, paid.id) == ("cancelled", 0)
