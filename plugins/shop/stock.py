"""Stock: taken by one statement that can't go below zero, and put back when an order is cancelled (THREATS
T-B5).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from core import Conflict
from plugins.shop.models import OrderLine, Variant


class OutOfStock(Conflict):
    """There are not as many left as were ordered; `variant_id` says of what."""

    def __init__(self, name: str, left: int, variant_id: int) -> None:
        if left:
            super().__init__("Only %(left)s of %(name)s are left.", left=left, name=name)
        else:
            super().__init__("%(name)s is sold out.", name=name)
        self.variant_id = variant_id


def take_stock(session: Session, variant: Variant, name: str, quantity: int) -> bool:
    """Take `quantity` of a variant called `name`; answers whether its stock is counted. Raises OutOfStock.

    Condition and change are one statement: of two orders for the last one the second finds none.
    """
    if variant.stock is None:
        return False
    taken = session.execute(
        update(Variant)
        .where(Variant.id == variant.id, or_(Variant.stock.is_(None), Variant.stock >= quantity))
        .values(stock=Variant.stock - quantity)
        .returning(Variant.stock)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if taken is None:
        session.refresh(variant)
        raise OutOfStock(name, variant.stock or 0, variant.id)
    return taken.stock is not None


def put_back(session: Session, pieces: Sequence[tuple[OrderLine, int]]) -> None:
    """Put so many pieces of lines back that were cancelled or refunded, where the stock was counted then and still
    is.
    """
    # In the order of their ids, as orders take them: two transactions never wait for each other in a circle.
    for line, quantity in sorted(pieces, key=lambda pair: pair[0].variant_id or 0):
        if line.from_stock and line.variant_id is not None:
            session.execute(
                update(Variant)
                .where(Variant.id == line.variant_id, Variant.stock.is_not(None))
                .values(stock=Variant.stock + quantity)
                .execution_options(synchronize_session=False)
            )
