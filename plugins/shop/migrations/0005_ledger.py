"""Orders from elsewhere and their imports; vouchers that were made together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
REFERENCE = "fk_shop_vouchers_batch_id_shop_voucher_batches"
STATES = "state IN ('checking', 'checked', 'running', 'done', 'cancelled', 'failed')"


def upgrade() -> None:
    """Make the tables and columns."""
    op.add_column("shop_orders", sa.Column("source", sa.String(), server_default="", nullable=False))
    op.add_column("shop_orders", sa.Column("source_reference", sa.String(), server_default="", nullable=False))
    filled = sa.text("source_reference <> ''")
    op.create_index(
        "uq_shop_orders_source",
        "shop_orders",
        ["source", "source_reference"],
        unique=True,
        sqlite_where=filled,
        postgresql_where=filled,
    )
    op.create_table(
        "shop_voucher_batches",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_voucher_batches")),
    )
    with op.batch_alter_table("shop_vouchers", reflect_kwargs={"resolve_fks": False}) as vouchers:
        vouchers.add_column(sa.Column("batch_id", BIG, nullable=True))
        vouchers.create_foreign_key(op.f(REFERENCE), "shop_voucher_batches", ["batch_id"], ["id"], ondelete="SET NULL")
    op.create_index("ix_shop_vouchers_batch_id", "shop_vouchers", ["batch_id"], unique=False)
    op.create_table(
        "shop_order_imports",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stored_name", sa.String(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("job_id", BIG, nullable=True),
        sa.Column("actor_id", BIG, nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint(STATES, name=op.f("ck_shop_order_imports_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_order_imports")),
    )
    op.create_table(
        "shop_order_import_problems",
        sa.Column("id", BIG, nullable=False),
        sa.Column("import_id", BIG, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["shop_order_imports.id"],
            name=op.f("fk_shop_order_import_problems_import_id_shop_order_imports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_order_import_problems")),
    )
    op.create_index(
        "ix_shop_order_import_problems_import_id", "shop_order_import_problems", ["import_id"], unique=False
    )


def downgrade() -> None:
    """Remove them. Orders from elsewhere stay orders."""
    op.drop_index("ix_shop_order_import_problems_import_id", table_name="shop_order_import_problems")
    op.drop_table("shop_order_import_problems")
    op.drop_table("shop_order_imports")
    op.drop_index("ix_shop_vouchers_batch_id", table_name="shop_vouchers")
    with op.batch_alter_table("shop_vouchers", reflect_kwargs={"resolve_fks": False}) as vouchers:
        vouchers.drop_constraint(op.f(REFERENCE), type_="foreignkey")
        vouchers.drop_column("batch_id")
    op.drop_table("shop_voucher_batches")
    op.drop_index("uq_shop_orders_source", table_name="shop_orders")
    op.drop_column("shop_orders", "source_reference")
    op.drop_column("shop_orders", "source")
