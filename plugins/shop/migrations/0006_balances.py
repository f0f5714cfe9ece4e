"""Vouchers with a balance, and every movement of it; an order may use one voucher of each sort."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOVEMENTS = "shop_voucher_movements"
KINDS = "kind IN ('percent', 'fixed')"
MESSAGE = "movements of a balance are only ever added"

SQLITE = tuple(
    f"CREATE TRIGGER {MOVEMENTS}_{what.lower()} BEFORE {what} ON {MOVEMENTS} "
    f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    for what in ("UPDATE", "DELETE")
)

POSTGRESQL = (
    f"""CREATE FUNCTION {MOVEMENTS}_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    f"CREATE TRIGGER {MOVEMENTS}_kept BEFORE UPDATE OR DELETE ON {MOVEMENTS} "
    f"FOR EACH ROW EXECUTE FUNCTION {MOVEMENTS}_kept()",
)


def upgrade() -> None:
    """Make the tables and columns."""
    op.add_column("shop_carts", sa.Column("balance_code", sa.String(), server_default="", nullable=False))
    big = BIG.compile(op.get_bind().dialect)
    op.execute(
        f"ALTER TABLE shop_refunds ADD COLUMN to_balance {big} DEFAULT 0 NOT NULL "
        "CONSTRAINT ck_shop_refunds_to_balance CHECK (to_balance >= 0 AND to_balance <= money_back)"
    )
    with op.batch_alter_table("shop_vouchers", reflect_kwargs={"resolve_fks": False}) as vouchers:
        vouchers.add_column(sa.Column("balance", BIG, server_default="0", nullable=False))
        vouchers.drop_constraint(op.f("ck_shop_vouchers_kind"), type_="check")
        vouchers.create_check_constraint(op.f("ck_shop_vouchers_kind"), KINDS[:-1] + ", 'balance')")
        vouchers.create_check_constraint(op.f("ck_shop_vouchers_balance"), "balance >= 0 AND balance <= value")
    _key("order_id", "voucher_id")
    op.create_table(
        MOVEMENTS,
        sa.Column("id", BIG, nullable=False),
        sa.Column("voucher_id", BIG, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("refund_id", BIG, nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('spent', 'cancelled', 'refunded')", name=op.f(f"ck_{MOVEMENTS}_kind")),
        sa.CheckConstraint("(amount < 0) = (kind = 'spent') AND amount <> 0", name=op.f(f"ck_{MOVEMENTS}_amount")),
        sa.CheckConstraint("(refund_id IS NULL) = (kind = 'spent')", name=op.f(f"ck_{MOVEMENTS}_refund")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{MOVEMENTS}_{column}_{table}"))
            for column, table in (
                ("voucher_id", "shop_vouchers"),
                ("order_id", "shop_orders"),
                ("refund_id", "shop_refunds"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{MOVEMENTS}")),
        sa.UniqueConstraint("refund_id", name=op.f(f"uq_{MOVEMENTS}_refund_id")),
    )
    op.create_index(f"ix_{MOVEMENTS}_order_id", MOVEMENTS, ["order_id"], unique=False)
    op.create_index(f"ix_{MOVEMENTS}_voucher", MOVEMENTS, ["voucher_id", "id"], unique=False)
    spent = sa.text("kind = 'spent'")
    op.create_index(
        f"uq_{MOVEMENTS}_spent", MOVEMENTS, ["order_id"], unique=True, sqlite_where=spent, postgresql_where=spent
    )
    for statement in SQLITE if _is_sqlite() else POSTGRESQL:
        op.execute(statement)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _key(*columns: str) -> None:
    """Make these the primary key of the uses."""
    with op.batch_alter_table("shop_voucher_uses", reflect_kwargs={"resolve_fks": False}) as uses:
        uses.drop_constraint(op.f("pk_shop_voucher_uses"), type_="primary")
        uses.create_primary_key(op.f("pk_shop_voucher_uses"), list(columns))


def downgrade() -> None:
    """Remove them, and with them what is left on vouchers with a balance, which take it off one order then."""
    op.drop_table(MOVEMENTS)
    if not _is_sqlite():
        op.execute(f"DROP FUNCTION {MOVEMENTS}_kept()")
    # A use of a balance beside one that took something off: only one has a place.
    op.execute(
        "DELETE FROM shop_voucher_uses WHERE voucher_id IN (SELECT id FROM shop_vouchers WHERE kind = 'balance') "
        "AND order_id IN (SELECT order_id FROM shop_voucher_uses GROUP BY order_id HAVING count(*) > 1)"
    )
    _key("order_id")
    op.execute(
        "UPDATE shop_vouchers SET uses = (SELECT count(*) FROM shop_voucher_uses WHERE voucher_id = shop_vouchers.id) "
        "WHERE kind = 'balance'"
    )
    op.execute("DELETE FROM shop_vouchers WHERE kind = 'balance' AND balance = 0 AND uses = 0")
    op.execute(
        "UPDATE shop_vouchers SET kind = 'fixed', value = CASE WHEN balance > 0 THEN balance ELSE value END, "
        "\"limit\" = CASE WHEN balance > 0 THEN uses + 1 ELSE uses END WHERE kind = 'balance'"
    )
    with op.batch_alter_table("shop_vouchers", reflect_kwargs={"resolve_fks": False}) as vouchers:
        vouchers.drop_constraint(op.f("ck_shop_vouchers_balance"), type_="check")
        vouchers.drop_constraint(op.f("ck_shop_vouchers_kind"), type_="check")
        vouchers.create_check_constraint(op.f("ck_shop_vouchers_kind"), KINDS)
        vouchers.drop_column("balance")
    op.execute("ALTER TABLE shop_refunds DROP COLUMN to_balance")
    op.drop_column("shop_carts", "balance_code")
