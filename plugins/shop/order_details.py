"""One order with everything about it: lines, taxes, payments, refunds, invoices, log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Actor, Details, Money, NotFound, Site, payment_method, site_of
from plugins.shop.amounts import PricedLine, TaxPart, part_of, tax_moneys
from plugins.shop.balances import paid_with_balance
from plugins.shop.holding import OVER
from plugins.shop.models import Delivery, Invoice, Order, OrderEvent, OrderLine, OrderTax, Payment, Refund
from plugins.shop.order_book import OrderRow
from plugins.shop.order_writing import DELIVERED, NOTED
from plugins.shop.seller import BALANCE
from plugins.shop.states import Step, steps_of


@frozen(kw_only=True)
class OrderedLine(PricedLine):
    """A line of an order: `left` pieces were not taken back, and `rest` of its price, less its voucher's share."""

    id: int
    refunded: int
    left: int
    rest: Money

    @property
    def each(self) -> Money:
        """What the next piece is taken back at."""
        minor = part_of(self.rest.minor, 1, self.left) if self.left else 0
        return Money(minor=minor, currency=self.currency)


@frozen(kw_only=True)
class PaymentView:
    """A payment; `label` is the message id of its method, empty when nobody said how it was paid."""

    label: str
    state: str
    amount: Money
    at: datetime
    reference: str
    by_balance: bool = False


@frozen(kw_only=True)
class RefundView:
    """Something that was taken back. `waits` says that its provider has yet to pay back."""

    kind: str
    amount: Money
    money_back: Money
    to_balance: Money
    reason: str
    at: datetime
    by: str
    waits: bool

    @property
    def cash_back(self) -> Money:
        """What of it did not go onto a voucher."""
        return Money(minor=self.money_back.minor - self.to_balance.minor, currency=self.money_back.currency)


@frozen(kw_only=True)
class InvoiceView:
    """An invoice or correction in a list."""

    id: int
    number: str
    kind: str
    issued_at: datetime
    total: Money

    @property
    def href(self) -> str:
        """Address of its page."""
        return f"/dashboard/shop/invoices/{self.id}"


@frozen(kw_only=True)
class EventView:
    """An entry of an order's log."""

    event: str
    at: datetime
    actor: Actor


@frozen(kw_only=True)
class OrderView(OrderRow):
    """An order with everything about it.

    `surplus` is what came in beyond what it comes to, `missing` what is still owed though something came in, other than
    from a balance. `balance` is what a voucher with a balance pays of what it comes to now, `due` what is left to pay.
    `can_be_unpaid` says that a payment that staff noted can be taken back.
    """

    token: str
    contact_id: int | None
    details: Details
    delivery: Details | None
    note: str
    placed_by: str
    lines: Sequence[OrderedLine]
    voucher_code: str
    discount: Money
    balance_code: str
    balance: Money
    due: Money
    taxes: Sequence[TaxPart]
    events: Sequence[EventView]
    steps: Sequence[Step]
    paid_at: datetime | None
    shipped_at: datetime | None
    cancelled_at: datetime | None
    payment_key: str
    payment_label: str
    payments: Sequence[PaymentView]
    refunds: Sequence[RefundView]
    invoices: Sequence[InvoiceView]
    surplus: Money
    can_be_unpaid: bool
    missing: Money | None
    pay_url: str

    @property
    def tax_moneys(self) -> Sequence[Money]:
        """The tax of each rate, in the order of `taxes`."""
        return tax_moneys(self.taxes, self.total.currency)

    @property
    def can_be_refunded(self) -> bool:
        """Whether something is left to be taken back."""
        return self.state not in OVER

    @property
    def can_be_invoiced(self) -> bool:
        """Whether it has no invoice, and something is left of it."""
        return not self.invoices and self.state not in OVER

    @property
    def waits_for_payment(self) -> bool:
        """Whether the customer still has to pay."""
        return self.paid_at is None and self.state not in OVER and self.bought.minor > 0

    @property
    def can_be_paid_online(self) -> bool:
        """Whether the customer still has to pay, and does so through a provider."""
        return self.waits_for_payment and self.by_provider

    by_provider: bool = False


