"""Fresh databases for tests, quick enough to give one to every test.

`FreshDatabases` prepares a template once per worker (say, migrated) and then copies it: a file copy on
SQLite, `CREATE DATABASE … TEMPLATE` on PostgreSQL.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Prepare = Callable[[str], None]
FIRST = "first"
"""Key of what all templates are made of."""


class Databases(Protocol):
    """One kind of database: makes, copies and drops."""

    def create_database(self, template: str | None = None) -> str: ...
    def drop_database(self, url: str) -> None: ...
    def close(self) -> None: ...


class SqliteDatabases:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def create_database(self, template: str | None = None) -> str:
        path = self._directory / f"{secrets.token_hex(6)}.sqlite3"
        if template is not None:
            source = _sqlite_path(template)
            _fold_write_ahead_log(source)
            shutil.copyfile(source, path)
        return f"sqlite:///{path}"

    def drop_database(self, url: str) -> None:
        path = _sqlite_path(url)
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        pass


class FreshDatabases:
    """Gives out fresh databases of one kind and takes them back."""

    def __init__(self, databases: Databases, prepare_first: Prepare | None = None) -> None:
        self._databases = databases
        self._prepare_first = prepare_first
        self._templates: dict[str, str] = {}

    def __call__(self, template_key: str | None = None, prepare: Prepare | None = None) -> str:
        """The URL of a fresh database: empty, or a copy of the template `template_key`.

        `prepare(url)` makes the template the first time a worker asks for its key, of a database that was prepared
        with `prepare_first`. It closes its connections: PostgreSQL copies no database that is in use.
        """
        if template_key is None:
            return self._databases.create_database()
        if template_key not in self._templates:
            if prepare is None:
                raise ValueError(f"Template {template_key!r} was not prepared yet; say how with prepare=….")
            url = self._databases.create_database(self._first())
            prepare(url)
            self._templates[template_key] = url
        return self._databases.create_database(template=self._templates[template_key])

    def _first(self) -> str | None:
        """The template of the templates."""
        if self._prepare_first is None:
            return None
        if FIRST not in self._templates:
            self._templates[FIRST] = url = self._databases.create_database()
            self._prepare_first(url)
        return self._templates[FIRST]

    def drop(self, url: str) -> None:
        self._databases.drop_database(url)

    def close(self) -> None:
        for url in self._templates.values():
            self._databases.drop_database(url)
        self._databases.close()


def _sqlite_path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _fold_write_ahead_log(path: Path) -> None:
    # A template whose last connection was not closed has its newest rows beside the file, not in it.
    if path.with_name(path.name + "-wal").exists():
        connection = sqlite3.connect(path)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
