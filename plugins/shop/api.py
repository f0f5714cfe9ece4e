"""Orders over the REST API: read, placed once for each Idempotency-Key, and what becomes of them (FEATURES S6, H6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from attrs import evolve
from babel.numbers import list_currencies
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Response
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import Conflict, Details, InvalidInput, NotFound, Request, api_get, api_post, clean_details
from plugins.shop.addresses import FIELDS
from plugins.shop.api_resources import (
    BASE,
    ItemRequest,
    OrderList,
    OrderRequest,
    OrderResource,
    RefundRequest,
    RefundResource,
    StepRequest,
    order_resources,
)
from plugins.shop.forms import number_of, say
from plugins.shop.invoice_mails import issue_on_shipping, send_made
from plugins.shop.models import Order, Variant, now
from plugins.shop.order_book import read_orders
from plugins.shop.order_search import conditions, read_filter
from plugins.shop.orders import MAX_NOTE, FreeItem, Item, NewOrder, Source, record_order
from plugins.shop.payments import chosen_way
from plugins.shop.refunds import MAX_REASON, TakeBack, refund
from plugins.shop.states import STEPS, take_step, withdraw_payment

MAX_PAGE = 200
PAGE = 50
LINE_FIELDS = ("name", "unit_price", "tax_rate")


@api_get("/shop/orders", permission="shop.orders")
def list_orders(request: Request, limit: FromQuery[int] = PAGE, before: FromQuery[str] = "") -> OrderList:
    """List orders.

    Takes the parameters of the dashboard's list: status, q, since, until, paid, method, product, source, voucher.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("A page has 1 to %(max)s orders.", field="limit", max=MAX_PAGE)
    wanted = read_filter(dict(request.query_params.items()))
    where = conditions(wanted, request.site.settings.zone)
    with request.site.session() as session:
        page = read_orders(session, where, before=number_of(before), limit=limit)
        orders = _orders(session, [row.id for row in page.rows])
        resources = order_resources(session, request.site, orders)
    older = None
    if page.older is not None:
        query = wanted.query | {"before": str(page.older)} | ({"limit": str(limit)} if limit != PAGE else {})
        older = f"{request.site.settings.base_url}{BASE}?{urlencode(query)}"
    return OrderList(orders=resources, older=older)


def _orders(session: Session, ids: Sequence[int]) -> list[Order]:
    found = {order.id: order for order in session.scalars(select(Order).where(Order.id.in_(ids)))}
    return [found[one] for one in ids]


def _resource(request: Request, session: Session, order_id: int) -> OrderResource:
    order = session.get(Order, order_id, populate_existing=True)
    if order is None:
        raise NotFound("There is no such order.")
    [resource] = order_resources(session, request.site, [order])
    return resource


@api_get("/shop/orders/{order_id:int}", permission="shop.orders")
def read_one(request: Request, order_id: FromPath[int]) -> OrderResource:
    """Read an order."""
    with request.site.session() as session:
        return _resource(request, session, order_id)


@api_post("/shop/orders", permission="shop.orders", status=201, key_needed=True)
def place(request: Request, data: JSONBody[OrderRequest]) -> Response[OrderResource]:
    """Place an order.

    Needs an Idempotency-Key. 409 when something is sold out, or when an order with this source is here already.
    """
    site = request.site
    source = _source(data)
    placed_at = data.placed_at or now()
    if placed_at.tzinfo is None or placed_at > now() + timedelta(hours=1):
        raise InvalidInput("This must be a time with its offset, and not in the future.", field="placed_at")
    currency = data.currency.upper()
    if currency and currency not in list_currencies():
        raise InvalidInput("Enter the three letters of a currency, such as EUR.", field="currency")
    if data.discount < 0:
        raise InvalidInput("Send either a voucher or what was taken off.", field="discount")
    if len(data.note) > MAX_NOTE:
        raise InvalidInput("This is too long: %(max)s characters at most.", field="note", max=MAX_NOTE)
    details = _details(request, data.details, "details")
    delivery = _details(request, data.delivery, "delivery") if data.delivery else None
    try:
        with site.begin() as session:
            if source is not None:
                _refuse_known(session, source)
            recorded = record_order(
                session,
                site,
                NewOrder(
                    email=data.email,
                    details=details,
                    items=_items(session, data.items),
                    delivery=delivery,
                    payment_method=chosen_way(site, data.payment_method) if data.payment_method else "",
                    mail=data.mail,
                    currency=currency,
                    discount=data.discount,
                    note=data.note,
                    actor=request.actor,
                    placed_at=placed_at,
                    voucher=data.voucher,
                    second_voucher=data.second_voucher,
                    source=source,
                ),
            )
            resource = _resource(request, session, recorded.id)
    except IntegrityError as error:
        # Somebody else has just brought it.
        if source is None:
            raise
        raise _known(source) from error
    return Response(resource, status_code=201, headers={"location": resource.href})


