"""Payments, refunds, invoices and other addresses of delivery; each line's share of what a voucher took off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
STATES = "state IN ('open', 'paid', 'shipped', 'cancelled')"


def upgrade() -> None:
    """Make the tables and columns. What was cancelled or paid so far is written down as it is from now on."""
    _make_tables()
    with op.batch_alter_table("shop_orders", reflect_kwargs={"resolve_fks": False}) as orders:
        orders.add_column(sa.Column("refunded", BIG, server_default="0", nullable=False))
        orders.add_column(sa.Column("payment_method", sa.String(), server_default="", nullable=False))
        orders.drop_constraint(op.f("ck_shop_orders_state"), type_="check")
        orders.create_check_constraint(op.f("ck_shop_orders_state"), STATES[:-1] + ", 'refunded')")
        orders.create_check_constraint(op.f("ck_shop_orders_refunded"), "refunded >= 0 AND refunded <= total")
    # A column that is added with its condition leaves the table as it is, on both databases.
    lines = "ALTER TABLE shop_order_lines ADD COLUMN"
    big = BIG.compile(op.get_bind().dialect)
    op.execute(f"{lines} discount {big} DEFAULT 0 NOT NULL")
    op.execute(
        f"{lines} refunded INTEGER DEFAULT 0 NOT NULL CONSTRAINT ck_shop_order_lines_refunded "
        "CHECK (refunded >= 0 AND refunded <= quantity)"
    )
    op.execute(
        f"{lines} refunded_amount {big} DEFAULT 0 NOT NULL CONSTRAINT ck_shop_order_lines_refunded_amount "
        "CHECK (refunded_amount >= 0 AND refunded_amount <= unit_price * quantity - discount)"
    )
    _spread_discounts()
    op.execute("UPDATE shop_orders SET refunded = total WHERE state = 'cancelled'")
    op.execute(
        "UPDATE shop_order_lines SET refunded = quantity, refunded_amount = unit_price * quantity - discount "
        "WHERE order_id IN (SELECT id FROM shop_orders WHERE state = 'cancelled')"
    )
    op.execute(
        "INSERT INTO shop_payments "
        "(order_id, method, reference, provider_reference, url, state, amount, started_at, paid_at) "
        "SELECT id, '', 'noted-' || number, '', '', 'paid', total, paid_at, paid_at FROM shop_orders "
        "WHERE paid_at IS NOT NULL"
    )
    op.execute(
        "INSERT INTO shop_refunds (order_id, kind, amount, money_back, reason, at, actor_name, paid_back_at) "
        "SELECT id, 'cancel', total, CASE WHEN paid_at IS NULL THEN 0 ELSE total END, '', cancelled_at, '', "
        "cancelled_at FROM shop_orders WHERE state = 'cancelled' AND cancelled_at IS NOT NULL"
    )
    op.execute(
        "INSERT INTO shop_refund_lines (refund_id, line_id, quantity, amount) "
        "SELECT refunds.id, lines.id, lines.refunded, lines.refunded_amount FROM shop_refunds AS refunds "
        "JOIN shop_order_lines AS lines ON lines.order_id = refunds.order_id"
    )


def _make_tables() -> None:
    op.create_table(
        "shop_deliveries",
        sa.Column("order_id", BIG, autoincrement=False, nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("name", "street", "street2", "postal_code", "city", "region", "country")
        ),
        _reference("shop_deliveries", "order_id", "shop_orders", "CASCADE"),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_shop_deliveries")),
    )
    op.create_table(
        "shop_payments",
        sa.Column("id", BIG, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("provider_reference", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("paid_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('started', 'paid', 'failed')", name=op.f("ck_shop_payments_state")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_shop_payments_amount")),
        _reference("shop_payments", "order_id", "shop_orders", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_payments")),
        sa.UniqueConstraint("reference", name=op.f("uq_shop_payments_reference")),
    )
    op.create_index(op.f("ix_shop_payments_order_id"), "shop_payments", ["order_id"], unique=False)
    op.create_table(
        "shop_refunds",
        sa.Column("id", BIG, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("money_back", BIG, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("payment_id", BIG, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("paid_back_at", MOMENT, nullable=True),
        sa.CheckConstraint("kind IN ('refund', 'cancel', 'surplus')", name=op.f("ck_shop_refunds_kind")),
        sa.CheckConstraint("amount >= 0 AND money_back >= 0", name=op.f("ck_shop_refunds_amounts")),
        _reference("shop_refunds", "order_id", "shop_orders", "CASCADE"),
        _reference("shop_refunds", "payment_id", "shop_payments", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_refunds")),
    )
    op.create_index(op.f("ix_shop_refunds_order_id"), "shop_refunds", ["order_id"], unique=False)
    op.create_index(op.f("ix_shop_refunds_payment_id"), "shop_refunds", ["payment_id"], unique=False)
    op.create_table(
        "shop_refund_lines",
        sa.Column("refund_id", BIG, nullable=False),
        sa.Column("line_id", BIG, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.CheckConstraint("quantity >= 0 AND amount >= 0", name=op.f("ck_shop_refund_lines_amounts")),
        _reference("shop_refund_lines", "refund_id", "shop_refunds", "CASCADE"),
        _reference("shop_refund_lines", "line_id", "shop_order_lines", "CASCADE"),
        sa.PrimaryKeyConstraint("refund_id", "line_id", name=op.f("pk_shop_refund_lines")),
    )
    op.create_index(op.f("ix_shop_refund_lines_line_id"), "shop_refund_lines", ["line_id"], unique=False)
    op.create_table(
        "shop_invoice_counters",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_shop_invoice_counters")),
    )
    op.create_table(
        "shop_invoices",
        sa.Column("id", BIG, nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("corrects_id", BIG, nullable=True),
        sa.Column("refund_id", BIG, nullable=True),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", BIG, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.CheckConstraint("kind IN ('invoice', 'correction')", name=op.f("ck_shop_invoices_kind")),
        sa.CheckConstraint("(kind = 'correction') = (corrects_id IS NOT NULL)", name=op.f("ck_shop_invoices_corrects")),
        _reference("shop_invoices", "order_id", "shop_orders"),
        _reference("shop_invoices", "corrects_id", "shop_invoices"),
        _reference("shop_invoices", "refund_id", "shop_refunds"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_invoices")),
        sa.UniqueConstraint("number", name=op.f("uq_shop_invoices_number")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_shop_invoices_refund_id")),
        sa.UniqueConstraint("year", "position", name=op.f("uq_shop_invoices_position")),
    )
    op.create_index(op.f("ix_shop_invoices_order_id"), "shop_invoices", ["order_id"], unique=False)
    op.create_index(op.f("ix_shop_invoices_corrects_id"), "shop_invoices", ["corrects_id"], unique=False)
    op.create_index("ix_shop_invoices_issued", "shop_invoices", ["issued_at", "id"], unique=False)
    only_invoices = sa.text("kind = 'invoice'")
    op.create_index(
        "uq_shop_invoices_order",
        "shop_invoices",
        ["order_id"],
        unique=True,
        sqlite_where=only_invoices,
        postgresql_where=only_invoices,
    )


def _reference(table: str, column: str, other: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def _spread_discounts() -> None:
    """Each line's share of its order's discount: over the rates first, as the order's taxes have it, then the lines."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT orders.id AS order_id, orders.discount AS off, lines.id AS line_id, lines.tax_rate AS rate, "
            "lines.unit_price * lines.quantity AS cost FROM shop_orders AS orders "
            "JOIN shop_order_lines AS lines ON lines.order_id = orders.id WHERE orders.discount > 0 "
            "ORDER BY orders.id, lines.id"
        )
    ).all()
    of_order: dict[int, list[sa.Row[tuple[int, int, int, int, int]]]] = {}
    for row in rows:
        of_order.setdefault(row.order_id, []).append(row)
    for lines in of_order.values():
        costs: dict[int, dict[int, int]] = {}
        for line in lines:
            costs.setdefault(line.rate, {})[line.line_id] = line.cost
        rates = _spread(lines[0].off, {rate: sum(of_rate.values()) for rate, of_rate in costs.items()})
        for rate, off in rates.items():
            for line_id, share in _spread(off, costs[rate]).items():
                connection.execute(
                    sa.text("UPDATE shop_order_lines SET discount = :share WHERE id = :line"),
                    {"share": share, "line": line_id},
                )


