"""The form of a product: one row of fields for each variant, `price-0`, `stock-0`, … for the first."""

from __future__ import annotations

import re

from core import Form, InvalidInput
from plugins.shop.amounts import MAX_STOCK, parse_price, parse_rate
from plugins.shop.products import ProductValues, VariantValues, make_slug

MAX_NAME = 120
MAX_DESCRIPTION = 5000
MAX_POSITION = 100_000
MAX_OPTION = 60
MAX_SKU = 60
MAX_VARIANTS = 50

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
PRICE = re.compile(r"price-([0-9]{1,3})")


def rows_of(form: Form) -> list[int]:
    """The rows of variants that the form has, in their order."""
    found = (PRICE.fullmatch(name) for name in form.fields)
    return sorted({int(match[1]) for match in found if match is not None})


def read_product_form(form: Form, currency: str) -> ProductValues | None:
    """Check what staff typed; None when something is wrong, which `form.errors` then says."""
    name = form.text("name")
    if not name or len(name) > MAX_NAME:
        form.fail(InvalidInput("Enter a name of at most %(max)s characters.", field="name", max=MAX_NAME))
    slug = read_slug(form, name)
    description = _text(form, "description", MAX_DESCRIPTION, multiline=True)
    option = _text(form, "option", MAX_OPTION)
    tax_rate = 0
    try:
        tax_rate = parse_rate(form.text("tax_rate"))
    except InvalidInput as error:
        form.fail(error)
    variants = [values for row in rows_of(form) if (values := _variant(form, row, currency)) is not None]
    if len(variants) > MAX_VARIANTS:
        form.fail(InvalidInput("A product has at most %(max)s variants.", max=MAX_VARIANTS))
    position = read_position(form)
    if form.errors:
        return None
    return ProductValues(
        name=name,
        slug=slug,
        description=description,
        option=option,
        tax_rate=tax_rate,
        position=position,
        categories=read_categories(form),
        variants=variants,
    )


def read_slug(form: Form, name: str) -> str:
    """The part of the address, made of the name when it was left empty."""
    slug = form.text("slug") or make_slug(name)
    if name and (not SLUG.fullmatch(slug) or len(slug) > 80):
        form.fail(InvalidInput("Use small letters, digits and hyphens, such as rye-bread.", field="slug"))
    return slug


def read_position(form: Form) -> int:
    """Where something stands among others; 100 when nothing was typed."""
    position = form.whole_number("position")
    if position is not None and not 0 <= position <= MAX_POSITION:
        form.fail(InvalidInput("Enter a number from 0 to %(max)s.", field="position", max=MAX_POSITION))
    return 100 if position is None else position


def read_categories(form: Form) -> frozenset[int]:
    """The categories that were ticked."""
    return frozenset(int(one) for one in form.texts("category") if one.isascii() and one.isdigit() and len(one) <= 15)


def _variant(form: Form, row: int, currency: str) -> VariantValues | None:
    """One row; None when it is a new one that was left empty, or is to be removed before it ever was there."""
    names = {part: f"{part}-{row}" for part in ("id", "variant", "price", "stock", "sku", "remove", "seen_stock")}
    number = form.text(names["id"])
    known = int(number) if number.isascii() and number.isdigit() and len(number) <= 15 else None
    remove = form.ticked(names["remove"])
    if known is None and (remove or (row and not any(form.text(names[part]) for part in ("variant", "price", "sku")))):
        return None
    if remove:
        return VariantValues(id=known, price=0, remove=True, place=row)
    name = _text(form, names["variant"], MAX_NAME)
    sku = _text(form, names["sku"], MAX_SKU)
    price = 0
    try:
        price = parse_price(form.text(names["price"]), currency, name=names["price"])
    except InvalidInput as error:
        form.fail(error)
    stock = form.whole_number(names["stock"])
    if stock is not None and not 0 <= stock <= MAX_STOCK:
        form.fail(
            InvalidInput("Enter a number from 0 to %(max)s, or leave it empty.", field=names["stock"], max=MAX_STOCK)
        )
    return VariantValues(
        id=known,
        name=name,
        sku=sku,
        price=price,
        stock=stock,
        seen_stock=form.text(names["seen_stock"]),
        place=row,
    )


def _text(form: Form, name: str, maximum: int, *, multiline: bool = False) -> str:
    text = form.text(name, multiline=multiline)
    if len(text) > maximum:
        form.fail(InvalidInput("This is too long: %(max)s characters at most.", field=name, max=maximum))
    return text
