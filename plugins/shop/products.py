"""Products: what is for sale, and how staff write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from attrs import frozen
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import Conflict, Form, InvalidInput, Money, NotFound, Site, upsert
from plugins.shop.amounts import MAX_STOCK, parse_price, parse_rate
from plugins.shop.models import Product

MAX_NAME = 120
MAX_DESCRIPTION = 5000
MAX_POSITION = 100_000
FEW = 5
"""With this many or fewer in stock, the shop page says how many are left."""

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@frozen(kw_only=True)
class ProductView:
    """A product as pages show it."""

    id: int
    slug: str
    name: str
    description: str
    price: Money
    tax_rate: int
    stock: int | None
    active: bool
    position: int
    off_sale: bool

    @property
    def sold_out(self) -> bool:
        """Whether the last one is gone."""
        return self.stock == 0

    @property
    def few(self) -> int:
        """How many are left, when they are few; else 0."""
        return self.stock if self.stock is not None and 0 < self.stock <= FEW else 0

    @property
    def href(self) -> str:
        """Address of its page."""
        return f"/shop/products/{self.slug}"

    @property
    def blurb(self) -> str:
        """The first line of the description."""
        return self.description.partition("\n")[0]


@frozen(kw_only=True)
class ProductValues:
    """What staff typed for a product, checked."""

    name: str
    slug: str
    description: str
    price: int
    tax_rate: int
    stock: int | None
    position: int


def view_of(product: Product, currency: str) -> ProductView:
    """The frozen values of a row; `currency` is the site's."""
    return ProductView(
        id=product.id,
        slug=product.slug,
        name=product.name,
        description=product.description,
        price=Money(minor=product.price, currency=product.currency),
        tax_rate=product.tax_rate,
        stock=product.stock,
        active=product.active,
        position=product.position,
        off_sale=product.currency != currency,
    )


def products_for_sale(session: Session, site: Site) -> Sequence[ProductView]:
    """What visitors can buy, in the order staff gave it: active, and priced in the site's currency."""
    currency = site.setting("shop.currency")
    statement = (
        select(Product).where(Product.active, Product.currency == currency).order_by(Product.position, Product.id)
    )
    return [view_of(product, currency) for product in session.scalars(statement)]


def all_products(session: Session, site: Site) -> Sequence[ProductView]:
    """All products, for staff."""
    currency = site.setting("shop.currency")
    statement = select(Product).order_by(Product.position, Product.id)
    return [view_of(product, currency) for product in session.scalars(statement)]


def product_by_slug(session: Session, site: Site, slug: str) -> ProductView:
    """A product that visitors can buy. Raises NotFound."""
    currency = site.setting("shop.currency")
    product = session.scalar(select(Product).where(Product.slug == slug, Product.active, Product.currency == currency))
    if product is None:
        raise NotFound("This product is not sold here any more.")
    return view_of(product, currency)


def get_product(session: Session, site: Site, product_id: int) -> ProductView:
    """Any product, for staff. Raises NotFound."""
    product = session.get(Product, product_id)
    if product is None:
        raise NotFound("There is no such product.")
    return view_of(product, site.setting("shop.currency"))


def make_slug(name: str) -> str:
    """A part of an address made of a name: "Käse-Brötchen" becomes "kaese-broetchen"."""
    text = name.casefold()
    for letter, letters in {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}.items():
        text = text.replace(letter, letters)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:80].strip("-")


def read_product_form(form: Form, currency: str) -> ProductValues | None:
    """Check what staff typed; None when something is wrong, which `form.errors` then says."""

    def note(error: InvalidInput) -> None:
        form.fail(error)

    name = form.text("name")
    if not name or len(name) > MAX_NAME:
        note(InvalidInput("Enter a name of at most %(max)s characters.", field="name", max=MAX_NAME))
    slug = form.text("slug") or make_slug(name)
    if name and (not SLUG.fullmatch(slug) or len(slug) > 80):
        note(InvalidInput("Use small letters, digits and hyphens, such as rye-bread.", field="slug"))
    description = form.text("description", multiline=True)
    if len(description) > MAX_DESCRIPTION:
        note(InvalidInput("This is too long: %(max)s characters at most.", field="description", max=MAX_DESCRIPTION))
    price = tax_rate = 0
    try:
        price = parse_price(form.text("price"), currency)
    except InvalidInput as error:
        note(error)
    try:
        tax_rate = parse_rate(form.text("tax_rate"))
    except InvalidInput as error:
        note(error)
    stock, position = form.whole_number("stock"), form.whole_number("position")
    if stock is not None and not 0 <= stock <= MAX_STOCK:
        note(InvalidInput("Enter a number from 0 to %(max)s, or leave it empty.", field="stock", max=MAX_STOCK))
    if position is not None and not 0 <= position <= MAX_POSITION:
        note(InvalidInput("Enter a number from 0 to %(max)s.", field="position", max=MAX_POSITION))
    if form.errors:
        return None
    return ProductValues(
        name=name,
        slug=slug,
        description=description,
        price=price,
        tax_rate=tax_rate,
        stock=stock,
        position=100 if position is None else position,
    )


def add_product(session: Session, site: Site, values: ProductValues) -> int:
    """Add a product, for sale at once; answers its id. Raises InvalidInput when its address is taken."""
    statement = upsert(session, Product, _columns(site, values) | {"active": True}, keys=["slug"])
    product_id: int | None = session.scalar(statement.returning(Product.id))
    if product_id is None:
        raise _taken()
    return product_id


def edit_product(session: Session, site: Site, product_id: int, values: ProductValues, seen_stock: str) -> None:
    """Change a product. Raises NotFound, InvalidInput when its address is taken, and Conflict.

    `seen_stock` is the stock the form showed: an order that came meanwhile has lowered it, and writing the
    typed number over that would put sold goods back on the shelf.
    """
    product = session.get(Product, product_id, with_for_update=True, populate_existing=True)
    if product is None:
        raise NotFound("There is no such product.")
    if session.scalar(select(Product.id).where(Product.slug == values.slug, Product.id != product_id)):
        raise _taken()
    columns = _columns(site, values)
    stock_now = "" if product.stock is None else str(product.stock)
    typed = "" if values.stock is None else str(values.stock)
    if typed == seen_stock:
        columns.pop("stock")
    elif stock_now != seen_stock:
        raise Conflict("The stock has changed since this page was opened. Nothing was saved.")
    for name, value in columns.items():
        setattr(product, name, value)


def set_active(session: Session, product_id: int, *, active: bool) -> str:
    """Put a product on sale or take it off; answers its name. Raises NotFound."""
    name: str | None = session.scalar(
        update(Product).where(Product.id == product_id).values(active=active).returning(Product.name)
    )
    if name is None:
        raise NotFound("There is no such product.")
    return name


def _columns(site: Site, values: ProductValues) -> dict[str, object]:
    return {
        "slug": values.slug,
        "name": values.name,
        "description": values.description,
        "price": values.price,
        "currency": site.setting("shop.currency"),
        "tax_rate": values.tax_rate,
        "stock": values.stock,
        "position": values.position,
    }


def _taken() -> InvalidInput:
    return InvalidInput("Another product has this address. Choose a different one.", field="slug")
