"""Invoices, and the corrections that follow cancelling and refunding (§§ 14, 14b, 33 UStG and UStDV).

An invoice takes the next number of its year when it is made, and never changes: `Invoice.content` is all that stands
on it, as it was then. Who made a mistake corrects it with another document (§ 31 (5) UStDV), which takes a number from
the same row. `documents.py` puts the content into words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from attrs import asdict
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Actor, Conflict, Contact, InvalidInput, Site, language_of, payment_method, site_of, upsert
from plugins.shop.amounts import tax_in
from plugins.shop.balances import held_of
from plugins.shop.holding import OVER, hold_order, owed_for
from plugins.shop.models import Invoice, InvoiceCounter, Order, OrderLine, Refund, now
from plugins.shop.seller import read_seller

ADDRESS = ("name", "street", "street2", "postal_code", "city", "region", "country")

SMALL = 25_000
"""Cents up to which an invoice needs no customer's address (§ 33 UStDV); other currencies are taken for larger."""


def issue_invoice(session: Session, site: Site, order_id: int, actor: Actor, at: datetime | None = None) -> int:
    """Make the invoice of an order for what is left of it, in the caller's transaction; answers its id.

    The order is locked, so of two people who ask at once both get the one invoice. Raises NotFound, Conflict when
    nothing is left of the order, and InvalidInput when the seller's data or the customer's address are missing.
    """
    order = hold_order(session, order_id)
    known = session.scalar(select(Invoice.id).where(Invoice.order_id == order_id, Invoice.kind == "invoice"))
    if known is not None:
        return known
    if order.state in OVER:
        raise Conflict("Nothing is left of order %(number)s that could be invoiced.", number=order.number)
    if not read_seller(site).is_complete:
        raise InvalidInput(
            "Enter the seller’s name, address and tax number in the settings first: an invoice must have them."
        )
    at = at or now()
    lines = _lines(session, order_id)
    content = {
        **_head(session, site, order, at),
        "buyer": _buyer(session, order),
        "delivered_on": _day(site, order.shipped_at),
        "paid_on": _day(site, order.paid_at),
        "lines": [
            {
                "name": line.name,
                "quantity": line.quantity - line.refunded,
                "unit_price": line.unit_price,
                "tax_rate": line.tax_rate,
                "amount": line.unit_price * (line.quantity - line.refunded),
            }
            for line in lines
            if line.refunded < line.quantity
        ],
        "voucher": order.voucher_code,
        # A means of payment, no discount: total and tax are what they are without it (§ 3 (15) UStG).
        "paid_by_voucher": min(held_of(session, order_id), owed_for(order)),
        "taxes": _taxes(_rests(lines)),
    }
    off = sum(line["amount"] for line in content["lines"]) - owed_for(order)
    return _write(session, site, order, "invoice", owed_for(order), {**content, "off": off}, at, actor.name)


def correct_invoice(
    session: Session, order: Order, refund: Refund, parts: Sequence[tuple[OrderLine, int, int]], at: datetime
) -> int | None:
    """Correct an order's invoice by what was just taken back; None when it has none. `parts` are line, pieces, amount.

    The tax is what was in the rest before less what is in it now, so that all corrections together take back exactly
    the tax of the invoice.
    """
    invoice = session.scalar(select(Invoice).where(Invoice.order_id == order.id, Invoice.kind == "invoice"))
    if invoice is None or not parts:
        return None
    site = site_of(session)
    after = _rests(_lines(session, order.id))
    before = dict(after)
    for line, _, amount in parts:
        before[line.tax_rate] = before.get(line.tax_rate, 0) + amount
    left = {part["rate"]: part["tax"] for part in _taxes(after)}
    content = {
        **_head(session, site, order, at),
        # The same customer as on the invoice, whatever has become of the order's address since.
        "buyer": invoice.content["buyer"],
        "language": invoice.content["language"],
        "corrects": {"number": invoice.number, "on": invoice.content["issued_on"]},
        "reason": refund.reason,
        "to_balance": refund.to_balance,
        "lines": [
            {"name": line.name, "quantity": quantity, "tax_rate": line.tax_rate, "amount": amount}
            for line, quantity, amount in parts
        ],
        "taxes": [
            {
                "rate": part["rate"],
                "gross": part["gross"] - after.get(part["rate"], 0),
                "tax": part["tax"] - left.get(part["rate"], 0),
            }
            for part in _taxes(before)
            if part["gross"] != after.get(part["rate"], 0)
        ],
    }
    return _write(
        session, site, order, "correction", refund.amount, content, at, refund.actor_name, invoice.id, refund.id
    )


