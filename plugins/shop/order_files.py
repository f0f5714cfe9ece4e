"""Orders as the rows of a file: for the books, a row for each order or for each line, amounts as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from core import Language, Site, currency_digits, payment_method
from plugins.shop.balances import paid_with_balance
from plugins.shop.models import Order, OrderLine, OrderTax
from plugins.shop.states import STATE_LABELS

BATCH = 500
"""Orders that are read at a time."""


@frozen
class _Of:
    """What a cell is made of: the order, perhaps one of its lines, its taxes by rate, and who reads it."""

    site: Site
    language: Language
    order: Order
    taxes: Mapping[int, OrderTax]
    line: OrderLine | None
    on_balance: int

    def amount(self, minor: int) -> Decimal:
        digits = currency_digits(self.order.currency)
        return Decimal(minor).scaleb(-digits) if digits else Decimal(minor)

    def moment(self, at: datetime | None) -> str:
        return f"{at.astimezone(self.site.settings.zone):%Y-%m-%d %H:%M:%S}" if at is not None else ""

    def method(self) -> str:
        known = payment_method(self.site, self.order.payment_method) if self.order.payment_method else None
        return self.language.text(known.label) if known else self.order.payment_method


Make = Callable[[_Of], "str | Decimal"]


def _own(name: str) -> Make:
    return lambda of: getattr(of.order, name)


def _at(name: str) -> Make:
    return lambda of: of.moment(getattr(of.order, name))


ORDER: Sequence[tuple[str, Make]] = (
    ("Number", _own("number")),
    ("Placed", _at("placed_at")),
    ("State", lambda of: of.language.text(STATE_LABELS[of.order.state])),
    ("E-mail", _own("email")),
    ("Name", _own("name")),
)
"""Heading (a message id) → cell; what every row begins with."""

SUMS: Sequence[tuple[str, Make]] = (
    ("Phone", _own("phone")),
    ("Street and house number", _own("street")),
    ("Addition", _own("street2")),
    ("Postal code", _own("postal_code")),
    ("Town or city", _own("city")),
    ("Region", _own("region")),
    ("Country", _own("country")),
    ("Currency", _own("currency")),
    ("Products", lambda of: of.amount(of.order.total + of.order.discount)),
    ("Voucher", _own("voucher_code")),
    ("Taken off", lambda of: of.amount(of.order.discount)),
    ("Total", lambda of: of.amount(of.order.total)),
    ("Paid with a voucher", lambda of: of.amount(of.on_balance)),
    ("Refunded", lambda of: of.amount(of.order.refunded)),
    ("Really bought", lambda of: of.amount(of.order.total - of.order.refunded)),
    ("Way to pay", lambda of: of.method()),
    ("Paid", _at("paid_at")),
    ("Shipped", _at("shipped_at")),
    ("Cancelled", _at("cancelled_at")),
    ("Note to the order", _own("note")),
    ("From shop", _own("source")),
    ("Number there", _own("source_reference")),
)


def _of_line(make: Callable[[_Of, OrderLine], str | Decimal]) -> Make:
    def cell(of: _Of) -> str | Decimal:
        assert of.line is not None
        return make(of, of.line)

    return cell


LINE: Sequence[tuple[str, Make]] = (
    ("Product", _of_line(lambda of, line: line.name)),
    ("Quantity", _of_line(lambda of, line: Decimal(line.quantity))),
    ("Currency", _own("currency")),
    ("Price", _of_line(lambda of, line: of.amount(line.unit_price))),
    ("Sum", _of_line(lambda of, line: of.amount(line.unit_price * line.quantity))),
    ("Taken off", _of_line(lambda of, line: of.amount(line.discount))),
    ("Tax rate in %", _of_line(lambda of, line: Decimal(line.tax_rate).scaleb(-2))),
    ("Refunded pieces", _of_line(lambda of, line: Decimal(line.refunded))),
    ("Refunded", _of_line(lambda of, line: of.amount(line.refunded_amount))),
)


def _rates(session: Session) -> Sequence[int]:
    return list(session.scalars(select(OrderTax.rate).distinct().order_by(OrderTax.rate)))


def _columns(rates: Sequence[int], language: Language, *, of_lines: bool) -> list[tuple[str, Make]]:
    text = language.text
    if of_lines:
        return [(text(label), make) for label, make in (*ORDER, *LINE)]

    def gross(rate: int) -> Make:
        return lambda of: of.amount(of.taxes[rate].gross) if rate in of.taxes else ""

    def tax(rate: int) -> Make:
        return lambda of: of.amount(of.taxes[rate].tax) if rate in of.taxes else ""

    of_rates: list[tuple[str, Make]] = []
    for rate in rates:
        percent = language.number(Decimal(rate).scaleb(-2).normalize())
        of_rates += [
            (text("Gross at %(rate)s %%", rate=percent), gross(rate)),
            (text("Tax at %(rate)s %%", rate=percent), tax(rate)),
        ]
    return [*((text(label), make) for label, make in (*ORDER, *SUMS)), *of_rates]


def heads(session: Session, language: Language, *, of_lines: bool) -> list[str]:
    """The headings, in the reader's language."""
    return [label for label, _ in _columns(_rates(session), language, of_lines=of_lines)]


def rows(
    site: Site, language: Language, where: Sequence[ColumnElement[bool]], *, of_lines: bool
) -> Iterator[list[str | Decimal]]:
    """The rows below the headings, the oldest order first, all from one state of the database."""
    with site.session() as session:
        if not site.database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        makes = [make for _, make in _columns(_rates(session), language, of_lines=of_lines)]
        place: tuple[Any, ...] | None = None
        while True:
            statement = select(Order).where(*where).order_by(Order.placed_at, Order.id).limit(BATCH)
            if place is not None:
                statement = statement.where(tuple_(Order.placed_at, Order.id) > place)
            orders = session.scalars(statement).all()
            ids = [order.id for order in orders]
            taxes: dict[int, dict[int, OrderTax]] = {one: {} for one in ids}
            lines: dict[int, list[OrderLine | None]] = {one: [] if of_lines else [None] for one in ids}
            if of_lines:
                wanted = select(OrderLine).where(OrderLine.order_id.in_(ids)).order_by(OrderLine.id)
                for line in session.scalars(wanted):
                    lines[line.order_id].append(line)
            else:
                for tax in session.scalars(select(OrderTax).where(OrderTax.order_id.in_(ids))):
                    taxes[tax.order_id][tax.rate] = tax
            paid = {} if of_lines else paid_with_balance(session, ids)
            for order in orders:
                on_balance = paid[order.id].minor if order.id in paid else 0
                for one in lines[order.id]:
                    of = _Of(site, language, order, taxes[order.id], one, on_balance)
                    yield [make(of) for make in makes]
            if len(orders) < BATCH:
                return
            place = (orders[-1].placed_at, orders[-1].id)
            # Read once, never looked at again: memory does not grow with the orders.
            session.expunge_all()
