"""Vouchers, and what they took off orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables and columns."""
    op.create_table(
        "shop_vouchers",
        sa.Column("id", BIG, nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("code_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("minimum", BIG, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("limit", sa.Integer(), nullable=True),
        sa.Column("limit_per_customer", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('percent', 'fixed')", name=op.f("ck_shop_vouchers_kind")),
        sa.CheckConstraint("value > 0", name=op.f("ck_shop_vouchers_value")),
        sa.CheckConstraint("uses >= 0", name=op.f("ck_shop_vouchers_uses")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_vouchers")),
        sa.UniqueConstraint("code_key", name=op.f("uq_shop_vouchers_code_key")),
    )
    op.create_table(
        "shop_voucher_uses",
        sa.Column("order_id", BIG, autoincrement=False, nullable=False),
        sa.Column("voucher_id", BIG, nullable=False),
        sa.Column("contact_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contacts.id"],
            name=op.f("fk_shop_voucher_uses_contact_id_contacts"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["shop_orders.id"],
            name=op.f("fk_shop_voucher_uses_order_id_shop_orders"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["voucher_id"],
            ["shop_vouchers.id"],
            name=op.f("fk_shop_voucher_uses_voucher_id_shop_vouchers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_shop_voucher_uses")),
    )
    op.create_index("ix_shop_voucher_uses_contact_id", "shop_voucher_uses", ["contact_id"], unique=False)
    op.create_index("ix_shop_voucher_uses_voucher", "shop_voucher_uses", ["voucher_id", "contact_id"], unique=False)
    op.add_column("shop_orders", sa.Column("discount", BIG, server_default="0", nullable=False))
    op.add_column("shop_orders", sa.Column("voucher_code", sa.String(), server_default="", nullable=False))
    op.add_column("shop_carts", sa.Column("voucher_code", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    """Remove the tables and columns."""
    op.drop_column("shop_carts", "voucher_code")
    op.drop_column("shop_orders", "voucher_code")
    op.drop_column("shop_orders", "discount")
    op.drop_index("ix_shop_voucher_uses_voucher", table_name="shop_voucher_uses")
    op.drop_index("ix_shop_voucher_uses_contact_id", table_name="shop_voucher_uses")
    op.drop_table("shop_voucher_uses")
    op.drop_table("shop_vouchers")