def read_order(session: Session, order_id: int) -> OrderView:
    """One order. Raises NotFound."""
    order = session.get(Order, order_id) if 0 < order_id < 2**63 else None
    if order is None:
        raise NotFound("There is no such order.")
    site = site_of(session)

    def money(minor: int) -> Money:
        return Money(minor=minor, currency=order.currency)

    taxes = session.scalars(select(OrderTax).where(OrderTax.order_id == order_id).order_by(OrderTax.rate))
    payments = session.scalars(select(Payment).where(Payment.order_id == order_id).order_by(Payment.id)).all()
    refunds = session.scalars(select(Refund).where(Refund.order_id == order_id).order_by(Refund.id)).all()
    came = sum(one.amount for one in payments if one.state == "paid")
    held = came - sum(one.money_back for one in refunds)
    noted = [one.amount for one in payments if one.state == "paid" and one.reference.startswith(NOTED)]
    bought = order.total - order.refunded
    by_balance = paid_with_balance(session, [order_id]).get(order_id)
    on_balance = by_balance.minor if by_balance is not None else 0
    open_still = order.paid_at is None and order.state not in OVER
    method = payment_method(site, order.payment_method)
    waiting = [one.url for one in payments if one.state == "started" and one.url and one.method == order.payment_method]
    return OrderView(
        id=order.id,
        number=order.number,
        token=order.token,
        contact_id=order.contact_id,
        name=order.name,
        email=order.email,
        state=order.state,
        placed_at=order.placed_at,
        total=money(order.total),
        refunded=money(order.refunded),
        details=Details(phone=order.phone, **{name: getattr(order, name) for name in DELIVERED}),
        delivery=_delivery(session, order_id),
        note=order.note,
        placed_by=order.placed_by_name,
        lines=_lines(session, order),
        voucher_code=order.voucher_code,
        discount=money(order.discount),
        balance_code=by_balance.code if by_balance is not None else "",
        balance=money(on_balance),
        due=money(max(0, bought - held) if open_still else 0),
        taxes=[TaxPart(rate=part.rate, gross=part.gross, tax=part.tax) for part in taxes],
        events=_events(session, order_id),
        steps=steps_of(
            paid_at=order.paid_at,
            shipped_at=order.shipped_at,
            cancelled_at=order.cancelled_at,
            refunded=order.state == "refunded",
        ),
        paid_at=order.paid_at,
        shipped_at=order.shipped_at,
        cancelled_at=order.cancelled_at,
        payment_key=order.payment_method,
        payment_label=method.label if method is not None else "",
        by_provider=method is not None and method.start is not None,
        payments=[_payment(site, order, one) for one in payments],
        refunds=[
            RefundView(
                kind=one.kind,
                amount=money(one.amount),
                money_back=money(one.money_back),
                to_balance=money(one.to_balance),
                reason=one.reason,
                at=one.at,
                by=one.actor_name,
                waits=one.paid_back_at is None,
            )
            for one in refunds
        ],
        invoices=_invoices(session, order_id),
        surplus=money(max(0, held - bought)),
        can_be_unpaid=order.state not in OVER and bool(noted) and held >= sum(noted),
        missing=money(bought - held) if order.paid_at is None and on_balance < held < bought else None,
        pay_url=waiting[-1] if waiting else "",
    )


def _lines(session: Session, order: Order) -> list[OrderedLine]:
    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.id))
    return [
        OrderedLine(
            id=line.id,
            product_id=line.product_id,
            variant_id=line.variant_id,
            name=line.name,
            unit_price=line.unit_price,
            tax_rate=line.tax_rate,
            quantity=line.quantity,
            currency=order.currency,
            from_stock=line.from_stock,
            refunded=line.refunded,
            left=line.quantity - line.refunded,
            rest=Money(
                minor=line.unit_price * line.quantity - line.discount - line.refunded_amount, currency=order.currency
            ),
        )
        for line in lines
    ]


def _delivery(session: Session, order_id: int) -> Details | None:
    row = session.get(Delivery, order_id)
    return Details(**{name: getattr(row, name) for name in DELIVERED}) if row is not None else None


def _events(session: Session, order_id: int) -> list[EventView]:
    events = session.scalars(select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.id))
    return [
        EventView(
            event=entry.event,
            at=entry.at,
            actor=Actor(kind=entry.actor_kind, id=entry.actor_id, name=entry.actor_name),  # type: ignore[arg-type]
        )
        for entry in events
    ]


def _payment(site: Site, order: Order, payment: Payment) -> PaymentView:
    method = payment_method(site, payment.method)
    return PaymentView(
        label=method.label if method is not None else payment.method,
        state=payment.state,
        amount=Money(minor=payment.amount, currency=order.currency),
        at=payment.paid_at or payment.started_at,
        reference=payment.provider_reference,
        by_balance=payment.method == BALANCE,
    )


def _invoices(session: Session, order_id: int) -> list[InvoiceView]:
    rows = session.execute(
        select(Invoice.id, Invoice.number, Invoice.kind, Invoice.issued_at, Invoice.total, Invoice.currency)
        .where(Invoice.order_id == order_id)
        .order_by(Invoice.id)
    )
    return [
        InvoiceView(
            id=row.id,
            number=row.number,
            kind=row.kind,
            issued_at=row.issued_at,
            total=Money(minor=row.total, currency=row.currency),
        )
        for row in rows
    ]
