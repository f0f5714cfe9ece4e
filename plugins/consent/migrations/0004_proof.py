"""Purposes with versions of their wordings, the states that the system brings about, and the chain of all evidence."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

# As the plugin wrote them until now, where staff had saved nothing else.
WORDINGS = {
    ("marketing", "de"): (
        "consent.wording_de",
        "Ich möchte per E-Mail Angebote und Neuigkeiten von {site} erhalten. "
        "Diese Einwilligung kann ich jederzeit widerrufen.",
    ),
    ("marketing", "en"): (
        "consent.wording_en",
        "I would like to get offers and news from {site} by e-mail. I can withdraw this consent at any time.",
    ),
    ("system", "de"): ("consent.system_wording_de", ""),
    ("system", "en"): ("consent.system_wording_en", ""),
}

STATES = "'pending', 'expired', 'subscribed', 'existing_customer', 'unsubscribed', 'bounced'"
PURPOSES = "purpose IN ('marketing', 'system') OR purpose LIKE 'own_%'"
OLD_PURPOSES = "purpose IN ('marketing', 'system')"
OLD_STATES = "'pending', 'subscribed', 'unsubscribed', 'bounced'"

ADDED = "wording_version, facts, recorded_for, salt, digest"
MESSAGE = "consent events are only ever added"
CHAIN_MESSAGE = "the chain of consents is only ever added to"
WORDING_MESSAGE = "a wording is never rewritten"

SQLITE = (
    f"""CREATE TRIGGER consent_events_proof BEFORE UPDATE OF {ADDED} ON consent_events
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END""",
    f"""CREATE TRIGGER consent_events_sealed BEFORE UPDATE OF entry ON consent_events WHEN OLD.entry IS NOT NULL
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END""",
    *(
        f"""CREATE TRIGGER {table}_{what.lower()} BEFORE {what} ON {table}
        BEGIN SELECT RAISE(ABORT, '{message}'); END"""
        for table, message in (("consent_chain", CHAIN_MESSAGE), ("consent_wordings", WORDING_MESSAGE))
        for what in ("UPDATE", "DELETE")
    ),
)

POSTGRESQL = (
    f"""CREATE TRIGGER consent_events_proof BEFORE UPDATE OF {ADDED} ON consent_events
    FOR EACH ROW EXECUTE FUNCTION consent_events_fixed()""",
    """CREATE TRIGGER consent_events_sealed BEFORE UPDATE OF entry ON consent_events
    FOR EACH ROW WHEN (OLD.entry IS NOT NULL) EXECUTE FUNCTION consent_events_fixed()""",
    *(
        statement
        for table, message in (("consent_chain", CHAIN_MESSAGE), ("consent_wordings", WORDING_MESSAGE))
        for statement in (
            f"""CREATE FUNCTION {table}_kept() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
            f"""CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION {table}_kept()""",
        )
    ),
)

FIELDS = (
    "recorded_for",
    "purpose",
    "from_state",
    "to_state",
    "occurred_at",
    "recorded_at",
    "way",
    "email",
    "page",
    "form",
    "wording",
    "wording_hash",
    "wording_version",
    "language",
    "basis",
    "facts",
    "actor_kind",
    "actor_id",
    "actor_name",
)


