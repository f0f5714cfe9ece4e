"""What becomes of an order: paid, shipped, cancelled (FEATURES S4). Each step at most once, each with an entry.

Refunds are in `refunds.py`; payments through a provider in `payments.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Actor, Conflict
from plugins.shop.holding import OVER, hold_order, in_hand, owed_for
from plugins.shop.models import Payment, now
from plugins.shop.order_log import mark_paid, tell
from plugins.shop.order_writing import NOTED
from plugins.shop.refunds import take_back_rest

Step = Literal["paid", "shipped", "cancelled"]

STEPS: tuple[Step, ...] = get_args(Step)

STATES = ("open", "paid", "shipped", "cancelled", "refunded")

STATE_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "open": "Still open",
        "paid": "Paid",
        "shipped": "Shipped",
        "cancelled": "Cancelled",
        "refunded": "Refunded",
    }
)
"""State → its name for people, a message id."""

STATE_TONES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "open": ("amber", "clock"),
        "paid": ("green", "check"),
        "shipped": ("blue", "send"),
        "cancelled": ("neutral", "x"),
        "refunded": ("neutral", "undo"),
    }
)
"""State → colour and icon of its badge."""


def steps_of(
    *, paid_at: datetime | None, shipped_at: datetime | None, cancelled_at: datetime | None, refunded: bool = False
) -> Sequence[Step]:
    """The steps an order can take now.

    A cancelled one none, nor one that was refunded as a whole. Paid and shipped come in either order, as with an
    invoice that is paid later; what was shipped can't be cancelled, but refunded.
    """
    if cancelled_at is not None or refunded:
        return ()
    steps: list[Step] = []
    if paid_at is None:
        steps.append("paid")
    if shipped_at is None:
        steps += ["shipped", "cancelled"]
    return steps


def take_step(
    session: Session, order_id: int, step: Step, actor: Actor, at: datetime | None = None, *, mail: bool = False
) -> str:
    """Take an order a step on; answers its number. With `mail` the customer is told, if the settings have it.

    "paid" notes the payment of what is still owed. "cancelled" takes back all that is left: the goods go into stock,
    the voucher's use is given back, what was paid is to go back (`give_money_back` after the transaction), and the
    order is taken out of the contact's totals. Raises NotFound, and Conflict when the order can't take this step, as
    when a colleague cancelled it a moment ago.
    """
    order = hold_order(session, order_id)
    possible = steps_of(
        paid_at=order.paid_at,
        shipped_at=order.shipped_at,
        cancelled_at=order.cancelled_at,
        refunded=order.state == "refunded",
    )
    if step not in possible:
        raise Conflict("Order %(number)s can't be changed like this any more.", number=order.number)
    at = at or now()
    if step == "cancelled":
        take_back_rest(session, order, actor, at, mail=mail)
    elif step == "paid":
        rest = owed_for(order) - in_hand(session, order.id)
        payment = Payment(
            order_id=order.id,
            method=order.payment_method,
            reference=f"{NOTED}{secrets.token_urlsafe(12)}",
            state="paid",
            amount=max(0, rest),
            started_at=at,
            paid_at=at,
        )
        session.add(payment)
        mark_paid(session, order, actor, at, mail=mail)
    else:
        order.shipped_at, order.state = at, "shipped"
        tell(session, order, step, actor, at, mail=mail)
    return order.number


def withdraw_payment(session: Session, order_id: int, actor: Actor, at: datetime | None = None) -> str:
    """Take back that staff noted a payment, as when they did so by mistake; answers the order's number.

    The order is unpaid then, unless what came in otherwise covers it. What a provider said has come in can't be taken
    back, only paid back. Raises NotFound, and Conflict when nothing was noted, when the order is cancelled or refunded,
    and when of this money something went back already.
    """
    order = hold_order(session, order_id)
    noted = session.scalars(
        select(Payment).where(
            Payment.order_id == order_id, Payment.state == "paid", Payment.reference.startswith(NOTED, autoescape=True)
        )
    ).all()
    if not noted or order.state in OVER:
        raise Conflict("Order %(number)s can't be changed like this any more.", number=order.number)
    rest = in_hand(session, order_id) - sum(one.amount for one in noted)
    if rest < 0:
        raise Conflict(
            "Something was paid back for order %(number)s already, so its payment must stay.", number=order.number
        )
    at = at or now()
    for payment in noted:
        payment.state, payment.paid_at = "failed", None
    session.flush()
    others = session.scalar(select(Payment.id).where(Payment.order_id == order_id, Payment.state == "paid").limit(1))
    if others is None or rest < owed_for(order):
        order.paid_at, order.state = None, "open" if order.shipped_at is None else "shipped"
    tell(session, order, "unpaid", actor, at, mail=False)
    return order.number
