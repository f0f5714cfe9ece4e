"""Taking orders back, in part or as a whole: pieces, money, or both (FEATURES S4).

What each line cost is its price times quantity less its share of the voucher. Pieces come back at their share of what
is left of that, and the last ones at all of it, so that what was refunded adds up to what was paid, to the minor unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from attrs import field, frozen, validators
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core import (
    Activity,
    Actor,
    Conflict,
    InvalidInput,
    Money,
    PaymentFailed,
    PaymentResult,
    Site,
    add_activity,
    pay_back,
    payment_method,
    site_of,
)
from plugins.shop.amounts import part_of, spread
from plugins.shop.balances import held_of, put_on_voucher
from plugins.shop.holding import OVER, hold_order, in_hand, owed_for
from plugins.shop.invoices import correct_invoice
from plugins.shop.mails import mail_order
from plugins.shop.models import Order, OrderLine, Payment, Refund, RefundLine, now
from plugins.shop.order_log import mark_paid
from plugins.shop.order_writing import add_event
from plugins.shop.stock import put_back
from plugins.shop.totals import recount
from plugins.shop.vouchers import give_back

MAX_REASON = 500


@frozen(kw_only=True)
class TakeBack:
    """What is to be taken back of an order.

    `pieces` are numbers by the id of their line, `reduction` minor units by which the rest gets cheaper. With
    `restock` the pieces go back into stock. `seen` is how many refunds there were when the form was shown.
    """

    pieces: Mapping[int, int] = field(factory=dict)
    reduction: int = field(default=0, validator=validators.instance_of(int))
    restock: bool = True
    reason: str = ""
    seen: int | None = None


@frozen(kw_only=True)
class TakenBack:
    """What came of it: what the order comes to less, what of that goes back to the customer, and what of that goes onto
    the voucher that paid.
    """

    refund_id: int
    number: str
    amount: Money
    money_back: Money
    to_balance: Money


@frozen(kw_only=True)
class _Part:
    line: OrderLine
    quantity: int
    amount: int


def lines_of(session: Session, order_id: int) -> Sequence[OrderLine]:
    """The lines of an order, as they are in the database now."""
    return session.scalars(
        select(OrderLine).where(OrderLine.order_id == order_id).order_by(OrderLine.id),
        execution_options={"populate_existing": True},
    ).all()


def rest_of(line: OrderLine) -> int:
    """What is left of a line's price, in minor units."""
    return line.unit_price * line.quantity - line.discount - line.refunded_amount


def refund(
    session: Session, order_id: int, wanted: TakeBack, actor: Actor, at: datetime | None = None, *, mail: bool = False
) -> TakenBack:
    """Take something of an order back, in the caller's transaction; call `give_money_back` after it.

    Puts the pieces back into stock, corrects the invoice if there is one, and takes the amount out of the contact's
    totals. An order of which nothing is left is refunded, or cancelled if it was neither paid nor shipped.

    Raises NotFound, InvalidInput (more than is left, or nothing; field `quantity-ID` or `reduction`), and Conflict when
    all was taken back already, or somebody else has just taken something back.
    """
    order = hold_order(session, order_id)
    if order.state in OVER:
        raise Conflict("Order %(number)s can't be changed like this any more.", number=order.number)
    before = session.scalar(select(func.count()).select_from(Refund).where(Refund.order_id == order_id))
    if wanted.seen is not None and wanted.seen != before:
        raise Conflict(
            "Something of order %(number)s was taken back in the meantime. Look at what is left, then try again.",
            number=order.number,
        )
    parts = _chosen(lines_of(session, order_id), wanted)
    return _take_back(session, order, parts, wanted, "refund", actor, at or now(), mail=mail)


def take_back_rest(session: Session, order: Order, actor: Actor, at: datetime, *, mail: bool = False) -> TakenBack:
    """Cancel an order that the caller holds: all that is left of it is taken back, into stock too."""
    parts = [
        _Part(line=line, quantity=line.quantity - line.refunded, amount=rest_of(line))
        for line in lines_of(session, order.id)
    ]
    return _take_back(session, order, parts, TakeBack(), "cancel", actor, at, mail=mail)


