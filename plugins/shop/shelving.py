"""What staff see of products: the list, and the form to add and change one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response
from sqlalchemy.exc import IntegrityError

from core import Conflict, Form, FormInput, InvalidInput, Request, currency_digits, get, post
from plugins.shop.amounts import written_decimal, written_rate
from plugins.shop.catalogue import ProductView, all_products, count_other_currency, get_product
from plugins.shop.categories import all_categories
from plugins.shop.forms import as_input, just_taken, number_of, summary
from plugins.shop.product_form import read_product_form, rows_of
from plugins.shop.products import add_product, category_ids, edit_product, set_active

LIST = "/dashboard/shop/products"

MORE = 3
"""Empty rows for variants that the form gets at a time."""


@get(LIST, permission="shop.products")
def show_products(
    request: Request, q: FromQuery[str] = "", category: FromQuery[str] = "", after: FromQuery[str] = ""
) -> Response[str]:
    """All products, page by page."""
    q = q.strip()[:200]
    with request.site.session() as session:
        categories = all_categories(session)
        chosen = next((one for one in categories if one.slug == category), None)
        page = all_products(
            session, request.site, category=chosen.id if chosen else None, search=q, after=number_of(after)
        )
        off_sale = count_other_currency(session, request.site)

    def address(**changed: object) -> str:
        query = {"q": q, "category": chosen.slug if chosen else ""} | changed
        kept = {name: value for name, value in query.items() if value}
        return LIST + (f"?{urlencode(kept)}" if kept else "")

    choices = [("", request.language.text("All categories")), *((one.slug, one.name) for one in categories)]
    return request.page(
        "shop/shelf.html",
        products=page.products,
        off_sale=off_sale,
        q=q,
        category=chosen,
        categories=[
            {"label": name, "href": address(category=slug), "current": slug == (chosen.slug if chosen else "")}
            for slug, name in (choices if categories else [])
        ],
        first_page=address() if after else None,
        next_page=address(after=page.following) if page.following else None,
    )


@get(f"{LIST}/new", permission="shop.products")
def new_product(request: Request) -> Response[str]:
    """The form for a new product."""
    return _form(request, Form(fields={"tax_rate": ["19"], "price-0": [""]}), None)


@post(f"{LIST}/new", permission="shop.products", max_body=200_000)
def create_product(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add a product; it is for sale at once."""
    if form.ticked("more"):
        return _form(request, form, None, more=MORE)
    values = read_product_form(form, request.site.setting("shop.currency"))
    if values is not None:
        try:
            with request.site.begin() as session:
                product_id = add_product(session, request.site, values)
        except InvalidInput as error:
            form.fail(error)
        except IntegrityError:
            form.fail(just_taken())
        else:
            return request.redirect(
                LIST,
                "%(name)s is added.",
                name=values.name,
                link=("Add pictures", f"{LIST}/{product_id}/pictures"),
            )
    return _form(request, form, None, 422)


@get(f"{LIST}/{{product_id:int}}", permission="shop.products")
def show_product(request: Request, product_id: FromPath[int]) -> Response[str]:
    """The form to change a product."""
    with request.site.session() as session:
        product = get_product(session, request.site, product_id)
        categories = category_ids(session, product_id)
    fields = {name: [value] for name, value in _typed(request, product).items()}
    fields["category"] = [str(one) for one in categories]
    return _form(request, Form(fields=fields), product)


@post(f"{LIST}/{{product_id:int}}", permission="shop.products", max_body=200_000)
def change_product(request: Request, form: FormInput, product_id: FromPath[int]) -> Response[str] | Redirect:
    """Change a product. Orders keep name, price and tax as they were."""
    status, more = 422, MORE if form.ticked("more") else 0
    values = None if more else read_product_form(form, request.site.setting("shop.currency"))
    if values is not None:
        try:
            with request.site.begin() as session:
                edit_product(session, request.site, product_id, values)
        except InvalidInput as error:
            form.fail(error)
        except IntegrityError:
            form.fail(just_taken())
        except Conflict as error:
            status = 409
            form.fail(as_input(error))
        else:
            return request.redirect(LIST, "%(name)s is saved.", name=values.name)
    with request.site.session() as session:
        product = get_product(session, request.site, product_id)
    return _form(request, form, product, 200 if more else status, more=more)


@post(f"{LIST}/{{product_id:int}}/active", permission="shop.products", max_body=10_000)
def switch_product(request: Request, form: FormInput, product_id: FromPath[int]) -> Redirect:
    """Put a product on sale, or take it off."""
    active = form.text("active") == "1"
    with request.site.begin() as session:
        name = set_active(session, product_id, active=active)
    toast = "%(name)s is for sale." if active else "%(name)s is off sale."
    return request.redirect(LIST, toast, name=name)


def _form(
    request: Request, form: Form, product: ProductView | None, status: int = 200, *, more: int = 0
) -> Response[str]:
    with request.site.session() as session:
        categories = all_categories(session)
    rows = rows_of(form)
    first = rows[-1] + 1 if rows else 0
    seen_stock = {row: form.text(f"seen_stock-{row}") for row in rows}
    if product is not None and status in (200, 409) and not more:
        # Whoever has read that the stock has changed, and saves again, has seen what it is now.
        stock = {str(one.id): "" if one.stock is None else str(one.stock) for one in product.variants}
        seen_stock |= {row: stock.get(form.text(f"id-{row}"), "") for row in rows}
    return request.page(
        "shop/product_form.html",
        status=status,
        product=product,
        currency=request.site.setting("shop.currency"),
        categories=[{"value": one.id, "label": one.name} for one in categories],
        chosen=form.texts("category"),
        rows=[*rows, *range(first, first + more)],
        seen_stock=seen_stock,
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
    )


def _typed(request: Request, product: ProductView) -> dict[str, str]:
    """A product as a person would type it."""
    comma = request.language.code == "de"
    typed = {
        "name": product.name,
        "slug": product.slug,
        "description": product.description,
        "option": product.option,
        "tax_rate": written_rate(product.tax_rate, comma=comma),
        "position": str(product.position),
    }
    for row, variant in enumerate(product.variants):
        price = written_decimal(variant.price.minor, currency_digits(variant.price.currency), comma=comma)
        typed |= {
            f"id-{row}": str(variant.id),
            f"variant-{row}": variant.name,
            # A price in another currency than the site's has to be thought of anew.
            f"price-{row}": "" if variant.off_sale else price,
            f"stock-{row}": "" if variant.stock is None else str(variant.stock),
            f"sku-{row}": variant.sku,
        }
    return typed


ROUTES: list[Any] = [
    show_products,
    new_product,
    create_product,
    show_product,
    change_product,
    switch_product,
]
