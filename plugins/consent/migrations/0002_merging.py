"""Evidence changes hands only between two contacts of which one was merged into the other."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

MESSAGE = "consent events are moved only to the contact that theirs was merged into"

# Merging points the merged contact to the kept one first and then moves; undoing moves back before it takes that away.
ALIAS = """EXISTS (
    SELECT 1 FROM contacts
    WHERE (id = OLD.contact_id AND merged_into_id = NEW.contact_id)
       OR (id = NEW.contact_id AND merged_into_id = OLD.contact_id)
)"""

SQLITE = (
    f"""CREATE TRIGGER consent_events_moved BEFORE UPDATE OF contact_id ON consent_events
    WHEN NEW.contact_id <> OLD.contact_id AND NOT {ALIAS}
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END""",
)

POSTGRESQL = (
    f"""CREATE FUNCTION consent_events_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.contact_id <> OLD.contact_id AND NOT {ALIAS} THEN
            RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER consent_events_moved BEFORE UPDATE OF contact_id ON consent_events
    FOR EACH ROW EXECUTE FUNCTION consent_events_moved()""",
)


def upgrade() -> None:
    """Make the trigger."""
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Remove it."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER consent_events_moved")
    else:
        op.execute("DROP TRIGGER consent_events_moved ON consent_events")
        op.execute("DROP FUNCTION consent_events_moved()")
