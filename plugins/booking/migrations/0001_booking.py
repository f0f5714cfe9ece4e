"""First tables: the tables of booking."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "booking_exceptions",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_booking_exceptions")),
    )
    op.create_table(
        "booking_services",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_minutes", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("lead_hours", sa.Integer(), nullable=False),
        sa.Column("days_ahead", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("buffer_minutes >= 0", name=op.f("ck_booking_services_buffer")),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_booking_services_minutes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_services")),
        sa.UniqueConstraint("slug", name=op.f("uq_booking_services_slug")),
    )
    op.create_table(
        "booking_weekdays",
        sa.Column("weekday", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_booking_weekdays_weekday")),
        sa.PrimaryKeyConstraint("weekday", name=op.f("pk_booking_weekdays")),
    )
    op.create_table(
        "booking_appointments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("service_name", sa.String(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_by", sa.String(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('booked', 'cancelled', 'done', 'no_show')", name=op.f("ck_booking_appointments_state")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_booking_appointments_order")),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contacts.id"],
            name=op.f("fk_booking_appointments_contact_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["booking_services.id"],
            name=op.f("fk_booking_appointments_service_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_appointments")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_booking_appointments_token_hash")),
    )
    op.create_index(op.f("ix_booking_appointments_contact_id"), "booking_appointments", ["contact_id"], unique=False)
    op.create_index(op.f("ix_booking_appointments_service_id"), "booking_appointments", ["service_id"], unique=False)
    op.create_index("ix_booking_appointments_time", "booking_appointments", ["starts_at", "id"], unique=False)
    op.create_table(
        "booking_slot_claims",
        sa.Column("calendar", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["booking_appointments.id"],
            name=op.f("fk_booking_slot_claims_appointment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("calendar", "unit", name=op.f("pk_booking_slot_claims")),
    )
    op.create_index(
        op.f("ix_booking_slot_claims_appointment_id"), "booking_slot_claims", ["appointment_id"], unique=False
    )


def downgrade() -> None:
    """Remove the tables."""
    op.drop_index(op.f("ix_booking_slot_claims_appointment_id"), table_name="booking_slot_claims")
    op.drop_table("booking_slot_claims")
    op.drop_index("ix_booking_appointments_time", table_name="booking_appointments")
    op.drop_index(op.f("ix_booking_appointments_service_id"), table_name="booking_appointments")
    op.drop_index(op.f("ix_booking_appointments_contact_id"), table_name="booking_appointments")
    op.drop_table("booking_appointments")
    op.drop_table("booking_weekdays")
    op.drop_table("booking_services")
    op.drop_table("booking_exceptions")
