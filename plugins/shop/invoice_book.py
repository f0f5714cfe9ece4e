"""All invoices and corrections: which are meant, page by page, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from attrs import asdict, frozen
from sqlalchemy import ColumnElement, Select, case, func, or_, select, tuple_
from sqlalchemy.orm import Session

from core import Money
from plugins.shop.holding import OVER
from plugins.shop.models import Invoice, Order
from plugins.shop.order_search import MAX_SEARCH, MAX_WORDS, day_begins, read_day, written

PAGE = 50

KINDS: Mapping[str, str] = MappingProxyType({"invoice": "Invoices", "correction": "Corrections"})
"""Kind → what several are called, a message id."""

PAID: Mapping[str, str] = MappingProxyType({"yes": "Paid", "no": "Not paid"})

AMOUNT = case((Invoice.kind == "correction", -Invoice.total), else_=Invoice.total)
"""What a document comes to in minor units; a correction takes back."""


@frozen(kw_only=True)
class InvoiceFilter:
    """What invoices are looked for; empty or None means any.

    `since` and `until` are days in the site's zone, both included. With `paid` only invoices are meant: those whose
    order is paid, or those that are still to be paid.
    """

    kind: str = ""
    q: str = ""
    since: date | None = None
    until: date | None = None
    paid: str = ""

    @property
    def query(self) -> dict[str, str]:
        """Its parameters in an address."""
        return {name: written(value) for name, value in asdict(self).items() if value not in ("", None)}


def read_filter(parameters: Mapping[str, str]) -> InvoiceFilter:
    """What the parameters of an address mean; what can't be is left out."""

    def text(name: str) -> str:
        return parameters.get(name, "").replace("\x00", "").strip()[:MAX_SEARCH]

    return InvoiceFilter(
        kind=text("kind") if text("kind") in KINDS else "",
        q=text("q"),
        since=read_day(text("since")),
        until=read_day(text("until")),
        paid=text("paid") if text("paid") in PAID else "",
    )


def conditions(wanted: InvoiceFilter, zone: ZoneInfo) -> list[ColumnElement[bool]]:
    """What holds for the invoices that are meant, each beside its order."""
    found: list[ColumnElement[bool]] = []
    if wanted.kind:
        found.append(Invoice.kind == wanted.kind)
    for word in wanted.q.casefold().split()[:MAX_WORDS]:
        found.append(
            or_(
                func.lower(Invoice.number).contains(word, autoescape=True),
                Order.search_text.contains(word, autoescape=True),
            )
        )
    if wanted.since is not None:
        found.append(Invoice.issued_at >= day_begins(wanted.since, zone))
    if wanted.until is not None:
        found.append(Invoice.issued_at < day_begins(wanted.until + timedelta(days=1), zone))
    if wanted.paid:
        found.append(Invoice.kind == "invoice")
    if wanted.paid == "yes":
        found.append(Order.paid_at.is_not(None))
    elif wanted.paid == "no":
        found += [Order.paid_at.is_(None), Order.state.not_in(OVER)]
    return found


@frozen(kw_only=True)
class InvoiceRow:
    """An invoice or a correction in the list of all; `total` of a correction is below zero.

    `paid_at` and `state` are those of its order now.
    """

    id: int
    number: str
    kind: str
    issued_at: datetime
    order_id: int
    order_number: str
    name: str
    total: Money
    paid_at: datetime | None
    state: str

    @property
    def href(self) -> str:
        """Address of its page."""
        return f"/dashboard/shop/invoices/{self.id}"

    @property
    def standing(self) -> tuple[str, str, str]:
        """How it stands with it: a message id, the colour and the icon of its badge."""
        if self.kind == "correction":
            return "Correction", "neutral", "undo"
        if self.state == "cancelled":
            return "Cancelled", "neutral", "x"
        if self.state == "refunded":
            return "Refunded", "neutral", "undo"
        return ("Paid", "green", "check") if self.paid_at is not None else ("Not paid", "amber", "clock")


@frozen(kw_only=True)
class InvoicePage:
    """A page of the list, newest first; `newer` and `older` are the ids from which the next pages go on."""

    rows: Sequence[InvoiceRow]
    newer: int | None = None
    older: int | None = None


PLACE = tuple_(Invoice.issued_at, Invoice.id)
"""What the list is sorted by: the days of issue, and so the numbers."""


def read_invoices(
    session: Session, where: Sequence[ColumnElement[bool]] = (), *, before: int = 0, after: int = 0, limit: int = PAGE
) -> InvoicePage:
    """A page of the invoices for which all conditions hold, newest first.

    `before` and `after` are ids of invoices: the page holds what is older, or newer, than that one.
    """
    statement = select(Invoice, Order.number, Order.paid_at, Order.state).join(Order, Order.id == Invoice.order_id)
    statement = statement.where(*where)
    if after and (edge := _edge(session, after)) is not None:
        rows = _rows(session, statement.where(edge < PLACE).order_by(Invoice.issued_at, Invoice.id).limit(limit + 1))
        more = len(rows) > limit
        rows = rows[:limit][::-1]
        return InvoicePage(rows=rows, newer=rows[0].id if rows and more else None, older=rows[-1].id if rows else None)
    edge = _edge(session, before) if before else None
    if edge is not None:
        statement = statement.where(edge > PLACE)
    rows = _rows(session, statement.order_by(Invoice.issued_at.desc(), Invoice.id.desc()).limit(limit + 1))
    return InvoicePage(
        rows=rows[:limit],
        newer=rows[0].id if rows and edge is not None else None,
        older=rows[limit - 1].id if len(rows) > limit else None,
    )


def sum_invoices(session: Session, where: Sequence[ColumnElement[bool]]) -> tuple[int, Sequence[Money]]:
    """How many there are for which all conditions hold, and what they come to, one amount a currency."""
    rows = session.execute(
        select(Invoice.currency, func.count(), func.sum(AMOUNT))
        .join(Order, Order.id == Invoice.order_id)
        .where(*where)
        .group_by(Invoice.currency)
        .order_by(Invoice.currency)
    ).all()
    return sum(row[1] for row in rows), [Money(minor=int(row[2]), currency=row[0]) for row in rows]


def _edge(session: Session, invoice_id: int) -> Any:
    found = session.execute(select(Invoice.issued_at, Invoice.id).where(Invoice.id == invoice_id)).one_or_none()
    return tuple_(*found) if found else None


def _rows(session: Session, statement: Select[Invoice, str, datetime | None, str]) -> list[InvoiceRow]:
    return [
        InvoiceRow(
            id=invoice.id,
            number=invoice.number,
            kind=invoice.kind,
            issued_at=invoice.issued_at,
            order_id=invoice.order_id,
            order_number=order_number,
            name=invoice.content["buyer"]["name"],
            total=Money(minor=signed(invoice, invoice.total), currency=invoice.currency),
            paid_at=paid_at,
            state=state,
        )
        for invoice, order_number, paid_at, state in session.execute(statement)
    ]


def signed(invoice: Invoice, minor: int) -> int:
    """An amount of a document as the books add it up: a correction takes back."""
    return -minor if invoice.kind == "correction" else minor
