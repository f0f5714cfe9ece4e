"""`record_order`: the one way in which an order comes to be, the visitor's and the one staff place (FEATURES
S1, S2).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import evolve, field, frozen, validators
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import (
    VISITOR,
    Activity,
    Actor,
    Capture,
    Conflict,
    Details,
    InvalidInput,
    Money,
    Site,
    capture_contact,
    hold_address,
    parse_address,
    upsert,
)
from plugins.shop.amounts import (
    FULL,
    MAX_LINES,
    MAX_PRICE,
    MAX_QUANTITY,
    PricedLine,
    total_of,
)
from plugins.shop.balances import record_spending, refusing, sort_codes, spend
from plugins.shop.catalogue import full_name
from plugins.shop.mails import mail_order
from plugins.shop.models import (
    Order,
    OrderCounter,
    Product,
    Variant,
    now,
)
from plugins.shop.order_writing import steps_of_history, write_order
from plugins.shop.seller import BALANCE
from plugins.shop.stock import take_stock
from plugins.shop.totals import count_order
from plugins.shop.vouchers import claim, record_use

MAX_NOTE = 2000
MAX_NAME = 200


def _cut(note: str) -> str:
    return note[:MAX_NOTE]


@frozen(kw_only=True)
class Item:
    """So many of a variant. Its price is the variant's, never the caller's (THREATS T-B6)."""

    variant_id: int = field(validator=validators.instance_of(int))
    quantity: int = field(validator=validators.instance_of(int))


@frozen(kw_only=True)
class FreeItem:
    """Something that is not in the shop, as staff type it, or as another system sold it. Never from a visitor.

    `unit_price` is minor units of the order's currency with the tax in it, `tax_rate` basis points. `variant_id` is
    what it is of, when another system sold what the shop has too: it is counted among what was bought, and no stock is
    taken.
    """

    name: str = field(validator=[validators.min_len(1), validators.max_len(MAX_NAME)])
    unit_price: int = field(validator=[validators.instance_of(int), validators.ge(0), validators.le(MAX_PRICE)])
    tax_rate: int = field(validator=[validators.instance_of(int), validators.ge(0), validators.le(FULL)])
    quantity: int = field(validator=validators.instance_of(int))
    variant_id: int | None = None


@frozen(kw_only=True)
class Source:
    """Where an order comes from, when not from here: what its shop is called, and its own number there."""

    name: str = field(validator=[validators.min_len(1), validators.max_len(60)])
    reference: str = field(validator=[validators.min_len(1), validators.max_len(100)])

    @property
    def number(self) -> str:
        """The number that it has here: beside the sequence of those that are placed here."""
        return f"{self.name} {self.reference}"


@frozen(kw_only=True)
class History:
    """What became of an order elsewhere before it came here: when it was paid and shipped, the code of its voucher, and
    the tax that was worked out there, in minor units.
    """

    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    voucher: str = ""
    tax: int | None = None


@frozen(kw_only=True)
class NewOrder:
    """An order on its way in.

    `details` are name, phone and address as they were typed, `delivery` where it goes if not there, `checkout_key` is
    unique to one filled form, `contact_id` the contact it must be attached to when staff order on behalf, `expected`
    the total the person saw, `payment_method` the key of a `PaymentMethod`. With `mail` a confirmation is sent, if the
    settings have it.

    `voucher` and `second_voucher` are codes: one that takes something off, one with a balance, in any order.
    `expected_balance` is what the person saw the balance pay.

    For orders from elsewhere: `currency`, when it is not the shop's (then there can be free items only), and
    `discount`, minor units that were taken off there. `source` says where it comes from; it then keeps its number.
    `history` is what became of it there.
    """

    email: str
    details: Details
    items: Sequence[Item | FreeItem]
    delivery: Details | None = None
    payment_method: str = ""
    mail: bool = False
    currency: str = ""
    discount: int = field(default=0, validator=validators.ge(0))
    note: str = field(default="", converter=_cut)
    actor: Actor = VISITOR
    placed_at: datetime = field(factory=now)
    checkout_key: str | None = None
    contact_id: int | None = None
    expected: Money | None = None
    voucher: str = ""
    second_voucher: str = ""
    expected_balance: Money | None = None
    source: Source | None = None
    history: History = History()


@frozen(kw_only=True)
class RecordedOrder:
    """What came of it. `replayed` is True when the same form was sent before: then nothing was written."""

    id: int
    number: str
    token: str
    contact_id: int | None
    total: Money
    replayed: bool = False


class PriceChanged(Conflict):
    """The total is not the one the person saw: a price was changed in the meantime. Nothing was ordered."""

    def __init__(self) -> None:
        super().__init__("A price has changed in the meantime. Check the new total, then order again.")


class BalanceChanged(Conflict):
    """The voucher's balance does not pay what the person saw: some of it was spent meanwhile. Nothing was ordered."""

    def __init__(self) -> None:
        super().__init__(
            "The balance of your voucher has changed in the meantime. Check what is left to pay, then order again."
        )


