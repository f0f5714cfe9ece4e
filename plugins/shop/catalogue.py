"""Reading the catalogue: products with their variants and pictures, as visitors and as staff see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen
from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from core import Money, NotFound, Site, fold
from plugins.shop.models import Category, Picture, Product, ProductCategory, Variant

FEW = 5
"""With this many or fewer in stock, the shop page says how many are left."""

OFFERED = 12
"""Products that the form for an order lists; others are found by the search."""

PAGE = 48
"""Products on one page: they fill rows of two, three and four."""


@frozen(kw_only=True)
class VariantView:
    """A variant as pages show it; `title` is the name of product and variant. `off_sale`: its price is in another
    currency than the shop's. `picture` is the address of the product's, empty without one.
    """

    id: int
    name: str
    title: str
    sku: str
    price: Money
    stock: int | None
    off_sale: bool
    picture: str = ""

    @property
    def sold_out(self) -> bool:
        """Whether the last one is gone."""
        return self.stock == 0

    @property
    def few(self) -> int:
        """How many are left, when they are few; else 0."""
        return self.stock if self.stock is not None and 0 < self.stock <= FEW else 0


@frozen(kw_only=True)
class PictureView:
    """A picture as pages show it: addresses of both sizes, and the size of the large one in pixels."""

    id: int
    large: str
    small: str
    width: int
    height: int
    alt: str
    position: int


@frozen(kw_only=True)
class ProductView:
    """A product as pages show it. Visitors are shown only those `variants` that are for sale; staff all."""

    id: int
    slug: str
    name: str
    description: str
    option: str
    tax_rate: int
    active: bool
    position: int
    variants: Sequence[VariantView]
    pictures: Sequence[PictureView] = ()

    @property
    def href(self) -> str:
        """Address of its page."""
        return f"/shop/products/{self.slug}"

    @property
    def blurb(self) -> str:
        """The first line of the description."""
        return self.description.partition("\n")[0]

    @property
    def picture(self) -> PictureView | None:
        """The picture that stands for it."""
        return self.pictures[0] if self.pictures else None

    @property
    def price(self) -> Money:
        """The lowest price of its variants."""
        return min((one.price for one in self.variants), key=lambda price: price.minor)

    @property
    def prices_differ(self) -> bool:
        """Whether its variants have different prices."""
        return len({one.price for one in self.variants}) > 1

    @property
    def off_sale(self) -> bool:
        """Whether the price of a variant has to be thought of anew."""
        return any(one.off_sale for one in self.variants)

    @property
    def sold_out(self) -> bool:
        """Whether the last one of all variants is gone."""
        return all(one.sold_out for one in self.variants)

    @property
    def few(self) -> int:
        """How many are left of its only variant, when they are few; else 0."""
        return self.variants[0].few if len(self.variants) == 1 else 0

    @property
    def stock(self) -> int | None:
        """How many there are of all variants; None when one of them is not counted."""
        counted = [one.stock for one in self.variants if one.stock is not None]
        return sum(counted) if len(counted) == len(self.variants) else None


@frozen(kw_only=True)
class ProductPage:
    """A page of products; `following` is the id of its last when there are more, for `after`."""

    products: Sequence[ProductView]
    following: int | None = None


@frozen(kw_only=True)
class OfferedVariants:
    """Variants in the form for an order; `more` says that the search finds others, too."""

    variants: Sequence[VariantView]
    more: bool


def full_name(product: str, variant: str) -> str:
    """What a line of a cart or an order is called: the product, and its variant when there is a choice."""
    return f"{product}, {variant}" if variant else product


def products_for_sale(
    session: Session, site: Site, *, category: int | None = None, search: str = "", after: int = 0, limit: int = PAGE
) -> ProductPage:
    """What visitors can buy, in the order staff gave it: active, and priced in the site's currency.

    In one category, with all words of `search` in their names or numbers, after the product `after`.
    """
    currency = site.setting("shop.currency")
    priced = select(Variant.id).where(Variant.product_id == Product.id, Variant.currency == currency).exists()
    return _page(
        session, site, [Product.active.is_(True), priced, *_narrowed(category, search)], after, limit, for_sale=True
    )


def all_products(
    session: Session, site: Site, *, category: int | None = None, search: str = "", after: int = 0, limit: int = PAGE
) -> ProductPage:
    """All products, for staff."""
    return _page(session, site, _narrowed(category, search), after, limit, for_sale=False)


def count_other_currency(session: Session, site: Site) -> int:
    """Of how many products a price is in another currency than the shop's."""
    other = select(func.count(Variant.product_id.distinct())).where(Variant.currency != site.setting("shop.currency"))
    return session.scalar(other) or 0


def _narrowed(category: int | None, search: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        Product.search_text.contains(word, autoescape=True) for word in fold(search).split()[:10]
    ]
    if category is not None:
        inside = select(ProductCategory.product_id).where(ProductCategory.category_id == category)
        conditions.append(Product.id.in_(inside))
    return conditions


