"""First tables: the tables of shop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "shop_carts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("checkout_key", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_carts")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_shop_carts_token_hash")),
    )
    op.create_index(op.f("ix_shop_carts_updated_at"), "shop_carts", ["updated_at"], unique=False)
    op.create_table(
        "shop_order_counters",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_shop_order_counters")),
    )
    op.create_table(
        "shop_products",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("price", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("tax_rate", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("price >= 0", name=op.f("ck_shop_products_price")),
        sa.CheckConstraint("stock >= 0", name=op.f("ck_shop_products_stock")),
        sa.CheckConstraint("tax_rate >= 0", name=op.f("ck_shop_products_tax_rate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_products")),
        sa.UniqueConstraint("slug", name=op.f("uq_shop_products_slug")),
    )
    op.create_index("ix_shop_products_position", "shop_products", ["position", "id"], unique=False)
    op.create_table(
        "shop_cart_lines",
        sa.Column("cart_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shop_cart_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["cart_id"], ["shop_carts.id"], name=op.f("fk_shop_cart_lines_cart_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["shop_products.id"],
            name=op.f("fk_shop_cart_lines_product_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("cart_id", "product_id", name=op.f("pk_shop_cart_lines")),
    )
    op.create_index(op.f("ix_shop_cart_lines_product_id"), "shop_cart_lines", ["product_id"], unique=False)
    op.create_table(
        "shop_customer_amounts",
        sa.Column(
            "contact_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contacts.id"],
            name=op.f("fk_shop_customer_amounts_contact_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("contact_id", "currency", name=op.f("pk_shop_customer_amounts")),
    )
    op.create_table(
        "shop_customer_totals",
        sa.Column(
            "contact_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contacts.id"],
            name=op.f("fk_shop_customer_totals_contact_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_shop_customer_totals")),
    )
    op.create_index(
        "ix_shop_customer_totals_last", "shop_customer_totals", ["last_order_at", "contact_id"], unique=False
    )
    op.create_index("ix_shop_customer_totals_orders", "shop_customer_totals", ["orders", "contact_id"], unique=False)
    op.create_table(
        "shop_orders",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("checkout_key", sa.String(), nullable=True),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("street2", sa.String(), nullable=False),
        sa.Column("postal_code", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("placed_by_name", sa.String(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("search_text", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'paid', 'shipped', 'cancelled')", name=op.f("ck_shop_orders_state")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_shop_orders_contact_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_orders")),
        sa.UniqueConstraint("checkout_key", name=op.f("uq_shop_orders_checkout_key")),
        sa.UniqueConstraint("number", name=op.f("uq_shop_orders_number")),
        sa.UniqueConstraint("token", name=op.f("uq_shop_orders_token")),
    )
    op.create_index(op.f("ix_shop_orders_contact_id"), "shop_orders", ["contact_id"], unique=False)
    op.create_index("ix_shop_orders_placed", "shop_orders", ["placed_at", "id"], unique=False)
    op.create_index("ix_shop_orders_state", "shop_orders", ["state", "placed_at", "id"], unique=False)
    op.create_table(
        "shop_order_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["shop_orders.id"], name=op.f("fk_shop_order_events_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_order_events")),
    )
    op.create_index(op.f("ix_shop_order_events_order_id"), "shop_order_events", ["order_id"], unique=False)
    op.create_table(
        "shop_order_lines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("unit_price", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tax_rate", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("from_stock", sa.Boolean(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shop_order_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["shop_orders.id"], name=op.f("fk_shop_order_lines_order_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["shop_products.id"],
            name=op.f("fk_shop_order_lines_product_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_order_lines")),
    )
    op.create_index(op.f("ix_shop_order_lines_order_id"), "shop_order_lines", ["order_id"], unique=False)
    op.create_index(op.f("ix_shop_order_lines_product_id"), "shop_order_lines", ["product_id"], unique=False)
    op.create_table(
        "shop_order_taxes",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rate", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gross", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tax", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["shop_orders.id"], name=op.f("fk_shop_order_taxes_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", "rate", name=op.f("pk_shop_order_taxes")),
    )


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("shop_order_taxes")
    op.drop_index(op.f("ix_shop_order_lines_product_id"), table_name="shop_order_lines")
    op.drop_index(op.f("ix_shop_order_lines_order_id"), table_name="shop_order_lines")
    op.drop_table("shop_order_lines")
    op.drop_index(op.f("ix_shop_order_events_order_id"), table_name="shop_order_events")
    op.drop_table("shop_order_events")
    op.drop_index("ix_shop_orders_state", table_name="shop_orders")
    op.drop_index("ix_shop_orders_placed", table_name="shop_orders")
    op.drop_index(op.f("ix_shop_orders_contact_id"), table_name="shop_orders")
    op.drop_table("shop_orders")
    op.drop_index("ix_shop_customer_totals_orders", table_name="shop_customer_totals")
    op.drop_index("ix_shop_customer_totals_last", table_name="shop_customer_totals")
    op.drop_table("shop_customer_totals")
    op.drop_table("shop_customer_amounts")
    op.drop_index(op.f("ix_shop_cart_lines_product_id"), table_name="shop_cart_lines")
    op.drop_table("shop_cart_lines")
    op.drop_index("ix_shop_products_position", table_name="shop_products")
    op.drop_table("shop_products")
    op.drop_table("shop_order_counters")
    op.drop_index(op.f("ix_shop_carts_updated_at"), table_name="shop_carts")
    op.drop_table("shop_carts")
