"""A customer's own orders and invoices in the Client Zone (FEATURES K4). Nobody else's are there (T-Z2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from litestar.params import FromPath, FromQuery
from litestar.response import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import NotFound, Request, ZoneSection, get
from plugins.shop.documents import read_document
from plugins.shop.invoice_pdf import render_pdf
from plugins.shop.models import Invoice, Order
from plugins.shop.order_book import OrderRow, orders_of, read_orders
from plugins.shop.order_details import OrderView, read_order

ORDERS = "/account/orders"
ON_CARD = 3


@frozen(kw_only=True)
class OwnOrders:
    """The newest orders, for the card on the overview."""

    orders: Sequence[OrderRow]


def zone_sections() -> list[ZoneSection]:
    """„Bestellungen“."""
    return [
        ZoneSection(
            key="shop.orders",
            label="Orders",
            href=ORDERS,
            icon="bag",
            description="You have not ordered anything yet.",
            template="shop/zone_card.html",
            load=_newest,
            order=100,
        )
    ]


def _newest(session: Session, contact_id: int) -> OwnOrders | None:
    orders = orders_of(session, contact_id, ON_CARD)
    return OwnOrders(orders=orders) if orders else None


@get(ORDERS, customer=True)
def own_orders(request: Request, before: FromQuery[str] = "", after: FromQuery[str] = "") -> Response[str]:
    """All orders, newest first."""
    with request.site.session() as session:
        page = read_orders(
            session,
            [Order.contact_id == request.customer.contact_id],
            before=_number(before),
            after=_number(after),
        )
    return request.page("shop/zone_orders.html", page=page, orders_url=ORDERS)


@get(f"{ORDERS}/{{order_id:int}}", customer=True)
def own_order(request: Request, order_id: FromPath[int]) -> Response[str]:
    """One order, with what became of it, and its invoices."""
    with request.site.session() as session:
        order = _own_order(session, request, order_id)
    return request.page("shop/zone_order.html", order=order, orders_url=ORDERS)


def _own_order(session: Session, request: Request, order_id: int) -> OrderView:
    order = read_order(session, order_id)
    if order.contact_id != request.customer.contact_id:
        raise NotFound("There is no such order.")
    return order


@get(f"{ORDERS}/invoices/{{invoice_id:int}}", customer=True)
def own_invoice(request: Request, invoice_id: FromPath[int]) -> Response[bytes]:
    """An invoice, or a correction, as a PDF."""
    statement = select(Invoice.id).join(Order, Order.id == Invoice.order_id)
    with request.site.session() as session:
        own = statement.where(Invoice.id == invoice_id, Order.contact_id == request.customer.contact_id)
        if session.scalar(own) is None:
            raise NotFound("There is no such invoice.")
        document = read_document(session, request.site, invoice_id)
    return Response(
        render_pdf(document),
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{document.file_name}"', "cache-control": "no-store"},
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


ROUTES: list[Any] = [own_orders, own_order, own_invoice]