def _chosen(lines: Sequence[OrderLine], wanted: TakeBack) -> list[_Part]:
    """What is taken back of each line. Raises InvalidInput."""
    by_id = {line.id: line for line in lines}
    if unknown := wanted.pieces.keys() - by_id.keys():
        raise InvalidInput("This is not a line of the order.", field=f"quantity-{min(unknown)}")
    amounts = {}
    for line in lines:
        pieces, left = wanted.pieces.get(line.id, 0), line.quantity - line.refunded
        if not 0 <= pieces <= left:
            raise InvalidInput("At most %(left)s of these are left.", field=f"quantity-{line.id}", left=left)
        amounts[line.id] = part_of(rest_of(line), pieces, left) if pieces else 0
    rests = {line.id: rest_of(line) - amounts[line.id] for line in lines}
    if not 0 <= wanted.reduction <= sum(rests.values()):
        raise InvalidInput("This is more than what is left.", field="reduction")
    for line_id, off in spread(wanted.reduction, rests).items():
        amounts[line_id] += off
    parts = [
        _Part(line=line, quantity=wanted.pieces.get(line.id, 0), amount=amounts[line.id])
        for line in lines
        if wanted.pieces.get(line.id) or amounts[line.id]
    ]
    if not parts:
        raise InvalidInput("Say how many pieces, or how much money, are taken back.")
    return parts


def _take_back(
    session: Session,
    order: Order,
    parts: Sequence[_Part],
    wanted: TakeBack,
    kind: str,
    actor: Actor,
    at: datetime,
    *,
    mail: bool,
) -> TakenBack:
    amount = sum(part.amount for part in parts)
    held, owed = in_hand(session, order.id), owed_for(order)
    # What came in beyond the order before stays beyond it, and is given back as such.
    money_back = max(0, held - (owed - amount)) - max(0, held - owed)
    # The balance first: what was paid with a voucher leaves as money only when all of it is back on the voucher.
    to_balance = min(money_back, held_of(session, order.id))
    payment = _payment_for(session, order.id, money_back - to_balance)
    made = Refund(
        order_id=order.id,
        kind=kind,
        amount=amount,
        money_back=money_back,
        reason=wanted.reason[:MAX_REASON],
        payment_id=payment.id if payment is not None else None,
        at=at,
        actor_name=actor.name,
        paid_back_at=at if payment is None else None,
        to_balance=to_balance,
    )
    session.add(made)
    session.flush()
    if parts:
        session.execute(
            insert(RefundLine),
            [
                {"refund_id": made.id, "line_id": part.line.id, "quantity": part.quantity, "amount": part.amount}
                for part in parts
            ],
        )
    for part in parts:
        part.line.refunded += part.quantity
        part.line.refunded_amount += part.amount
    order.refunded += amount
    if wanted.restock:
        put_back(session, [(part.line, part.quantity) for part in parts if part.quantity])
    _set_state(session, order, kind, at)
    put_on_voucher(session, order, made)
    step = "cancelled" if order.state == "cancelled" else "refunded"
    add_event(session, order.id, step, actor, at)
    money = Money(minor=amount, currency=order.currency)
    if order.contact_id is not None:
        data: dict[str, str | int | bool] = {"total": amount, "total_currency": order.currency}
        add_activity(
            session,
            order.contact_id,
            Activity(
                kind=f"shop.{step}",
                reference=order.number,
                data=data if step == "refunded" else {},
                href=f"/dashboard/shop/orders/{order.id}",
            ),
            actor=actor,
            occurred_at=at,
        )
        recount(session, order.contact_id)
    if order.paid_at is None and order.state not in OVER and 0 < owed_for(order) <= held - money_back:
        # What is left of it is paid already, as with a balance.
        mark_paid(session, order, actor, at, mail=False)
    # Last, since everyone who makes an invoice waits for its number.
    correct_invoice(session, order, made, [(part.line, part.quantity, part.amount) for part in parts], at)
    if mail:
        mail_order(session, site_of(session), order, step, made)
    return TakenBack(
        refund_id=made.id,
        number=order.number,
        amount=money,
        money_back=Money(minor=money_back, currency=order.currency),
        to_balance=Money(minor=to_balance, currency=order.currency),
    )


