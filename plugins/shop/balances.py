"""Vouchers with a balance („Guthaben“): they pay for orders, and get back what is refunded (FEATURES S3, THREATS T-B3).

One is a multi-purpose voucher (Art. 30a, 30b of the VAT directive, § 3 (13) to (15) UStG): it is a means of payment.
An order's total, its lines and its tax stay as they are, and what was spent is a payment.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from attrs import frozen
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from core import Money
from plugins.shop.models import Order, Payment, Refund, Voucher, VoucherMovement, VoucherUse, now
from plugins.shop.seller import BALANCE
from plugins.shop.vouchers import VoucherRefused, check_voucher, find_voucher


@frozen(kw_only=True)
class Codes:
    """The vouchers of one order: one that takes something off, and one that pays; empty for none. `fields` says in
    which field of a form each of the two sorts was.
    """

    discount: str = ""
    balance: str = ""
    fields: Mapping[str, str] = {}


@frozen(kw_only=True)
class Spending:
    """What a balance pays of one order; `left` is what is on the voucher afterwards."""

    voucher_id: int
    code: str
    amount: Money
    left: Money


def sort_codes(session: Session, codes: Mapping[str, str]) -> Codes:
    """Which of the codes, by field, takes something off, and which pays.

    Raises VoucherRefused for two of a sort, or unknown.
    """
    found: dict[str, str] = {}
    fields: dict[str, str] = {}
    for field, code in codes.items():
        if not code:
            continue
        with refusing(field):
            sort = "balance" if find_voucher(session, code).kind == "balance" else "discount"
            if sort in found:
                raise VoucherRefused("An order takes one voucher that takes something off, and one with a balance.")
        found[sort], fields[sort] = code, field
    return Codes(**found, fields=fields)


@contextmanager
def refusing(field: str) -> Iterator[None]:
    """Have a voucher that is refused be named beside its own field."""
    try:
        yield
    except VoucherRefused as error:
        raise VoucherRefused(error.message, field, **error.values) from error


def find_spending(session: Session, code: str, goods: Money, due: Money, at: datetime | None = None) -> Spending:
    """What the voucher with this code pays of `due`, for goods worth `goods`; nothing is written.

    Raises VoucherRefused for one that does not exist, is off, not valid at this moment, in another currency, or empty.
    """
    voucher = find_voucher(session, code)
    _check(voucher, goods, at or now())
    amount = min(voucher.balance, due.minor)
    return _spending(voucher, amount, voucher.balance - amount, due.currency)


def spend(session: Session, code: str, goods: Money, due: Money, at: datetime) -> Spending | None:
    """Pay what the balance can of `due`, in the order's transaction; None when nothing is due.

    Raises VoucherRefused as `find_spending` does. `record_spending` follows, once the order is written.
    """
    while True:
        voucher = find_voucher(session, code)
        _check(voucher, goods, at)
        amount = min(voucher.balance, due.minor)
        if not amount:
            return None
        left = take(session, voucher.id, amount)
        if left is not None:
            return _spending(voucher, amount, left, due.currency)
        # Another order was quicker: whatever is left now can be spent.


def take(session: Session, voucher_id: int, amount: int) -> int | None:
    """Take `amount` minor units from a balance; answers what is left, None when there is not as much.

    Condition and change are one statement, whose row stays locked until the transaction ends: of two orders for the
    same money the second does not find it (THREATS T-B3).
    """
    left: int | None = session.scalar(
        update(Voucher)
        .where(Voucher.id == voucher_id, Voucher.kind == "balance", Voucher.active, Voucher.balance >= amount)
        .values(balance=Voucher.balance - amount, uses=Voucher.uses + 1)
        .returning(Voucher.balance)
        .execution_options(synchronize_session=False)
    )
    return left


def record_spending(session: Session, spending: Spending, order_id: int, contact_id: int, at: datetime) -> None:
    """Write down what was spent for an order: the movement, the payment, and whose order used the voucher."""
    amount = spending.amount.minor
    session.add(VoucherUse(voucher_id=spending.voucher_id, order_id=order_id, contact_id=contact_id))
    session.add(
        Payment(
            order_id=order_id,
            method=BALANCE,
            reference=f"balance-{secrets.token_urlsafe(12)}",
            provider_reference=spending.code,
            state="paid",
            amount=amount,
            started_at=at,
            paid_at=at,
        )
    )
    session.flush()
    _move(session, spending.voucher_id, order_id, "spent", -amount, at)


def put_on_voucher(session: Session, order: Order, refund: Refund) -> None:
    """Give `refund.to_balance` back onto the voucher that paid; the caller holds the order and knows `held_of`."""
    if not refund.to_balance:
        return
    voucher_id = session.scalars(
        select(VoucherMovement.voucher_id).where(VoucherMovement.order_id == order.id, VoucherMovement.kind == "spent")
    ).one()
    session.execute(
        update(Voucher)
        .where(Voucher.id == voucher_id)
        .values(balance=Voucher.balance + refund.to_balance)
        .execution_options(synchronize_session=False)
    )
    kind = "cancelled" if refund.kind == "cancel" else "refunded"
    _move(session, voucher_id, order.id, kind, refund.to_balance, refund.at, refund.id)


def _move(
    session: Session, voucher_id: int, order_id: int, kind: str, amount: int, at: datetime, refund_id: int | None = None
) -> None:
    values = {"voucher_id": voucher_id, "order_id": order_id, "refund_id": refund_id}
    session.execute(insert(VoucherMovement).values(**values, kind=kind, amount=amount, at=at))


def held_of(session: Session, order_id: int) -> int:
    """What a balance paid of an order and did not get back, in minor units."""
    return paid_with_balance(session, [order_id]).get(order_id, Paid(code="", minor=0)).minor


@frozen(kw_only=True)
class Paid:
    """What a balance has paid of an order, less what went back onto the voucher, in minor units."""

    code: str
    minor: int


def paid_with_balance(session: Session, order_ids: Sequence[int]) -> Mapping[int, Paid]:
    """What balances have paid of these orders; an order that none was used for is not in it. One query for all."""
    rows = session.execute(
        select(VoucherMovement.order_id, Voucher.code, func.sum(VoucherMovement.amount))
        .join(Voucher, Voucher.id == VoucherMovement.voucher_id)
        .where(VoucherMovement.order_id.in_(order_ids))
        .group_by(VoucherMovement.order_id, Voucher.code)
    )
    return {order_id: Paid(code=code, minor=-int(moved)) for order_id, code, moved in rows}


def _check(voucher: Voucher, goods: Money, at: datetime) -> None:
    if voucher.kind != "balance":
        raise VoucherRefused("This voucher has no balance.")
    check_voucher(voucher, goods, at)
    if not voucher.balance:
        raise VoucherRefused("Nothing is left on this voucher.")


def _spending(voucher: Voucher, amount: int, left: int, currency: str) -> Spending:
    return Spending(
        voucher_id=voucher.id,
        code=voucher.code,
        amount=Money(minor=amount, currency=currency),
        left=Money(minor=left, currency=currency),
    )
