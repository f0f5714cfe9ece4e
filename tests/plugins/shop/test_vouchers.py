"""Vouchers (FEATURES S3): in both kinds of order, within their limits, never used twice at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.site import Site
from core.testing import sign_in
from core.values import SYSTEM, Money
from plugins.shop import orders
from plugins.shop.amounts import PricedLine, spread, taxes_of
from plugins.shop.models import CustomerAmount, Order, Voucher, VoucherUse
from plugins.shop.orders import PriceChanged
from plugins.shop.states import take_step
from plugins.shop.vouchers import VoucherRefused, VoucherValues, add_voucher, discount_on
from tests.plugins.shop.helpers import (
    PERSON,
    Client,
    add,
    check_out,
    contact,
    count,
    everything,
    only_order,
    order,
    put_in,
)
from tests.plugins.shop.test_races import at_once


def voucher(site: Site, code: str = "SUMMER", kind: str = "percent", value: int = 1000, **values: Any) -> int:
    nothing: dict[str, Any] = {"minimum": 0, "starts_on": None, "ends_on": None, "limit": None}
    made = VoucherValues(code=code, kind=kind, value=value, **{**nothing, "limit_per_customer": None, **values})
    with site.begin() as session:
        return add_voucher(session, site, made)


def uses(site: Site) -> int:
    with site.session() as session:
        return session.scalars(select(Voucher)).one().uses


def today(site: Site) -> date:
    from datetime import datetime

    return datetime.now(site.settings.zone).date()


# What it takes off


@pytest.mark.parametrize(
    ("kind", "value", "goods", "off"),
    [
        ("percent", 1000, 1999, 200),
        ("percent", 1250, 4, 1),
        ("percent", 10_000, 777, 777),
        ("fixed", 500, 1999, 500),
        ("fixed", 5000, 1999, 1999),
        ("percent", 1, 1, 0),
    ],
)
def test_s3_share_or_amount(kind: str, value: int, goods: int, off: int) -> None:
    assert discount_on(kind, value, goods) == off


@given(st.dictionaries(st.integers(0, 5), st.integers(0, 10**12), min_size=1), st.data())
def test_t_b1_a_discount_is_spread_to_the_minor_unit(weights: dict[int, int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(weights.values())))
    parts = spread(amount, weights)

    assert sum(parts.values()) == amount or not sum(weights.values())
    assert all(0 <= part <= weights[key] for key, part in parts.items())


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from([0, 700, 1900])), min_size=1), st.integers(0, 10**6))
def test_t_b1_taxes_add_up_to_what_is_paid(prices: list[tuple[int, int]], off: int) -> None:
    lines = [
        PricedLine(name="x", unit_price=price, tax_rate=rate, quantity=1, currency="EUR") for price, rate in prices
    ]
    goods = sum(price for price, _ in prices)
    off = min(off, goods)

    parts = taxes_of(lines, off)
    assert sum(part.gross for part in parts) == goods - off
    assert all(0 <= part.tax <= part.gross for part in parts)


# Both kinds of order


def test_s3_a_visitor_uses_a_voucher_in_the_cart(site: Site, client: Client) -> None:
    put_in(client, add(site, price=1000), 2)
    voucher(site, "Sommer 10", value=1000)

    page = client.post("/shop/cart/voucher", data={"voucher": "sommer-10"}).text
    assert "Sommer 10" in page
    assert "€18.00" in page
    assert check_out(client).status_code == 303

    placed = only_order(site)
    assert (placed.total, placed.discount, placed.voucher_code) == (1800, 200, "Sommer 10")
    assert uses(site) == 1
    with site.session() as session:
        assert session.scalars(select(CustomerAmount.minor)).one() == 1800
        assert session.scalars(select(VoucherUse.contact_id)).one() == contact(site).id
    # The next cart begins without it.
    put_in(client, add(site, "Cake"))
    assert "Sommer 10" not in client.get("/shop/cart").text


def test_s3_staff_use_a_voucher_in_an_order_on_behalf(site: Site, client: Client) -> None:
    bread = add(site, price=1000)
    voucher(site, kind="fixed", value=300)
    sign_in(site, client)

    page = client.get("/dashboard/shop/orders/new?email=anna.mueller@example.org").text
    assert '<option value="SUMMER">' in page
    data = {**PERSON, "key": "k", f"quantity-{bread}": "1", "voucher": "winter"}
    refused = client.post("/dashboard/shop/orders/new?email=anna.mueller@example.org", data=data)
    assert refused.status_code == 422
    assert "There is no voucher with this code." in refused.text
    assert 'value="winter"' in refused.text
    assert count(site, Order) == 0

    placed = client.post(
        "/dashboard/shop/orders/new?email=anna.mueller@example.org", data={**data, "voucher": "summer"}
    )
    assert placed.status_code == 200
    assert "Voucher SUMMER" in placed.text
    assert "−€3.00" in placed.text
    assert only_order(site).total == 700


def test_s3_a_voucher_taken_out_of_the_cart_is_not_used(site: Site, client: Client) -> None:
    put_in(client, add(site, price=1000))
    voucher(site)
    client.post("/shop/cart/voucher", data={"voucher": "SUMMER"})
    assert "€10.00" in client.post("/shop/cart/voucher", data={"voucher": ""}).text
    check_out(client)

    assert only_order(site).total == 1000
    assert uses(site) == 0


def test_s3_a_voucher_that_ended_meanwhile_does_not_change_the_price_unseen(site: Site, client: Client) -> None:
    put_in(client, add(site, price=1000))
    number = voucher(site)
    client.post("/shop/cart/voucher", data={"voucher": "SUMMER"})
    seen = re.search(r'name="offer" value="([^"]+)"', client.get("/shop/checkout").text)
    assert seen is not None
    with site.begin() as session:
        session.execute(update(Voucher).where(Voucher.id == number).values(active=False))

    answer = check_out(client, offer=seen[1])
    assert answer.status_code == 409
    assert count(site, Order) == 0
    assert "There is no voucher with this code." in client.get("/shop/cart").text


# Its conditions


def test_s3_period_and_minimum(site: Site, client: Client) -> None:
    put_in(client, add(site, price=1000), 2)
    cases: list[tuple[dict[str, int], str]] = [
        ({"starts_on": 1}, "This voucher is not valid yet."),
        ({"ends_on": -1}, "This voucher has expired."),
        ({"minimum": 2001}, "This voucher is for orders of"),
        ({"starts_on": 0, "ends_on": 0, "minimum": 2000}, ""),
    ]
    for number, (conditions, says) in enumerate(cases):
        days = {
            name: today(site) + timedelta(days=value) if name.endswith("_on") else value
            for name, value in conditions.items()
        }
        voucher(site, code=f"SUMMER{number}", **days)

        answer = client.post("/shop/cart/voucher", data={"voucher": f"SUMMER{number}"})
        assert answer.status_code == (422 if says else 200)
        assert says in answer.text


def test_s3_a_limit_per_customer_holds_for_one_customer_whatever_the_spelling(site: Site) -> None:
    bread = add(site)
    voucher(site, limit_per_customer=1)
    order(site, (bread, 1), voucher="SUMMER")
    before = everything(site)

    with pytest.raises(VoucherRefused):
        order(site, (bread, 1), voucher="summer", email="ANNA@example.org")
    assert everything(site) == before
    order(site, (bread, 1), voucher="SUMMER", email="berta@example.org")
    assert uses(site) == 2


def test_s3_a_cancelled_order_gives_its_use_back(site: Site) -> None:
    bread = add(site)
    voucher(site, limit=1)
    first = order(site, (bread, 1), voucher="SUMMER")
    with pytest.raises(VoucherRefused):
        order(site, (bread, 1), voucher="SUMMER")
    with site.begin() as session:
        take_step(session, first.id, "cancelled", SYSTEM)
    assert uses(site) == 0
    order(site, (bread, 1), voucher="SUMMER")


def test_s3_a_seen_total_must_hold(site: Site) -> None:
    bread = add(site, price=1000)
    voucher(site)
    with pytest.raises(PriceChanged):
        order(site, (bread, 1), voucher="SUMMER", expected=Money(minor=1000, currency="EUR"))
    order(site, (bread, 1), voucher="SUMMER", expected=Money(minor=900, currency="EUR"))


# At once


def test_t_b2_the_last_use_goes_to_one_of_ten(site: Site) -> None:
    bread = add(site)
    voucher(site, limit=1)

    results = at_once(10, lambda index: order(site, (bread, 1), voucher="SUMMER", email=f"p{index}@example.org"))

    assert sum(isinstance(one, VoucherRefused) for one in results) == 9, results
    assert (uses(site), count(site, Order), count(site, VoucherUse)) == (1, 1, 1)


def test_t_b2_one_customer_uses_it_once_in_ten_orders_at_once(site: Site) -> None:
    bread = add(site)
    voucher(site, limit_per_customer=1)

    results = at_once(10, lambda index: order(site, (bread, 1), voucher="SUMMER"))

    assert sum(isinstance(one, VoucherRefused) for one in results) == 9, results
    assert (uses(site), count(site, Order)) == (1, 1)


def test_t_b2_control_without_the_condition_in_the_update_more_get_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bread = add(site)
    voucher(site, limit=1)
    looked, claim = Barrier(6), orders.claim
    seen = {}

    def claim_what_was_seen(session: Any, code: str, goods: Money, at: Any) -> Any:
        if seen["uses"] >= 1:
            raise VoucherRefused("used up")
        session.execute(update(Voucher).values(limit=None))
        return claim(session, code, goods, at)

    monkeypatch.setattr(orders, "claim", claim_what_was_seen)

    def buy(index: int) -> Any:
        seen["uses"] = uses(site)
        looked.wait(30)
        return order(site, (bread, 1), voucher="SUMMER", email=f"p{index}@example.org")

    at_once(6, buy)
    assert count(site, Order) > 1


# Its screens


def test_s3_staff_make_change_and_delete_vouchers(site: Site, client: Client) -> None:
    sign_in(site, client, "manager")
    typed = {"code": "Frühling", "kind": "fixed", "value": "5.50", "minimum": "20", "limit": "3"}
    assert client.post("/dashboard/shop/vouchers/new", data={**typed, "value": ""}).status_code == 422
    page = client.post("/dashboard/shop/vouchers/new", data=typed).text
    assert "€5.50" in page
    assert "0 of 3" in page
    assert "already" in client.post("/dashboard/shop/vouchers/new", data={**typed, "code": "FRÜHLING"}).text

    with site.session() as session:
        number = session.scalars(select(Voucher.id)).one()
    form = client.get(f"/dashboard/shop/vouchers/{number}").text
    assert 'value="5.50"' in form
    changed = {**typed, "kind": "percent", "value": "12.5", "ends_on": "2031-05-01"}
    assert "12.5 %" in client.post(f"/dashboard/shop/vouchers/{number}", data=changed).text
    client.post(f"/dashboard/shop/vouchers/{number}/active", data={"active": ""})
    with pytest.raises(VoucherRefused):
        order(site, (add(site, price=3000), 1), voucher="Frühling")
    client.post(f"/dashboard/shop/vouchers/{number}/active", data={"active": "1"})
    order(site, (add(site, "Cake", price=3000), 1), voucher="Frühling")
    assert client.post(f"/dashboard/shop/vouchers/{number}/delete").status_code == 409
    assert count(site, Voucher) == 1


def test_s3_what_can_not_be_is_said_beside_its_field(site: Site, client: Client) -> None:
    sign_in(site, client)
    for wrong in (
        {"kind": "percent", "value": "101"},
        {"value": "-1"},
        {"starts_on": "2031-05-02", "ends_on": "2031-05-01"},
        {"ends_on": "yesterday"},
        {"limit": "0"},
        {"limit_per_customer": "x"},
        {"code": "x" * 41},
        {"minimum": "1.005"},
    ):
        typed = {"code": "A", "kind": "percent", "value": "10", **wrong}
        answer = client.post("/dashboard/shop/vouchers/new", data=typed)

        assert answer.status_code == 422, wrong
        assert 'aria-invalid="true"' in answer.text, wrong
    assert count(site, Voucher) == 0


def test_t_z1_assistants_use_vouchers_and_do_not_make_them(site: Site, client: Client) -> None:
    number = voucher(site)
    sign_in(site, client, "assistant")
    for call in (
        lambda: client.get("/dashboard/shop/vouchers"),
        lambda: client.post("/dashboard/shop/vouchers/new", data={"code": "A", "value": "10"}),
        lambda: client.post(f"/dashboard/shop/vouchers/{number}/delete"),
    ):
        answer: Callable[[], Any] = call
        assert answer().status_code == 403
    assert count(site, Voucher) == 1