def order_of_form(session: Session, checkout_key: str) -> RecordedOrder | None:
    """The order that this filled form has made already."""
    order = session.scalar(select(Order).where(Order.checkout_key == checkout_key))
    if order is None:
        return None
    return RecordedOrder(
        id=order.id,
        number=order.number,
        token=order.token,
        contact_id=order.contact_id,
        total=Money(minor=order.total, currency=order.currency),
        replayed=True,
    )


def record_once(site: Site, new: NewOrder) -> RecordedOrder:
    """`record_order` in a transaction of its own, for a form that can be sent twice in the same moment.

    Both may find no order yet; the unique key then lets one through, and the other answers that one's order.
    """
    try:
        with site.begin() as session:
            return record_order(session, site, new)
    except IntegrityError:
        with site.session() as session:
            known = order_of_form(session, new.checkout_key) if new.checkout_key else None
        if known is None:
            raise
        return known


def record_order(session: Session, site: Site, new: NewOrder) -> RecordedOrder:
    """Write an order and attach it to its contact, in the caller's transaction (`site.begin()`).

    Takes the stock and a use of the voucher, spends a balance, gives the next number of the year, keeps names, prices
    and taxes as they are now, captures the contact (which becomes a customer), and counts the order into the contact's
    totals. What a balance pays is a payment; an order of which nothing is left to pay is a paid one.

    Raises InvalidInput (nothing ordered, a quantity, the address), VoucherRefused, OutOfStock, PriceChanged,
    BalanceChanged, Conflict (the order would go to another contact), and CaptureRejected with a plugin's reason; the
    transaction must then be given up.
    """
    if new.checkout_key and (known := order_of_form(session, new.checkout_key)) is not None:
        return known
    address = parse_address(new.email)
    if not site.database.is_sqlite:
        # Waits for whoever works on this contact before stock, voucher and the year's counter are locked, in the order
        # in which those who cancel lock them. Of two first orders of one address neither finds a contact to lock, so
        # the address is locked too. On SQLite nobody else writes now.
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(address.key, 0))))
        hold_address(session, address.key)
    currency = new.currency or site.setting("shop.currency")
    lines = _take(session, currency, new.items)
    goods = total_of(lines, currency)
    codes = sort_codes(session, {"voucher": new.voucher, "second_voucher": new.second_voucher})
    discount = spending = None
    if codes.discount:
        if new.discount:
            raise InvalidInput("Send either a voucher or what was taken off.", field="discount")
        with refusing(codes.fields["discount"]):
            discount = claim(session, codes.discount, goods, new.placed_at)
    off = new.discount if discount is None else discount.amount.minor
    if off > goods.minor:
        raise InvalidInput("More was taken off this order than it comes to.")
    total = Money(minor=goods.minor - off, currency=currency)
    if new.expected is not None and new.expected != total:
        raise PriceChanged
    if codes.balance:
        # After the voucher that takes something off: whoever locks both does so in this order.
        with refusing(codes.fields["balance"]):
            spending = spend(session, codes.balance, goods, total, new.placed_at)
    on_balance = spending.amount.minor if spending is not None else 0
    if new.expected_balance is not None and new.expected_balance.minor != on_balance:
        raise BalanceChanged
    if spending is not None and spending.amount == total:
        history = evolve(new.history, paid_at=new.placed_at)
        new = evolve(new, payment_method=BALANCE, history=history)
    number = new.source.number if new.source is not None else _next_number(session, site, new.placed_at)
    code = discount.code if discount is not None else ""
    order = write_order(session, new, address.email, number, lines, total, off, code, on_balance)
    href = f"/dashboard/shop/orders/{order.id}"
    happened = tuple(
        (Activity(kind=f"shop.{step}", reference=number, href=href), at) for step, at in steps_of_history(new.history)
    )
    captured = capture_contact(
        session,
        site,
        Capture(
            email=new.email,
            module="shop",
            activity=Activity(
                kind="shop.ordered",
                reference=number,
                data={"total": total.minor, "total_currency": total.currency},
                href=href,
            ),
            occurred_at=new.placed_at,
            details=new.details,
            makes_customer=True,
            actor=new.actor,
            idempotency_key=f"shop.order:{number}",
            history=happened,
        ),
    )
    if new.contact_id is not None and captured.contact_id != new.contact_id:
        raise Conflict("This order would go to another contact. Nothing was saved.")
    order.contact_id = captured.contact_id
    session.flush()
    if discount is not None:
        record_use(session, discount, order.id, captured.contact_id)
    if spending is not None:
        record_spending(session, spending, order.id, captured.contact_id, new.placed_at)
    count_order(session, captured.contact_id, total, new.placed_at)
    if new.mail:
        mail_order(session, site, order, "placed")
    return RecordedOrder(id=order.id, number=number, token=order.token, contact_id=captured.contact_id, total=total)


