"""The list of all invoices in the dashboard: kinds, search, period, and the file of all that fit."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from attrs import evolve
from litestar.params import FromQuery
from litestar.response import Response, Stream

from core import Request, download_table, get
from plugins.shop.forms import number_of
from plugins.shop.invoice_book import (
    KINDS,
    PAID,
    InvoiceFilter,
    conditions,
    read_filter,
    read_invoices,
    sum_invoices,
)
from plugins.shop.invoice_files import heads, rows

LIST = "/dashboard/shop/invoices"


@get(LIST, permission="shop.orders")
def show_invoices(request: Request, before: FromQuery[str] = "", after: FromQuery[str] = "") -> Response[str]:
    """The invoices and corrections that fit, newest first."""
    wanted = _wanted(request)
    where = conditions(wanted, request.site.settings.zone)
    with request.site.session() as session:
        page = read_invoices(session, where, before=number_of(before), after=number_of(after))
        number, sums = sum_invoices(session, where) if wanted.query else (0, ())
    text = request.language.text
    return request.page(
        "shop/invoices.html",
        page=page,
        tabs=[
            {
                "label": text(label),
                "href": _address(evolve(wanted, kind=value)),
                "current": value == wanted.kind,
            }
            for value, label in (("", "All"), *KINDS.items())
        ],
        wanted=wanted,
        kept={name: value for name, value in wanted.query.items() if name != "q"},
        hidden={name: value for name, value in wanted.query.items() if name in ("kind", "q")},
        chosen=_chosen(request, wanted),
        number=number,
        sums=sums,
        paid=[{"value": value, "label": text(label)} for value, label in PAID.items()],
        all_href=LIST,
        clear_href=_address(InvoiceFilter(kind=wanted.kind, q=wanted.q)),
        newer=_address(wanted, after=page.newer) if page.newer else None,
        older=_address(wanted, before=page.older) if page.older else None,
        files=_files(request, wanted) if page.rows and request.allows("shop.export") else [],
    )


@get(f"{LIST}/export", permission="shop.export")
def export_invoices(request: Request, format: FromQuery[str] = "") -> Stream:
    """The invoices and corrections that fit as a file, in the order of their numbers."""
    where = conditions(_wanted(request), request.site.settings.zone)
    with request.site.session() as session:
        columns = heads(session, request.language)
    name = request.language.text("invoices")
    return download_table(request, name, format, columns, rows(request.site, request.language, where))


def _wanted(request: Request) -> InvoiceFilter:
    return read_filter(dict(request.query_params.items()))


def _address(wanted: InvoiceFilter, **more: object) -> str:
    query = wanted.query | {name: str(value) for name, value in more.items() if value}
    return LIST + (f"?{urlencode(query)}" if query else "")


def _files(request: Request, wanted: InvoiceFilter) -> list[dict[str, Any]]:
    text = request.language.text
    kinds = {"excel": text("CSV for Excel"), "csv": text("CSV for other programs"), "xlsx": "XLSX"}
    return [
        {
            "label": label,
            "href": f"{LIST}/export?{urlencode({**wanted.query, 'format': format})}",
            "icon": "download",
        }
        for format, label in kinds.items()
    ]


def _chosen(request: Request, wanted: InvoiceFilter) -> list[dict[str, str | None]]:
    """What is chosen besides the kind and the search, each with the address without it."""
    text, date = request.language.text, request.language.date
    found: list[tuple[str, str, InvoiceFilter]] = []
    if wanted.since is not None:
        found.append((text("From"), date(wanted.since), evolve(wanted, since=None)))
    if wanted.until is not None:
        found.append((text("Until"), date(wanted.until), evolve(wanted, until=None)))
    if wanted.paid:
        found.append((text("Payment"), text(PAID[wanted.paid]), evolve(wanted, paid="")))
    return [{"label": label, "value": value, "remove": _address(without)} for label, value, without in found]


ROUTES: list[Any] = [show_invoices, export_invoices]
