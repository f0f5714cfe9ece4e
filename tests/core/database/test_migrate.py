"""Migrations: each owner's in one transaction with a version table of its own (DESIGN 6, THREATS T-G4)."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from core import Base
from core.builtin import BUILTIN
from core.contacts.search_index import POSTGRESQL_INDEX
from core.database.engine import Database, open_database
from core.database.migrate import CORE, Migrations, current, downgrade, pending, upgrade
from core.plugins import Plugin, discover, make_plugin
from core.site import migrations_of
from core.testing import make_site
from tests.sample_plugin import plugin as sample
from tests.support.plugins import plugin_module

ROOT = Path(__file__).parents[3]

# SQLite can't be asked what stands in an index on lower(name).
expression_indexes = pytest.mark.filterwarnings("ignore:.*expression-based index")


@pytest.fixture
def database(empty_database_url: str) -> Iterator[Database]:
    opened = open_database(empty_database_url)
    yield opened
    opened.dispose()


def tables(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def version(database: Database, migrations: Migrations) -> str | None:
    with database.engine.connect() as connection:
        return current(connection, migrations)


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def bundled() -> list[Plugin]:
    return [plugin for plugin in discover()[0] if plugin.package.startswith("plugins.")]


# Up and down


def test_a_fresh_database_gets_all_tables_and_a_second_run_does_nothing(database: Database) -> None:
    assert [one.owner for one in pending(database, [CORE])] == ["core"]
    assert upgrade(database, [CORE]) == ["core"]

    assert {"contacts", "contact_activities", "staff_accounts", "plugin_states", "alembic_core"} <= tables(database)
    assert version(database, CORE) == CORE.head
    assert pending(database, [CORE]) == []
    assert upgrade(database, [CORE]) == []


def test_a_start_with_nothing_to_migrate_imports_no_alembic(empty_database_url: str, tmp_path: Path) -> None:
    make_site(tmp_path, sample, database_url=empty_database_url).close()

    result = run(
        """
        import sys
        from pathlib import Path
        from core.testing import make_site
        from tests.sample_plugin import plugin as sample
        site = make_site(Path(sys.argv[1]), sample, database_url=sys.argv[2])
        assert "sample_plugin" in site.enabled
        site.close()
        print([name for name in sys.modules if name.split(".")[0] == "alembic"])
        """,
        str(tmp_path),
        empty_database_url,
    )

    assert (result.returncode, result.stdout.strip()) == (0, "[]"), result.stderr


def test_tables_go_down_and_come_up_again(database: Database) -> None:
    owners = [CORE, migrations_of(make_plugin(sample))]
    upgrade(database, owners)
    everything = tables(database)

    for one in reversed(owners):
        downgrade(database, one)

    assert {name for name in tables(database) if not name.startswith("alembic_")} <= {"sqlite_sequence"}
    assert [version(database, one) for one in owners] == [None, None]
    assert upgrade(database, owners) == ["core", "sample_plugin"]
    assert tables(database) == everything


@pytest.mark.parametrize("plugin", bundled(), ids=lambda plugin: plugin.key)
def test_a_bundled_plugin_goes_down_and_comes_up_again(database: Database, plugin: Plugin) -> None:
    migrations = migrations_of(plugin)
    upgrade(database, [CORE])
    before = tables(database)
    upgrade(database, [migrations])
    everything = tables(database)

    downgrade(database, migrations)

    assert tables(database) - {migrations.version_table} == before
    upgrade(database, [migrations])
    assert tables(database) == everything


def test_an_uninstalled_plugin_stands_in_nobodys_way(empty_database_url: str, tmp_path: Path) -> None:
    make_site(tmp_path, sample, database_url=empty_database_url).close()

    site = make_site(tmp_path, plugin_module("notes"), database_url=empty_database_url)

    assert "notes" in site.enabled
    assert "sample_plugin_points" in tables(site.database)
    site.close()
    site = make_site(tmp_path, sample, database_url=empty_database_url)
    assert "sample_plugin" in site.enabled
    site.close()


# Failing half way

FIRST = """
revision = "0001"
down_revision = None