def _spread(amount: int, weights: dict[int, int]) -> dict[int, int]:
    whole = sum(weights.values())
    if not amount or not whole:
        return {}
    parts = {key: amount * weight // whole for key, weight in weights.items()}
    missing = amount - sum(parts.values())
    for key in sorted(weights, key=lambda key: (-(amount * weights[key] % whole), key))[:missing]:
        parts[key] += 1
    return parts


def downgrade() -> None:
    """Remove the tables and columns. Invoices go too; an order that was refunded is one that was shipped or paid."""
    for table in (
        "shop_invoices",
        "shop_invoice_counters",
        "shop_refund_lines",
        "shop_refunds",
        "shop_payments",
        "shop_deliveries",
    ):
        op.drop_table(table)
    op.execute(
        "UPDATE shop_orders SET state = CASE WHEN shipped_at IS NULL THEN 'paid' ELSE 'shipped' END "
        "WHERE state = 'refunded'"
    )
    for column in ("refunded_amount", "refunded", "discount"):
        op.execute(f"ALTER TABLE shop_order_lines DROP COLUMN {column}")
    with op.batch_alter_table("shop_orders", reflect_kwargs={"resolve_fks": False}) as orders:
        orders.drop_constraint(op.f("ck_shop_orders_refunded"), type_="check")
        orders.drop_constraint(op.f("ck_shop_orders_state"), type_="check")
        orders.create_check_constraint(op.f("ck_shop_orders_state"), STATES)
        orders.drop_column("refunded")
        orders.drop_column("payment_method")
