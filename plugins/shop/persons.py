"""What the shop holds of one person: made nobody's when the person is erased, handed out on request (GDPR Art. 15, 17).

Orders are records from which the books are kept, and so are the invoices for them. § 147 (3) AO, § 257 (4) HGB and
§ 14b (1) UStG, in the version of the Fourth Bureaucracy Relief Act (in force since 1 January 2025), have them kept for
eight years, counted from the end of the calendar year (§ 147 (4) AO, § 257 (5) HGB). An order is kept without the
person. An invoice is kept as it was made (§ 14b (1) UStG), and the customer's name and address belong to it (§ 14 (4)
no. 1 UStG): Art. 17 (3) (b) GDPR lets them stay there, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core import Erased, ExportFile, ExportSection, Kept, Money, Site, site_of
from plugins.shop.documents import document_of
from plugins.shop.invoice_pdf import render_pdf
from plugins.shop.models import Delivery, Invoice, Order, OrderLine, Payment, Refund
from plugins.shop.order_writing import DELIVERED
from plugins.shop.states import STATE_LABELS

YEARS = 8
"""How long booking records and invoices are kept."""

PERSONAL = ("email", "name", "phone", "street", "street2", "postal_code", "city", "region", "note")
"""Columns of an order that say who it was. The country stays: the tax depends on it, and it names nobody."""


def erase(session: Session, site: Site, contact_ids: Sequence[int]) -> Sequence[Kept | Erased]:
    """Take the person out of these contacts' orders; numbers, lines and amounts stay as long as the law wants them."""
    orders = session.execute(
        select(Order.number, Order.placed_at, Order.state).where(Order.contact_id.in_(contact_ids)).order_by(Order.id)
    ).all()
    if not orders:
        return []
    session.execute(
        update(Order)
        .where(Order.contact_id.in_(contact_ids))
        .values({**dict.fromkeys(PERSONAL, ""), "search_text": Order.number})
    )
    theirs = select(Order.id).where(Order.contact_id.in_(contact_ids)).scalar_subquery()
    session.execute(delete(Delivery).where(Delivery.order_id.in_(theirs)))
    session.execute(update(Refund).where(Refund.order_id.in_(theirs)).values(reason=""))
    invoices = session.execute(
        select(Invoice.number, Invoice.year).where(Invoice.order_id.in_(theirs)).order_by(Invoice.id)
    ).all()
    invoiced: dict[int, list[str]] = {}
    for invoice in invoices:
        invoiced.setdefault(invoice.year, []).append(invoice.number)
    by_year: dict[int, list[str]] = {}
    for order in orders:
        by_year.setdefault(order.placed_at.astimezone(site.settings.zone).year, []).append(order.number)
    return [
        Erased(label="Names and addresses in orders", number=len(orders)),
        Erased(
            label="Open orders that can’t be delivered without them",
            number=sum(order.state in ("open", "paid") for order in orders),
        ),
        *(
            Kept(
                label="Orders, without the person",
                number=len(numbers),
                reason="Orders and invoices are booking records, which the law has you keep for eight years "
                "(§ 147 AO, § 14b UStG, § 257 HGB).",
                until=date(year + YEARS, 12, 31),
                references=numbers,
            )
            for year, numbers in sorted(by_year.items())
        ),
        *(
            Kept(
                label="Invoices, with name and address",
                number=len(numbers),
                reason="Invoices must be kept as they were made, with the customer’s name and address, for eight years "
                "(§ 14b UStG, § 147 AO).",
                until=date(year + YEARS, 12, 31),
                references=numbers,
            )
            for year, numbers in sorted(invoiced.items())
        ),
    ]


def export(session: Session, contact_id: int) -> Sequence[ExportSection]:
    """The orders of a contact with their lines, payments, refunds and invoices."""
    site = site_of(session)
    orders = session.scalars(select(Order).where(Order.contact_id == contact_id).order_by(Order.placed_at)).all()
    lines: dict[int, list[dict[str, object]]] = {}
    wanted = select(OrderLine).where(OrderLine.order_id.in_([order.id for order in orders])).order_by(OrderLine.id)
    currencies = {order.id: order.currency for order in orders}
    for line in session.scalars(wanted):
        price = Money(minor=line.unit_price, currency=currencies[line.order_id])
        lines.setdefault(line.order_id, []).append({"product": line.name, "quantity": line.quantity, "price": price})
    ids = [order.id for order in orders]
    more: dict[int, dict[str, list[dict[str, object]]]] = {order_id: {} for order_id in ids}
    for delivery in session.scalars(select(Delivery).where(Delivery.order_id.in_(ids))):
        address = {name: getattr(delivery, name) for name in DELIVERED if getattr(delivery, name)}
        more[delivery.order_id]["delivery"] = [address]
    for payment in session.scalars(select(Payment).where(Payment.order_id.in_(ids)).order_by(Payment.id)):
        amount = Money(minor=payment.amount, currency=currencies[payment.order_id])
        said = {"state": payment.state, "amount": amount, "at": payment.paid_at or payment.started_at}
        more[payment.order_id].setdefault("payments", []).append(
            {**said, "method": payment.method, "reference": payment.provider_reference}
        )
    for refund in session.scalars(select(Refund).where(Refund.order_id.in_(ids)).order_by(Refund.id)):
        amount = Money(minor=refund.amount or refund.money_back, currency=currencies[refund.order_id])
        more[refund.order_id].setdefault("refunds", []).append(
            {"amount": amount, "at": refund.at, "reason": refund.reason}
        )
    documents = [
        document_of(site, invoice)
        for invoice in session.scalars(select(Invoice).where(Invoice.order_id.in_(ids)).order_by(Invoice.id))
    ]
    for document in documents:
        more[document.order_id].setdefault("invoices", []).append({"number": document.number})
    return [
        ExportSection(
            key="shop.orders",
            title="Orders",
            labels={
                "number": "Number",
                "placed_at": "Placed",
                "state": "State",
                "total": "Total",
                "email": "E-mail",
                "name": "Name",
                "phone": "Phone",
                "street": "Street and house number",
                "street2": "Addition",
                "postal_code": "Postal code",
                "city": "Town or city",
                "country": "Country",
                "note": "Note to the order",
                "lines": "Products",
                "product": "Product",
                "quantity": "Quantity",
                "price": "Price",
                "delivery": "Address of delivery",
                "payments": "Payments",
                "refunds": "Refunds",
                "invoices": "Invoices",
                "amount": "Amount",
                "reason": "Reason of the refund",
            },
            translated={"state"},
            records=[
                {
                    "number": order.number,
                    "placed_at": order.placed_at,
                    "state": STATE_LABELS[order.state],
                    "total": Money(minor=order.total, currency=order.currency),
                    **{name: getattr(order, name) for name in PERSONAL},
                    "country": order.country,
                    "paid_at": order.paid_at,
                    "shipped_at": order.shipped_at,
                    "cancelled_at": order.cancelled_at,
                    "lines": lines.get(order.id, []),
                    **more[order.id],
                }
                for order in orders
            ],
            files=[ExportFile(name=one.file_name, content=render_pdf(one)) for one in documents],
        )
    ]
