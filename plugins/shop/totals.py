"""What a contact has bought: kept beside the orders, in their transaction, so the list can sort by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, case, delete, func, or_, select
from sqlalchemy.orm import Session

from core import Money, upsert
from plugins.shop.models import CustomerAmount, CustomerTotals, Order

COUNTED = Order.state.not_in(("cancelled", "refunded"))
"""Orders that count: something of them was bought, and not all of it taken back."""

BOUGHT = Order.total - Order.refunded
"""What was really bought of an order, in minor units of its currency; 0 for a cancelled one."""


def count_order(session: Session, contact_id: int, total: Money, placed_at: datetime) -> None:
    """Add an order that was just recorded."""
    session.execute(
        upsert(
            session,
            CustomerTotals,
            {"contact_id": contact_id, "orders": 1, "last_order_at": placed_at},
            keys=["contact_id"],
            update={
                "orders": CustomerTotals.orders + 1,
                "last_order_at": case(
                    (
                        or_(CustomerTotals.last_order_at.is_(None), CustomerTotals.last_order_at < placed_at),
                        placed_at,
                    ),
                    else_=CustomerTotals.last_order_at,
                ),
            },
        )
    )
    session.execute(
        upsert(
            session,
            CustomerAmount,
            {"contact_id": contact_id, "currency": total.currency, "minor": total.minor},
            keys=["contact_id", "currency"],
            update={"minor": CustomerAmount.minor + total.minor},
        )
    )


def recount(session: Session, contact_id: int) -> None:
    """Work out a contact's totals anew, as when an order was cancelled or refunded."""
    # Locks the contact's row first: an order that is being recorded elsewhere then adds to what is written
    # here, or is committed and counted.
    session.execute(
        upsert(
            session,
            CustomerTotals,
            {"contact_id": contact_id, "orders": 0, "last_order_at": None},
            keys=["contact_id"],
            update={"orders": CustomerTotals.orders},
        )
    )
    counted = (Order.contact_id == contact_id, COUNTED)
    rows = session.execute(
        select(Order.currency, func.count(), func.max(Order.placed_at), func.sum(BOUGHT))
        .where(*counted)
        .group_by(Order.currency)
    ).all()
    found = {
        "orders": sum(row[1] for row in rows),
        "last_order_at": max((row[2] for row in rows), default=None),
    }
    session.execute(
        upsert(session, CustomerTotals, {"contact_id": contact_id, **found}, keys=["contact_id"], update=found)
    )
    session.execute(delete(CustomerAmount).where(CustomerAmount.contact_id == contact_id))
    if rows:
        session.execute(
            upsert(
                session,
                CustomerAmount,
                [{"contact_id": contact_id, "currency": row[0], "minor": int(row[3])} for row in rows],
                keys=["contact_id", "currency"],
            )
        )


_amount = CustomerAmount.__table__.c
# Built once: building a statement takes longer than running it.
AMOUNTS_OF = (
    select(_amount.contact_id, _amount.minor, _amount.currency)
    .where(_amount.contact_id.in_(bindparam("ids", expanding=True)), _amount.minor > 0)
    .order_by(_amount.currency)
)


def amounts_of(session: Session, contact_ids: Sequence[int]) -> Mapping[int, Sequence[Money]]:
    """The total of purchases of each contact, one amount a currency."""
    amounts: dict[int, list[Money]] = {}
    for contact_id, minor, currency in session.connection().execute(AMOUNTS_OF, {"ids": contact_ids}).all():
        amounts.setdefault(contact_id, []).append(Money(minor=minor, currency=currency))
    return amounts


def count_anew(session: Session, contact_ids: Sequence[int]) -> None:
    """Work out the totals of contacts whose orders have changed hands; who has no order has none."""
    for contact_id in sorted(contact_ids):
        if session.scalar(select(Order.id).where(Order.contact_id == contact_id).limit(1)) is not None:
            recount(session, contact_id)
            continue
        for table in (CustomerTotals, CustomerAmount):
            session.execute(delete(table).where(table.contact_id == contact_id))
