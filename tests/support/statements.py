"""Statements that SQLAlchemy prepared are kept for all sites of a test process.

It keeps them with the engine, and each test has one of its own: preparing them anew took a fifth of the time of most
tests, where a real site does it once in its life. Engines of one kind are made alike here, so their dialects count as
equal, which is part of the key.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache


def keep_statements() -> None:
    """Let all engines of this process share their prepared statements from now on."""
    kept: LRUCache[object, object] = LRUCache(3000)

    @event.listens_for(Engine, "engine_connect")
    def _connected(connection: Connection) -> None:
        connection.execution_options(compiled_cache=kept)

    for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        kind.__eq__ = _are_alike  # type: ignore[method-assign,assignment]
        kind.__hash__ = _hash_of_kind  # type: ignore[method-assign,assignment]
        kind._type_memos = WeakKeyDictionary()  # type: ignore[assignment]


def _are_alike(one: DefaultDialect, other: object) -> bool:
    return type(one) is type(other)


def _hash_of_kind(one: DefaultDialect) -> int:
    return hash(type(one))