import sqlalchemy as sa
from alembic import op

def upgrade():
    op.create_table(
        "notes_notes", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("text", sa.String())
    )

def downgrade():
    op.drop_table("notes_notes")
"""

SECOND = """
revision = "0002"
down_revision = "0001"

import os
import sqlalchemy as sa
from alembic import op

def upgrade():
    steps = [
        lambda: op.create_table("notes_paper", sa.Column("id", sa.Integer(), primary_key=True)),
        lambda: op.add_column("notes_notes", sa.Column("paper_id", sa.Integer())),
        lambda: op.create_index("ix_notes_notes_paper_id", "notes_notes", ["paper_id"]),
        lambda: op.execute("INSERT INTO notes_notes (text) VALUES ('moved')"),
        lambda: op.execute("DROP TABLE notes_paper"),
    ]
    for number, step in enumerate(steps):
        if number == FAIL_BEFORE:
            HOW
        step()
    if FAIL_BEFORE == len(steps):
        HOW

def downgrade():
    op.drop_index("ix_notes_notes_paper_id", "notes_notes")
"""

RAISE = "raise RuntimeError('no paper')"
DIE = "os._exit(9)"


def notes_migrations(folder: Path, *, fail_before: int = 99, how: str = RAISE) -> Migrations:
    folder.mkdir(exist_ok=True)
    (folder / "0001_notes.py").write_text(FIRST)
    second = SECOND.replace("FAIL_BEFORE", str(fail_before)).replace("HOW", how)
    (folder / "0002_paper.py").write_text(second)
    return Migrations(owner="notes", folder=folder)


def schema(database: Database) -> tuple[set[str], set[str], set[str | None]]:
    with database.engine.connect() as connection:
        inspector = inspect(connection)
        return (
            set(inspector.get_table_names()),
            {column["name"] for column in inspector.get_columns("notes_notes")},
            {index["name"] for index in inspector.get_indexes("notes_notes")},
        )


def at_first_version(database: Database, folder: Path) -> None:
    migrations = notes_migrations(folder)
    (folder / "0002_paper.py").unlink()
    upgrade(database, [migrations])


@pytest.mark.parametrize("fail_before", [0, 1, 3, 5])
def test_t_g4_a_migration_that_fails_leaves_the_old_schema_and_a_retry_works(
    database: Database, tmp_path: Path, fail_before: int
) -> None:
    folder = tmp_path / "migrations"
    at_first_version(database, folder)
    before = schema(database)

    with pytest.raises(RuntimeError, match="no paper"):
        upgrade(database, [notes_migrations(folder, fail_before=fail_before)])

    assert schema(database) == before
    mended = notes_migrations(folder)
    assert version(database, mended) == "0001"
    assert upgrade(database, [mended]) == ["notes"]
    assert version(database, mended) == "0002"
    assert schema(database)[1:] == ({"id", "text", "paper_id"}, {"ix_notes_notes_paper_id"})


@pytest.mark.parametrize("fail_before", [1, 4])
def test_t_g4_a_process_that_dies_in_a_migration_leaves_the_old_schema(
    database: Database, empty_database_url: str, tmp_path: Path, fail_before: int
) -> None:
    folder = tmp_path / "migrations"
    at_first_version(database, folder)
    before = schema(database)
    notes_migrations(folder, fail_before=fail_before, how=DIE)

    result = run(
        """
        import sys
        from pathlib import Path
        from core.database.engine import open_database
        from core.database.migrate import Migrations, upgrade
        upgrade(open_database(sys.argv[1]), [Migrations(owner="notes", folder=Path(sys.argv[2]))])
        """,
        empty_database_url,
        str(folder),
    )

    assert result.returncode == 9, result.stderr
    assert schema(database) == before
    assert upgrade(database, [notes_migrations(folder)]) == ["notes"]


# At once


def test_two_threads_that_upgrade_at_once_take_turns(empty_database_url: str) -> None:
    owners = [CORE, migrations_of(make_plugin(sample))]
    barrier = Barrier(3)

    def start(_: int) -> list[str]:
        database = open_database(empty_database_url)
        barrier.wait(30)
        try:
            return upgrade(database, owners)
        finally:
            database.dispose()

    with ThreadPoolExecutor(3) as pool:
        changed = list(pool.map(start, range(3)))

    assert sorted(owner for owners in changed for owner in owners) == ["core", "sample_plugin"]


def test_two_processes_that_start_at_once_take_turns(empty_database_url: str, tmp_path: Path) -> None:
    script = """
    import sys
    from pathlib import Path
    from core.site import builtin_keys
    from core.testing import make_site
    from tests.sample_plugin import plugin as sample
    site = make_site(Path(sys.argv[1]), sample, database_url=sys.argv[2])
    print(sorted(site.enabled - builtin_keys()))
    """

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda name: run(script, str(tmp_path / name), empty_database_url), ("one", "two")))

    assert [(one.returncode, one.stdout.strip()) for one in results] == [(0, "['sample_plugin']")] * 2, results


# Models and migrations


@expression_indexes
def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    """For the core, the sample plugin and each plugin that is there, on both databases."""
    plugins = [*bundled(), make_plugin(sample)]
    for package in [*(one.package for one in BUILTIN), *(one.package for one in plugins)]:
        folder = importlib.import_module(package).__path__[0]
        if (Path(folder) / "models.py").is_file():
            importlib.import_module(f"{package}.models")
    upgrade(database, [CORE, *(migrations_of(plugin) for plugin in plugins)])
    # Other tests may have made models of their own in this process.
    strangers = {
        mapper.local_table.name  # type: ignore[attr-defined]
        for mapper in Base.registry.mappers
        if not mapper.class_.__module__.startswith(("core.", "plugins.", "tests.sample_plugin."))
    }

    def included(_item: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
        # Tables without a model, such as a search index, are their migration's own; so is an index that needs an
        # extension, which a server may not have.
        if kind == "index" and name == POSTGRESQL_INDEX:
            return False
        return kind != "table" or not (name in strangers or (reflected and name not in Base.metadata.tables))

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": included})
        differences = compare_metadata(context, Base.metadata)

    assert differences == []


def test_every_table_of_a_plugin_has_its_name_in_front(database: Database) -> None:
    upgrade(database, [CORE])
    for plugin in [*bundled(), make_plugin(sample)]:
        before = tables(database)
        migrations = migrations_of(plugin)
        upgrade(database, [migrations])
        made = tables(database) - before - {migrations.version_table}
        assert {name for name in made if not name.startswith(f"{plugin.key}_")} == set()


@expression_indexes
def test_every_foreign_key_is_indexed_and_none_blocks_the_erasing_of_a_contact(database: Database) -> None:
    upgrade(database, [CORE, *(migrations_of(plugin) for plugin in [*bundled(), make_plugin(sample)])])
    without_index, blocking = [], []
    with database.engine.connect() as connection:
        inspector = inspect(connection)
        for table in inspector.get_table_names():
            indexed = [inspector.get_pk_constraint(table)["constrained_columns"]]
            indexed += [index["column_names"] for index in inspector.get_indexes(table)]
            indexed += [one["column_names"] for one in inspector.get_unique_constraints(table)]
            for key in inspector.get_foreign_keys(table):
                columns = key["constrained_columns"]
                if not any(found[: len(columns)] == columns for found in indexed):
                    without_index.append(f"{table}.{columns}")
                rule = key["options"].get("ondelete")
                if key["referred_table"] == "contacts" and rule not in ("CASCADE", "SET NULL"):
                    blocking.append(f"{table}.{columns}: {rule}")

    assert without_index == []
    assert blocking == []
