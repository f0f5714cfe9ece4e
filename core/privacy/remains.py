"""What is left of an erased person outside of the tables: files on disk, and pages of SQLite's write-ahead log.

Both go once the erasing is committed. What a crash or a reader kept from going is looked for again by a periodic job,
until there is nothing (`ErasureReceipt.cleared_at`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import ColumnClause, Connection, column, inspect, select, table, update
from sqlalchemy.orm import Session

from core.backup.folders import remove_abandoned
from core.contacts.files import STORED_NAME, file_path
from core.contacts.models import now
from core.privacy.models import ErasureReceipt

if TYPE_CHECKING:
    from core.database.engine import Database
    from core.site import Site

log = logging.getLogger("tresen.privacy")

UPLOADING = timedelta(hours=1)
"""How long a file may lie there before the row that names it is written: it comes first (core.contacts.files)."""


def clear(site: Site, receipt_id: int, stored_names: Sequence[str]) -> None:
    """Right after an erasing was committed: remove its files, and empty the write-ahead log. Never raises."""
    try:
        with site.session() as session:
            named = _named(session, naming_tables(session.connection()), stored_names)
        gone = _remove(file_path(site.settings.data_dir, name) for name in stored_names if name not in named)
        if gone and fold_log(site.database):
            _note_cleared(site, [receipt_id])
    except Exception as error:
        # The person is erased; the job does the rest.
        log.error("What is left of an erasing is cleared later (%s)", type(error).__name__)


def clear_again(site: Site) -> None:
    """Do what was not possible right after an erasing: for the periodic job."""
    with site.session() as session:
        waiting = session.scalars(select(ErasureReceipt.id).where(ErasureReceipt.cleared_at.is_(None))).all()
    if waiting and not sweep(site) and fold_log(site.database):
        _note_cleared(site, waiting)


def sweep_daily(site: Site) -> None:
    """Remove what a crash left behind, also of an upload that came to nothing: for the periodic job."""
    sweep(site)
    # A backup that was killed has left links to files there, also to those of people who were erased since.
    remove_abandoned(site.settings.data_dir)


def sweep(site: Site, *, older_than: timedelta = UPLOADING) -> int:
    """Remove the files that no row names; answers how many are left because they are too young, or can't be removed.

    A file is named by any column called `stored_name`, of the core's tables or a plugin's, installed or not.
    """
    folder = site.settings.data_dir / "files"
    before = time.time() - older_than.total_seconds()
    left = 0
    with site.session() as session:
        tables = naming_tables(session.connection())
    for part in sorted(folder.iterdir()) if folder.is_dir() else ():
        files = (
            {file.name: file for file in part.iterdir() if STORED_NAME.fullmatch(file.name)} if part.is_dir() else {}
        )
        # Listed first: what is written now is younger than any look into the tables.
        with site.session() as session:
            unnamed = files.keys() - _named(session, tables, files)
        old = [files[name] for name in unnamed if _written_at(files[name]) < before]
        left += len(unnamed) - len(old) if _remove(old) else len(unnamed)
    return left


def fold_log(database: Database) -> bool:
    """Write SQLite's log into the database file and empty it; answers whether it is empty. PostgreSQL has its own ways.

    A reader of an older state keeps it from being emptied: then it is not waited for.
    """
    if not database.is_sqlite:
        return True
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout=200")
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        cursor.execute(f"PRAGMA busy_timeout={int(patience)}")
        cursor.close()
    except BaseException:
        connection.invalidate()
        raise
    finally:
        connection.close()
    return not busy


def _note_cleared(site: Site, receipt_ids: Sequence[int]) -> None:
    with site.begin() as session:
        session.execute(update(ErasureReceipt).where(ErasureReceipt.id.in_(receipt_ids)).values(cleared_at=now()))


def naming_tables(connection: Connection) -> list[str]:
    """The tables whose rows name files."""
    inspector = inspect(connection)
    return [
        name
        for name in inspector.get_table_names()
        if any(one["name"] == "stored_name" for one in inspector.get_columns(name))
    ]


def _named(session: Session, tables: Sequence[str], stored_names: Collection[str]) -> set[str]:
    """Those of the names that a row has."""
    stored: ColumnClause[str] = column("stored_name")
    found: set[str] = set()
    for name in tables if stored_names else ():
        found.update(session.scalars(select(stored).select_from(table(name)).where(stored.in_(stored_names))))
    return found


def _remove(paths: Iterable[Path]) -> bool:
    done = True
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.error("A file can't be removed (%s)", type(error).__name__)
            done = False
    return done


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