def upgrade() -> None:
    """Make the tables, and put what is there into the chain."""
    op.create_table(
        "consent_purposes",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_purposes")),
    )
    op.create_table(
        "consent_wordings",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_wordings")),
        sa.UniqueConstraint(
            "purpose", "language", "version", name=op.f("uq_consent_wordings_purpose_language_version")
        ),
    )
    op.create_table(
        "consent_mailings",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("queued_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_mailings")),
    )
    op.create_index("ix_consent_mailings_address", "consent_mailings", ["address_hash", "queued_at"])
    op.create_index("ix_consent_mailings_queued_at", "consent_mailings", ["queued_at"])
    op.create_table(
        "consent_chain",
        sa.Column("entry", BIG_INT, nullable=False, autoincrement=False),
        sa.Column("sealed_at", MOMENT, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("erased", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_consent_chain")),
    )
    for column in (
        sa.Column("wording_version", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("facts", sa.String(), nullable=False, server_default=""),
        sa.Column("recorded_for", BIG_INT, nullable=False, server_default="0"),
        sa.Column("salt", sa.String(), nullable=False, server_default=""),
        sa.Column("digest", sa.String(), nullable=False, server_default=""),
        sa.Column("entry", BIG_INT, nullable=True),
    ):
        op.add_column("consent_events", column)
    _replace_checks(STATES, PURPOSES)
    _move_wordings()
    _digest_events()
    op.create_index("ix_consent_events_entry", "consent_events", ["entry"], unique=True)
    loose = sa.text("entry IS NULL")
    op.create_index("ix_consent_events_loose", "consent_events", ["id"], sqlite_where=loose, postgresql_where=loose)
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def _replace_checks(states: str, purposes: str) -> None:
    """What `consent_states` and `consent_suppressions` may hold; SQLite changes no constraint of a table."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TABLE consent_states_new (contact_id INTEGER NOT NULL, purpose VARCHAR NOT NULL, "
            "state VARCHAR NOT NULL, since DATETIME NOT NULL, "
            "CONSTRAINT pk_consent_states PRIMARY KEY (contact_id, purpose), "
            "CONSTRAINT fk_consent_states_contact_id FOREIGN KEY(contact_id) REFERENCES contacts (id) "
            f"ON DELETE CASCADE, CONSTRAINT ck_consent_states_state CHECK (state IN ({states}))"
            f", CONSTRAINT ck_consent_states_purpose CHECK ({purposes}))"
        )
        op.execute(
            "CREATE TABLE consent_suppressions_new (address_hash VARCHAR NOT NULL, purpose VARCHAR NOT NULL, "
            "state VARCHAR NOT NULL, since DATETIME NOT NULL, "
            "CONSTRAINT pk_consent_suppressions PRIMARY KEY (address_hash, purpose), "
            "CONSTRAINT ck_consent_suppressions_state CHECK (state IN ('unsubscribed', 'bounced'))"
            f", CONSTRAINT ck_consent_suppressions_purpose CHECK ({purposes}))"
        )
        op.drop_index("ix_consent_states_state", table_name="consent_states")
        for table, columns in (
            ("consent_states", "contact_id, purpose, state, since"),
            ("consent_suppressions", "address_hash, purpose, state, since"),
        ):
            op.execute(f"INSERT INTO {table}_new ({columns}) SELECT {columns} FROM {table}")  # noqa: S608 (constants)
            op.drop_table(table)
            op.rename_table(f"{table}_new", table)
        op.create_index("ix_consent_states_state", "consent_states", ["purpose", "state", "contact_id"], unique=False)
        return
    op.drop_constraint(op.f("ck_consent_states_state"), "consent_states")
    op.create_check_constraint(op.f("ck_consent_states_state"), "consent_states", f"state IN ({states})")
    for table in ("consent_states", "consent_suppressions"):
        op.drop_constraint(op.f(f"ck_{table}_purpose"), table)
        op.create_check_constraint(op.f(f"ck_{table}_purpose"), table, purposes)


def _move_wordings() -> None:
    """The wordings were settings; their first versions are what stood there."""
    connection = op.get_bind()
    settings = sa.table("site_settings", sa.column("key", sa.String), sa.column("value", sa.String))
    wordings = sa.table(
        "consent_wordings",
        sa.column("purpose", sa.String),
        sa.column("language", sa.String),
        sa.column("version", sa.Integer),
        sa.column("text", sa.String),
        sa.column("created_at", MOMENT),
        sa.column("author_name", sa.String),
    )
    saved: dict[str, str] = {}
    if sa.inspect(connection).has_table("site_settings"):
        saved = dict(
            connection.execute(
                sa.select(settings.c.key, settings.c.value).where(settings.c.key.like("consent.%"))
            ).all()
        )
    rows = [
        {
            "purpose": purpose,
            "language": language,
            "version": 1,
            "text": saved.get(key, default),
            "created_at": datetime.now(UTC),
            "author_name": "",
        }
        for (purpose, language), (key, default) in WORDINGS.items()
        if saved.get(key, default)
    ]
    if rows:
        connection.execute(sa.insert(wordings), rows)


def _digest_events() -> None:
    """Give each event its digest; the worker puts them into the chain."""
    connection = op.get_bind()
    moments = {"occurred_at", "recorded_at"}
    columns = [sa.column(name, MOMENT if name in moments else None) for name in (*FIELDS, "id", "contact_id")]
    events = sa.table("consent_events", *columns, sa.column("salt", sa.String), sa.column("digest", sa.String))
    after = 0
    while True:
        rows = connection.execute(
            sa.select(*columns).where(events.c.id > after).order_by(events.c.id).limit(1000)
        ).mappings()
        made = []
        for row in rows:
            salt, values = secrets.token_hex(16), {**row, "recorded_for": row["contact_id"]}
            said = [_plain(values[name]) for name in FIELDS]
            digest = hashlib.sha256(json.dumps([salt, *said], ensure_ascii=False).encode()).hexdigest()
            made.append({"of": row["id"], "for_": row["contact_id"], "salted": salt, "digested": digest})
        if not made:
            return
        after = made[-1]["of"]
        connection.execute(
            sa.update(events)
            .where(events.c.id == sa.bindparam("of"))
            .values(recorded_for=sa.bindparam("for_"), salt=sa.bindparam("salted"), digest=sa.bindparam("digested")),
            made,
        )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        # SQLite keeps no zone; all times are stored in UTC.
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return value


def downgrade() -> None:
    """Remove the tables; consents to purposes of the site's own go, and so do states that there were none of."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER consent_events_proof")
        op.execute("DROP TRIGGER consent_events_sealed")
    else:
        op.execute("DROP TRIGGER consent_events_proof ON consent_events")
        op.execute("DROP TRIGGER consent_events_sealed ON consent_events")
    op.execute(
        f"DELETE FROM consent_states WHERE state NOT IN ({OLD_STATES}) OR purpose NOT IN ('marketing', 'system')"  # noqa: S608
    )
    op.execute("DELETE FROM consent_suppressions WHERE purpose NOT IN ('marketing', 'system')")
    _replace_checks(OLD_STATES, OLD_PURPOSES)
    op.drop_index("ix_consent_events_loose", table_name="consent_events")
    op.drop_index("ix_consent_events_entry", table_name="consent_events")
    for column in ("entry", "digest", "salt", "recorded_for", "facts", "wording_version"):
        op.drop_column("consent_events", column)
    for table in ("consent_chain", "consent_mailings", "consent_wordings", "consent_purposes"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION consent_chain_kept()")
        op.execute("DROP FUNCTION consent_wordings_kept()")
