"""The movements of balances: what was spent for which order, and what went back (FEATURES S3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from attrs import frozen
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from core import Money, Site
from plugins.shop.models import Order, Voucher, VoucherMovement

PAGE = 50
CHUNK = 1000

MOVEMENT_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "spent": "Paid for the order",
        "cancelled": "Back, the order was cancelled",
        "refunded": "Back, something was refunded",
    }
)
"""Kind of movement → what people read, a message id."""


@frozen(kw_only=True)
class MovementView:
    """A movement: `amount` is below zero for what was spent."""

    id: int
    code: str
    voucher_id: int
    order_id: int
    number: str
    name: str
    contact_id: int | None
    at: datetime
    kind: str
    amount: Money

    @property
    def href(self) -> str:
        """Address of the order."""
        return f"/dashboard/shop/orders/{self.order_id}"

    @property
    def label(self) -> str:
        """Why it moved, a message id."""
        return MOVEMENT_LABELS[self.kind]


@frozen(kw_only=True)
class MovementPage:
    """A page of movements, the newest first; `older` is the id from which the next one goes on."""

    movements: Sequence[MovementView]
    older: int | None


@frozen
class Balances:
    """What was put on vouchers, spent, given back, and is left; all in one currency."""

    start: Money
    spent: Money
    back: Money
    left: Money


def _of(voucher_id: int | None, batch_id: int | None) -> ColumnElement[bool]:
    return Voucher.batch_id == batch_id if voucher_id is None else Voucher.id == voucher_id


def list_movements(
    session: Session, *, voucher_id: int | None = None, batch_id: int | None = None, before: int = 0, limit: int = PAGE
) -> MovementPage:
    """The movements of a voucher, or of all of a batch."""
    statement = (
        select(VoucherMovement, Voucher.code, Voucher.currency, Order.number, Order.name, Order.email, Order.contact_id)
        .join(Voucher, Voucher.id == VoucherMovement.voucher_id)
        .join(Order, Order.id == VoucherMovement.order_id)
        .where(_of(voucher_id, batch_id))
        .order_by(VoucherMovement.id.desc())
        .limit(limit + 1)
    )
    if before:
        statement = statement.where(VoucherMovement.id < before)
    rows = session.execute(statement).all()
    found = [
        MovementView(
            id=one.id,
            code=code,
            voucher_id=one.voucher_id,
            order_id=one.order_id,
            number=number,
            name=name or email,
            contact_id=contact_id,
            at=one.at,
            kind=one.kind,
            amount=Money(minor=one.amount, currency=currency),
        )
        for one, code, currency, number, name, email, contact_id in rows[:limit]
    ]
    return MovementPage(movements=found, older=found[-1].id if len(rows) > limit else None)


def all_movements(site: Site, *, voucher_id: int | None = None, batch_id: int | None = None) -> Iterator[MovementView]:
    """All movements, the newest first."""
    before = 0
    while True:
        with site.session() as session:
            page = list_movements(session, voucher_id=voucher_id, batch_id=batch_id, before=before, limit=CHUNK)
        yield from page.movements
        if page.older is None:
            return
        before = page.older


def sum_balances(session: Session, *, voucher_id: int | None = None, batch_id: int | None = None) -> Sequence[Balances]:
    """What became of the money on a voucher, or on all of a batch; one for each currency."""
    moved = (
        select(
            Voucher.currency,
            func.sum(-VoucherMovement.amount).filter(VoucherMovement.kind == "spent"),
            func.sum(VoucherMovement.amount).filter(VoucherMovement.kind != "spent"),
        )
        .join(Voucher, Voucher.id == VoucherMovement.voucher_id)
        .where(_of(voucher_id, batch_id))
        .group_by(Voucher.currency)
    )
    sums = {currency: (int(spent or 0), int(back or 0)) for currency, spent, back in session.execute(moved)}
    there = (
        select(Voucher.currency, func.sum(Voucher.value), func.sum(Voucher.balance))
        .where(Voucher.kind == "balance", _of(voucher_id, batch_id))
        .group_by(Voucher.currency)
        .order_by(Voucher.currency)
    )
    found = []
    for currency, start, left in session.execute(there):
        spent, back = sums.get(currency, (0, 0))
        amounts = (Money(minor=int(one), currency=currency) for one in (start, spent, back, left))
        found.append(Balances(*amounts))
    return found


def open_balances(session: Session) -> Sequence[Money]:
    """What is left on all vouchers together, one amount a currency: what the shop still owes."""
    rows = session.execute(
        select(Voucher.currency, func.sum(Voucher.balance))
        .where(Voucher.kind == "balance", Voucher.balance > 0)
        .group_by(Voucher.currency)
        .order_by(Voucher.currency)
    )
    return [Money(minor=int(left), currency=currency) for currency, left in rows]
