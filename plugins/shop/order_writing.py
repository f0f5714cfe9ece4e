"""Writing an order down: its row, lines, taxes, the address of delivery, and its own log."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import evolve
from sqlalchemy import insert
from sqlalchemy.orm import Session

from core import SYSTEM, Actor, Money
from plugins.shop.amounts import PricedLine, TaxPart, discounts_of, taxes_of
from plugins.shop.models import Delivery, Order, OrderEvent, OrderLine, OrderTax, Payment

if TYPE_CHECKING:
    from plugins.shop.orders import History, NewOrder

NOTED = "noted-"
"""How the references of payments begin that staff noted, or that came in elsewhere; no provider knows them."""

# Built once: building a statement takes longer than running it. Past the ORM, which would ask each row for its id.
LINES, TAXES, EVENTS, PAYMENTS = (
    insert(model.__table__)  # type: ignore[arg-type]
    for model in (OrderLine, OrderTax, OrderEvent, Payment)
)

DELIVERED = ("name", "street", "street2", "postal_code", "city", "region", "country")
"""What is kept of another address of delivery."""


def write_order(
    session: Session,
    new: NewOrder,
    email: str,
    number: str,
    lines: Sequence[PricedLine],
    total: Money,
    off: int,
    voucher_code: str,
    on_balance: int = 0,
) -> Order:
    """Write the order with all that stands below it. `on_balance` of the total is paid with a balance: that payment is
    the caller's to write.
    """
    details = new.details
    staff = new.actor.kind == "staff"
    order = Order(
        number=number,
        token=secrets.token_urlsafe(24),
        checkout_key=new.checkout_key,
        currency=total.currency,
        total=total.minor,
        discount=off,
        voucher_code=voucher_code or new.history.voucher,
        state=_state_of(new.history),
        paid_at=new.history.paid_at,
        shipped_at=new.history.shipped_at,
        payment_method=new.payment_method,
        source=new.source.name if new.source is not None else "",
        source_reference=new.source.reference if new.source is not None else "",
        email=email,
        name=details.name,
        phone=details.phone,
        street=details.street,
        street2=details.street2,
        postal_code=details.postal_code,
        city=details.city,
        region=details.region,
        country=details.country,
        note=new.note,
        placed_at=new.placed_at.astimezone(UTC),
        placed_by_id=new.actor.id if staff else None,
        placed_by_name=new.actor.name if staff else "",
        search_text="\n".join((number, details.name.casefold(), email.casefold())),
    )
    session.add(order)
    session.flush()
    session.execute(
        LINES,
        [
            {
                "order_id": order.id,
                "product_id": line.product_id,
                "variant_id": line.variant_id,
                "name": line.name,
                "unit_price": line.unit_price,
                "tax_rate": line.tax_rate,
                "quantity": line.quantity,
                "from_stock": line.from_stock,
                "discount": share,
            }
            for line, share in zip(lines, discounts_of(lines, off), strict=True)
        ],
    )
    if new.delivery is not None:
        written = {name: getattr(new.delivery, name) for name in DELIVERED}
        session.execute(insert(Delivery).values(order_id=order.id, **written))
    session.execute(
        TAXES,
        [
            {"order_id": order.id, "rate": part.rate, "gross": part.gross, "tax": part.tax}
            for part in _taxes_there(taxes_of(lines, off), new.history.tax)
        ],
    )
    add_event(session, order.id, "placed", new.actor, new.placed_at)
    if steps := steps_of_history(new.history):
        _write_events(session, order.id, SYSTEM, steps)
    if (paid_at := new.history.paid_at) is not None and (total.minor > on_balance or not on_balance):
        session.execute(
            PAYMENTS,
            {
                "order_id": order.id,
                "method": new.payment_method,
                "reference": f"{NOTED}{secrets.token_urlsafe(12)}",
                "state": "paid",
                "amount": total.minor - on_balance,
                "started_at": paid_at,
                "paid_at": paid_at,
            },
        )
    return order


def steps_of_history(history: History) -> list[tuple[str, datetime]]:
    """The steps that an order took before it came here."""
    steps = (("paid", history.paid_at), ("shipped", history.shipped_at))
    return [(step, at) for step, at in steps if at is not None]


def _state_of(history: History) -> str:
    # "Shipped" tells more than "paid", whichever came last.
    return "shipped" if history.shipped_at is not None else "paid" if history.paid_at is not None else "open"


def _taxes_there(parts: Sequence[TaxPart], tax: int | None) -> Sequence[TaxPart]:
    """Make the tax the one that was worked out elsewhere, where they round otherwise: by line, say."""
    if tax is None or not parts:
        return parts
    difference = tax - sum(part.tax for part in parts)
    largest = max(parts, key=lambda part: (part.rate > 0, part.gross))
    if not difference or not 0 <= largest.tax + difference <= largest.gross:
        return parts
    return [evolve(part, tax=part.tax + difference) if part is largest else part for part in parts]


def add_event(session: Session, order_id: int, event: str, actor: Actor, at: datetime) -> None:
    """Add an entry to the order's own log."""
    _write_events(session, order_id, actor, [(event, at)])


def _write_events(session: Session, order_id: int, actor: Actor, events: Sequence[tuple[str, datetime]]) -> None:
    session.execute(
        EVENTS,
        [
            {
                "order_id": order_id,
                "event": event,
                "at": at,
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "actor_name": actor.name,
            }
            for event, at in events
        ],
    )
