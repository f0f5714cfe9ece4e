"""Taking orders of another shop in: through the same use cases as our own, with their dates (FEATURES S6, C5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import evolve, frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import SYSTEM, Details, InvalidInput, Site, fold, parse_address
from plugins.shop.amounts import FULL, MAX_LINES, MAX_PRICE, MAX_QUANTITY, part_of
from plugins.shop.importing.foreign import ForeignLine, ForeignOrder
from plugins.shop.importing.reckoning import give_rates, items_of
from plugins.shop.models import Order, OrderLine, Product, Variant
from plugins.shop.orders import MAX_NAME, MAX_NOTE, FreeItem, History, NewOrder, Source, record_order
from plugins.shop.refunds import TakeBack, lines_of, refund, rest_of
from plugins.shop.states import take_step

OTHER = "Other charges"
"""What a line is called for what an order costs more than its lines say."""


@frozen(kw_only=True)
class Prepared:
    """An order of a file as one of ours, checked, before it is written."""

    foreign: ForeignOrder
    new: NewOrder
    notes: Sequence[str]


def prepare(foreign: ForeignOrder, source: str, catalogue: Mapping[str, int]) -> Prepared:
    """An order as one of ours. Raises InvalidInput for one that can't be."""
    if not foreign.reference or len(foreign.reference) > 100:
        raise InvalidInput("This order has no number.")
    if not foreign.email:
        raise InvalidInput("This order has no e-mail address, so it belongs to nobody.")
    email = parse_address(foreign.email).email
    lines, notes = _completed(foreign)
    off = sum(line.gross for line in lines) - foreign.total
    rates = give_rates(lines, off, foreign.taxes, foreign.tax)
    variants = {
        place: found
        for place, line in enumerate(lines)
        if (found := catalogue.get(f"sku {line.sku}") or catalogue.get(fold(line.name))) is not None
    }
    items = items_of(lines, rates, variants)
    _check(items)
    same = foreign.delivery is None or _same(foreign.delivery, foreign.details)
    new = NewOrder(
        email=email,
        details=foreign.details,
        items=items,
        delivery=None if same else foreign.delivery,
        currency=foreign.currency,
        discount=off,
        note=foreign.note.replace("\x00", "")[:MAX_NOTE],
        actor=SYSTEM,
        placed_at=foreign.placed_at,
        source=Source(name=source, reference=foreign.reference),
        history=_history(foreign),
    )
    return Prepared(foreign=foreign, new=new, notes=notes)


def _completed(foreign: ForeignOrder) -> tuple[list[ForeignLine], list[str]]:
    """The lines, and one for what the order costs beyond them: its total is its total."""
    notes: list[str] = []
    if any(line.gross < 0 for line in foreign.lines) or foreign.total < 0:
        raise InvalidInput("A line of this order costs less than nothing.")
    lines = [evolve(line, name=line.name.replace("\x00", "")[:MAX_NAME] or "?") for line in foreign.lines]
    more = foreign.total - sum(line.gross for line in lines)
    if more > 0:
        lines.append(ForeignLine(name=OTHER, quantity=1, gross=more, taxed=False))
        notes.append("Its lines come to less than its total: the rest is a line of its own.")
    if not lines:
        raise InvalidInput("This order has no lines.")
    return lines, notes


def _check(items: Sequence[FreeItem]) -> None:
    if len(items) > MAX_LINES:
        raise InvalidInput("This order has more than %(max)s lines.", max=MAX_LINES)
    if any(item.quantity > MAX_QUANTITY for item in items):
        raise InvalidInput("This order has more than %(max)s pieces of something.", max=MAX_QUANTITY)
    if any(item.unit_price > MAX_PRICE or item.tax_rate > FULL for item in items):
        raise InvalidInput("This is too much.")


def _same(one: Details, other: Details) -> bool:
    return all(
        fold(getattr(one, name)) == fold(getattr(other, name)) for name in ("name", "street", "postal_code", "city")
    )


def take(session: Session, site: Site, prepared: Prepared) -> int:
    """Write an order with all that became of it, in the caller's transaction; answers its id."""
    foreign = prepared.foreign
    order_id = record_order(session, site, prepared.new).id
    if foreign.cancelled_at is not None and foreign.shipped_at is None:
        take_step(session, order_id, "cancelled", SYSTEM, _not_before(foreign.cancelled_at, foreign))
    elif foreign.refunded or foreign.cancelled_at is not None:
        _refund(session, order_id, foreign)
    return order_id


def _history(foreign: ForeignOrder) -> History:
    # Nothing is given back that never came in.
    paid_at = foreign.paid_at or (foreign.placed_at if foreign.refunded else None)
    return History(
        paid_at=_not_before(paid_at, foreign) if paid_at is not None else None,
        shipped_at=_not_before(foreign.shipped_at, foreign) if foreign.shipped_at is not None else None,
        voucher=foreign.voucher,
        tax=foreign.tax,
    )


def _not_before(at: datetime, foreign: ForeignOrder) -> datetime:
    return max(at, foreign.placed_at)


def _refund(session: Session, order_id: int, foreign: ForeignOrder) -> None:
    """Take back what was given back: all of it, or the pieces that the file names and the rest as a reduction."""
    at = max(foreign.cancelled_at or foreign.shipped_at or foreign.paid_at or foreign.placed_at, foreign.placed_at)
    lines = lines_of(session, order_id)
    amount = foreign.total if foreign.cancelled_at is not None else min(foreign.refunded, foreign.total)
    if amount == foreign.total:
        wanted = TakeBack(pieces={line.id: line.quantity for line in lines}, restock=False)
    else:
        pieces = _pieces(lines, foreign)
        worth = sum(part_of(rest_of(line), pieces.get(line.id, 0), line.quantity) for line in lines)
        if worth > amount:
            pieces, worth = {}, 0
        wanted = TakeBack(pieces=pieces, reduction=max(amount - worth, 0), restock=False)
    if foreign.total or any(wanted.pieces.values()):
        refund(session, order_id, wanted, SYSTEM, at)


def _pieces(lines: Sequence[OrderLine], foreign: ForeignOrder) -> dict[int, int]:
    """The pieces that came back, by the ids of our lines, of which two may be one of theirs."""
    back: dict[str, int] = {}
    for line in foreign.lines:
        back[line.name] = back.get(line.name, 0) + line.back
    pieces: dict[int, int] = {}
    for own in lines:
        number = min(back.get(own.name, 0), own.quantity)
        if number:
            pieces[own.id] = number
            back[own.name] -= number
    return pieces


def known_references(session: Session, source: str, references: Sequence[str]) -> frozenset[str]:
    """Which of these orders are here already."""
    return frozenset(
        session.scalars(
            select(Order.source_reference).where(Order.source == source, Order.source_reference.in_(references))
        )
    )


def catalogue_of(session: Session) -> Mapping[str, int]:
    """Variants by their SKU and, where a product has one only, by its name: what an order of elsewhere was of."""
    found: dict[str, int] = {}
    rows = session.execute(
        select(Variant.id, Variant.sku, Variant.name, Product.name.label("product")).join(
            Product, Product.id == Variant.product_id
        )
    ).all()
    for row in rows:
        names = (row.product,) if not row.name else (f"{row.product}, {row.name}", f"{row.product} - {row.name}")
        for name in names:
            found.setdefault(fold(name), row.id)
    found |= {f"sku {row.sku}": row.id for row in rows if row.sku}
    return found
