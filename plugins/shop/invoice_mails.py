"""Invoices on their way to customers: sent by hand, or made and sent when an order is shipped."""

from __future__ import annotations

import logging
from io import BytesIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Actor, Conflict, InvalidInput, Site, TresenError, queue_message, storing
from plugins.shop.documents import read_document
from plugins.shop.invoice_pdf import render_pdf
from plugins.shop.invoices import issue_invoice
from plugins.shop.mails import greeting
from plugins.shop.models import Invoice, Order
from plugins.shop.seller import seller_lines

log = logging.getLogger("tresen.shop")


def issue_on_shipping(session: Session, site: Site, order_id: int, actor: Actor) -> int | TresenError | None:
    """Make the invoice of an order that was just shipped, in the caller's transaction, when the settings have it so.

    Answers its id, or what it lacks: the order is shipped all the same. None when there is nothing to be made.
    """
    if site.setting("shop.invoice_on_shipping") != "yes":
        return None
    if session.scalar(select(Invoice.id).where(Invoice.order_id == order_id).limit(1)) is not None:
        return None
    try:
        return issue_invoice(session, site, order_id, actor)
    except (InvalidInput, Conflict) as error:
        return error


def send_made(site: Site, made: int | TresenError | None, actor: Actor) -> TresenError | None:
    """Mail what `issue_on_shipping` made, after its transaction; answers why there is no invoice, or no mail with it.

    Never raises for what can happen then: the order is shipped, and whoever did that must not be told that it failed.
    """
    if not isinstance(made, int):
        return made
    if site.settings.mail_server is None:
        return None
    try:
        send_invoice(site, made, actor)
    except TresenError as error:
        return error
    except OSError:
        log.exception("The PDF of invoice %s could not be kept", made)
        return Conflict("The PDF could not be kept. Is there space left on the disk?")
    return None


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
