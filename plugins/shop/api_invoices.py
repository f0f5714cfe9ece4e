"""Invoices and corrections over the REST API: as data for the books, and as their PDF."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from attrs import frozen
from litestar.params import FromPath, FromQuery
from litestar.response import Response
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from core import InvalidInput, NotFound, Request, Site, api_get
from plugins.shop.api import MAX_PAGE, PAGE
from plugins.shop.api_resources import BASE as ORDERS
from plugins.shop.api_resources import AddressResource, TaxResource
from plugins.shop.forms import number_of
from plugins.shop.invoice_book import conditions, read_filter, read_invoices, signed
from plugins.shop.invoice_pdf import pdf_answer
from plugins.shop.models import Invoice, Order

BASE = "/api/v1/shop/invoices"


@frozen(kw_only=True)
class InvoiceResource:
    """An invoice, or the correction of one (`kind`), which never changes; only `paid_at`, of its order, does.

    Amounts of a correction are below zero, so that all add up. `issued_on` is the day on it, `corrects` the number of
    the corrected invoice, `pdf` the address of its file. `paid_by_voucher` of the total was paid with a balance.
    """

    id: int
    number: str
    kind: str
    issued_on: str
    issued_at: datetime
    order_id: int
    order: str
    corrects: str
    buyer: AddressResource
    currency: str
    total: int
    paid_by_voucher: int
    taxes: Sequence[TaxResource]
    paid_at: datetime | None
    href: str
    pdf: str
    order_href: str


@frozen(kw_only=True)
class InvoiceList:
    """A page of invoices, the newest first. `older` is the address of the next one."""

    invoices: Sequence[InvoiceResource]
    older: str | None


@api_get("/shop/invoices", permission="shop.orders")
def list_invoices(request: Request, limit: FromQuery[int] = PAGE, before: FromQuery[str] = "") -> InvoiceList:
    """List invoices and corrections.

    Takes the parameters of the dashboard's list: kind (invoice or correction), q, since, until, paid (yes or no).
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("A page has 1 to %(max)s invoices.", field="limit", max=MAX_PAGE)
    wanted = read_filter(dict(request.query_params.items()))
    where = conditions(wanted, request.site.settings.zone)
    with request.site.session() as session:
        page = read_invoices(session, where, before=number_of(before), limit=limit)
        found = _resources(session, request.site, [row.id for row in page.rows])
    older = None
    if page.older is not None:
        query = wanted.query | {"before": str(page.older)} | ({"limit": str(limit)} if limit != PAGE else {})
        older = f"{request.site.settings.base_url}{BASE}?{urlencode(query)}"
    return InvoiceList(invoices=found, older=older)


@api_get("/shop/invoices/{invoice_id:int}", permission="shop.orders")
def read_invoice(request: Request, invoice_id: FromPath[int]) -> InvoiceResource:
    """Read an invoice or a correction."""
    with request.site.session() as session:
        found = _resources(session, request.site, [invoice_id] if 0 < invoice_id < 2**63 else [])
    if not found:
        raise NotFound("There is no such invoice.")
    return found[0]


@api_get("/shop/invoices/{invoice_id:int}/pdf", permission="shop.orders")
def read_pdf(request: Request, invoice_id: FromPath[int]) -> Response[bytes]:
    """Read an invoice or a correction as a PDF."""
    return pdf_answer(request, invoice_id)


def _resources(session: Session, site: Site, ids: Sequence[int]) -> list[InvoiceResource]:
    corrected = aliased(Invoice)
    rows = session.execute(
        select(Invoice, Order.paid_at, corrected.number)
        .join(Order, Order.id == Invoice.order_id)
        .outerjoin(corrected, corrected.id == Invoice.corrects_id)
        .where(Invoice.id.in_(ids))
    )
    base = site.settings.base_url
    found = {
        one.id: InvoiceResource(
            id=one.id,
            number=one.number,
            kind=one.kind,
            issued_on=one.content["issued_on"],
            issued_at=one.issued_at,
            order_id=one.order_id,
            order=one.content["order"],
            corrects=corrects or "",
            buyer=AddressResource(**one.content["buyer"]),
            currency=one.currency,
            total=signed(one, one.total),
            paid_by_voucher=one.content.get("paid_by_voucher", 0),
            taxes=[
                TaxResource(rate=part["rate"], gross=signed(one, part["gross"]), tax=signed(one, part["tax"]))
                for part in one.content["taxes"]
            ],
            paid_at=paid_at if one.kind == "invoice" else None,
            href=f"{base}{BASE}/{one.id}",
            pdf=f"{base}{BASE}/{one.id}/pdf",
            order_href=f"{base}{ORDERS}/{one.order_id}",
        )
        for one, paid_at, corrects in rows
    }
    return [found[one] for one in ids if one in found]


ROUTES: list[Any] = [list_invoices, read_invoice, read_pdf]
