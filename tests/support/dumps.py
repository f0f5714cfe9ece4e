"""Every row of a database as the database has it, to compare before and after."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import closing
from typing import Any

from sqlalchemy import Table

from core.site import Site

NEVER = frozenset({"staff_sessions", "site_state", "plugin_states", "plugin_failures", "sqlite_sequence"})

# The pages of SQLite's search index: what it finds is the same however they are cut.
SEARCH_PAGES = "contact_search_"

TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}

Dump = dict[str, list[tuple[Any, ...]]]


def dump(site: Site, without: Collection[str] = ()) -> Dump:
    """Table → its rows in the driver's own values, past all types of ours, sorted."""
    there = table_names(site)
    return _read(
        site,
        {
            name: "*"
            for name in there
            if name not in NEVER and name not in without and not name.startswith(SEARCH_PAGES)
        },
    )


def rows_of(site: Site, tables: Iterable[Table]) -> Dump:
    """As `dump`, of these tables only, with columns in the order of the model; one that is not there is left out."""
    there = table_names(site)
    wanted = {table.name: ", ".join(f'"{column.name}"' for column in table.columns) for table in tables}
    return _read(site, {name: columns for name, columns in wanted.items() if name in there})


def table_names(site: Site) -> set[str]:
    """The tables in the site's database."""
    with closing(site.database.engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(TABLES[site.database.engine.dialect.name])
        return {name for (name,) in cursor.fetchall()}


def _read(site: Site, columns: dict[str, str]) -> Dump:
    found: Dump = {name: [] for name in columns}
    # Tests compare such dumps a thousand times, mostly of empty tables: those are found with one question, and
    # SQLAlchemy, which prepares each statement anew for each site, is left out.
    filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in columns)
    with closing(site.database.engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(filled)
        for (name,) in cursor.fetchall():
            cursor.execute(f'SELECT {columns[name]} FROM "{name}"')
            found[name] = sorted(map(tuple, cursor.fetchall()), key=repr)
    return found


def difference(before: Dump, after: Dump) -> dict[str, tuple[list[Any], list[Any]]]:
    """Table → rows that are gone, and rows that are new; tables without a difference are left out."""
    found = {
        name: (
            [row for row in before.get(name, []) if row not in after.get(name, [])],
            [row for row in after.get(name, []) if row not in before.get(name, [])],
        )
        for name in before.keys() | after.keys()
    }
    return {name: rows for name, rows in found.items() if any(rows)}
