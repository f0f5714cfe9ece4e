"""First tables: the tables of consent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Evidence is proof only as long as nobody can rewrite it. A row may move to the contact that its own was
# merged into (contact_id), and goes when its contact is erased: then the contact is gone before the trigger
# looks.
FIXED = (
    "purpose, from_state, to_state, occurred_at, recorded_at, way, email, page, form, wording, wording_hash, "
    "language, basis, actor_kind, actor_id, actor_name"
)
MESSAGE = "consent events are only ever added"

SQLITE = (
    f"""CREATE TRIGGER consent_events_fixed BEFORE UPDATE OF id, {FIXED} ON consent_events
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END""",
    f"""CREATE TRIGGER consent_events_kept BEFORE DELETE ON consent_events
    WHEN EXISTS (SELECT 1 FROM contacts WHERE id = OLD.contact_id)
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END""",  # noqa: S608 (constants)
)

POSTGRESQL = (
    f"""CREATE FUNCTION consent_events_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    f"""CREATE TRIGGER consent_events_fixed BEFORE UPDATE OF id, {FIXED} ON consent_events
    FOR EACH ROW EXECUTE FUNCTION consent_events_fixed()""",
    f"""CREATE FUNCTION consent_events_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM contacts WHERE id = OLD.contact_id) THEN
            RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END $$""",  # noqa: S608 (constants)
    """CREATE TRIGGER consent_events_kept BEFORE DELETE ON consent_events
    FOR EACH ROW EXECUTE FUNCTION consent_events_kept()""",
)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "consent_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("wording", sa.String(), nullable=False),
        sa.Column("wording_hash", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_consent_events_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_events")),
    )
    op.create_index("ix_consent_events_contact", "consent_events", ["contact_id", "purpose", "id"], unique=False)
    op.create_table(
        "consent_states",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("purpose IN ('marketing', 'system')", name=op.f("ck_consent_states_purpose")),
        sa.CheckConstraint(
            "state IN ('pending', 'subscribed', 'unsubscribed', 'bounced')",
            name=op.f("ck_consent_states_state"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_consent_states_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", "purpose", name=op.f("pk_consent_states")),
    )
    op.create_index("ix_consent_states_state", "consent_states", ["purpose", "state", "contact_id"], unique=False)
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Remove the tables."""
    op.drop_index("ix_consent_states_state", table_name="consent_states")
    op.drop_table("consent_states")
    op.drop_index("ix_consent_events_contact", table_name="consent_events")
    op.drop_table("consent_events")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION consent_events_fixed()")
        op.execute("DROP FUNCTION consent_events_kept()")
