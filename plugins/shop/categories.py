"""Categories: the shelves of the shop, and how staff write them."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core import Form, InvalidInput, NotFound, Site, upsert
from plugins.shop.models import Category, Product, ProductCategory, Variant
from plugins.shop.product_form import MAX_DESCRIPTION, MAX_NAME, read_position, read_slug


@frozen(kw_only=True)
class CategoryView:
    """A category as pages show it; `products` is how many stand in it, where that was asked for."""

    id: int
    slug: str
    name: str
    description: str
    position: int
    products: int = 0

    @property
    def href(self) -> str:
        """Address of its page."""
        return f"/shop/categories/{self.slug}"


@frozen(kw_only=True)
class CategoryValues:
    """What staff typed for a category, checked."""

    name: str
    slug: str
    description: str = ""
    position: int = 100


def _view(category: Category, products: int = 0) -> CategoryView:
    return CategoryView(
        id=category.id,
        slug=category.slug,
        name=category.name,
        description=category.description,
        position=category.position,
        products=products,
    )


def all_categories(session: Session) -> Sequence[CategoryView]:
    """All categories with the number of their products, for staff."""
    rows = session.execute(
        select(Category, func.count(ProductCategory.product_id))
        .outerjoin(ProductCategory, ProductCategory.category_id == Category.id)
        .group_by(Category.id)
        .order_by(Category.position, Category.id)
    )
    return [_view(category, number) for category, number in rows]


def categories_for_sale(session: Session, site: Site) -> Sequence[CategoryView]:
    """The categories in which there is something that visitors can buy."""
    sold = (
        select(ProductCategory.product_id)
        .join(Product, Product.id == ProductCategory.product_id)
        .join(Variant, Variant.product_id == Product.id)
        .where(
            ProductCategory.category_id == Category.id,
            Product.active,
            Variant.currency == site.setting("shop.currency"),
        )
    )
    rows = session.scalars(select(Category).where(sold.exists()).order_by(Category.position, Category.id))
    return [_view(category) for category in rows]


def category_by_slug(session: Session, slug: str) -> CategoryView:
    """A category, also an empty one. Raises NotFound."""
    category = session.scalar(select(Category).where(Category.slug == slug))
    if category is None:
        raise NotFound("There is no such category.")
    return _view(category)


def get_category(session: Session, category_id: int) -> CategoryView:
    """A category, for staff. Raises NotFound."""
    category = session.get(Category, category_id)
    if category is None:
        raise NotFound("There is no such category.")
    return _view(category)


def read_category_form(form: Form) -> CategoryValues | None:
    """Check what staff typed; None when something is wrong, which `form.errors` then says."""
    name, description = form.text("name"), form.text("description", multiline=True)
    if not name or len(name) > MAX_NAME:
        form.fail(InvalidInput("Enter a name of at most %(max)s characters.", field="name", max=MAX_NAME))
    if len(description) > MAX_DESCRIPTION:
        form.fail(
            InvalidInput("This is too long: %(max)s characters at most.", field="description", max=MAX_DESCRIPTION)
        )
    slug, position = read_slug(form, name), read_position(form)
    if form.errors:
        return None
    return CategoryValues(name=name, slug=slug, description=description, position=position)


def add_category(session: Session, values: CategoryValues) -> int:
    """Add a category; answers its id. Raises InvalidInput when its address is taken."""
    columns = {
        "slug": values.slug,
        "name": values.name,
        "description": values.description,
        "position": values.position,
    }
    category_id: int | None = session.scalar(upsert(session, Category, columns, keys=["slug"]).returning(Category.id))
    if category_id is None:
        raise _taken()
    return category_id


def edit_category(session: Session, category_id: int, values: CategoryValues) -> None:
    """Change a category. Raises NotFound, and InvalidInput when its address is taken."""
    category = session.get(Category, category_id, with_for_update=True)
    if category is None:
        raise NotFound("There is no such category.")
    if session.scalar(select(Category.id).where(Category.slug == values.slug, Category.id != category_id)):
        raise _taken()
    category.slug, category.name = values.slug, values.name
    category.description, category.position = values.description, values.position


def delete_category(session: Session, category_id: int) -> str:
    """Remove a category, whose products stay; answers its name. Raises NotFound."""
    name: str | None = session.scalar(delete(Category).where(Category.id == category_id).returning(Category.name))
    if name is None:
        raise NotFound("There is no such category.")
    return name


def _taken() -> InvalidInput:
    return InvalidInput("Another category has this address. Choose a different one.", field="slug")
