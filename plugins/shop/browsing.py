"""What visitors look at before they buy: the shop page, its categories, a product, and its pictures."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import File, Response

from core import NotFound, Request, get, send_picture
from plugins.shop.carts import cart_of
from plugins.shop.catalogue import categories_of, product_by_slug, products_for_sale
from plugins.shop.categories import categories_for_sale, category_by_slug
from plugins.shop.forms import number_of
from plugins.shop.pictures import is_picture


@get("/shop", public=True)
def show_products(request: Request, q: FromQuery[str] = "", after: FromQuery[str] = "") -> Response[str]:
    """Everything that is for sale, page by page."""
    return _shelf(request, None, q, after)


@get("/shop/categories/{slug:str}", public=True)
def show_category(
    request: Request, slug: FromPath[str], q: FromQuery[str] = "", after: FromQuery[str] = ""
) -> Response[str]:
    """What is for sale in one category."""
    return _shelf(request, slug, q, after)


def _shelf(request: Request, slug: str | None, q: str, after: str) -> Response[str]:
    q = q.strip()[:200]
    with request.site.session() as session:
        category = category_by_slug(session, slug) if slug is not None else None
        page = products_for_sale(
            session,
            request.site,
            category=category.id if category else None,
            search=q,
            after=number_of(after),
        )
        categories = categories_for_sale(session, request.site)
        cart = cart_of(session, request)
    here = category.href if category else "/shop"

    def address(**more: object) -> str:
        query = {name: value for name, value in {"q": q, **more}.items() if value}
        return here + (f"?{urlencode(query)}" if query else "")

    tabs = [("/shop", request.language.text("All products")), *((one.href, one.name) for one in categories)]
    return request.page(
        "shop/products.html",
        products=page.products,
        category=category,
        tabs=[{"href": href, "label": label, "current": href == here} for href, label in tabs] if categories else [],
        cart=cart,
        q=q,
        here=here,
        back=address(after=number_of(after)),
        first_page=address() if number_of(after) else None,
        next_page=address(after=page.following) if page.following else None,
    )


@get("/shop/products/{slug:str}", public=True)
def show_product(request: Request, slug: FromPath[str], picture: FromQuery[str] = "") -> Response[str]:
    """One product, with one of its pictures large."""
    with request.site.session() as session:
        product = product_by_slug(session, request.site, slug)
        categories = categories_of(session, product.id)
        cart = cart_of(session, request)
    return request.page(
        "shop/product.html",
        product=product,
        categories=categories,
        shown=min(max(number_of(picture), 1), max(len(product.pictures), 1)),
        chosen=next((one.id for one in product.variants if not one.sold_out), None),
        cart=cart,
    )


@get("/shop/pictures/{name:str}", public=True)
def show_picture(request: Request, name: FromPath[str]) -> File:
    """A picture of a product. Other files of the site are not found here, whatever they are called."""
    with request.site.session() as session:
        if not is_picture(session, name):
            raise NotFound("There is no such picture.")
    return send_picture(request.site.settings.data_dir, name, public=True)


ROUTES: list[Any] = [show_products, show_category, show_product, show_picture]
