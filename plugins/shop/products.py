"""Products: how staff write them, with their variants."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from attrs import frozen
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core import Conflict, InvalidInput, NotFound, Site, fold, upsert
from plugins.shop.models import Category, Product, ProductCategory, Variant


@frozen(kw_only=True)
class VariantValues:
    """What staff typed for a variant, checked. `id` is None for a new one, `name` empty for a product's only one.

    `seen_stock` is the stock that the form showed, as text; with `remove` the variant goes. `place` is its row in the
    form, beside which an error stands.
    """

    price: int
    stock: int | None = None
    name: str = ""
    sku: str = ""
    id: int | None = None
    seen_stock: str = ""
    remove: bool = False
    place: int = 0


@frozen(kw_only=True)
class ProductValues:
    """What staff typed for a product, checked; `option` says what its variants differ in, `categories` are ids."""

    name: str
    slug: str
    description: str = ""
    tax_rate: int
    position: int = 100
    option: str = ""
    categories: frozenset[int] = frozenset()
    variants: Sequence[VariantValues]


def make_slug(name: str) -> str:
    """A part of an address made of a name: "Käse-Brötchen" becomes "kaese-broetchen"."""
    text = name.casefold()
    for letter, letters in {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}.items():
        text = text.replace(letter, letters)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:80].strip("-")


def add_product(session: Session, site: Site, values: ProductValues) -> int:
    """Add a product, for sale at once; answers its id. Raises InvalidInput when its address or a number is taken."""
    statement = upsert(session, Product, _columns(values) | {"active": True}, keys=["slug"])
    product_id: int | None = session.scalar(statement.returning(Product.id))
    if product_id is None:
        raise _taken()
    _write_variants(session, site, product_id, values.variants)
    _put_into(session, product_id, values.categories)
    return product_id


def category_ids(session: Session, product_id: int) -> list[int]:
    """The categories that a product stands in."""
    return list(session.scalars(select(ProductCategory.category_id).where(ProductCategory.product_id == product_id)))


def variant_ids(session: Session, product_id: int) -> list[int]:
    """The variants of a product, in their order."""
    statement = select(Variant.id).where(Variant.product_id == product_id).order_by(Variant.position, Variant.id)
    return list(session.scalars(statement))


def edit_product(session: Session, site: Site, product_id: int, values: ProductValues) -> None:
    """Change a product. Raises NotFound, InvalidInput when its address or a number is taken, and Conflict.

    A variant that the values do not name stays as it is: a colleague has added it meanwhile.
    """
    # The variants first and in the order of their ids, as orders take their stock, then the product: of two who save
    # at once the second sees what the first has made. References to the rows need not wait.
    locked = select(Variant.id).where(Variant.product_id == product_id).order_by(Variant.id)
    session.execute(locked.with_for_update(key_share=True)).all()
    statement = select(Product).where(Product.id == product_id).with_for_update(key_share=True)
    product = session.scalar(statement, execution_options={"populate_existing": True})
    if product is None:
        raise NotFound("There is no such product.")
    if session.scalar(select(Product.id).where(Product.slug == values.slug, Product.id != product_id)):
        raise _taken()
    for name, value in _columns(values).items():
        setattr(product, name, value)
    _write_variants(session, site, product_id, values.variants)
    _put_into(session, product_id, values.categories)


def set_active(session: Session, product_id: int, *, active: bool) -> str:
    """Put a product on sale or take it off; answers its name. Raises NotFound."""
    name: str | None = session.scalar(
        update(Product).where(Product.id == product_id).values(active=active).returning(Product.name)
    )
    if name is None:
        raise NotFound("There is no such product.")
    return name


def _columns(values: ProductValues) -> dict[str, object]:
    return {
        "slug": values.slug,
        "name": values.name,
        "description": values.description,
        "option": values.option,
        "tax_rate": values.tax_rate,
        "position": values.position,
    }


def _write_variants(session: Session, site: Site, product_id: int, wanted: Sequence[VariantValues]) -> None:
    statement = select(Variant).where(Variant.product_id == product_id)
    known = {one.id: one for one in session.scalars(statement, execution_options={"populate_existing": True})}
    for values in wanted:
        if values.id is not None and values.id not in known:
            raise Conflict("A variant was removed since this page was opened. Nothing was saved.")
    gone = {values.id for values in wanted if values.remove and values.id is not None}
    kept = [values for values in wanted if not values.remove]
    _check_names(known, gone, kept)
    session.execute(delete(Variant).where(Variant.id.in_(gone)))
    _check_numbers(session, product_id, kept)
    # A number may go from one variant to another: all are free before any is taken.
    session.execute(
        update(Variant).where(Variant.id.in_([one.id for one in kept if one.id is not None])).values(sku=None)
    )
    currency = site.setting("shop.currency")
    for position, values in enumerate(kept):
        variant = known.get(values.id) if values.id is not None else None
        if variant is None:
            variant = Variant(product_id=product_id, stock=values.stock)
            session.add(variant)
        else:
            _set_stock(variant, values)
        variant.name, variant.price, variant.currency = values.name, values.price, currency
        variant.sku, variant.position = values.sku or None, position
    session.flush()
    _write_search_text(session, product_id)


def _write_search_text(session: Session, product_id: int) -> None:
    rows = session.execute(
        select(Product.name, Variant.name, Variant.sku)
        .join(Variant, Variant.product_id == Product.id)
        .where(Product.id == product_id)
    )
    words = dict.fromkeys(text for row in rows for text in row if text)
    text = "\n".join(fold(word) for word in words)
    session.execute(update(Product).where(Product.id == product_id).values(search_text=text))


def _put_into(session: Session, product_id: int, categories: frozenset[int]) -> None:
    """Have the product stand in exactly these categories; those that there are not any more are left out."""
    session.execute(delete(ProductCategory).where(ProductCategory.product_id == product_id))
    there = session.scalars(select(Category.id).where(Category.id.in_(categories)).with_for_update(key_share=True))
    if rows := [{"product_id": product_id, "category_id": one} for one in there]:
        session.execute(insert(ProductCategory), rows)


def _set_stock(variant: Variant, values: VariantValues) -> None:
    """Write the stock that was typed, if it was.

    An order that came since the form was opened has lowered the stock, and writing the typed number over that would
    put sold goods back on the shelf. Raises Conflict.
    """
    now = "" if variant.stock is None else str(variant.stock)
    typed = "" if values.stock is None else str(values.stock)
    if typed == values.seen_stock:
        return
    if now != values.seen_stock:
        raise Conflict("The stock has changed since this page was opened. Nothing was saved.")
    variant.stock = values.stock


def _check_names(known: dict[int, Variant], gone: set[int], kept: Sequence[VariantValues]) -> None:
    """A product has at least one variant, and two of its variants never one name. Raises InvalidInput."""
    named = {values.id for values in kept}
    others = [one for one in known.values() if one.id not in named and one.id not in gone]
    if not kept and not others:
        raise InvalidInput("A product needs at least one variant. Take it off sale instead.")
    taken = {one.name.casefold() for one in others}
    several = len(kept) + len(others) > 1
    for values in kept:
        if several and not values.name:
            raise InvalidInput("Give each variant a name.", field=f"variant-{values.place}")
        if values.name.casefold() in taken:
            raise InvalidInput("Another variant has this name.", field=f"variant-{values.place}")
        taken.add(values.name.casefold())


def _check_numbers(session: Session, product_id: int, kept: Sequence[VariantValues]) -> None:
    numbers = [values.sku for values in kept if values.sku]
    own = [values.id for values in kept if values.id is not None]
    taken = set(session.scalars(select(Variant.sku).where(Variant.sku.in_(numbers), Variant.id.not_in(own))))
    for values in kept:
        if values.sku and values.sku in taken:
            raise InvalidInput("Another product has this number.", field=f"sku-{values.place}")
        taken.add(values.sku)


def _taken() -> InvalidInput:
    return InvalidInput("Another product has this address. Choose a different one.", field="slug")
