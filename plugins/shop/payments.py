"""Payments for orders: begun with a provider, confirmed once however often it says so, or noted by staff."""

from __future__ import annotations

import secrets
from datetime import datetime

from attrs import frozen
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import (
    SYSTEM,
    InvalidInput,
    Language,
    Money,
    NotFound,
    PaymentFailed,
    PaymentMethod,
    PaymentRequest,
    PaymentResult,
    Site,
    offered_payment_methods,
    payment_method,
    payment_note,
    site_of,
    start_payment,
)
from plugins.shop.holding import OVER, hold_order, in_hand, owed_for
from plugins.shop.models import Order, Payment, now
from plugins.shop.order_log import mark_paid


@frozen(kw_only=True)
class Way:
    """A way to pay as a form offers it: `label` is a message id, `note` in the reader's language."""

    key: str
    label: str
    icon: str
    note: str


@frozen(kw_only=True)
class Settled:
    """What a provider's word came to: the `token` of the order's page, and how the payment stands."""

    order_id: int
    token: str
    state: str


def ways_to_pay(site: Site, language: Language) -> list[Way]:
    """What can be chosen now."""
    return [
        Way(key=one.key, label=one.label, icon=one.icon, note=payment_note(site, one, language))
        for one in offered_payment_methods(site)
    ]


def chosen_way(site: Site, key: str) -> str:
    """The key of an offered method; without one the first. Raises InvalidInput for what is not offered."""
    offered = [one.key for one in offered_payment_methods(site)]
    if not key:
        return offered[0] if offered else ""
    if key not in offered:
        raise InvalidInput("Choose a way to pay.", field="payment")
    return key


def begin_payment(site: Site, order_id: int, language: Language) -> str:
    """Where the customer pays an order through its provider; empty when it is not paid through one, or not owed.

    A payment that was begun and waits is gone on with. Never within a transaction. Raises PaymentFailed.
    """
    begun = _take_up(site, order_id)
    if begun is None:
        return ""
    payment, method, number, currency = begun
    if payment.url:
        return payment.url
    base = f"{site.settings.base_url}/shop/pay/{payment.reference}"
    request = PaymentRequest(
        reference=payment.reference,
        amount=Money(minor=payment.amount, currency=currency),
        description=language.text("Order %(number)s", number=number),
        language=language.code,
        return_url=f"{base}/return",
        notify_url=f"{base}/notice",
    )
    try:
        start = start_payment(site, method, request)
    except (PaymentFailed, InvalidInput):
        _give_up(site, payment.id)
        raise
    with site.begin() as session:
        session.execute(
            update(Payment)
            .where(Payment.id == payment.id)
            .values(url=start.url, provider_reference=start.provider_reference)
        )
    return start.url


def _take_up(site: Site, order_id: int) -> tuple[Payment, PaymentMethod, str, str] | None:
    with site.begin() as session:
        order = hold_order(session, order_id)
        method = payment_method(site, order.payment_method)
        amount = owed_for(order) - in_hand(session, order_id)
        if method is None or method.start is None or order.paid_at is not None or order.state in OVER or amount <= 0:
            return None
        waiting = session.scalar(
            select(Payment)
            .where(
                Payment.order_id == order_id,
                Payment.method == method.key,
                Payment.state == "started",
                Payment.amount == amount,
                Payment.url != "",
            )
            .order_by(Payment.id.desc())
            .limit(1)
        )
        if waiting is None:
            waiting = Payment(
                order_id=order_id,
                method=method.key,
                reference=secrets.token_urlsafe(24),
                amount=amount,
                started_at=now(),
            )
            session.add(waiting)
            session.flush()
        return waiting, method, order.number, order.currency


def _give_up(site: Site, payment_id: int) -> None:
    with site.begin() as session:
        session.execute(
            update(Payment).where(Payment.id == payment_id, Payment.state == "started").values(state="failed")
        )


def find_payment(session: Session, reference: str) -> Payment:
    """The payment that a provider calls by this name. Raises NotFound."""
    payment = session.scalar(select(Payment).where(Payment.reference == reference))
    if payment is None:
        raise NotFound("There is no such payment.")
    return payment


def settle(session: Session, reference: str, result: PaymentResult, at: datetime | None = None) -> Settled:
    """Write down what a provider says of a payment, in the caller's transaction. Said again, it changes nothing.

    The order is paid when what came in covers it. What comes in twice, or for an order that was cancelled in the
    meantime, is written down too, and staff are told to give it back. Raises NotFound, and InvalidInput when the word
    is about another payment or another currency.
    """
    payment = find_payment(session, reference)
    order = hold_order(session, payment.order_id)
    if result.reference != reference or (result.amount is not None and result.amount.currency != order.currency):
        raise InvalidInput("This is not about this payment.")
    if result.state == "failed":
        session.execute(
            update(Payment).where(Payment.id == payment.id, Payment.state == "started").values(state="failed")
        )
    elif (
        result.amount is not None
        and claim_payment(session, payment, result, at or now())
        and order.paid_at is None
        and order.state not in OVER
        and in_hand(session, order.id) >= owed_for(order)
    ):
        mark_paid(session, order, SYSTEM, at or now(), mail=True)
    session.flush()
    session.refresh(payment)
    return Settled(order_id=order.id, token=order.token, state=payment.state)


def claim_payment(session: Session, payment: Payment, result: PaymentResult, at: datetime) -> bool:
    """Write down that a payment came in; False when it was written down already.

    Condition and change are one statement: of two that confirm it at once the second finds nothing to do.
    """
    assert result.amount is not None
    claimed = session.scalar(
        update(Payment)
        .where(Payment.id == payment.id, Payment.state != "paid")
        .values(
            state="paid",
            amount=result.amount.minor,
            paid_at=at,
            provider_reference=result.provider_reference or payment.provider_reference,
        )
        .returning(Payment.id)
        .execution_options(synchronize_session=False)
    )
    return claimed is not None


def change_way(session: Session, order_id: int, key: str) -> None:
    """Have an order paid in another way. Raises NotFound, and InvalidInput for a way that is not offered."""
    order: Order = hold_order(session, order_id)
    if order.paid_at is None and order.state not in OVER:
        order.payment_method = chosen_way(site_of(session), key)
