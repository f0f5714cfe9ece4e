"""What an order went through, told to its own log, to the contact's, and to the customer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from core import Activity, Actor, add_activity, site_of
from plugins.shop.mails import mail_order
from plugins.shop.models import Order
from plugins.shop.order_writing import add_event


def tell(session: Session, order: Order, step: str, actor: Actor, at: datetime, *, mail: bool) -> None:
    """Write an entry about a step into both logs; with `mail` the customer is told, if the settings have it."""
    add_event(session, order.id, step, actor, at)
    if order.contact_id is not None:
        add_activity(
            session,
            order.contact_id,
            Activity(kind=f"shop.{step}", reference=order.number, href=f"/dashboard/shop/orders/{order.id}"),
            actor=actor,
            occurred_at=at,
        )
    if mail:
        mail_order(session, site_of(session), order, step)


def mark_paid(session: Session, order: Order, actor: Actor, at: datetime, *, mail: bool) -> None:
    """Make an order that the caller holds a paid one, once its payments are written down."""
    order.paid_at = at
    # "Shipped" tells more than "paid", whichever came last.
    order.state = "paid" if order.shipped_at is None else "shipped"
    tell(session, order, "paid", actor, at, mail=mail)
