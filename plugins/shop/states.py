"""What becomes of an order: paid, shipped, cancelled (FEATURES S4). Each step at most once, each with an
entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Activity, Actor, Conflict, NotFound, add_activity
from plugins.shop.models import Order, OrderLine, now
from plugins.shop.orders import add_event
from plugins.shop.stock import put_back
from plugins.shop.totals import recount
from plugins.shop.vouchers import give_back

Step = Literal["paid", "shipped", "cancelled"]

STEPS: tuple[Step, ...] = get_args(Step)

STATES = ("open", "paid", "shipped", "cancelled")

STATE_LABELS: Mapping[str, str] = MappingProxyType(
    {"open": "Still open", "paid": "Paid", "shipped": "Shipped", "cancelled": "Cancelled"}
)
"""State → its name for people, a message id."""

STATE_TONES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "open": ("amber", "clock"),
        "paid": ("green", "check"),
        "shipped": ("blue", "send"),
        "cancelled": ("neutral", "x"),
    }
)
"""State → colour and icon of its badge."""


def steps_of(*, paid_at: datetime | None, shipped_at: datetime | None, cancelled_at: datetime | None) -> Sequence[Step]:
    """The steps an order can take now.

    A cancelled one none. Paid and shipped come in either order, as with an invoice that is paid later; what
    was shipped can't be cancelled.
    """
    if cancelled_at is not None:
        return ()
    steps: list[Step] = []
    if paid_at is None:
        steps.append("paid")
    if shipped_at is None:
        steps += ["shipped", "cancelled"]
    return steps


def take_step(session: Session, order_id: int, step: Step, actor: Actor, at: datetime | None = None) -> str:
    """Take an order a step on; answers its number.

    Cancelling puts the goods back into stock, gives back the voucher's use, and takes the order out of the
    contact's totals. Raises NotFound, and Conflict when the order can't take this step, as when a colleague
    cancelled it a moment ago.
    """
    # Locked: of two people who press at once the second sees what the first did.
    statement = select(Order).where(Order.id == order_id).with_for_update()
    order = session.scalar(statement, execution_options={"populate_existing": True})
    if order is None:
        raise NotFound("There is no such order.")
    possible = steps_of(paid_at=order.paid_at, shipped_at=order.shipped_at, cancelled_at=order.cancelled_at)
    if step not in possible:
        raise Conflict("Order %(number)s can't be changed like this any more.", number=order.number)
    at = at or now()
    setattr(order, f"{step}_at", at)
    # "Shipped" tells more than "paid", whichever came last.
    order.state = "shipped" if step == "paid" and order.shipped_at is not None else step
    add_event(session, order.id, step, actor, at)
    if step == "cancelled":
        put_back(session, session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).all())
        give_back(session, order.id)
    if order.contact_id is not None:
        add_activity(
            session,
            order.contact_id,
            Activity(kind=f"shop.{step}", reference=order.number, href=f"/dashboard/shop/orders/{order.id}"),
            actor=actor,
            occurred_at=at,
        )
        if step == "cancelled":
            recount(session, order.contact_id)
    return order.number
