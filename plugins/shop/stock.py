"""Stock: taken by one statement that can't go below zero, and put back when an order is cancelled (THREATS
T-B5).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from core import Conflict
from plugins.shop.models import OrderLine, Product


class OutOfStock(Conflict):
    """There are not as many left as were ordered; `product_id` says of what."""

    def __init__(self, name: str, left: int, product_id: int) -> None:
        if left:
            super().__init__("Only %(left)s of %(name)s are left.", left=left, name=name)
        else:
            super().__init__("%(name)s is sold out.", name=name)
        self.product_id = product_id


def take_stock(session: Session, product: Product, quantity: int) -> bool:
    """Take `quantity` of a product; answers whether its stock is counted. Raises OutOfStock.

    Condition and change are one statement: of two orders for the last one the second finds none.
    """
    if product.stock is None:
        return False
    taken = session.execute(
        update(Product)
        .where(Product.id == product.id, or_(Product.stock.is_(None), Product.stock >= quantity))
        .values(stock=Product.stock - quantity)
        .returning(Product.stock)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if taken is None:
        session.refresh(product)
        raise OutOfStock(product.name, product.stock or 0, product.id)
    return taken.stock is not None


def put_back(session: Session, lines: Sequence[OrderLine]) -> None:
    """Put the lines of a cancelled order back, where the stock was counted then and still is."""
    # In the order of their ids, as orders take them: two transactions never wait for each other in a circle.
    for line in sorted(lines, key=lambda line: line.product_id or 0):
        if line.from_stock and line.product_id is not None:
            session.execute(
                update(Product)
                .where(Product.id == line.product_id, Product.stock.is_not(None))
                .values(stock=Product.stock + line.quantity)
                .execution_options(synchronize_session=False)
            )
