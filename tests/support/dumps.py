"""Every row of a database as the database has it, to compare before and after."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import inspect

from core.site import Site

NEVER = frozenset({"staff_sessions", "site_state", "plugin_states", "plugin_failures", "sqlite_sequence"})

# The pages of SQLite's search index: what it finds is the same however they are cut.
SEARCH_PAGES = "contact_search_"

Dump = dict[str, list[tuple[Any, ...]]]


def dump(site: Site, without: Collection[str] = ()) -> Dump:
    """Table → its rows in the driver's own values, past all types of ours, sorted."""
    with site.database.engine.connect() as connection:
        names = [
            name
            for name in inspect(connection).get_table_names()
            if name not in NEVER and name not in without and not name.startswith(SEARCH_PAGES)
        ]
        return {
            name: sorted((tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')), key=repr)
            for name in names
        }


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
