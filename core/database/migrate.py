"""Migrations: the core's and each plugin's in a folder of their own, each with a version table of its own.

A version file is named `NNNN_what.py` and its revision is `NNNN`, so that the newest revision is known from the names
alone and Alembic is imported only when there is something to do. With a version table for each plugin
(`alembic_<plugin>`), an uninstalled plugin never stands in the way of another's upgrade.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen
from sqlalchemy import Connection, inspect, select, table, text
from sqlalchemy import column as sql_column

from core.database.engine import Database

VERSION_FILE = re.compile(r"(\d{4})_\w+\.py")

MIGRATION_LOCK = 0x7472_6573
"""Key of the PostgreSQL advisory lock that lets one process migrate at a time ("tres")."""


@frozen(kw_only=True)
class Migrations:
    """A folder of version files, and the owner whose version table they use."""

    owner: str
    folder: Path

    @property
    def version_table(self) -> str:
        """Name of the table with the owner's revision."""
        return f"alembic_{self.owner}"

    @property
    def head(self) -> str | None:
        """The newest revision in the folder; None without any."""
        if not self.folder.is_dir():
            return None
        return max(
            (match[1] for file in self.folder.iterdir() if (match := VERSION_FILE.fullmatch(file.name))),
            default=None,
        )


CORE = Migrations(owner="core", folder=Path(__file__).parent.parent / "migrations")


def current(connection: Connection, migrations: Migrations) -> str | None:
    """The revision the database is at; None when the owner has no tables yet."""
    if not inspect(connection).has_table(migrations.version_table):
        return None
    versions = table(migrations.version_table, sql_column("version_num"))
    return connection.execute(select(versions.c.version_num)).scalar()


def pending(database: Database, wanted: Iterable[Migrations]) -> list[Migrations]:
    """Those of `wanted` whose tables are not at their newest revision."""
    with database.engine.connect() as connection:
        return [one for one in wanted if one.head is not None and current(connection, one) != one.head]


def upgrade(database: Database, wanted: Iterable[Migrations]) -> list[str]:
    """Bring each owner's tables to the newest revision, in the given order; answers the owners that changed.

    Each owner's upgrade is one transaction, on SQLite too: after a crash there is the old schema or the new one
    (THREATS T-G4). Two processes that start together take turns.
    """
    return [one.owner for one in pending(database, wanted) if _move(database, one, None)]


def downgrade(database: Database, migrations: Migrations, revision: str = "base") -> None:
    """Take one owner's tables back to `revision`, in one transaction."""
    _move(database, migrations, revision)


def _move(database: Database, migrations: Migrations, down_to: str | None) -> bool:
    # Importing Alembic takes half a second, and most starts have nothing to migrate.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext, RevisionStep, StampStep
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(migrations.folder), version_locations=[str(migrations.folder)])

    def steps(revision: str | tuple[str, ...], _context: MigrationContext) -> list[RevisionStep | StampStep]:
        if down_to is None:
            return script._upgrade_revs("head", revision)  # type: ignore[arg-type,return-value]
        return script._downgrade_revs(down_to, revision)  # type: ignore[arg-type,return-value]

    with _changing(database) as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        before = current(connection, migrations)
        if down_to is None and before == migrations.head:
            return False
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": migrations.version_table,
                "fn": steps,
                "render_as_batch": database.is_sqlite,
            },
        )
        with Operations.context(context):
            context.run_migrations()
        return True


@contextmanager
def _changing(database: Database) -> Iterator[Connection]:
    """A transaction that changes tables; on SQLite with foreign keys off, and checked before it is committed.

    SQLite changes most of a table by making it anew, and dropping the old one would take along, or set to nothing, all
    that refers to its rows. It can't be switched off within a transaction (sqlite.org/lang_altertable.html, section 7).
    """
    with database.writing.connect() as connection:
        if not database.is_sqlite:
            with connection.begin():
                yield connection
            return
        _pragma(connection, "foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
                    tables = ", ".join(sorted({str(row[0]) for row in broken}))
                    raise RuntimeError(f"The migration leaves rows that refer to nothing, in {tables}.")
        finally:
            _pragma(connection, "foreign_keys=ON")


def _pragma(connection: Connection, what: str) -> None:
    # Past SQLAlchemy, which would begin a transaction.
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(f"PRAGMA {what}")
