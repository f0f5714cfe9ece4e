"""PostgreSQL's part: pg_dump of one moment, pg_restore, and putting the tables that are there aside.

The password goes to the programs by their environment, and all else that the URL says by a file that only this account
can read: a command line can be read by everybody on the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from core.backup.snapshots import Snapshot
from core.database.engine import Database
from core.errors import BackupError

SERVICE = "tresen"


@frozen
class Programs:
    """How pg_dump and pg_restore are called: where they are, and the environment that leads to the database."""

    folder: str
    environment: Mapping[str, str] = field(repr=False)

    def run(self, name: str, *arguments: str) -> None:
        """Run one of them. Raises BackupError with what it said, and what to do."""
        try:
            done = subprocess.run(  # noqa: S603 (no shell, and nothing that a visitor typed)
                [find_program(name, self.folder), f"--dbname=service={SERVICE}", *arguments],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise BackupError("%(name)s can't be run: %(error)s.", name=name, error=error.strerror) from error
        if done.returncode:
            said = " ".join(line for line in done.stderr.splitlines() if line.strip())[:600]
            hint = f" {INSTALL}" if "version" in said else ""
            raise BackupError("%(name)s failed: %(said)s%(hint)s", name=name, said=said, hint=hint)


def find_program(name: str, folder: str) -> str:
    """Where a program is, in `folder` or on the PATH. Raises BackupError when it is not there."""
    found = shutil.which(name, path=folder or None)
    if found is None:
        where = f"in {folder} (TRESEN_PG_BIN)" if folder else "on the PATH"
        raise BackupError("%(name)s is not %(where)s. %(install)s", name=name, where=where, install=INSTALL)
    return found


INSTALL = (
    "Install the client programs of PostgreSQL, of the server's version or a newer one (Debian: postgresql-client), or "
    "set TRESEN_PG_BIN to their folder."
)


def programs(database: Database, folder: str, work: Path) -> Programs:
    """How the programs reach the database; writes a file into `work`."""
    from psycopg.pq import Conninfo

    _, given = database.engine.dialect.create_connect_args(database.engine.url)
    known = {one.keyword.decode() for one in Conninfo.get_defaults()}
    values = {name: str(value) for name, value in given.items() if name in known and value not in (None, "")}
    password = values.pop("password", "")
    if any("\n" in value for value in values.values()):
        raise BackupError("TRESEN_DATABASE_URL has a line break in it.")
    file = work / "service"
    file.touch(0o600)
    file.write_text("\n".join([f"[{SERVICE}]", *(f"{name}={value}" for name, value in values.items())]) + "\n")
    environment = {**os.environ, "PGSERVICEFILE": str(file)}
    if password:
        environment["PGPASSWORD"] = password
    return Programs(folder, environment)


def schema_of(connection: Connection) -> str:
    """The schema that the site's tables are in."""
    return str(connection.scalar(text("SELECT current_schema()")))


def _extensions(connection: Connection, schema: str) -> tuple[str, ...]:
    statement = text(
        "SELECT e.extname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE n.nspname = :schema "
        "ORDER BY 1"
    )
    return tuple(connection.scalars(statement, {"schema": schema}))


@contextmanager
def snapshot(database: Database, work: Path, folder: str) -> Iterator[Snapshot]:
    """pg_dump of this moment into a file below `work`, and a connection that sees the same moment."""
    path = work / "database"
    path.unlink(missing_ok=True)
    called = programs(database, folder, work)
    find_program("pg_dump", folder)
    with database.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        name = connection.scalar(text("SELECT pg_export_snapshot()"))
        schema = schema_of(connection)
        called.run(
            "pg_dump",
            f"--snapshot={name}",
            f"--schema={_pattern(schema)}",
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            "--no-password",
            f"--file={path}",
        )
        yield Snapshot(connection=connection, file=path, schema=schema, extensions=_extensions(connection, schema))


def _pattern(schema: str) -> str:
    # In quotes nothing is a wildcard, and no letter made small.
    return '"' + schema.replace('"', '""') + '"'


def load(database: Database, dump: Path, work: Path, folder: str, extensions: tuple[str, ...]) -> None:
    """pg_restore into the schema, which is empty: all of it, or nothing. Raises BackupError."""
    called = programs(database, folder, work)
    with database.engine.begin() as connection:
        schema = schema_of(connection)
        for name in extensions:
            connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {_quoted(connection, name)}"))
    called.run(
        "pg_restore",
        # Of what is in the schema; the schema itself is there.
        f"--schema={schema}",
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        "--no-password",
        str(dump),
    )
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def has_tables(connection: Connection) -> bool:
    """Whether the schema has any table."""
    found = connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"))
    return bool(found)


def check_unused(database: Database) -> None:
    """Raises BackupError when anybody else is connected to the database."""
    with database.engine.connect() as connection:
        others = connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        )
    if others:
        raise BackupError(
            "Others are connected to the database (%(number)s). Stop the site and the worker, and call this again.",
            number=others,
        )


@contextmanager
def aside(database: Database, name: str, *, moves: bool) -> Iterator[None]:
    """Give the block an empty schema: what is there becomes the schema `name` when it `moves`. Undone if it raises."""
    with database.engine.begin() as connection:
        schema = schema_of(connection)
        functions = _functions(connection)
        if moves:
            _rename(connection, schema, name)
    database.dispose()
    try:
        yield
    except BaseException:
        database.dispose()
        with database.engine.begin() as connection:
            own, old = _quoted(connection, schema), _quoted(connection, name)
            if moves:
                _move_extensions(connection, schema, name)
                connection.execute(text(f"DROP SCHEMA {own} CASCADE"))
                connection.execute(text(f"ALTER SCHEMA {old} RENAME TO {own}"))
            else:
                # Not the schema: extensions may be in it that this account can't make again.
                found = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))
                for table in found.all():
                    connection.execute(text(f"DROP TABLE IF EXISTS {_quoted(connection, table)} CASCADE"))
                for function in _functions(connection) - functions:
                    connection.execute(text(f"DROP FUNCTION {function}"))
        raise


def _functions(connection: Connection) -> set[str]:
    """The functions of the schema that are no extension's, with their arguments."""
    statement = text(
        "SELECT CAST(CAST(p.oid AS regprocedure) AS text) FROM pg_proc p "
        "WHERE p.pronamespace = CAST(current_schema() AS regnamespace) AND NOT EXISTS (SELECT 1 FROM pg_depend d "
        "WHERE d.objid = p.oid AND d.classid = CAST('pg_proc' AS regclass) AND d.deptype = 'e')"
    )
    return set(connection.scalars(statement))


def _rename(connection: Connection, schema: str, name: str) -> None:
    try:
        connection.execute(text(f"ALTER SCHEMA {_quoted(connection, schema)} RENAME TO {_quoted(connection, name)}"))
        connection.execute(text(f"CREATE SCHEMA {_quoted(connection, schema)}"))
    except ProgrammingError as error:
        raise BackupError(
            "The database's account may not put the schema %(schema)s aside. Make it the owner of the database and of "
            "the schema, or restore into an empty database.",
            schema=schema,
        ) from error
    # A database has each once, and new tables look for it in the schema they are made in. Indexes find it anywhere.
    _move_extensions(connection, name, schema)


def _move_extensions(connection: Connection, source: str, target: str) -> None:
    for extension in _extensions(connection, source):
        connection.execute(
            text(f"ALTER EXTENSION {_quoted(connection, extension)} SET SCHEMA {_quoted(connection, target)}")
        )