def _set_state(session: Session, order: Order, kind: str, at: datetime) -> None:
    untouched = order.paid_at is None and order.shipped_at is None
    all_pieces = kind == "cancel" or all(line.refunded == line.quantity for line in lines_of_flushed(session, order))
    if kind == "cancel" or (untouched and all_pieces):
        order.state, order.cancelled_at = "cancelled", at
        give_back(session, order.id)
    elif not untouched and order.refunded == order.total and (order.total or all_pieces):
        order.state = "refunded"
    session.flush()


def lines_of_flushed(session: Session, order: Order) -> Sequence[OrderLine]:
    """The lines with what this transaction has changed of them."""
    session.flush()
    return lines_of(session, order.id)


# Money that goes back


def _payment_for(session: Session, order_id: int, money_back: int) -> Payment | None:
    """The payment through whose provider an amount can go back; None when staff do that."""
    if not money_back:
        return None
    site = site_of(session)
    sums = session.execute(
        select(Refund.payment_id, func.sum(Refund.money_back - Refund.to_balance))
        .where(Refund.order_id == order_id)
        .group_by(Refund.payment_id)
    )
    went = {payment_id: int(amount) for payment_id, amount in sums}
    paid = select(Payment).where(Payment.order_id == order_id, Payment.state == "paid").order_by(Payment.id)
    for payment in session.scalars(paid):
        method = payment_method(site, payment.method)
        if method is None or method.pay_back is None or not payment.provider_reference:
            continue
        if payment.amount - went.get(payment.id, 0) >= money_back:
            return payment
    return None


def note_surplus(session: Session, order_id: int, actor: Actor, at: datetime | None = None) -> Money:
    """Write down that what came in beyond the order goes back to the customer. Raises NotFound and Conflict."""
    order = hold_order(session, order_id)
    surplus = in_hand(session, order_id) - owed_for(order)
    if surplus <= 0:
        raise Conflict("Nothing came in for order %(number)s beyond what it comes to.", number=order.number)
    payment = _payment_for(session, order_id, surplus)
    at = at or now()
    session.add(
        Refund(
            order_id=order_id,
            kind="surplus",
            amount=0,
            money_back=surplus,
            payment_id=payment.id if payment is not None else None,
            at=at,
            actor_name=actor.name,
            paid_back_at=at if payment is None else None,
        )
    )
    add_event(session, order_id, "surplus", actor, at)
    return Money(minor=surplus, currency=order.currency)


def give_money_back(site: Site, order_id: int) -> bool:
    """Have the providers pay back what waits for it, outside of any transaction; answers whether anything did.

    Raises PaymentFailed: then it still waits, and can be tried again. A provider is told the refund's id, so that it
    pays each back once however often it is asked.
    """
    with site.session() as session:
        waiting = session.execute(
            select(Refund, Payment, Order.currency)
            .join(Payment, Payment.id == Refund.payment_id)
            .join(Order, Order.id == Refund.order_id)
            .where(Refund.order_id == order_id, Refund.paid_back_at.is_(None))
            .order_by(Refund.id)
        ).all()
    for made, payment, currency in waiting:
        method = payment_method(site, payment.method)
        if method is None:
            continue
        result = PaymentResult(
            reference=payment.reference,
            state="paid",
            amount=Money(minor=payment.amount, currency=currency),
            provider_reference=payment.provider_reference,
        )
        amount = Money(minor=made.money_back - made.to_balance, currency=currency)
        pay_back(site, method, result, amount, f"shop.refund:{made.id}")
        with site.begin() as session:
            session.get_one(Refund, made.id).paid_back_at = now()
    return bool(waiting)


def pay_back_waiting(site: Site) -> None:
    """Ask the providers again that have yet to pay something back."""
    with site.session() as session:
        waiting = session.scalars(
            select(Refund.order_id)
            .where(Refund.payment_id.is_not(None), Refund.paid_back_at.is_(None))
            .distinct()
            .order_by(Refund.order_id)
        ).all()
    for order_id in waiting:
        # It is recorded which one failed; the next one may well answer.
        with suppress(PaymentFailed):
            give_money_back(site, order_id)
