"""The index over the contacts' search texts: three letters at a time, so that a part of a word finds it too.

SQLite has it as an FTS5 table without a copy of the texts, kept by triggers in the transaction of the change; a
statement that writes many contacts at once writes it at once as well (docs/decisions/0015). PostgreSQL has it as a GIN
index of the extension pg_trgm, and does without where the extension can't be had: search is then slower, and finds the
same.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection, text

SQLITE_TABLE = "contact_search"
POSTGRESQL_INDEX = "ix_contacts_search"

FORGETS_AT_ONCE = sqlite3.sqlite_version_info >= (3, 42)
"""Whether SQLite can take a removed text out of the index when it is removed, and not only when it next tidies up."""

_SQLITE = (
    "CREATE VIRTUAL TABLE contact_search USING fts5("
    "search_text, content='contacts', content_rowid='id', tokenize='trigram case_sensitive 1', detail='none')",
    """CREATE TRIGGER contact_search_added AFTER INSERT ON contacts BEGIN
        INSERT INTO contact_search (rowid, search_text) VALUES (new.id, new.search_text);
    END""",
    """CREATE TRIGGER contact_search_removed AFTER DELETE ON contacts BEGIN
        INSERT INTO contact_search (contact_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
    END""",
    """CREATE TRIGGER contact_search_changed AFTER UPDATE OF search_text ON contacts
    WHEN old.search_text <> new.search_text BEGIN
        INSERT INTO contact_search (contact_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
        INSERT INTO contact_search (rowid, search_text) VALUES (new.id, new.search_text);
    END""",
)


def make_index(connection: Connection) -> bool:
    """Make the index over what the contacts hold now; answers False where PostgreSQL can't have it."""
    if connection.dialect.name == "sqlite":
        for statement in _SQLITE:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("INSERT INTO contact_search (contact_search) VALUES ('rebuild')")
        if FORGETS_AT_ONCE:
            connection.exec_driver_sql("INSERT INTO contact_search (contact_search, rank) VALUES ('secure-delete', 1)")
        return True
    return _make_on_postgresql(connection)


def _make_on_postgresql(connection: Connection) -> bool:
    where = text(
        "SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
        "WHERE e.extname = 'pg_trgm'"
    )
    schema = connection.execute(where).scalar()
    if schema is None:
        savepoint = connection.begin_nested()
        try:
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            savepoint.commit()
        except Exception:
            # Not shipped with this server, or this account may not make extensions.
            savepoint.rollback()
            return False
        schema = connection.execute(where).scalar_one()
    connection.exec_driver_sql(
        f"CREATE INDEX IF NOT EXISTS {POSTGRESQL_INDEX} ON contacts USING gin (search_text {schema}.gin_trgm_ops)"
    )
    return True


def drop_index(connection: Connection) -> None:
    """Remove the index; search then reads every contact."""
    if connection.dialect.name == "sqlite":
        for name in ("added", "removed", "changed"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS contact_search_{name}")
        connection.exec_driver_sql("DROP TABLE IF EXISTS contact_search")
    else:
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {POSTGRESQL_INDEX}")


def forget_removed(connection: Connection) -> None:
    """Leave nothing of removed texts in the index (FEATURES C8), in the transaction that removed them.

    From SQLite 3.42 on there is nothing to do. An older one keeps removed letters until it tidies up, which is done
    here: a quarter of a second for 100,000 contacts, so once for many that are erased together. PostgreSQL removes
    them with the dead rows, when it vacuums.
    """
    if connection.dialect.name == "sqlite" and not FORGETS_AT_ONCE:
        connection.exec_driver_sql("INSERT INTO contact_search (contact_search) VALUES ('optimize')")
