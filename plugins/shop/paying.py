"""Where customers pay, come back from paying, and where providers say that somebody paid."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath, RawBody
from litestar.response import Redirect, Response
from sqlalchemy import select

from core import (
    FormInput,
    InvalidInput,
    NotFound,
    PaymentFailed,
    PaymentMessage,
    Request,
    get,
    payment_method,
    post,
    read_payment,
)
from plugins.shop.forms import say
from plugins.shop.models import Order
from plugins.shop.order_details import read_order
from plugins.shop.payments import Settled, begin_payment, change_way, find_payment, settle, ways_to_pay

TOASTS = {
    "paid": ("Thank you, your payment has come in.", "success"),
    "started": ("Your payment is on its way. This page says so as soon as it has come in.", "info"),
    "failed": ("Nothing was paid. You can try again.", "error"),
}
"""State of a payment → what the customer reads who comes back, a message id, and its kind."""


def order_at(request: Request, token: str) -> int:
    """The id of the order whose thank-you page has this address. Raises NotFound."""
    with request.site.session() as session:
        order_id = session.scalar(select(Order.id).where(Order.token == token))
    if order_id is None:
        raise NotFound("There is no such order.")
    return order_id


@get("/shop/thanks/{token:str}", public=True)
def show_thanks(request: Request, token: FromPath[str]) -> Response[str]:
    """The order, for whoever has its address: what was ordered and how to pay, nothing about the person."""
    order_id = order_at(request, token)
    with request.site.session() as session:
        order = read_order(session, order_id)
    ways = ways_to_pay(request.site, request.language) if order.waits_for_payment else []
    return request.page(
        "shop/thanks.html",
        order=order,
        ways=ways,
        way=next((one for one in ways if one.key == order.payment_key), None),
    )


def start_paying(request: Request, order_id: int) -> str:
    """Begin the payment of an order that was just placed; answers what went wrong, in the person's language."""
    try:
        begin_payment(request.site, order_id, request.language)
    except (PaymentFailed, InvalidInput) as error:
        return say(request, error)
    return ""


@post("/shop/thanks/{token:str}/pay", public=True, max_body=10_000)
def pay(request: Request, form: FormInput, token: FromPath[str]) -> Redirect:
    """Begin a payment, after choosing another way if one is named."""
    order_id = order_at(request, token)
    back = f"/shop/thanks/{token}"
    if form.text("payment"):
        try:
            with request.site.begin() as session:
                change_way(session, order_id, form.text("payment"))
        except InvalidInput as error:
            return request.redirect(back, say(request, error), kind="error")
    problem = start_paying(request, order_id)
    return request.redirect(back, problem, kind="error")


@get("/shop/pay/{reference:str}/return", public=True)
def come_back(request: Request, reference: FromPath[str]) -> Redirect:
    """The customer's browser, back from the provider. What it says is proved before anything is written."""
    query = {name: str(value) for name, value in request.query_params.items()}
    settled = _hear(request, reference, PaymentMessage(kind="return", query=query))
    toast, kind = TOASTS[settled.state]
    return request.redirect(f"/shop/thanks/{settled.token}", toast, kind=kind)


@post("/shop/pay/{reference:str}/notice", public=True, from_anywhere=True, max_body=100_000)
def take_notice(request: Request, body: RawBody, reference: FromPath[str]) -> Response[str]:
    """What the provider's server says, perhaps before the customer is back, perhaps several times."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    _hear(request, reference, PaymentMessage(kind="notice", headers=headers, body=body))
    return Response("ok", media_type="text/plain")


def _hear(request: Request, reference: str, message: PaymentMessage) -> Settled:
    with request.site.session() as session:
        payment = find_payment(session, reference)
    method = payment_method(request.site, payment.method)
    if method is None:
        raise NotFound("There is no such payment.")
    result = read_payment(request.site, method, message)
    with request.site.begin() as session:
        return settle(session, reference, result)


ROUTES: list[Any] = [show_thanks, pay, come_back, take_notice]
