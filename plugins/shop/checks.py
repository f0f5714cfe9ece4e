"""What must hold in the shop's tables, looked at and mended by `tresen doctor`.

What is kept twice for quickness (the totals of contacts, how often a voucher was used, what is left of a balance) is
worked out anew from the orders and movements; those are records of the books and are never changed: what does not fit
there is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, and_, case, delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Session

from core import Check, Site
from plugins.shop.models import (
    CustomerAmount,
    CustomerTotals,
    Order,
    OrderLine,
    OrderTax,
    Payment,
    Refund,
    Voucher,
    VoucherMovement,
    VoucherUse,
)
from plugins.shop.seller import BALANCE
from plugins.shop.totals import BOUGHT, COUNTED

MOST = 100
"""Problems that are looked for at a time."""


def checks() -> list[Check]:
    """Totals of contacts, uses and balances of vouchers, and the sums of orders."""
    return [
        Check(key="shop.totals", label="Totals of purchases", find=_wrong_totals, repair=_rebuild_totals, order=200),
        Check(key="shop.voucher_uses", label="Uses of vouchers", find=_wrong_uses, repair=_recount_uses, order=201),
        Check(
            key="shop.voucher_balances",
            label="Balances of vouchers",
            find=_wrong_balances,
            repair=_rebuild_balances,
            order=202,
        ),
        Check(key="shop.orders", label="Sums of orders", find=_wrong_sums, order=203),
    ]


# Totals of contacts

_orders = (
    select(
        Order.contact_id.label("contact_id"),
        func.sum(case((COUNTED, 1), else_=0)).label("orders"),
        func.max(case((COUNTED, Order.placed_at))).label("last"),
    )
    .where(Order.contact_id.is_not(None))
    .group_by(Order.contact_id)
)
_amounts = (
    select(
        Order.contact_id.label("contact_id"),
        Order.currency.label("currency"),
        func.sum(case((COUNTED, BOUGHT), else_=0)).label("minor"),
    )
    .where(Order.contact_id.is_not(None))
    .group_by(Order.contact_id, Order.currency)
)


def _wrong_totals(session: Session, site: Site) -> Sequence[str]:
    orders, amounts = _orders.subquery(), _amounts.subquery()
    kept, sums = CustomerTotals, CustomerAmount
    same_sum = and_(sums.contact_id == amounts.c.contact_id, sums.currency == amounts.c.currency)
    wrong = (
        select(kept.contact_id)
        .outerjoin(orders, orders.c.contact_id == kept.contact_id)
        .where(
            or_(
                kept.orders != func.coalesce(orders.c.orders, 0),
                kept.last_order_at.is_distinct_from(orders.c.last),
            )
        ),
        select(orders.c.contact_id)
        .outerjoin(kept, kept.contact_id == orders.c.contact_id)
        .where(kept.contact_id.is_(None), orders.c.orders > 0),
        select(sums.contact_id).outerjoin(amounts, same_sum).where(sums.minor != func.coalesce(amounts.c.minor, 0)),
        select(amounts.c.contact_id).outerjoin(sums, same_sum).where(sums.contact_id.is_(None), amounts.c.minor != 0),
    )
    found: set[int] = set()
    for statement in wrong:
        found.update(session.scalars(statement.limit(MOST)))
    return [f"The totals of contact {contact_id} are not those of its orders." for contact_id in sorted(found)[:MOST]]


def _rebuild_totals(session: Session, site: Site) -> None:
    if not site.database.is_sqlite:
        # Who records an order now adds to what is written here, or has been counted.
        session.execute(text("LOCK TABLE shop_customer_totals, shop_customer_amounts IN EXCLUSIVE MODE"))
    rebuilt: Sequence[tuple[type[CustomerTotals | CustomerAmount], Sequence[str], object]] = (
        (CustomerTotals, ("contact_id", "orders", "last_order_at"), _orders),
        (CustomerAmount, ("contact_id", "currency", "minor"), _amounts),
    )
    for model, columns, source in rebuilt:
        table: Table = model.__table__  # type: ignore[assignment]
        session.execute(delete(table))
        session.execute(insert(table).from_select(list(columns), source))  # type: ignore[arg-type]


# Uses of vouchers

_counted = select(func.count()).select_from(VoucherUse).where(VoucherUse.voucher_id == Voucher.id).scalar_subquery()


def _wrong_uses(session: Session, site: Site) -> Sequence[str]:
    rows = session.execute(
        select(Voucher.code, Voucher.uses, _counted).where(Voucher.uses != _counted).order_by(Voucher.id).limit(MOST)
    )
    return [
        f"Voucher {code} says it was used {said} times, and was used {counted} times." for code, said, counted in rows
    ]


def _recount_uses(session: Session, site: Site) -> None:
    session.execute(
        update(Voucher)
        .where(Voucher.uses != _counted)
        .values(uses=_counted)
        .execution_options(synchronize_session=False)
    )


# Balances of vouchers

_moved = func.coalesce(
    select(func.sum(VoucherMovement.amount)).where(VoucherMovement.voucher_id == Voucher.id).scalar_subquery(), 0
)
_left = case((Voucher.kind == "balance", Voucher.value), else_=0) + _moved


def _wrong_balances(session: Session, site: Site) -> Sequence[str]:
    rows = session.execute(
        select(Voucher.code, Voucher.balance, _left).where(Voucher.balance != _left).order_by(Voucher.id).limit(MOST)
    )
    wrong = [f"Voucher {code} has a balance of {said}, and its movements leave {left}." for code, said, left in rows]
    moved = (
        select(
            VoucherMovement.order_id,
            func.sum(VoucherMovement.amount).label("left"),
            func.sum(VoucherMovement.amount).filter(VoucherMovement.kind == "spent").label("spent"),
        )
        .group_by(VoucherMovement.order_id)
        .subquery()
    )
    paid = (
        select(Payment.order_id, func.sum(Payment.amount).label("sum"))
        .where(Payment.method == BALANCE, Payment.state == "paid")
        .group_by(Payment.order_id)
        .subquery()
    )
    back = select(Refund.order_id, func.sum(Refund.to_balance).label("sum")).group_by(Refund.order_id).subquery()
    spent = -func.coalesce(moved.c.spent, 0)
    orders = session.scalars(
        select(Order.number)
        .outerjoin(moved, moved.c.order_id == Order.id)
        .outerjoin(paid, paid.c.order_id == Order.id)
        .outerjoin(back, back.c.order_id == Order.id)
        .where(
            or_(
                moved.c.left > 0,
                func.coalesce(paid.c.sum, 0) != spent,
                func.coalesce(back.c.sum, 0) != func.coalesce(moved.c.left, 0) + spent,
            )
        )
        .order_by(Order.id)
        .limit(MOST)
    )
    return [*wrong, *(f"Order {number}: what a balance paid of it does not fit its movements." for number in orders)]


def _rebuild_balances(session: Session, site: Site) -> None:
    session.execute(
        update(Voucher)
        .where(Voucher.balance != _left, _left.between(0, Voucher.value))
        .values(balance=_left)
        .execution_options(synchronize_session=False)
    )


# Orders


def _wrong_sums(session: Session, site: Site) -> Sequence[str]:
    lines = (
        select(OrderLine.order_id, func.sum(OrderLine.unit_price * OrderLine.quantity).label("sum"))
        .group_by(OrderLine.order_id)
        .subquery()
    )
    taxes = select(OrderTax.order_id, func.sum(OrderTax.gross).label("sum")).group_by(OrderTax.order_id).subquery()
    rows = session.execute(
        select(Order.number)
        .outerjoin(lines, lines.c.order_id == Order.id)
        .outerjoin(taxes, taxes.c.order_id == Order.id)
        .where(
            or_(
                func.coalesce(lines.c.sum, 0) - Order.discount != Order.total,
                func.coalesce(taxes.c.sum, 0) != Order.total,
            )
        )
        .order_by(Order.id)
        .limit(MOST)
    )
    return [f"Order {number}: its lines, its taxes and its total do not fit." for (number,) in rows]