def _source(data: OrderRequest) -> Source | None:
    if data.source is None:
        return None
    for name, text, most in (("name", data.source.name, 60), ("reference", data.source.reference, 100)):
        if not text.strip() or len(text) > most or "\x00" in text:
            raise InvalidInput("This has 1 to %(max)s characters.", field=f"source.{name}", max=most)
    return Source(name=data.source.name, reference=data.source.reference)


def _refuse_known(session: Session, source: Source) -> None:
    known = select(Order.id).where(Order.source == source.name, Order.source_reference == source.reference)
    if session.scalar(known) is not None:
        raise _known(source)


def _known(source: Source) -> Conflict:
    return Conflict("Order %(number)s is here already.", number=source.number)


def _details(request: Request, sent: Mapping[str, str], member: str) -> Details:
    for name in sent:
        if name not in FIELDS:
            raise InvalidInput("There is no detail “%(name)s”.", field=f"{member}.{name[:80]}", name=name[:80])
    try:
        cleaned = clean_details(sent)
    except InvalidInput as error:
        raise InvalidInput(error.message, field=f"{member}.{error.field}", **error.values) from error
    if cleaned.country and cleaned.country not in dict(request.language.countries):
        raise InvalidInput("There is no such country: use an ISO 3166 code.", field=f"{member}.country")
    return cleaned


def _items(session: Session, sent: Sequence[ItemRequest]) -> list[Item | FreeItem]:
    """What is ordered: the price of a variant is the database's, never the sender's (THREATS T-B6)."""
    skus = {item.sku for item in sent if item.sku}
    rows = session.execute(select(Variant.sku, Variant.id).where(Variant.sku.in_(skus))).all() if skus else []
    by_sku = {row.sku: row.id for row in rows}
    items: list[Item | FreeItem] = []
    for place, item in enumerate(sent):
        member = f"items[{place}]"
        if item.variant_id is not None or item.sku:
            if any(getattr(item, name) not in (None, "") for name in LINE_FIELDS):
                raise InvalidInput("The name, price and tax of a variant are those it has here.", field=member)
            variant_id = item.variant_id if item.variant_id is not None else by_sku.get(item.sku)
            if variant_id is None or not 0 < variant_id < 2**63:
                raise InvalidInput("There is no such variant.", field=member)
            items.append(Item(variant_id=variant_id, quantity=item.quantity))
            continue
        try:
            items.append(
                FreeItem(
                    name=" ".join(item.name.replace("\x00", "").split()),
                    unit_price=-1 if item.unit_price is None else item.unit_price,
                    tax_rate=-1 if item.tax_rate is None else item.tax_rate,
                    quantity=item.quantity,
                )
            )
        except ValueError as error:
            raise InvalidInput(
                "Send a variant_id, a sku, or a name with unit_price and tax_rate that can be.", field=member
            ) from error
    return items


@api_post("/shop/orders/{order_id:int}/state", permission="shop.orders")
def change_state(request: Request, order_id: FromPath[int], data: JSONBody[StepRequest]) -> OrderResource:
    """Take an order a step on.

    409 when it can't take this step any more. `problem` of the answer says why an invoice that shipping should have
    brought was not made or not mailed; the order is shipped then, too.
    """
    step = next((one for one in STEPS if one == data.step), None)
    if step is None and data.step != "unpaid":
        raise InvalidInput("An order can be paid, shipped or cancelled.", field="step")
    site, made = request.site, None
    with site.begin() as session:
        if step is None:
            withdraw_payment(session, order_id, request.actor)
            return _resource(request, session, order_id)
        take_step(session, order_id, step, request.actor, mail=data.mail)
        if step == "shipped":
            made = issue_on_shipping(session, site, order_id, request.actor)
    problem = send_made(site, made if data.mail or not isinstance(made, int) else None, request.actor)
    with site.session() as session:
        resource = _resource(request, session, order_id)
    return evolve(resource, problem=say(request, problem)) if problem is not None else resource


@api_post("/shop/orders/{order_id:int}/refunds", permission="shop.orders", status=201, key_needed=True)
def take_back(request: Request, order_id: FromPath[int], data: JSONBody[RefundRequest]) -> RefundResource:
    """Take something of an order back.

    Needs an Idempotency-Key. What goes back through a payment provider goes within ten minutes.
    """
    if len(data.reason) > MAX_REASON:
        raise InvalidInput("This is too long: %(max)s characters at most.", field="reason", max=MAX_REASON)
    pieces = {number_of(line_id): number for line_id, number in data.pieces.items()}
    wanted = TakeBack(
        pieces=pieces, reduction=data.reduction, restock=data.restock, reason=data.reason.replace("\x00", "")
    )
    with request.site.begin() as session:
        done = refund(session, order_id, wanted, request.actor, mail=data.mail)
        return RefundResource(
            amount=done.amount.minor,
            money_back=done.money_back.minor,
            to_balance=done.to_balance.minor,
            order=_resource(request, session, order_id),
        )


ROUTES: list[Any] = [list_orders, read_one, place, change_state, take_back]