def _lines(session: Session, order_id: int) -> Sequence[OrderLine]:
    session.flush()
    return session.scalars(
        select(OrderLine).where(OrderLine.order_id == order_id).order_by(OrderLine.id),
        execution_options={"populate_existing": True},
    ).all()


def _rests(lines: Sequence[OrderLine]) -> dict[int, int]:
    """What is left of the lines of each rate, the lowest first, in minor units."""
    rests: dict[int, int] = {}
    for line in sorted(lines, key=lambda line: line.tax_rate):
        rest = line.unit_price * line.quantity - line.discount - line.refunded_amount
        rests[line.tax_rate] = rests.get(line.tax_rate, 0) + rest
    return rests


def _taxes(gross: Mapping[int, int]) -> list[dict[str, int]]:
    return [{"rate": rate, "gross": amount, "tax": tax_in(amount, rate)} for rate, amount in sorted(gross.items())]


def _head(session: Session, site: Site, order: Order, at: datetime) -> dict[str, Any]:
    """What invoices and corrections share. Not the address of delivery: the law does not ask for it, and it would be
    kept with the invoice for years.
    """
    contact = session.get(Contact, order.contact_id) if order.contact_id is not None else None
    method = payment_method(site, order.payment_method)
    return {
        "language": language_of(site, contact) if contact is not None else site.settings.language,
        "seller": asdict(read_seller(site)),
        "order": order.number,
        "ordered_on": _day(site, order.placed_at),
        "issued_on": _day(site, at),
        "payment": method.label if method is not None else "",
        "payment_method": order.payment_method,
        "tax_note": site.setting("shop.tax_note"),
    }


def _buyer(session: Session, order: Order) -> dict[str, str]:
    """Name and address as the order has them; an order without an address has the contact's. Raises InvalidInput."""
    contact = session.get(Contact, order.contact_id) if order.contact_id is not None else None
    source = order if order.city or contact is None else contact
    buyer = {name: str(getattr(source, name)) for name in ADDRESS}
    buyer["name"] = order.name or buyer["name"]
    small = order.currency == "EUR" and owed_for(order) <= SMALL
    if not small and not (buyer["name"] and buyer["city"] and (buyer["street"] or buyer["postal_code"])):
        raise InvalidInput(
            "An invoice of more than €250 needs the customer’s name and address. Enter them on the contact’s profile."
        )
    return buyer


def _day(site: Site, moment: datetime | None) -> str:
    return moment.astimezone(site.settings.zone).date().isoformat() if moment is not None else ""


def _write(
    session: Session,
    site: Site,
    order: Order,
    kind: str,
    total: int,
    content: dict[str, Any],
    at: datetime,
    issued_by: str,
    corrects_id: int | None = None,
    refund_id: int | None = None,
) -> int:
    year = date.fromisoformat(content["issued_on"]).year
    position = next_position(session, year)
    invoice = Invoice(
        number=f"{site.setting('shop.invoice_prefix')}{year}-{position:04d}",
        year=year,
        position=position,
        kind=kind,
        order_id=order.id,
        corrects_id=corrects_id,
        refund_id=refund_id,
        issued_at=at,
        issued_by=issued_by,
        currency=order.currency,
        total=total,
        content=content,
    )
    session.add(invoice)
    session.flush()
    return invoice.id


def next_position(session: Session, year: int) -> int:
    """The next number of a year; its row stays locked until the transaction ends, which gives back what is given up."""
    position: int | None = session.scalar(
        upsert(
            session,
            InvoiceCounter,
            {"year": year, "last": 1},
            keys=["year"],
            update={"last": InvoiceCounter.last + 1},
        ).returning(InvoiceCounter.last)
    )
    assert position is not None
    return position