def _take(session: Session, currency: str, items: Sequence[Item | FreeItem]) -> list[PricedLine]:
    """Take the goods from stock and price them, by what the database says; free items follow as they are."""
    wanted: dict[int, int] = {}
    for item in items:
        if not 1 <= item.quantity <= MAX_QUANTITY:
            raise InvalidInput("Order from 1 to %(max)s of each product.", max=MAX_QUANTITY)
        if isinstance(item, Item):
            wanted[item.variant_id] = wanted.get(item.variant_id, 0) + item.quantity
    free = [item for item in items if isinstance(item, FreeItem)]
    known = {item.variant_id for item in free if item.variant_id is not None}
    if not wanted and not free:
        raise InvalidInput("Choose at least one product.")
    if len(wanted) + len(free) > MAX_LINES or max(wanted.values(), default=0) > MAX_QUANTITY:
        raise InvalidInput("This is too much for one order. Place several.")
    variants = {}
    if known or wanted:
        found = session.execute(
            select(Variant, Product)
            .join(Product, Product.id == Variant.product_id)
            .where(Variant.id.in_(known | wanted.keys())),
            execution_options={"populate_existing": True},
        )
        variants = {variant.id: (variant, product) for variant, product in found}
    taken = {}
    # In the order of their ids: two orders for the same variants never wait for each other in a circle.
    for variant_id in sorted(wanted):
        if variant_id not in variants:
            raise Conflict("%(name)s is not sold any more.", name="?")
        variant, product = variants[variant_id]
        name = full_name(product.name, variant.name)
        if not product.active or variant.currency != currency:
            raise Conflict("%(name)s is not sold any more.", name=name)
        from_stock = take_stock(session, variant, name, wanted[variant_id])
        taken[variant_id] = PricedLine(
            product_id=product.id,
            variant_id=variant_id,
            name=name,
            unit_price=variant.price,
            tax_rate=product.tax_rate,
            quantity=wanted[variant_id],
            currency=currency,
            from_stock=from_stock,
        )
    return [
        *(taken[variant_id] for variant_id in wanted),
        *(
            PricedLine(
                product_id=variants[item.variant_id][1].id if item.variant_id in variants else None,
                variant_id=item.variant_id if item.variant_id in variants else None,
                name=item.name,
                unit_price=item.unit_price,
                tax_rate=item.tax_rate,
                quantity=item.quantity,
                currency=currency,
            )
            for item in free
        ),
    ]


def _next_number(session: Session, site: Site, placed_at: datetime) -> str:
    """The next number of the order's year in the site's zone, such as 2026-0001.

    The row stays locked until the transaction ends, and an order that is given up gives its number back: no
    gaps.
    """
    year = placed_at.astimezone(site.settings.zone).year
    last = session.scalar(
        upsert(
            session,
            OrderCounter,
            {"year": year, "last": 1},
            keys=["year"],
            update={"last": OrderCounter.last + 1},
        ).returning(OrderCounter.last)
    )
    return f"{year}-{last:04d}"
