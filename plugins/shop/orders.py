"""`record_order`: the one way in which an order comes to be, the visitor's and the one staff place (FEATURES
S1, S2).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from attrs import field, frozen, validators
from sqlalchemy import func, insert, select
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
from plugins.shop.amounts import MAX_LINES, MAX_QUANTITY, PricedLine, taxes_of, total_of
from plugins.shop.catalogue import full_name
from plugins.shop.models import Order, OrderCounter, OrderEvent, OrderLine, OrderTax, Product, Variant, now
from plugins.shop.stock import take_stock
from plugins.shop.totals import count_order
from plugins.shop.vouchers import Discount, claim, record_use

MAX_NOTE = 2000


@frozen(kw_only=True)
class Item:
    """So many of a variant. Its price is the variant's, never the caller's (THREATS T-B6)."""

    variant_id: int = field(validator=validators.instance_of(int))
    quantity: int = field(validator=validators.instance_of(int))


@frozen(kw_only=True)
class NewOrder:
    """An order on its way in.

    `details` are name, phone and address as they were typed, `checkout_key` is unique to one filled form,
    `contact_id` the contact it must be attached to when staff order on behalf, `expected` the total the
    person saw, `voucher` the code of a voucher.
    """

    email: str
    details: Details
    items: Sequence[Item]
    note: str = ""
    actor: Actor = VISITOR
    placed_at: datetime = field(factory=now)
    checkout_key: str | None = None
    contact_id: int | None = None
    expected: Money | None = None
    voucher: str = ""


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

    Takes the stock and a use of the voucher, gives the next number of the year, keeps names, prices and taxes
    as they are now, captures the contact (which becomes a customer), and counts the order into the contact's
    totals.

    Raises InvalidInput (nothing ordered, a quantity, the address), VoucherRefused, OutOfStock, PriceChanged,
    Conflict (the order would go to another contact), and CaptureRejected with a plugin's reason; the
    transaction must then be given up.
    """
    if new.checkout_key and (known := order_of_form(session, new.checkout_key)) is not None:
        return known
    address = parse_address(new.email)
    lines = _take(session, site, new.items)
    goods = total_of(lines, site.setting("shop.currency"))
    discount = claim(session, new.voucher, goods, new.placed_at) if new.voucher else None
    total = goods if discount is None else Money(minor=goods.minor - discount.amount.minor, currency=goods.currency)
    if new.expected is not None and new.expected != total:
        raise PriceChanged
    if not site.database.is_sqlite:
        # Waits for whoever works on this contact before the year's counter is locked, which all other orders
        # need. Of two first orders of one address neither finds a contact to lock, so the address is locked too.
        # On SQLite nobody else writes now.
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(address.key, 0))))
        hold_address(session, address.key)
    number = _next_number(session, site, new.placed_at)
    order = _write(session, new, address.email, number, lines, total, discount)
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
                href=f"/dashboard/shop/orders/{order.id}",
            ),
            occurred_at=new.placed_at,
            details=new.details,
            makes_customer=True,
            actor=new.actor,
            idempotency_key=f"shop.order:{number}",
        ),
    )
    if new.contact_id is not None and captured.contact_id != new.contact_id:
        raise Conflict("This order would go to another contact. Nothing was saved.")
    order.contact_id = captured.contact_id
    session.flush()
    if discount is not None:
        record_use(session, discount, order.id, captured.contact_id)
    count_order(session, captured.contact_id, total, new.placed_at)
    return RecordedOrder(id=order.id, number=number, token=order.token, contact_id=captured.contact_id, total=total)


def _take(session: Session, site: Site, items: Sequence[Item]) -> list[PricedLine]:
    """Take the goods from stock and price them, by what the database says."""
    wanted: dict[int, int] = {}
    for item in items:
        if not 1 <= item.quantity <= MAX_QUANTITY:
            raise InvalidInput("Order from 1 to %(max)s of each product.", max=MAX_QUANTITY)
        wanted[item.variant_id] = wanted.get(item.variant_id, 0) + item.quantity
    if not wanted:
        raise InvalidInput("Choose at least one product.")
    if len(wanted) > MAX_LINES or max(wanted.values()) > MAX_QUANTITY:
        raise InvalidInput("This is too much for one order. Place several.")
    currency = site.setting("shop.currency")
    found = session.execute(
        select(Variant, Product).join(Product, Product.id == Variant.product_id).where(Variant.id.in_(wanted)),
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
    return [taken[variant_id] for variant_id in wanted]


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


def _write(
    session: Session,
    new: NewOrder,
    email: str,
    number: str,
    lines: Sequence[PricedLine],
    total: Money,
    discount: Discount | None,
) -> Order:
    off = discount.amount.minor if discount is not None else 0
    details = new.details
    staff = new.actor.kind == "staff"
    order = Order(
        number=number,
        token=secrets.token_urlsafe(24),
        checkout_key=new.checkout_key,
        currency=total.currency,
        total=total.minor,
        discount=off,
        voucher_code=discount.code if discount is not None else "",
        email=email,
        name=details.name,
        phone=details.phone,
        street=details.street,
        street2=details.street2,
        postal_code=details.postal_code,
        city=details.city,
        region=details.region,
        country=details.country,
        note=new.note[:MAX_NOTE],
        placed_at=new.placed_at.astimezone(UTC),
        placed_by_id=new.actor.id if staff else None,
        placed_by_name=new.actor.name if staff else "",
        search_text="\n".join((number, details.name.casefold(), email.casefold())),
    )
    session.add(order)
    session.flush()
    # Core inserts: the ORM would ask each row for its id, one by one.
    session.execute(
        insert(OrderLine),
        [
            {
                "order_id": order.id,
                "product_id": line.product_id,
                "variant_id": line.variant_id,
                "name": line.name,
                "unit_price": line.unit_price,
                "tax_rate": line.tax_rate,
                "quantity": line.quantity,
                "from_stock": line.from_stock,
            }
            for line in lines
        ],
    )
    session.execute(
        insert(OrderTax),
        [
            {"order_id": order.id, "rate": part.rate, "gross": part.gross, "tax": part.tax}
            for part in taxes_of(lines, off)
        ],
    )
    add_event(session, order.id, "placed", new.actor, new.placed_at)
    return order


def add_event(session: Session, order_id: int, event: str, actor: Actor, at: datetime) -> None:
    """Add an entry to the order's own log."""
    session.execute(
        insert(OrderEvent).values(
            order_id=order_id,
            event=event,
            at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
        )
    )
