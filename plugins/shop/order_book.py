"""Reading orders: the list, page by page; one order with everything about it is in `order_details.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Session

from core import Money
from plugins.shop.holding import OVER
from plugins.shop.models import Order
from plugins.shop.states import STATE_LABELS, STATE_TONES
from plugins.shop.totals import BOUGHT

PAGE = 50


@frozen(kw_only=True)
class OrderRow:
    """An order in a list."""

    id: int
    number: str
    name: str
    email: str
    state: str
    placed_at: datetime
    total: Money
    refunded: Money

    @property
    def bought(self) -> Money:
        """What it comes to now, without what was taken back."""
        return Money(minor=self.total.minor - self.refunded.minor, currency=self.total.currency)

    @property
    def partly_refunded(self) -> bool:
        """Whether something of it was taken back, and something was not."""
        return self.refunded.minor > 0 and self.state not in OVER

    @property
    def href(self) -> str:
        """Address of its page."""
        return f"/dashboard/shop/orders/{self.id}"

    @property
    def state_label(self) -> str:
        """Its state for people, a message id."""
        return STATE_LABELS[self.state]

    @property
    def tone(self) -> str:
        """Colour of its state."""
        return STATE_TONES[self.state][0]

    @property
    def icon(self) -> str:
        """Icon of its state."""
        return STATE_TONES[self.state][1]


@frozen(kw_only=True)
class OrderPage:
    """A page of the list, newest first; `newer` and `older` are the order ids from which the next pages go
    on.
    """

    rows: Sequence[OrderRow]
    newer: int | None = None
    older: int | None = None


_ROW = (
    Order.id,
    Order.number,
    Order.name,
    Order.email,
    Order.state,
    Order.placed_at,
    Order.total,
    Order.currency,
    Order.refunded,
)


def read_orders(
    session: Session, where: Sequence[ColumnElement[bool]] = (), *, before: int = 0, after: int = 0, limit: int = PAGE
) -> OrderPage:
    """A page of the orders for which all conditions hold, newest first.

    `before` and `after` are ids of orders: the page holds what is older, or newer, than that one. Never an
    offset: the thousandth page costs what the first does.
    """
    statement = select(*_ROW).where(*where)
    place = tuple_(Order.placed_at, Order.id)
    if after and (edge := _edge(session, after)) is not None:
        newer = statement.where(place > edge).order_by(Order.placed_at, Order.id).limit(limit + 1)
        rows = _rows(session, newer)
        more = len(rows) > limit
        rows = rows[:limit][::-1]
        return OrderPage(rows=rows, newer=rows[0].id if rows and more else None, older=rows[-1].id if rows else None)
    edge = _edge(session, before) if before else None
    if edge is not None:
        statement = statement.where(place < edge)
    rows = _rows(session, statement.order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit + 1))
    return OrderPage(
        rows=rows[:limit],
        newer=rows[0].id if rows and edge is not None else None,
        older=rows[limit - 1].id if len(rows) > limit else None,
    )


def sum_orders(session: Session, where: Sequence[ColumnElement[bool]]) -> tuple[int, Sequence[Money]]:
    """How many orders there are for which all conditions hold, and what was really bought, one amount a currency."""
    rows = session.execute(
        select(Order.currency, func.count(), func.sum(BOUGHT)).where(*where).group_by(Order.currency)
    ).all()
    sums = [Money(minor=int(row[2]), currency=row[0]) for row in sorted(rows, key=lambda row: row[0])]
    return sum(row[1] for row in rows), sums


def _edge(session: Session, order_id: int) -> tuple[datetime, int] | None:
    found = session.execute(select(Order.placed_at, Order.id).where(Order.id == order_id)).one_or_none()
    return (found[0], found[1]) if found else None


def _rows(session: Session, statement: Select[*tuple[Any, ...]]) -> list[OrderRow]:
    return [
        OrderRow(
            id=row.id,
            number=row.number,
            name=row.name,
            email=row.email,
            state=row.state,
            placed_at=row.placed_at,
            total=Money(minor=row.total, currency=row.currency),
            refunded=Money(minor=row.refunded, currency=row.currency),
        )
        for row in session.execute(statement)
    ]


def orders_of(session: Session, contact_id: int, limit: int) -> Sequence[OrderRow]:
    """A contact's newest orders, the cancelled ones too."""
    statement = select(*_ROW).where(Order.contact_id == contact_id)
    return _rows(session, statement.order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit))


def count_open(session: Session) -> int:
    """How many orders wait for their payment or shipping."""
    return session.scalar(select(func.count()).select_from(Order).where(Order.state == "open")) or 0
