"""What staff see of products: the list, and the form to add and change one."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response

from core import Conflict, Form, FormInput, InvalidInput, Request, currency_digits, get, post
from plugins.shop.amounts import written_decimal, written_rate
from plugins.shop.forms import as_input, summary
from plugins.shop.products import (
    ProductView,
    add_product,
    all_products,
    edit_product,
    get_product,
    read_product_form,
    set_active,
)

LIST = "/dashboard/shop/products"


@get(LIST, permission="shop.products")
def show_products(request: Request) -> Response[str]:
    """All products."""
    with request.site.session() as session:
        products = all_products(session, request.site)
    return request.page("shop/shelf.html", products=products, off_sale=sum(product.off_sale for product in products))


@get(f"{LIST}/new", permission="shop.products")
def new_product(request: Request) -> Response[str]:
    """The form for a new product."""
    return _form(request, Form(fields={"tax_rate": ["19"]}), None)


@post(f"{LIST}/new", permission="shop.products", max_body=100_000)
def create_product(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add a product; it is for sale at once."""
    values = read_product_form(form, request.site.setting("shop.currency"))
    if values is not None:
        try:
            with request.site.begin() as session:
                add_product(session, request.site, values)
        except InvalidInput as error:
            form.fail(error)
        else:
            return request.redirect(LIST, "%(name)s is added.", name=values.name)
    return _form(request, form, None, 422)


@get(f"{LIST}/{{product_id:int}}", permission="shop.products")
def show_product(request: Request, product_id: FromPath[int]) -> Response[str]:
    """The form to change a product."""
    with request.site.session() as session:
        product = get_product(session, request.site, product_id)
    return _form(request, Form(fields={k: [v] for k, v in _typed(request, product).items()}), product)


@post(f"{LIST}/{{product_id:int}}", permission="shop.products", max_body=100_000)
def change_product(request: Request, form: FormInput, product_id: FromPath[int]) -> Response[str] | Redirect:
    """Change a product. Orders keep name, price and tax as they were."""
    values = read_product_form(form, request.site.setting("shop.currency"))
    status = 422
    if values is not None:
        try:
            with request.site.begin() as session:
                edit_product(session, request.site, product_id, values, form.text("seen_stock"))
        except InvalidInput as error:
            form.fail(error)
        except Conflict as error:
            status = 409
            form.fail(as_input(error, "stock"))
        else:
            return request.redirect(LIST, "%(name)s is saved.", name=values.name)
    with request.site.session() as session:
        product = get_product(session, request.site, product_id)
    return _form(request, form, product, status)


@post(f"{LIST}/{{product_id:int}}/active", permission="shop.products", max_body=10_000)
def switch_product(request: Request, form: FormInput, product_id: FromPath[int]) -> Redirect:
    """Put a product on sale, or take it off."""
    active = form.text("active") == "1"
    with request.site.begin() as session:
        name = set_active(session, product_id, active=active)
    toast = "%(name)s is for sale." if active else "%(name)s is off sale."
    return request.redirect(LIST, toast, name=name)


def _form(request: Request, form: Form, product: ProductView | None, status: int = 200) -> Response[str]:
    return request.page(
        "shop/product_form.html",
        status=status,
        product=product,
        currency=request.site.setting("shop.currency"),
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
    )


def _typed(request: Request, product: ProductView) -> dict[str, str]:
    """A product as a person would type it."""
    comma = request.language.code == "de"
    price = written_decimal(product.price.minor, currency_digits(product.price.currency), comma=comma)
    return {
        "name": product.name,
        "slug": product.slug,
        "description": product.description,
        # A price in another currency than the site's has to be thought of anew.
        "price": "" if product.off_sale else price,
        "tax_rate": written_rate(product.tax_rate, comma=comma),
        "stock": "" if product.stock is None else str(product.stock),
        "position": str(product.position),
    }


ROUTES: list[Any] = [
    show_products,
    new_product,
    create_product,
    show_product,
    change_product,
    switch_product,
]
