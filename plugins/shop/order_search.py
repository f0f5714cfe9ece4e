"""Which orders are meant: what staff chose above the list, as a value, as parameters of an address, and in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from attrs import asdict, evolve, field, frozen
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from plugins.shop.forms import number_of
from plugins.shop.models import Order, OrderLine, VoucherUse
from plugins.shop.states import STATES

MAX_SEARCH = 200
MAX_WORDS = 10

PAID: Mapping[str, str] = {"yes": "Paid", "no": "Not paid", "back": "Money given back"}
"""How it stands with the money of an order → its name, a message id."""

HERE = "here"
"""The source of orders that were placed on this site."""


@frozen(kw_only=True)
class OrderFilter:
    """What orders are looked for; empty or None means any.

    `since` and `until` are days in the site's zone, both included. `paid` is a key of `PAID`, `method` the key of a way
    to pay, `product` a product's id, `source` another shop's name or `HERE`, `voucher` a voucher's id.
    """

    status: str = ""
    q: str = ""
    since: date | None = None
    until: date | None = None
    paid: str = ""
    method: str = ""
    product: int | None = None
    source: str = ""
    voucher: int | None = field(default=None)

    @property
    def is_open(self) -> bool:
        """Whether any order fits."""
        return self == OrderFilter()

    @property
    def narrows(self) -> bool:
        """Whether more is chosen than a state and a search."""
        return evolve(self, status="", q="") != OrderFilter()

    @property
    def query(self) -> dict[str, str]:
        """Its parameters in an address."""
        return {name: written(value) for name, value in asdict(self).items() if value not in ("", None)}


def written(value: object) -> str:
    """A value of a filter as an address has it."""
    return value.isoformat() if isinstance(value, date) else str(value)


def read_filter(parameters: Mapping[str, str]) -> OrderFilter:
    """What the parameters of an address mean; what can't be is left out."""

    def text(name: str) -> str:
        return parameters.get(name, "").replace("\x00", "").strip()[:MAX_SEARCH]

    return OrderFilter(
        status=text("status") if text("status") in STATES else "",
        q=text("q"),
        since=read_day(text("since")),
        until=read_day(text("until")),
        paid=text("paid") if text("paid") in PAID else "",
        method=text("method"),
        product=number_of(text("product")) or None,
        source=text("source"),
        voucher=number_of(text("voucher")) or None,
    )


def read_day(text: str) -> date | None:
    """A day as an address or a date input has it; None for any other text."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1900 <= day.year <= 2999 else None


def conditions(wanted: OrderFilter, zone: ZoneInfo) -> list[ColumnElement[bool]]:
    """What holds for the orders that are meant."""
    found: list[ColumnElement[bool]] = []
    if wanted.status:
        found.append(Order.state == wanted.status)
    for word in wanted.q.casefold().split()[:MAX_WORDS]:
        found.append(Order.search_text.contains(word, autoescape=True))
    if wanted.since is not None:
        found.append(Order.placed_at >= day_begins(wanted.since, zone))
    if wanted.until is not None:
        found.append(Order.placed_at < day_begins(wanted.until + timedelta(days=1), zone))
    if wanted.paid == "yes":
        found.append(Order.paid_at.is_not(None))
    elif wanted.paid == "no":
        found += [Order.paid_at.is_(None), Order.cancelled_at.is_(None)]
    elif wanted.paid == "back":
        found += [Order.paid_at.is_not(None), Order.refunded > 0]
    if wanted.method:
        found.append(Order.payment_method == wanted.method)
    if wanted.product is not None:
        found.append(Order.id.in_(select(OrderLine.order_id).where(OrderLine.product_id == wanted.product)))
    if wanted.source:
        found.append(Order.source == ("" if wanted.source == HERE else wanted.source))
    if wanted.voucher is not None:
        found.append(Order.id.in_(uses_of_voucher(wanted.voucher)))
    return found


def uses_of_voucher(voucher_id: int) -> ColumnElement[int]:
    """The ids of the orders that use a voucher."""
    return select(VoucherUse.order_id).where(VoucherUse.voucher_id == voucher_id).scalar_subquery()


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in a zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def sources(session: Session) -> Sequence[str]:
    """The shops that orders were brought from."""
    found = session.scalars(select(Order.source).where(Order.source != "").distinct().order_by(Order.source))
    return list(found)
