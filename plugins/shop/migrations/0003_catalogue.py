"""Variants, pictures and categories. Each product that is there becomes one with a single variant of the same id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core import fold

revision = "0003"
down_revision = "0002"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and move price and stock from the products to their variants."""
    op.create_table(
        "shop_variants",
        sa.Column("id", BIG, nullable=False),
        sa.Column("product_id", BIG, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=True),
        sa.Column("price", BIG, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("price >= 0", name=op.f("ck_shop_variants_price")),
        sa.CheckConstraint("stock >= 0", name=op.f("ck_shop_variants_stock")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["shop_products.id"], name=op.f("fk_shop_variants_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_variants")),
        sa.UniqueConstraint("sku", name=op.f("uq_shop_variants_sku")),
    )
    op.create_index("ix_shop_variants_product_id", "shop_variants", ["product_id", "position"], unique=False)
    op.create_table(
        "shop_pictures",
        sa.Column("id", BIG, nullable=False),
        sa.Column("product_id", BIG, nullable=False),
        sa.Column("large", sa.String(), nullable=False),
        sa.Column("small", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("alt", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["shop_products.id"], name=op.f("fk_shop_pictures_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_pictures")),
        sa.UniqueConstraint("large", name=op.f("uq_shop_pictures_large")),
        sa.UniqueConstraint("small", name=op.f("uq_shop_pictures_small")),
    )
    op.create_index("ix_shop_pictures_product_id", "shop_pictures", ["product_id", "position"], unique=False)
    op.create_table(
        "shop_categories",
        sa.Column("id", BIG, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_categories")),
        sa.UniqueConstraint("slug", name=op.f("uq_shop_categories_slug")),
    )
    op.create_table(
        "shop_product_categories",
        sa.Column("product_id", BIG, nullable=False),
        sa.Column("category_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"],
            ["shop_categories.id"],
            name=op.f("fk_shop_product_categories_category_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["shop_products.id"],
            name=op.f("fk_shop_product_categories_product_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("product_id", "category_id", name=op.f("pk_shop_product_categories")),
    )
    op.create_index(
        op.f("ix_shop_product_categories_category_id"), "shop_product_categories", ["category_id"], unique=False
    )
    op.execute(
        "INSERT INTO shop_variants (id, product_id, name, price, currency, stock, position) "
        "SELECT id, id, '', price, currency, stock, 0 FROM shop_products"
    )
    if op.get_bind().dialect.name == "postgresql":
        # The ids were given here, and not by the sequence.
        op.execute(
            "SELECT setval(pg_get_serial_sequence('shop_variants', 'id'), coalesce(max(id), 0) + 1, false) "
            "FROM shop_variants"
        )
    _lines_of("variant")
    with op.batch_alter_table("shop_order_lines", reflect_kwargs={"resolve_fks": False}) as lines:
        lines.add_column(sa.Column("variant_id", BIG, nullable=True))
        lines.create_foreign_key(
            op.f("fk_shop_order_lines_variant_id"), "shop_variants", ["variant_id"], ["id"], ondelete="SET NULL"
        )
    op.execute("UPDATE shop_order_lines SET variant_id = product_id")
    op.create_index(op.f("ix_shop_order_lines_variant_id"), "shop_order_lines", ["variant_id"], unique=False)
    op.add_column("shop_products", sa.Column("option", sa.String(), server_default="", nullable=False))
    op.add_column("shop_products", sa.Column("search_text", sa.String(), server_default="", nullable=False))
    names = op.get_bind().execute(sa.text("SELECT id, name FROM shop_products")).all()
    products = sa.table("shop_products", sa.column("id"), sa.column("search_text"))
    for product_id, name in names:
        op.execute(products.update().where(products.c.id == product_id).values(search_text=fold(name)))
    with op.batch_alter_table("shop_products") as batch:
        batch.drop_constraint(op.f("ck_shop_products_price"), type_="check")
        batch.drop_constraint(op.f("ck_shop_products_stock"), type_="check")
        batch.drop_column("price")
        batch.drop_column("currency")
        batch.drop_column("stock")


def downgrade() -> None:
    """Move price and stock back to the products: of each its first variant's. The others go, and so do pictures."""
    op.add_column("shop_products", sa.Column("price", BIG, server_default="0", nullable=False))
    op.add_column("shop_products", sa.Column("currency", sa.String(), server_default="", nullable=False))
    op.add_column("shop_products", sa.Column("stock", sa.Integer(), nullable=True))
    op.execute(
        "DELETE FROM shop_variants WHERE id NOT IN (SELECT (SELECT one.id FROM shop_variants AS one "
        "WHERE one.product_id = shop_products.id ORDER BY one.position, one.id LIMIT 1) FROM shop_products)"
    )
    for name in ("price", "currency", "stock"):
        op.execute(
            f"UPDATE shop_products SET {name} = "  # noqa: S608 (one of the names above)
            f"(SELECT {name} FROM shop_variants WHERE product_id = shop_products.id)"
        )
    with op.batch_alter_table("shop_products") as batch:
        batch.alter_column("price", server_default=None)
        batch.alter_column("currency", server_default=None)
        batch.drop_column("option")
        batch.drop_column("search_text")
        batch.create_check_constraint(op.f("ck_shop_products_price"), "price >= 0")
        batch.create_check_constraint(op.f("ck_shop_products_stock"), "stock >= 0")
    op.drop_index(op.f("ix_shop_order_lines_variant_id"), table_name="shop_order_lines")
    with op.batch_alter_table("shop_order_lines", reflect_kwargs={"resolve_fks": False}) as lines:
        lines.drop_constraint(op.f("fk_shop_order_lines_variant_id"), type_="foreignkey")
        lines.drop_column("variant_id")
    _lines_of("product")
    op.drop_index(op.f("ix_shop_product_categories_category_id"), table_name="shop_product_categories")
    op.drop_table("shop_product_categories")
    op.drop_table("shop_categories")
    op.drop_index("ix_shop_pictures_product_id", table_name="shop_pictures")
    op.drop_table("shop_pictures")
    op.drop_index("ix_shop_variants_product_id", table_name="shop_variants")
    op.drop_table("shop_variants")


def _lines_of(what: str) -> None:
    """Make the lines of the carts anew, as so many of a product, or of a variant. There are those of a few weeks."""
    column, before = ("variant_id", "product_id") if what == "variant" else ("product_id", "variant_id")
    other = "id" if what == "variant" else "product_id"
    lines = op.get_bind().execute(
        sa.text(
            f"SELECT lines.cart_id, variants.{other}, lines.quantity FROM shop_cart_lines AS lines "  # noqa: S608 (names from above)
            f"JOIN shop_variants AS variants ON variants.id = lines.{before}"
        )
    )
    kept = [dict(zip(("cart_id", column, "quantity"), line, strict=True)) for line in lines]
    op.drop_index(op.f(f"ix_shop_cart_lines_{before}"), table_name="shop_cart_lines")
    op.drop_table("shop_cart_lines")
    table = op.create_table(
        "shop_cart_lines",
        sa.Column("cart_id", BIG, nullable=False),
        sa.Column(column, BIG, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shop_cart_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["cart_id"], ["shop_carts.id"], name=op.f("fk_shop_cart_lines_cart_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            [column], [f"shop_{what}s.id"], name=op.f(f"fk_shop_cart_lines_{column}"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cart_id", column, name=op.f("pk_shop_cart_lines")),
    )
    op.create_index(op.f(f"ix_shop_cart_lines_{column}"), "shop_cart_lines", [column], unique=False)
    op.bulk_insert(table, kept)
