"""What staff do with one order: its page, its steps, refunds, and its invoices."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import (
    Actor,
    Conflict,
    Form,
    FormInput,
    InvalidInput,
    PaymentFailed,
    Request,
    SendRefused,
    Site,
    get,
    post,
    queue_message,
    storing,
)
from plugins.shop.amounts import parse_price
from plugins.shop.documents import read_document
from plugins.shop.forms import as_input, read_quantities, say, summary
from plugins.shop.invoice_pdf import render_pdf
from plugins.shop.invoices import issue_invoice
from plugins.shop.mails import greeting
from plugins.shop.models import Invoice, Order
from plugins.shop.order_details import OrderView, read_order
from plugins.shop.refunds import MAX_REASON, TakeBack, give_money_back, note_surplus, refund
from plugins.shop.seller import read_seller, seller_lines
from plugins.shop.states import STEPS, take_step

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
    invoice_id = None
    with request.site.begin() as session:
        number = take_step(session, order_id, step, request.actor, mail=True)
        if step == "shipped" and request.site.setting("shop.invoice_on_shipping") == "yes":
            invoice_id = issue_if_possible(session, request.site, order_id, request.actor)
    if invoice_id is not None and request.site.settings.mail_server is not None:
        send_invoice(request.site, invoice_id, request.actor)
    toast = {
        "paid": "Order %(number)s is paid.",
        "shipped": "Order %(number)s is shipped.",
        "cancelled": "Order %(number)s is cancelled.",
    }[step]
    return _after_refund(request, order_id, toast, number=number)


def issue_if_possible(session: Session, site: Site, order_id: int, actor: Actor) -> int | None:
    """The id of an invoice that was made now; None for one that was there, or that lacks what the law wants."""
    if session.scalar(select(Invoice.id).where(Invoice.order_id == order_id).limit(1)) is not None:
        return None
    try:
        return issue_invoice(session, site, order_id, actor)
    except (InvalidInput, Conflict):
        # The order is shipped all the same; its page offers the invoice, and says what is missing.
        return None


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
    with request.site.session() as session:
        document = read_document(session, request.site, invoice_id)
    return Response(
        render_pdf(document),
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{document.file_name}"', "cache-control": "no-store"},
    )


@post(f"{INVOICE}/send", permission="shop.orders", max_body=10_000)
def mail_invoice(request: Request, invoice_id: FromPath[int]) -> Redirect:
    """Send an invoice to the customer."""
    try:
        send_invoice(request.site, invoice_id, request.actor)
    except SendRefused as refused:
        return request.redirect(f"/dashboard/shop/invoices/{invoice_id}", say(request, refused), kind="error")
    return request.redirect(f"/dashboard/shop/invoices/{invoice_id}", "The invoice is on its way to the customer.")


def send_invoice(site: Site, invoice_id: int, actor: Actor) -> None:
    """Mail an invoice with its PDF to the order's contact. Raises NotFound, Conflict without a contact, SendRefused."""
    with site.session() as session:
        document = read_document(session, site, invoice_id)
        order = session.get_one(Order, document.order_id)
    if order.contact_id is None:
        raise Conflict("The contact of this order was deleted.")
    language = site.language(document.language)
    subject = language.text("%(title)s %(number)s", title=document.title, number=document.number)
    text = "\n\n".join(
        part
        for part in (
            greeting(order.name, language),
            language.text("the attached file is for your order %(number)s.", number=order.number),
            site.setting("shop.mail_footer"),
            "\n".join(seller_lines(site)),
        )
        if part
    )
    content = render_pdf(document)
    with storing(site.settings.data_dir) as store:
        saved = store.save(document.file_name, BytesIO(content))
        with site.begin() as session:
            queue_message(
                session,
                site,
                order.contact_id,
                subject,
                text,
                "system",
                actor=actor,
                module="shop",
                necessary=True,
                files=[saved],
            )


ROUTES: list[Any] = [
    show_order,
    confirm_cancelling,
    change_state,
    show_refund,
    take_back,
    pay_back_now,
    pay_back_surplus,
    make_invoice,
    show_invoice,
    download_invoice,
    mail_invoice,
]
