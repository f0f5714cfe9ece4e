"""The list of orders in the dashboard: states, search, filters, and the file of all that fit (FEATURES S5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from attrs import evolve
from litestar.params import FromQuery
from litestar.response import Response, Stream
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Request, download_table, get, payment_method
from plugins.shop.forms import number_of
from plugins.shop.models import Order, Product, Voucher
from plugins.shop.order_book import count_open, read_orders, sum_orders
from plugins.shop.order_files import heads, rows
from plugins.shop.order_search import HERE, PAID, OrderFilter, conditions, read_filter, sources
from plugins.shop.states import STATE_LABELS

LIST = "/dashboard/shop/orders"


@get(LIST, permission="shop.orders")
def show_orders(request: Request, before: FromQuery[str] = "", after: FromQuery[str] = "") -> Response[str]:
    """The orders that fit, newest first."""
    wanted = _wanted(request)
    where = conditions(wanted, request.site.settings.zone)
    with request.site.session() as session:
        page = read_orders(session, where, before=number_of(before), after=number_of(after))
        waiting = count_open(session)
        number, sums = sum_orders(session, where) if wanted.narrows else (0, ())
        methods, products, elsewhere = _methods(request, session), _products(session), sources(session)
        chosen = _chosen(request, session, wanted, methods)
    tabs = [("", "All"), *STATE_LABELS.items()]
    text = request.language.text
    return request.page(
        "shop/orders.html",
        page=page,
        tabs=[
            {
                "label": text(label),
                "href": _address(evolve(wanted, status=value)),
                "current": value == wanted.status,
                "count": request.language.number(waiting) if value == "open" else None,
            }
            for value, label in tabs
        ],
        wanted=wanted,
        kept={name: value for name, value in wanted.query.items() if name != "q"},
        hidden={name: value for name, value in wanted.query.items() if name in ("status", "q", "voucher")},
        chosen=chosen,
        number=number,
        sums=sums,
        paid=[{"value": value, "label": text(label)} for value, label in PAID.items()],
        methods=[{"value": value, "label": label} for value, label in methods.items()],
        products=products,
        sources=[
            {"value": HERE, "label": text("This site")},
            *({"value": one, "label": one} for one in elsewhere),
        ]
        if elsewhere
        else [],
        all_href=LIST,
        clear_href=_address(OrderFilter(status=wanted.status, q=wanted.q)),
        newer=_address(wanted, after=page.newer) if page.newer else None,
        older=_address(wanted, before=page.older) if page.older else None,
        ways=_ways(request, wanted, any_rows=bool(page.rows)),
    )


@get(f"{LIST}/export", permission="shop.export")
def export_orders(request: Request, format: FromQuery[str] = "", what: FromQuery[str] = "") -> Stream:
    """The orders that fit as a file, the oldest first: one row for each, or with `what=lines` one for each line."""
    of_lines = what == "lines"
    where = conditions(_wanted(request), request.site.settings.zone)
    name = request.language.text("order-lines" if of_lines else "orders")
    with request.site.session() as session:
        columns = heads(session, request.language, of_lines=of_lines)
    return download_table(
        request, name, format, columns, rows(request.site, request.language, where, of_lines=of_lines)
    )


def _wanted(request: Request) -> OrderFilter:
    return read_filter(dict(request.query_params.items()))


def _address(wanted: OrderFilter, **more: object) -> str:
    query = wanted.query | {name: str(value) for name, value in more.items() if value}
    return LIST + (f"?{urlencode(query)}" if query else "")


def _ways(request: Request, wanted: OrderFilter, *, any_rows: bool) -> list[dict[str, Any]]:
    """What else can be done with orders as a whole: bring them from elsewhere, write those that fit into a file."""
    ways: list[dict[str, Any]] = []
    if request.allows("shop.import"):
        ways.append({"label": request.language.text("Import"), "href": f"{LIST}/import", "icon": "upload"})
    return [*ways, *_files(request, wanted)] if any_rows and request.allows("shop.export") else ways


def _files(request: Request, wanted: OrderFilter) -> list[dict[str, Any]]:
    text = request.language.text
    kinds = {"excel": text("CSV for Excel"), "csv": text("CSV for other programs"), "xlsx": "XLSX"}
    entries: list[dict[str, Any]] = []
    for what, heading in (
        ("orders", text("Export: a row for each order")),
        ("lines", text("Export: a row for each product")),
    ):
        entries.append({"heading": heading})
        for format, label in kinds.items():
            query = urlencode({**wanted.query, "format": format, "what": what})
            entries.append({"label": label, "href": f"{LIST}/export?{query}", "icon": "download"})
    return entries


def _methods(request: Request, session: Session) -> Mapping[str, str]:
    """The ways to pay that orders have, by key, in the reader's language; of one that is gone its key."""
    used = session.scalars(select(Order.payment_method).where(Order.payment_method != "").distinct())
    found = {key: payment_method(request.site, key) for key in used}
    labels = {key: request.language.text(one.label) if one else key for key, one in found.items()}
    return dict(sorted(labels.items(), key=lambda pair: pair[1]))


def _products(session: Session) -> Sequence[dict[str, str]]:
    rows = session.execute(select(Product.id, Product.name).order_by(Product.name, Product.id))
    return [{"value": str(row.id), "label": row.name} for row in rows]


def _chosen(
    request: Request, session: Session, wanted: OrderFilter, methods: Mapping[str, str]
) -> list[dict[str, str | None]]:
    """What is chosen besides the state and the search, each with the address without it."""
    text, date = request.language.text, request.language.date
    found: list[tuple[str, str, OrderFilter]] = []
    if wanted.since is not None:
        found.append((text("From"), date(wanted.since), evolve(wanted, since=None)))
    if wanted.until is not None:
        found.append((text("Until"), date(wanted.until), evolve(wanted, until=None)))
    if wanted.paid:
        found.append((text("Payment"), text(PAID[wanted.paid]), evolve(wanted, paid="")))
    if wanted.method:
        found.append((text("Way to pay"), methods.get(wanted.method, wanted.method), evolve(wanted, method="")))
    if wanted.product is not None:
        name = session.scalar(select(Product.name).where(Product.id == wanted.product)) or "?"
        found.append((text("Product"), name, evolve(wanted, product=None)))
    if wanted.source:
        label = text("This site") if wanted.source == HERE else wanted.source
        found.append((text("From shop"), label, evolve(wanted, source="")))
    if wanted.voucher is not None:
        code = session.scalar(select(Voucher.code).where(Voucher.id == wanted.voucher)) or "?"
        found.append((text("Voucher"), code, evolve(wanted, voucher=None)))
    return [{"label": label, "value": value, "remove": _address(without)} for label, value, without in found]


ROUTES: list[Any] = [show_orders, export_orders]
