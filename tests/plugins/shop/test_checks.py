"""What `tresen doctor` finds and mends in the shop: the totals kept beside the orders, and the uses of vouchers."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, insert, update

from core.checking import run_checks
from core.site import Site
from core.values import SYSTEM
from plugins.shop.models import CustomerAmount, CustomerTotals, Order, Voucher
from plugins.shop.states import take_step
from plugins.shop.vouchers import VoucherValues, add_voucher
from tests.plugins.shop.helpers import add, everything, order


def _problems(site: Site, *, repair: bool = False) -> dict[str, list[str]]:
    found = run_checks(site, repair=repair)
    return {one.check.key: list(one.problems) for one in found if one.check.key.startswith("shop.")}


def test_s5_the_doctor_finds_totals_that_do_not_fit_and_makes_them_anew(site: Site) -> None:
    bread = add(site)
    with site.begin() as session:
        values = VoucherValues(
            code="TEN", kind="percent", value=1000, minimum=0, starts_on=None, ends_on=None, limit=9,
            limit_per_customer=None,
        )  # fmt: skip
        add_voucher(session, site, values)
    made = [
        order(site, (bread, number), email=f"n{number % 3}@example.org", voucher="ten", placed_at=_day(number))
        for number in range(1, 8)
    ]
    with site.begin() as session:
        for one in (made[0], made[3], made[6]):
            # All that n1 has ordered.
            take_step(session, one.id, "cancelled", SYSTEM)
    right = everything(site)
    well: dict[str, list[str]] = {
        "shop.totals": [],
        "shop.voucher_uses": [],
        "shop.voucher_balances": [],
        "shop.orders": [],
    }
    assert _problems(site) == well
    n0, n1, n2 = made[2].contact_id, made[0].contact_id, made[1].contact_id
    assert n0 is not None

    with site.begin() as session:
        session.execute(update(CustomerTotals).where(CustomerTotals.contact_id == n0).values(orders=7))
        session.execute(update(CustomerAmount).where(CustomerAmount.contact_id == n2).values(minor=1))
        session.execute(delete(CustomerTotals).where(CustomerTotals.contact_id == n2))
        session.execute(insert(CustomerAmount).values(contact_id=n1, currency="JPY", minor=5))
        session.execute(update(Voucher).values(uses=9))
    assert _problems(site) == {
        "shop.totals": [f"The totals of contact {one} are not those of its orders." for one in sorted((n0, n1, n2))],  # type: ignore[type-var]
        "shop.voucher_uses": ["Voucher TEN says it was used 9 times, and was used 4 times."],
        "shop.voucher_balances": [],
        "shop.orders": [],
    }
    assert _problems(site, repair=True) == well
    # An amount of nothing may be a row or none.
    kept, now = (
        {**one, "shop_customer_amounts": [row for row in one["shop_customer_amounts"] if row[-1]]}
        for one in (right, everything(site))
    )
    assert now == kept

    with site.begin() as session:
        session.execute(update(Order).where(Order.id == made[1].id).values(total=1))
    books = everything(site)["shop_orders"]
    assert _problems(site, repair=True)["shop.orders"] == [
        f"Order {made[1].number}: its lines, its taxes and its total do not fit."
    ]
    assert everything(site)["shop_orders"] == books


def _day(number: int) -> datetime:
    return datetime(2026, 1, number, 12, tzinfo=UTC)
