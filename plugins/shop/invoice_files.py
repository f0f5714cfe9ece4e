"""Invoices and corrections as the rows of a file for the books: amounts as numbers, net and tax by rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from core import Language, Site, currency_digits
from plugins.shop.invoice_book import PLACE, signed
from plugins.shop.invoices import ADDRESS
from plugins.shop.models import Invoice, Order, OrderTax
from plugins.shop.order_files import BATCH

KIND = {"invoice": "Invoice", "correction": "Correction of invoice"}


@frozen
class _Of:
    """What a cell is made of: the document, its order, the number of the invoice that it corrects, and who reads it."""

    site: Site
    language: Language
    invoice: Invoice
    order: Order
    corrects: str

    def amount(self, minor: int) -> Decimal:
        """Minor units as a number, below zero when they are taken back."""
        digits = currency_digits(self.invoice.currency)
        amount = Decimal(signed(self.invoice, minor))
        return amount.scaleb(-digits) if digits else amount

    def tax_of(self, rate: int) -> dict[str, int] | None:
        return next((part for part in self.invoice.content["taxes"] if part["rate"] == rate), None)


Make = Callable[[_Of], "str | Decimal"]


def _buyer(name: str) -> Make:
    return lambda of: str(of.invoice.content["buyer"][name])


def _content(name: str) -> Make:
    return lambda of: str(of.invoice.content.get(name) or "")


LABELS = {
    "name": "Name",
    "street": "Street and house number",
    "street2": "Addition",
    "postal_code": "Postal code",
    "city": "Town or city",
    "region": "Region",
    "country": "Country",
}

COLUMNS: Sequence[tuple[str, Make]] = (
    ("Number", lambda of: of.invoice.number),
    ("Kind", lambda of: of.language.text(KIND[of.invoice.kind])),
    ("Date", _content("issued_on")),
    ("Corrects", lambda of: of.corrects),
    ("Order", _content("order")),
    ("Delivered on", _content("delivered_on")),
    *((LABELS[name], _buyer(name)) for name in ADDRESS),
    ("Currency", lambda of: of.invoice.currency),
    ("Total", lambda of: of.amount(of.invoice.total)),
    ("Paid with a voucher", lambda of: of.amount(of.invoice.content.get("paid_by_voucher", 0))),
    (
        "Paid",
        lambda of: (
            f"{of.order.paid_at.astimezone(of.site.settings.zone):%Y-%m-%d}"
            if of.order.paid_at is not None and of.invoice.kind == "invoice"
            else ""
        ),
    ),
)
"""Heading (a message id) → cell."""


def _columns(session: Session, language: Language) -> list[tuple[str, Make]]:
    def net(rate: int) -> Make:
        return lambda of: of.amount(part["gross"] - part["tax"]) if (part := of.tax_of(rate)) else ""

    def tax(rate: int) -> Make:
        return lambda of: of.amount(part["tax"]) if (part := of.tax_of(rate)) else ""

    of_rates: list[tuple[str, Make]] = []
    for rate in session.scalars(select(OrderTax.rate).distinct().order_by(OrderTax.rate)):
        percent = language.number(Decimal(rate).scaleb(-2).normalize())
        of_rates += [
            (language.text("Net at %(rate)s %%", rate=percent), net(rate)),
            (language.text("Tax at %(rate)s %%", rate=percent), tax(rate)),
        ]
    return [*((language.text(label), make) for label, make in COLUMNS), *of_rates]


def heads(session: Session, language: Language) -> list[str]:
    """The headings, in the reader's language."""
    return [label for label, _ in _columns(session, language)]


def rows(site: Site, language: Language, where: Sequence[ColumnElement[bool]]) -> Iterator[list[str | Decimal]]:
    """The rows below the headings, in the order of their numbers, all from one state of the database."""
    corrected = aliased(Invoice)
    with site.session() as session:
        if not site.database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        makes = [make for _, make in _columns(session, language)]
        place: tuple[Any, ...] | None = None
        while True:
            statement = (
                select(Invoice, Order, corrected.number)
                .join(Order, Order.id == Invoice.order_id)
                .outerjoin(corrected, corrected.id == Invoice.corrects_id)
                .where(*where)
                .order_by(Invoice.issued_at, Invoice.id)
                .limit(BATCH)
            )
            if place is not None:
                statement = statement.where(place < PLACE)
            found = session.execute(statement).all()
            for invoice, order, number in found:
                of = _Of(site, language, invoice, order, number or "")
                yield [make(of) for make in makes]
            if len(found) < BATCH:
                return
            place = (found[-1][0].issued_at, found[-1][0].id)
            # Read once, never looked at again: memory does not grow with the invoices.
            session.expunge_all()
