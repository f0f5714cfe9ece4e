"""What customers are told of their orders by e-mail: came in, paid, shipped, cancelled, refunded (FEATURES S4).

Each step can be switched off in the settings. A mail says nothing that a stranger typed into the checkout but a name
that looks like one, and one address gets a few confirmations a day at most: whoever fills the form in somebody else's
name has that person neither flooded nor sent advertising (THREATS T-P2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import (
    Contact,
    Language,
    Money,
    SendRefused,
    Site,
    language_of,
    payment_method,
    payment_note,
    queue_message,
)
from plugins.shop.balances import paid_with_balance
from plugins.shop.models import Order, OrderLine, OrderTax, Refund, now
from plugins.shop.seller import BALANCE, TRANSFER, rate_text, seller_lines

CONFIRMATIONS = 5
"""How many orders a day from the public form are confirmed to one contact."""

NAME = re.compile(r"[^\W\d_]+\.?([ '’-]+[^\W\d_]+\.?)*")

SUBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "placed": "Your order %(number)s",
        "paid": "Your order %(number)s is paid",
        "shipped": "Your order %(number)s is on its way",
        "cancelled": "Your order %(number)s is cancelled",
        "refunded": "A refund for your order %(number)s",
        "reduced": "Your order %(number)s has changed",
    }
)
"""Step → subject, a message id."""

OPENINGS: Mapping[str, str] = MappingProxyType(
    {
        "placed": "thank you for your order %(number)s of %(date)s.",
        "paid": "your payment for order %(number)s has come in. Thank you.",
        "shipped": "we have shipped your order %(number)s today.",
        "cancelled": "your order %(number)s of %(date)s is cancelled.",
        "refunded": "we have credited %(amount)s for your order %(number)s.",
        "reduced": "we have taken %(amount)s off your order %(number)s. It now comes to %(rest)s.",
    }
)
"""Step → first sentence after the greeting, a message id; "reduced" is a refund of what was not paid yet."""


def mail_order(session: Session, site: Site, order: Order, step: str, refund: Refund | None = None) -> None:
    """Put the mail about a step into the outbox, in the caller's transaction, unless nobody wants it or can send it."""
    if order.contact_id is None or site.settings.mail_server is None or site.setting(f"shop.mail_{step}") != "yes":
        return
    if step == "shipped" and order.payment_method == "shop.pickup":
        # Who collects it has it in their hands.
        return
    if step == "placed" and order.placed_by_id is None and _flooded(session, order):
        return
    contact = session.get(Contact, order.contact_id)
    if contact is None:
        return
    language = site.language(language_of(site, contact))
    if step == "refunded" and refund is not None and not refund.money_back:
        step = "reduced"
    try:
        queue_message(
            session,
            site,
            order.contact_id,
            language.text(SUBJECTS[step], number=order.number),
            _text(session, site, order, step, refund, language),
            "system",
            module="shop",
            necessary=True,
            idempotency_key=f"shop.{step}:{order.number}" + (f":{refund.id}" if refund is not None else ""),
        )
    except SendRefused:
        # The order is what matters; who must not be written to isn't.
        return


def _flooded(session: Session, order: Order) -> bool:
    lately = session.scalar(
        select(func.count())
        .select_from(Order)
        .where(
            Order.contact_id == order.contact_id,
            Order.placed_by_id.is_(None),
            Order.placed_at > now() - timedelta(days=1),
        )
    )
    return (lately or 0) > CONFIRMATIONS


def _text(session: Session, site: Site, order: Order, step: str, refund: Refund | None, language: Language) -> str:
    back, on_voucher = (refund.money_back, refund.to_balance) if refund is not None else (0, 0)
    to_balance = Money(minor=on_voucher, currency=order.currency)
    money_back = Money(minor=back - on_voucher, currency=order.currency)
    values = {
        "number": order.number,
        "date": language.date(order.placed_at),
        "amount": Money(minor=refund.amount if refund is not None else 0, currency=order.currency),
        "rest": Money(minor=order.total - order.refunded, currency=order.currency),
    }
    parts = [greeting(order.name, language), language.text(OPENINGS[step], **values)]
    if step == "placed":
        by_balance = paid_with_balance(session, [order.id]).get(order.id)
        on_balance = by_balance.minor if by_balance is not None else 0
        parts += [_lines(session, order, language, on_balance), _payment(site, order, language)]
        parts.append(language.text("You see your order here: %(url)s", url=address_of(site, order)))
    if to_balance.minor:
        parts.append(language.text("%(amount)s are on your voucher again.", amount=to_balance))
    if money_back.minor:
        parts.append(language.text("We pay back %(amount)s to you.", amount=money_back))
    parts += [site.setting("shop.mail_footer"), "\n".join(seller_lines(site))]
    return "\n\n".join(part for part in parts if part)


def greeting(name: str, language: Language) -> str:
    """The first line of a mail; with the name if it can only be one."""
    return language.text("Hello %(name)s,", name=name) if is_name(name) else language.text("Hello,")


def is_name(text: str) -> bool:
    """Whether a text that a stranger typed is a name, and no address or sentence."""
    return len(text) <= 60 and len(text.split()) <= 5 and NAME.fullmatch(text) is not None


def address_of(site: Site, order: Order) -> str:
    """The address of the page on which the customer sees the order."""
    return f"{site.settings.base_url}/shop/thanks/{order.token}"


def _lines(session: Session, order: Order, language: Language, on_balance: int) -> str:
    def money(minor: int) -> str:
        return language.money(Money(minor=minor, currency=order.currency))

    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.id))
    said = [f"{line.quantity} × {line.name}: {money(line.unit_price * line.quantity)}" for line in lines]
    if order.discount:
        label = language.text("Voucher %(code)s", code=order.voucher_code) if order.voucher_code else ""
        said.append(f"{label or language.text('Discount')}: −{money(order.discount)}")
    said.append(f"{language.text('Total')}: {money(order.total)}")
    taxes = session.scalars(select(OrderTax).where(OrderTax.order_id == order.id).order_by(OrderTax.rate))
    said += [
        f"{language.text('%(rate)s tax included', rate=rate_text(part.rate, language))}: {money(part.tax)}"
        for part in taxes
        if part.rate
    ]
    if on_balance:
        # Without the code: a mail can be read by others, and whoever has the code has the money.
        said.append(f"{language.text('Paid with a voucher')}: −{money(on_balance)}")
        said.append(f"{language.text('Left to pay')}: {money(order.total - on_balance)}")
    return "\n".join(said)


def _payment(site: Site, order: Order, language: Language) -> str:
    method = payment_method(site, order.payment_method)
    if method is None or not order.total or method.key == BALANCE:
        return ""
    said = [f"{language.text('Payment')}: {language.text(method.label)}", payment_note(site, method, language)]
    if method.key == TRANSFER:
        said.append(language.text("Reason for payment: %(number)s", number=order.number))
    return "\n".join(part for part in said if part)
