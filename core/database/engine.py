"""The engine: one for each site, SQLite or PostgreSQL, with the settings that keep data safe (DESIGN section 6)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from core.errors import SettingsError

WRITES = "tresen_writes"

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    "PRAGMA temp_store=MEMORY",
    # An acknowledged order must survive a power cut; NORMAL may lose the last commits.
    "PRAGMA synchronous=FULL",
    # What was deleted must not be left readable in the file's free pages (FEATURES C8).
    "PRAGMA secure_delete=ON",
)


def parse_url(url: str) -> URL:
    """Check a database URL and choose the driver. Raises SettingsError for what Tresen can't use."""
    try:
        parsed = make_url(url)
    except Exception as error:
        raise SettingsError(
            "TRESEN_DATABASE_URL is not a database URL. Use sqlite:////path/to/file.sqlite or "
            "postgresql://user:password@host/database."
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite+pysqlite")
    raise SettingsError(
        "TRESEN_DATABASE_URL names %(backend)s. Use a SQLite file or PostgreSQL.",
        backend="an in-memory SQLite database" if backend == "sqlite" else backend,
    )


@frozen
class Database:
    """A site's database: sessions for reading and for writing over one pool of connections."""

    engine: Engine
    writing: Engine

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session for reading; whatever it wrote is rolled back."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection for reading by statements built beforehand: half the cost of a session, and no objects."""
        return self.engine.connect()

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session for writing: committed at the end, rolled back by an exception.

        On SQLite it holds the write lock from its start (BEGIN IMMEDIATE), so that what it reads stays true until it
        writes.
        """
        with Session(self.writing, expire_on_commit=False) as session, session.begin():
            # Session.begin() alone takes no connection, and so no lock, before the first statement.
            session.connection()
            yield session

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_database(url: str, *, pool_size: int = 40) -> Database:
    """Open the database at `url`; connects at first use. A SQLite file's folder is made when missing."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, pool_size)
    engine = create_engine(
        parsed, pool_size=pool_size, max_overflow=10, pool_timeout=30, pool_pre_ping=True, hide_parameters=True
    )
    return Database(engine, engine.execution_options(**{WRITES: True}))


def _open_sqlite(url: URL, pool_size: int) -> Database:
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=10,
        pool_timeout=30,
        # The text of an error goes into the log, and a statement's values are people's data.
        hide_parameters=True,
        # sqlite3 then leaves BEGIN to us; its own way commits before DDL and begins writers too late.
        connect_args={"isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes gets SQLITE_BUSY at once, whatever the timeout.
        writes = connection.get_execution_options().get(WRITES)
        # Straight to the driver: every page begins several, and a statement of the engine's costs five times as much.
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    return Database(engine, engine.execution_options(**{WRITES: True}))
