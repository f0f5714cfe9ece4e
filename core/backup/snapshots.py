"""What is read of a database at one moment: the same for both kinds, over a connection that sees that moment only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen
from sqlalchemy import ColumnClause, Connection, column, func, inspect, select, table, union

from core.contacts.files import STORED_NAME
from core.database.migrate import Migrations, current
from core.errors import BackupError
from core.privacy.remains import naming_tables

VERSIONS = "alembic_"
"""What the names of tables begin with that hold the newest migration of an owner."""


@frozen(kw_only=True)
class Snapshot:
    """One moment of a database: `file` holds it, `connection` reads it.

    `schema` and `extensions` are PostgreSQL's.
    """

    connection: Connection
    file: Path
    schema: str = ""
    extensions: tuple[str, ...] = ()

    def heads(self) -> Mapping[str, str]:
        """Owner → its newest migration, also of plugins that are not installed here."""
        return read_heads(self.connection)

    def rows(self) -> Mapping[str, int]:
        """Table → how many rows it has."""
        return count_rows(self.connection)


def read_heads(connection: Connection) -> Mapping[str, str]:
    """Owner → the newest migration of its tables, whether it is installed or not."""
    found = {}
    for name in inspect(connection).get_table_names():
        if name.startswith(VERSIONS):
            owner = name.removeprefix(VERSIONS)
            if head := current(connection, Migrations(owner=owner, folder=Path())):
                found[owner] = head
    return found


def count_rows(connection: Connection) -> Mapping[str, int]:
    """Table → how many rows it has. Without SQLite's search index, which has pages and not rows."""
    names = [name for name in inspect(connection).get_table_names() if not name.startswith("contact_search")]
    return {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in sorted(names)}


def named_files(connection: Connection) -> Iterator[str]:
    """The names of all stored files that a row has, each once."""
    stored: ColumnClause[str] = column("stored_name")
    selects = [select(stored).select_from(table(name)).where(stored.is_not(None)) for name in naming_tables(connection)]
    if not selects:
        return
    rows = connection.execute(union(*selects), execution_options={"yield_per": 1000})
    for (name,) in rows:
        if STORED_NAME.fullmatch(name):
            yield name


def check_fits(heads: Mapping[str, str], installed: Sequence[Migrations], version: str) -> list[str]:
    """Raises BackupError when the tables are newer than what is installed here; answers plugins that are missing."""
    known = {one.owner: one.head or "" for one in installed}
    for owner, head in sorted(heads.items()):
        if owner in known and head > known[owner]:
            raise BackupError(
                "This backup was made by a newer Tresen (%(version)s): the tables of %(owner)s are at %(head)s, "
                "and here at %(own)s. Install that version, then restore.",
                version=version,
                owner=owner,
                head=head,
                own=known[owner] or "nothing",
            )
    return sorted(owner for owner in heads if owner not in known)


def differences(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """The tables whose number of rows is another one, for an error; empty when there is none."""
    wrong = {name: (number, after.get(name)) for name, number in before.items() if after.get(name) != number}
    return json.dumps(wrong) if wrong else ""
