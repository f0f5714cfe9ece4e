"""What staff do with one order: its page, its steps, refunds, and its invoices."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from core import (
    Conflict,
    Form,
    FormInput,
    InvalidInput,
    PaymentFailed,
    Request,
    SendRefused,
    get,
    post,
)
from plugins.shop.amounts import parse_price
from plugins.shop.documents import read_document
from plugins.shop.forms import as_input, read_quantities, say, summary
from plugins.shop.invoice_mails import issue_on_shipping, send_invoice, send_made
from plugins.shop.invoice_pdf import pdf_answer
from plugins.shop.invoices import issue_invoice
from plugins.shop.models import Invoice, Order
from plugins.shop.order_details import OrderView, read_order
from plugins.shop.refunds import MAX_REASON, TakeBack, give_money_back, note_surplus, refund
from plugins.shop.seller import read_seller
from plugins.shop.states import STEPS, take_step, withdraw_payment

ORDER = "/dashboard/shop/orders/{order_id:int}"
INVOICE = "/dashboard/shop/invoices/{invoice_id:int}"


@get(ORDER, permission="shop.orders")
def show_order(request: Request, order_id: FromPath[int]) -> Response[str]:
    """One order, fit to be printed."""
    with request.site.session() as session:
        order = read_order(session, order_id)
    return request.page(
        "shop/order.html",
        order=order,
        invoice_needs_seller=order.can_be_invoiced and not read_seller(request.site).is_complete,
    )


@get(f"{ORDER}/cancel", permission="shop.orders")
def confirm_cancelling(request: Request, order_id: FromPath[int]) -> Response[str] | Redirect:
    """Ask before an order is cancelled."""
    with request.site.session() as session:
        order = read_order(session, order_id)
    if "cancelled" not in order.steps:
        return request.redirect(order.href)
    return request.page("shop/cancel.html", order=order)


@post(f"{ORDER}/state", permission="shop.orders", max_body=10_000)
def change_state(request: Request, form: FormInput, order_id: FromPath[int]) -> Redirect:
    """Take an order a step on: paid, shipped, cancelled."""
    step = next((one for one in STEPS if one == form.text("step")), None)
    if step is None:
        raise InvalidInput("An order can be paid, shipped or cancelled.", field="step")
    made = None
    with request.site.begin() as session:
        number = take_step(session, order_id, step, request.actor, mail=True)
        if step == "shipped":
            made = issue_on_shipping(session, request.site, order_id, request.actor)
    if (problem := send_made(request.site, made, request.actor)) is not None:
        lacking = (
            "Order %(number)s is shipped. No invoice was made: %(reason)s"
            if made is problem
            else "Order %(number)s is shipped. Its invoice was made, but not mailed: %(reason)s"
        )
        href = f"/dashboard/shop/orders/{order_id}"
        return request.redirect(href, lacking, kind="error", number=number, reason=say(request, problem))
    toast = {
        "paid": "Order %(number)s is paid.",
        "shipped": "Order %(number)s is shipped.",
        "cancelled": "Order %(number)s is cancelled.",
    }[step]
    if step == "paid":
        undo = f"/dashboard/shop/orders/{order_id}/unpaid"
        return request.redirect(f"/dashboard/shop/orders/{order_id}", toast, undo=undo, number=number)
    return _after_refund(request, order_id, toast, number=number)


@post(f"{ORDER}/unpaid", permission="shop.orders", max_body=10_000)
def take_back_payment(request: Request, order_id: FromPath[int]) -> Redirect:
    """Take back that the order was noted as paid."""
    with request.site.begin() as session:
        number = withdraw_payment(session, order_id, request.actor)
        invoices = session.scalars(select(Invoice.content).where(Invoice.order_id == order_id)).all()
    toast = "The payment of order %(number)s is taken back."
    if any(content.get("paid_on") for content in invoices):
        toast = "The payment of order %(number)s is taken back. Its invoice says that it was paid: tell the customer."
    return request.redirect(f"/dashboard/shop/orders/{order_id}", toast, number=number)


# Refunds


@get(f"{ORDER}/refund", permission="shop.orders")
def show_refund(request: Request, order_id: FromPath[int]) -> Response[str] | Redirect:
    """The form to take something of an order back."""
    with request.site.session() as session:
        order = read_order(session, order_id)
    if not order.can_be_refunded:
        return request.redirect(order.href)
    fields = {"restock": ["1"], "seen": [str(len(order.refunds))]}
    return _refund_form(request, Form(fields=fields), order)


def _refund_form(request: Request, form: Form, order: OrderView, status: int = 200) -> Response[str]:
    return request.page(
        "shop/refund.html",
        status=status,
        order=order,
        restock=form.ticked("restock"),
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
    )


@post(f"{ORDER}/refund", permission="shop.orders", max_body=100_000)
def take_back(request: Request, form: FormInput, order_id: FromPath[int]) -> Response[str] | Redirect:
    """Take pieces, money, or both back. Sent twice, the second finds that the first was quicker."""
    with request.site.session() as session:
        order = read_order(session, order_id)
    wanted = _read_refund(form, order)
    status = 422
    if wanted is not None:
        try:
            with request.site.begin() as session:
                done = refund(session, order_id, wanted, request.actor, mail=True)
        except (InvalidInput, Conflict) as error:
            status = 409 if isinstance(error, Conflict) else 422
            form.fail(as_input(error))
        else:
            toast = (
                "%(amount)s of order %(number)s is refunded."
                if done.money_back.minor
                else "%(amount)s is taken off order %(number)s."
            )
            return _after_refund(
                request, order_id, toast, number=done.number, amount=request.language.money(done.amount)
            )
    with request.site.session() as session:
        order = read_order(session, order_id)
    return _refund_form(request, form, order, status)


def _read_refund(form: Form, order: OrderView) -> TakeBack | None:
    """What was typed; None when something is wrong, which `form.errors` then says."""
    if form.ticked("everything"):
        pieces, reduction = {line.id: line.left for line in order.lines}, 0
    else:
        pieces, reduction = read_quantities(form), 0
        if form.text("reduction"):
            try:
                reduction = parse_price(form.text("reduction"), order.total.currency, name="reduction")
            except InvalidInput as error:
                form.fail(error)
    seen = form.whole_number("seen")
    reason = form.text("reason")
    if len(reason) > MAX_REASON:
        form.fail(InvalidInput("This is too long: %(max)s characters at most.", field="reason", max=MAX_REASON))
    if form.errors:
        return None
    return TakeBack(pieces=pieces, reduction=reduction, restock=form.ticked("restock"), reason=reason, seen=seen)


def _after_refund(request: Request, order_id: int, toast: str, *, number: str = "", amount: str = "") -> Redirect:
    """Have providers pay back what is to go back, and say how that went."""
    href = f"/dashboard/shop/orders/{order_id}"
    try:
        give_money_back(request.site, order_id)
    except PaymentFailed:
        return request.redirect(
            href, "It is written down, but the payment provider did not pay back yet. Try again later.", kind="error"
        )
    return request.redirect(href, toast, number=number, amount=amount)


@post(f"{ORDER}/pay-back", permission="shop.orders", max_body=10_000)
def pay_back_now(request: Request, order_id: FromPath[int]) -> Redirect:
    """Ask the provider again to pay back what waits."""
    return _after_refund(request, order_id, "The money goes back to the customer.")


@post(f"{ORDER}/surplus", permission="shop.orders", max_body=10_000)
def pay_back_surplus(request: Request, order_id: FromPath[int]) -> Redirect:
    """Give back what came in beyond the order."""
    with request.site.begin() as session:
        amount = note_surplus(session, order_id, request.actor)
    toast = "%(amount)s that came in too much is paid back."
    return _after_refund(request, order_id, toast, amount=request.language.money(amount))


# Invoices


@post(f"{ORDER}/invoice", permission="shop.orders", max_body=10_000)
def make_invoice(request: Request, order_id: FromPath[int]) -> Redirect:
    """Make the invoice, or show the one there is."""
    try:
        with request.site.begin() as session:
            invoice_id = issue_invoice(session, request.site, order_id, request.actor)
    except InvalidInput as error:
        return request.redirect(f"/dashboard/shop/orders/{order_id}", say(request, error), kind="error")
    return request.redirect(f"/dashboard/shop/invoices/{invoice_id}")


@get(INVOICE, permission="shop.orders")
def show_invoice(request: Request, invoice_id: FromPath[int]) -> Response[str]:
    """An invoice or a correction, fit to be printed."""
    with request.site.session() as session:
        document = read_document(session, request.site, invoice_id)
        contact_id = session.scalar(select(Order.contact_id).where(Order.id == document.order_id))
    can_be_sent = contact_id is not None and request.site.settings.mail_server is not None
    return request.page("shop/invoice.html", document=document, can_be_sent=can_be_sent)


@get(f"{INVOICE}/pdf", permission="shop.orders")
def download_invoice(request: Request, invoice_id: FromPath[int]) -> Response[bytes]:
    """An invoice as a PDF."""
    return pdf_answer(request, invoice_id)


@post(f"{INVOICE}/send", permission="shop.orders", max_body=10_000)
def mail_invoice(request: Request, invoice_id: FromPath[int]) -> Redirect:
    """Send an invoice to the customer."""
    try:
        send_invoice(request.site, invoice_id, request.actor)
    except SendRefused as refused:
        return request.redirect(f"/dashboard/shop/invoices/{invoice_id}", say(request, refused), kind="error")
    return request.redirect(f"/dashboard/shop/invoices/{invoice_id}", "The invoice is on its way to the customer.")


ROUTES: list[Any] = [
    show_order,
    confirm_cancelling,
    change_state,
    take_back_payment,
    show_refund,
    take_back,
    pay_back_now,
    pay_back_surplus,
    make_invoice,
    show_invoice,
    download_invoice,
    mail_invoice,
]
