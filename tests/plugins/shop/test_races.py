"""Orders in the same moment. Each race has a control: with the protection off, it fails."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, local
from typing import Any

import pytest
from sqlalchemy import func, select, update

from core.contacts.models import Contact
from core.site import Site
from core.values import SYSTEM
from plugins.shop import orders
from plugins.shop.models import CustomerAmount, CustomerTotals, Order, Variant
from plugins.shop.orders import Item, NewOrder, record_once
from plugins.shop.states import take_step
from plugins.shop.stock import OutOfStock
from tests.plugins.shop.helpers import DETAILS, add, count, order, stock_of


def at_once(number: int, function: Callable[[int], Any]) -> list[Any]:
    """Call `function(0…number-1)` in as many threads, all starting together; answers results and errors."""
    barrier = Barrier(number)

    def run(index: int) -> Any:
        barrier.wait(30)
        try:
            return function(index)
        except Exception as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def test_t_b5_the_last_one_is_sold_once_to_fifty(site: Site) -> None:
    cake = add(site, "Cake", stock=1)

    results = at_once(50, lambda index: order(site, (cake, 1), email=f"person{index}@example.org"))

    assert sum(isinstance(one, OutOfStock) for one in results) == 49, results
    assert stock_of(site, cake) == 0
    assert count(site, Order) == count(site, Contact) == 1


def test_t_b5_control_without_the_condition_in_the_update_more_are_sold(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    cake, seen = add(site, "Cake", stock=1), local()

    def take_what_was_seen(session: Any, variant: Variant, name: str, quantity: int) -> bool:
        if seen.stock < quantity:
            raise OutOfStock(name, 0, variant.id)
        session.execute(update(Variant).where(Variant.id == variant.id).values(stock=seen.stock - quantity))
        return True

    monkeypatch.setattr(orders, "take_stock", take_what_was_seen)
    looked = Barrier(8)

    def buy(index: int) -> Any:
        seen.stock = stock_of(site, cake)
        looked.wait(30)
        return order(site, (cake, 1), email=f"person{index}@example.org")

    at_once(8, buy)

    assert count(site, Order) > 1


def _form(site: Site, variant_id: int, key: str | None) -> Callable[[int], Any]:
    new = NewOrder(
        email="anna@example.org",
        details=DETAILS,
        items=[Item(variant_id=variant_id, quantity=1)],
        checkout_key=key,
    )
    return lambda index: record_once(site, new)


def test_t_p1_one_form_sent_eight_times_at_once_makes_one_order(site: Site) -> None:
    bread = add(site, stock=20)

    results = at_once(8, _form(site, bread, "one form"))

    assert {one.number for one in results} == {results[0].number}
    assert count(site, Order) == 1
    assert stock_of(site, bread) == 19


def test_t_p1_control_without_the_key_each_makes_one(site: Site) -> None:
    at_once(8, _form(site, add(site), None))

    assert count(site, Order) == 8


def test_numbers_have_no_gaps_and_totals_are_right_when_many_order_at_once(site: Site) -> None:
    bread = add(site)
    made = [order(site, (bread, 1)) for _ in range(6)]

    def work(index: int) -> Any:
        if index < 6:
            with site.begin() as session:
                return take_step(session, made[index].id, "cancelled", SYSTEM)
        return order(site, (bread, 2), email=("anna@example.org", "berta@example.org")[index % 2])

    results = at_once(18, work)

    assert [one for one in results if isinstance(one, Exception)] == []
    with site.session() as session:
        numbers = sorted(session.scalars(select(Order.number)))
        assert [int(number[5:]) for number in numbers] == list(range(1, 19))
        for contact_id in session.scalars(select(Contact.id)):
            real = session.execute(
                select(func.count(), func.coalesce(func.sum(Order.total), 0)).where(
                    Order.contact_id == contact_id, Order.state != "cancelled"
                )
            ).one()
            kept = session.get_one(CustomerTotals, contact_id).orders
            amount = session.scalar(select(CustomerAmount.minor).where(CustomerAmount.contact_id == contact_id))
            assert (kept, amount or 0) == tuple(real)


def test_first_orders_of_new_addresses_at_once_do_not_wait_in_a_circle(site: Site) -> None:
    bread = add(site)

    results = at_once(12, lambda index: order(site, (bread, 1), email=f"new{index % 3}@example.org"))

    assert [one for one in results if isinstance(one, Exception)] == []
    assert (count(site, Order), count(site, Contact)) == (12, 3)
