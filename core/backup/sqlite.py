"""SQLite's part: a copy of one moment of a file that is being written, and looking whether a file is whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import create_engine

from core.backup.snapshots import Snapshot
from core.database.engine import Database
from core.errors import BackupError

BESIDE = ("-wal", "-shm", "-journal")
"""Endings of the files that SQLite keeps beside its own."""


def file_of(database: Database) -> Path:
    """The file of a SQLite database."""
    return Path(str(database.engine.url.database))


@contextmanager
def snapshot(database: Database, work: Path) -> Iterator[Snapshot]:
    """A copy of this moment, made below `work`.

    In one step: SQLite begins anew when somebody writes between two steps, and would never be done on a busy site. In
    WAL mode a step is one reader, who keeps no writer waiting.
    """
    path = work / "database"
    path.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"{file_of(database).absolute().as_uri()}?mode=rw", uri=True)) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        # Only on its way into the archive, which is on the disk before anybody relies on it.
        target.execute("PRAGMA synchronous=OFF")
        try:
            source.backup(target, pages=-1)
        except sqlite3.DatabaseError as error:
            raise _broken(str(error)) from error
    engine = create_engine(f"sqlite:///{path.absolute().as_uri()}?mode=ro&immutable=1&uri=true")
    try:
        with engine.connect() as connection:
            if (said := connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()) != "ok":
                raise _broken(str(said))
            yield Snapshot(connection=connection, file=path)
    finally:
        engine.dispose()


def _broken(said: str) -> BackupError:
    return BackupError(
        "The database file is damaged, and nothing was backed up: %(said)s. Keep older backups, and restore one.",
        said=said,
    )


def check_file(path: Path) -> None:
    """Look at every page, index and reference of a restored file. Raises BackupError."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            broken = connection.execute("PRAGMA foreign_key_check").fetchmany(1)
        except sqlite3.DatabaseError as error:
            said, broken = str(error), []
    if said != "ok":
        raise BackupError("The restored database is damaged: %(said)s. Nothing was changed.", said=said)
    if broken:
        raise BackupError(
            "The restored database has rows in %(table)s that refer to nothing. Nothing was changed.",
            table=broken[0][0],
        )


def fold(path: Path) -> None:
    """Have everything in the file itself, with nothing beside it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def check_unused(path: Path) -> None:
    """Raises BackupError when another process has the file open. Folds its write-ahead log into it.

    Leaving the WAL mode needs the file for oneself, also from connections that only wait; the site goes back to it when
    it is opened.
    """
    with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise BackupError("The site is running. Stop it, the worker too, and call this again.") from error
        except sqlite3.DatabaseError:
            # Damaged: it is put aside as it is.
            return
