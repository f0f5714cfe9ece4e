"""Orders, invoices and products in the search for everything: an order by its number, a product by its name."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import SearchHit, SearchSource, fold
from plugins.shop.models import Invoice, Order, OrderCounter, Product, Voucher
from plugins.shop.vouchers import code_key


def search_sources() -> list[SearchSource]:
    """Orders, products, vouchers and invoices."""
    return [
        SearchSource(key="shop.orders", label="Orders", search=find_orders, permission="shop.orders", order=200),
        SearchSource(key="shop.invoices", label="Invoices", search=find_invoices, permission="shop.orders", order=203),
        SearchSource(
            key="shop.products", label="Products", search=find_products, permission="shop.products", order=201
        ),
        SearchSource(
            key="shop.vouchers", label="Vouchers", search=find_vouchers, permission="shop.vouchers", order=202
        ),
    ]


def find_orders(session: Session, text: str, limit: int) -> Sequence[SearchHit]:
    """Orders whose number begins with what was typed, or of any year with that number."""
    years = session.scalars(select(OrderCounter.year).order_by(OrderCounter.year.desc())).all()
    begun = select(Order).where(Order.number.startswith(text, autoescape=True))
    found = list(session.scalars(begun.order_by(Order.number.desc()).limit(limit)))
    if text.isascii() and text.isdigit() and len(text) < 10:
        short = [f"{year}-{int(text):04}" for year in years]
        exact = session.scalars(select(Order).where(Order.number.in_(short)).order_by(Order.number.desc()))
        found = [*exact, *(one for one in found if one.number not in short)]
    return [
        SearchHit(
            title=one.number,
            detail=one.name or one.email,
            at=one.placed_at,
            href=f"/dashboard/shop/orders/{one.id}",
            icon="bag",
        )
        for one in found[:limit]
    ]


def find_invoices(session: Session, text: str, limit: int) -> Sequence[SearchHit]:
    """Invoices and corrections whose number begins with what was typed, in capitals or not."""
    statement = select(Invoice.id, Invoice.number, Invoice.issued_at).where(
        Invoice.number.startswith(text.strip(), autoescape=True)
        | Invoice.number.startswith(text.strip().upper(), autoescape=True)
    )
    rows = session.execute(statement.order_by(Invoice.issued_at.desc()).limit(limit))
    return [
        SearchHit(title=row.number, at=row.issued_at, href=f"/dashboard/shop/invoices/{row.id}", icon="file")
        for row in rows
    ]


def find_products(session: Session, text: str, limit: int) -> Sequence[SearchHit]:
    """Products with every word in their name, or in the name or number of a variant."""
    statement = select(Product.id, Product.name)
    for word in fold(text).split()[:10]:
        statement = statement.where(Product.search_text.contains(word, autoescape=True))
    rows = session.execute(statement.order_by(Product.active.desc(), Product.name, Product.id).limit(limit))
    return [SearchHit(title=row.name, href=f"/dashboard/shop/products/{row.id}", icon="bag") for row in rows]


def find_vouchers(session: Session, text: str, limit: int) -> Sequence[SearchHit]:
    """Vouchers whose code begins with what was typed."""
    key = code_key(text)
    if not key:
        return []
    statement = select(Voucher.id, Voucher.code).where(Voucher.code_key.startswith(key, autoescape=True))
    rows = session.execute(statement.order_by(Voucher.active.desc(), Voucher.code_key).limit(limit))
    return [SearchHit(title=row.code, href=f"/dashboard/shop/vouchers/{row.id}", icon="tag") for row in rows]
