"""The shop's numbers on the overview: orders and revenue of this month and the eleven before it (FEATURES
H9).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from core import Money, Tile, TileData, site_of
from plugins.shop.models import Order, OrderLine, Product, now
from plugins.shop.totals import BOUGHT, COUNTED

MONTHS = 12
BEST = 5
DAYS = 30


def overview_tiles() -> list[Tile]:
    """Orders and revenue by month, in the site's time zone."""
    return [
        Tile(
            key="shop.orders",
            title="Orders this month",
            load=_orders,
            permission="shop.orders",
            order=30,
        ),
        Tile(
            key="shop.revenue",
            title="Revenue this month",
            load=_revenue,
            permission="shop.orders",
            order=31,
        ),
        Tile(
            key="shop.best",
            title="Best products",
            load=_best,
            permission="shop.orders",
            order=32,
        ),
    ]


def month_starts(today: datetime) -> Sequence[datetime]:
    """The first moments of the last twelve months, this one last, and of the next, in the zone of `today`."""
    this = today.year * 12 + today.month - 1
    months = range(this - MONTHS + 1, this + 2)
    return [datetime(month // 12, month % 12 + 1, 1, tzinfo=today.tzinfo) for month in months]


def _by_month(session: Session, value: ColumnElement[int], *conditions: ColumnElement[bool]) -> list[tuple[str, int]]:
    starts = month_starts(now().astimezone(site_of(session).settings.zone))
    sums = [
        func.coalesce(func.sum(case(((Order.placed_at >= start) & (Order.placed_at < end), value), else_=0)), 0)
        for start, end in pairwise(starts)
    ]
    row = session.execute(
        select(*sums).where(
            COUNTED,
            Order.placed_at >= starts[0],
            Order.placed_at < starts[-1],
            *conditions,
        )
    ).one()
    return [(f"{start:%m.%y}", int(number)) for start, number in zip(starts, row, strict=False)]


def _orders(session: Session) -> TileData | None:
    months = _by_month(session, case((Order.id > 0, 1)))
    return TileData(value=months[-1][1], series=months)


def _revenue(session: Session) -> TileData | None:
    """Revenue, tax included and refunds off, in the currency of the latest order; the series is in its minor units."""
    currency = session.scalar(select(Order.currency).order_by(Order.placed_at.desc(), Order.id.desc()).limit(1))
    if currency is None:
        return None
    months = _by_month(session, BOUGHT, Order.currency == currency)
    return TileData(value=Money(minor=months[-1][1], currency=currency), series=months, kind="money")


def _best(session: Session) -> TileData | None:
    """Products by the pieces that were sold and not taken back; the headline is how many of all products."""
    pieces = func.sum(OrderLine.quantity - OrderLine.refunded)
    sold = (
        select(OrderLine.product_id, pieces.label("pieces"))
        .join(Order, Order.id == OrderLine.order_id)
        .where(COUNTED, Order.placed_at >= now() - timedelta(days=DAYS), OrderLine.product_id.is_not(None))
        .group_by(OrderLine.product_id)
        .having(pieces > 0)
        .subquery()
    )
    rows = session.execute(
        select(Product.name, sold.c.pieces)
        .join(sold, sold.c.product_id == Product.id)
        .order_by(sold.c.pieces.desc(), Product.name)
    ).all()
    if not rows:
        return None
    return TileData(
        value=sum(int(row.pieces) for row in rows),
        detail="pieces in thirty days",
        series=[(row.name, int(row.pieces)) for row in rows[:BEST]],
        shape="ranking",
    )
