"""Reading orders: the list, page by page, and one order with everything about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from core import Actor, Details, Money, NotFound
from plugins.shop.amounts import PricedLine, TaxPart, tax_moneys
from plugins.shop.models import Order, OrderEvent, OrderLine, OrderTax
from plugins.shop.states import STATE_LABELS, STATE_TONES, STATES, Step, steps_of

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


@frozen(kw_only=True)
class EventView:
    """An entry of an order's log."""

    event: str
    at: datetime
    actor: Actor


@frozen(kw_only=True)
class OrderView(OrderRow):
    """An order with everything about it."""

    token: str
    contact_id: int | None
    details: Details
    note: str
    placed_by: str
    lines: Sequence[PricedLine]
    voucher_code: str
    discount: Money
    taxes: Sequence[TaxPart]
    events: Sequence[EventView]
    steps: Sequence[Step]
    paid_at: datetime | None
    shipped_at: datetime | None
    cancelled_at: datetime | None

    @property
    def tax_moneys(self) -> Sequence[Money]:
        """The tax of each rate, in the order of `taxes`."""
        return tax_moneys(self.taxes, self.total.currency)


_ROW = (
    Order.id,
    Order.number,
    Order.name,
    Order.email,
    Order.state,
    Order.placed_at,
    Order.total,
    Order.currency,
)


def read_orders(session: Session, *, state: str = "", search: str = "", before: int = 0, after: int = 0) -> OrderPage:
    """A page of orders, newest first, in a state and with all words of `search` in number, name or e-mail.

    `before` and `after` are ids of orders: the page holds what is older, or newer, than that one. Never an
    offset: the thousandth page costs what the first does.
    """
    statement = select(*_ROW)
    if state in STATES:
        statement = statement.where(Order.state == state)
    for word in search.casefold().split()[:10]:
        statement = statement.where(Order.search_text.contains(word, autoescape=True))
    place = tuple_(Order.placed_at, Order.id)
    if after and (edge := _edge(session, after)) is not None:
        newer = statement.where(place > edge).order_by(Order.placed_at, Order.id).limit(PAGE + 1)
        rows = _rows(session, newer)
        more = len(rows) > PAGE
        rows = rows[:PAGE][::-1]
        return OrderPage(rows=rows, newer=rows[0].id if rows and more else None, older=rows[-1].id if rows else None)
    edge = _edge(session, before) if before else None
    if edge is not None:
        statement = statement.where(place < edge)
    rows = _rows(session, statement.order_by(Order.placed_at.desc(), Order.id.desc()).limit(PAGE + 1))
    return OrderPage(
        rows=rows[:PAGE],
        newer=rows[0].id if rows and edge is not None else None,
        older=rows[PAGE - 1].id if len(rows) > PAGE else None,
    )


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


def read_order(session: Session, order_id: int) -> OrderView:
    """One order. Raises NotFound."""
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound("There is no such order.")
    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order_id).order_by(OrderLine.id))
    taxes = session.scalars(select(OrderTax).where(OrderTax.order_id == order_id).order_by(OrderTax.rate))
    events = session.scalars(select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.id.desc()))
    return OrderView(
        id=order.id,
        number=order.number,
        token=order.token,
        contact_id=order.contact_id,
        name=order.name,
        email=order.email,
        state=order.state,
        placed_at=order.placed_at,
        total=Money(minor=order.total, currency=order.currency),
        details=Details(
            name=order.name,
            phone=order.phone,
            street=order.street,
            street2=order.street2,
            postal_code=order.postal_code,
            city=order.city,
            region=order.region,
            country=order.country,
        ),
        note=order.note,
        placed_by=order.placed_by_name,
        lines=[
            PricedLine(
                product_id=line.product_id,
                variant_id=line.variant_id,
                name=line.name,
                unit_price=line.unit_price,
                tax_rate=line.tax_rate,
                quantity=line.quantity,
                currency=order.currency,
            )
            for line in lines
        ],
        voucher_code=order.voucher_code,
        discount=Money(minor=order.discount, currency=order.currency),
        taxes=[TaxPart(rate=part.rate, gross=part.gross, tax=part.tax) for part in taxes],
        events=[
            EventView(
                event=entry.event,
                at=entry.at,
                actor=Actor(kind=entry.actor_kind, id=entry.actor_id, name=entry.actor_name),  # type: ignore[arg-type]
            )
            for entry in events
        ],
        steps=steps_of(paid_at=order.paid_at, shipped_at=order.shipped_at, cancelled_at=order.cancelled_at),
        paid_at=order.paid_at,
        shipped_at=order.shipped_at,
        cancelled_at=order.cancelled_at,
    )
