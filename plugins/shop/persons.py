"""What the shop holds of one person: made nobody's when the person is erased, handed out on request (GDPR Art. 15, 17).

Orders are records from which the books are kept, and so are the invoices for them. § 147 (3) AO, § 257 (4) HGB and
§ 14b (1) UStG, in the version of the Fourth Bureaucracy Relief Act (in force since 1 January 2025), have them kept for
eight years, counted from the end of the calendar year (§ 147 (4) AO, § 257 (5) HGB).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import Erased, ExportSection, Kept, Money, Site
from plugins.shop.models import Order, OrderLine
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
    ]


def export(session: Session, contact_id: int) -> Sequence[ExportSection]:
    """The orders of a contact with their lines."""
    orders = session.scalars(select(Order).where(Order.contact_id == contact_id).order_by(Order.placed_at)).all()
    lines: dict[int, list[dict[str, object]]] = {}
    wanted = select(OrderLine).where(OrderLine.order_id.in_([order.id for order in orders])).order_by(OrderLine.id)
    currencies = {order.id: order.currency for order in orders}
    for line in session.scalars(wanted):
        price = Money(minor=line.unit_price, currency=currencies[line.order_id])
        lines.setdefault(line.order_id, []).append({"product": line.name, "quantity": line.quantity, "price": price})
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
                }
                for order in orders
            ],
        )
    ]