def _page(
    session: Session,
    site: Site,
    conditions: Iterable[ColumnElement[bool]],
    after: int,
    limit: int,
    *,
    for_sale: bool,
) -> ProductPage:
    statement = select(Product).where(*conditions).order_by(Product.position, Product.id).limit(limit + 1)
    if after and (edge := session.scalar(select(Product.position).where(Product.id == after))) is not None:
        # Never an offset: the last page costs what the first does.
        statement = statement.where(tuple_(Product.position, Product.id) > (edge, after))
    found = session.scalars(statement).all()
    shown = found[:limit]
    return ProductPage(
        products=views_of(session, site, shown, for_sale=for_sale),
        following=shown[-1].id if len(found) > limit else None,
    )


def find_variants(session: Session, site: Site, search: str, chosen: Sequence[int]) -> OfferedVariants:
    """What staff can order for somebody: the chosen variants, then others that the search finds."""
    page = products_for_sale(session, site, search=search, limit=OFFERED)
    there = {one.id: one for product in page.products for one in product.variants}
    missing = select(Variant.product_id).where(Variant.id.in_([one for one in chosen if one not in there]))
    others = session.scalars(select(Product).where(Product.active, Product.id.in_(missing)))
    known = there | {one.id: one for found in views_of(session, site, others, for_sale=True) for one in found.variants}
    first = [known[one] for one in chosen if one in known]
    return OfferedVariants(
        variants=[*first, *(one for one in there.values() if one not in first)],
        more=page.following is not None,
    )


def product_by_slug(session: Session, site: Site, slug: str) -> ProductView:
    """A product that visitors can buy. Raises NotFound."""
    found = session.scalars(select(Product).where(Product.slug == slug, Product.active))
    views = views_of(session, site, found, for_sale=True)
    if not views:
        raise NotFound("This product is not sold here any more.")
    return views[0]


def get_product(session: Session, site: Site, product_id: int) -> ProductView:
    """Any product, for staff. Raises NotFound."""
    views = views_of(session, site, session.scalars(select(Product).where(Product.id == product_id)))
    if not views:
        raise NotFound("There is no such product.")
    return views[0]


def categories_of(session: Session, product_id: int) -> list[tuple[str, str]]:
    """Part of the address and name of each category that a product stands in."""
    rows = session.execute(
        select(Category.slug, Category.name)
        .join(ProductCategory, ProductCategory.category_id == Category.id)
        .where(ProductCategory.product_id == product_id)
        .order_by(Category.position, Category.id)
    )
    return [(row.slug, row.name) for row in rows]


def first_pictures(session: Session, product_ids: Sequence[int]) -> Mapping[int, str]:
    """Product id → address of the small size of the picture that stands for it."""
    statement = select(Picture.product_id, Picture.small).where(Picture.product_id.in_(product_ids))
    # The last one wins: that with the lowest position.
    rows = session.execute(statement.order_by(Picture.position.desc(), Picture.id.desc()))
    return {product_id: f"/shop/pictures/{small}" for product_id, small in rows}


def views_of(session: Session, site: Site, products: Iterable[Product], *, for_sale: bool = False) -> list[ProductView]:
    """The frozen values of rows; two queries for their variants and pictures, however many there are.

    `for_sale` leaves out what can't be bought.
    """
    currency = site.setting("shop.currency")
    found = list(products)
    variants: dict[int, list[VariantView]] = {product.id: [] for product in found}
    pictures: dict[int, list[PictureView]] = {product.id: [] for product in found}
    names = {product.id: product.name for product in found}
    if not found:
        return []
    shown = select(Picture).where(Picture.product_id.in_(names)).order_by(Picture.position, Picture.id)
    for picture in session.scalars(shown):
        pictures[picture.product_id].append(
            PictureView(
                id=picture.id,
                large=f"/shop/pictures/{picture.large}",
                small=f"/shop/pictures/{picture.small}",
                width=picture.width,
                height=picture.height,
                alt=picture.alt,
                position=picture.position,
            )
        )
    statement = select(Variant).where(Variant.product_id.in_(names)).order_by(Variant.position, Variant.id)
    for variant in session.scalars(statement):
        if for_sale and variant.currency != currency:
            continue
        of_product = pictures[variant.product_id]
        variants[variant.product_id].append(
            VariantView(
                id=variant.id,
                name=variant.name,
                title=full_name(names[variant.product_id], variant.name),
                sku=variant.sku or "",
                price=Money(minor=variant.price, currency=variant.currency),
                stock=variant.stock,
                off_sale=variant.currency != currency,
                picture=of_product[0].small if of_product else "",
            )
        )
    return [
        ProductView(
            id=product.id,
            slug=product.slug,
            name=product.name,
            description=product.description,
            option=product.option,
            tax_rate=product.tax_rate,
            active=product.active,
            position=product.position,
            variants=variants[product.id],
            pictures=pictures[product.id],
        )
        for product in found
        if variants[product.id]
    ]
