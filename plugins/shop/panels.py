"""The orders on a contact's profile, with the total of purchases (FEATURES P1)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from attrs import frozen
from sqlalchemy.orm import Session

from core import Money, Panel
from plugins.shop.models import CustomerTotals
from plugins.shop.order_book import OrderRow, orders_of
from plugins.shop.totals import amounts_of

SHOWN = 10


@frozen(kw_only=True)
class OrdersPanel:
    """What the panel shows: the newest orders, how many count, and their total by currency."""

    contact_id: int
    orders: Sequence[OrderRow]
    count: int
    totals: Sequence[Money]
    more: bool
    all_href: str


def contact_panels() -> list[Panel]:
    """The panel „Bestellungen“."""
    return [
        Panel(
            key="shop.orders",
            title="Orders",
            template="shop/panel.html",
            load=_load,
            permission="shop.orders",
            order=50,
        )
    ]


def _load(session: Session, contact_id: int) -> OrdersPanel:
    orders = orders_of(session, contact_id, SHOWN + 1)
    totals = session.get(CustomerTotals, contact_id)
    return OrdersPanel(
        contact_id=contact_id,
        orders=orders[:SHOWN],
        count=totals.orders if totals else 0,
        totals=amounts_of(session, [contact_id]).get(contact_id, ()),
        more=len(orders) > SHOWN,
        all_href="/dashboard/shop/orders?" + urlencode({"q": orders[0].email if orders else ""}),
    )
