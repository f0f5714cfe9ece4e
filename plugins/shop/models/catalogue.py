"""What is sold: products, their variants and pictures, categories (FEATURES S1)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id
from plugins.shop.models.moments import now


class Product(Base):
    """Something that can be ordered. What has a price and a stock is its variant, of which each product has at least
    one.

    `option` says what its variants differ in ("Size"); it is empty for a product with a single variant. `search_text`
    is the folded text that product search looks through: its name, and the names and numbers of its variants.
    """

    __tablename__ = "shop_products"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    option: Mapped[str] = mapped_column(default="", server_default="")
    tax_rate: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=100)
    created_at: Mapped[datetime] = mapped_column(default=now)
    search_text: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        CheckConstraint("tax_rate >= 0", name="tax_rate"),
        Index("ix_shop_products_position", "position", "id"),
    )


class Variant(Base):
    """What is put into a cart: the product in one of its kinds. A product without options has exactly one, whose name
    is empty.

    `price` includes the tax; `stock` None means: it is not counted. `currency` is the site's when the price was typed.
    After the site changes its currency the price means nothing, and the variant is off sale until staff save its price
    anew.
    """

    __tablename__ = "shop_variants"

    id: Mapped[Id]
    product_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_products.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(default="")
    sku: Mapped[str | None] = mapped_column(unique=True)
    price: Mapped[int] = mapped_column(BigInt)
    currency: Mapped[str]
    stock: Mapped[int | None]
    position: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("stock >= 0", name="stock"),
        Index("ix_shop_variants_product_id", "product_id", "position"),
    )


class Picture(Base):
    """A picture of a product, made anew from what was uploaded: `large` and `small` are the stored names of its files.

    `alt` says in words what it shows; the picture with the lowest position stands for the product.
    """

    __tablename__ = "shop_pictures"

    id: Mapped[Id]
    product_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_products.id", ondelete="CASCADE"))
    large: Mapped[str] = mapped_column(unique=True)
    small: Mapped[str] = mapped_column(unique=True)
    width: Mapped[int]
    height: Mapped[int]
    alt: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=0)

    __table_args__ = (Index("ix_shop_pictures_product_id", "product_id", "position"),)


class Category(Base):
    """A shelf of the shop. A product may stand on several, or on none."""

    __tablename__ = "shop_categories"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=100)


class ProductCategory(Base):
    """That a product stands in a category."""

    __tablename__ = "shop_product_categories"

    product_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_products.id", ondelete="CASCADE"), primary_key=True
    )
    category_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_categories.id", ondelete="CASCADE"), primary_key=True, index=True
    )
