"""Fixtures for all tests. The parts are in `tests/support/`."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.browser import browser, new_page, page
from tests.support.databases import FreshDatabases, Prepare, SqliteDatabases
from tests.support.postgres import PostgresDatabases, PostgresServer

if TYPE_CHECKING:
    from core.database.migrate import Migrations

__all__ = ["browser", "new_page", "page"]

# The time of one example says more about the machine than about the code.
hypothesis.settings.register_profile("tresen", deadline=None, print_blob=True)
hypothesis.settings.load_profile("tresen")

SERVER = pytest.StashKey[PostgresServer]()
BYTECODE = pytest.StashKey[str]()
SYSTEM = Path(__file__).parent / "system"
# How workers, which are processes of their own, learn of the server that the first process started.
BASE_URL, LOG = "TRESEN_TEST_POSTGRES_URL", "TRESEN_TEST_POSTGRES_LOG"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a third of the time a test waits for its server, its browser or its database."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    if is_worker or config.option.collectonly or config.option.help or config.option.version:
        return
    _keep_bytecode(config)
    # Not waited for: it comes up while the tests are collected.
    server = PostgresServer()
    config.stash[SERVER] = server
    server.start()
    os.environ[BASE_URL] = server.base_url
    os.environ[LOG] = f"{server.directory}/log"


def pytest_collection_finish() -> None:
    # What is loaded by now stays to the end: looking through it for garbage again and again takes a tenth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVER in config.stash:
        config.stash[SERVER].stop()
    if BYTECODE in config.stash:
        # What tests put into temporary folders will never be asked for again.
        shutil.rmtree(f"{config.stash[BYTECODE]}{tempfile.gettempdir()}", ignore_errors=True)


def _keep_bytecode(config: pytest.Config) -> None:
    """Where Python may write no bytecode beside the sources, let this run, its workers and servers keep it apart.

    Each of some hundred processes would else compile all modules anew, which takes two seconds of its start of four.
    """
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if sys.dont_write_bytecode and sys.pycache_prefix is None and cache is not None:
        folder = config.stash[BYTECODE] = str(cache.mkdir("bytecode"))
        sys.dont_write_bytecode, sys.pycache_prefix = False, folder
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest come first, and one worker after the other takes the short ones: so all end at the same time. And a
    # browser, and the sites that the browser's tests share, are there in one worker only.
    items.sort(key=lambda item: SYSTEM not in item.path.parents)
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def _databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, FreshDatabases]]:
    from tests.support.statements import keep_statements

    keep_statements()
    postgres = PostgresDatabases(os.environ[BASE_URL], Path(os.environ[LOG]))
    kinds = {
        "sqlite": FreshDatabases(SqliteDatabases(tmp_path_factory.mktemp("sqlite")), _migrate_core),
        "postgresql": FreshDatabases(postgres, _migrate_core),
    }
    yield kinds
    for kind in kinds.values():
        kind.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite`, then `postgresql`; every test that asks for a database runs on both."""
    kind: str = request.param
    return kind


@pytest.fixture
def fresh_database(database_kind: str, _databases: dict[str, FreshDatabases]) -> Iterator[Callable[..., str]]:
    """`fresh_database()` makes an empty database, `fresh_database(key, prepare)` a copy of a prepared one.

    `prepare(url)` runs once per worker and key; the tables of the core are there already. All are dropped when the
    test is over.
    """
    fresh, made = _databases[database_kind], []

    def make(template_key: str | None = None, prepare: Prepare | None = None) -> str:
        made.append(fresh(template_key, prepare))
        return made[-1]

    yield make
    for url in made:
        fresh.drop(url)


@pytest.fixture
def database_url(fresh_database: Callable[..., str]) -> str:
    """The SQLAlchemy URL of a database with all tables and nothing in them, gone after the test.

    The tables of every bundled plugin are there: making them anew for each test would take most of the time.
    """
    return fresh_database("migrated", _migrate)


@pytest.fixture
def empty_database_url(fresh_database: Callable[..., str]) -> str:
    """The SQLAlchemy URL of a database without any table, gone after the test."""
    return fresh_database()


def _migrate(url: str) -> None:
    # Imported here: a run that needs no database should not wait for SQLAlchemy.
    from core.settings import Settings
    from core.site import all_migrations, find_plugins

    _upgrade(url, all_migrations(find_plugins(Settings())))


def _migrate_core(url: str) -> None:
    from core.database.migrate import CORE

    _upgrade(url, [CORE])


def _upgrade(url: str, migrations: list[Migrations]) -> None:
    from core.database.engine import open_database
    from core.database.migrate import upgrade

    database = open_database(url)
    upgrade(database, migrations)
    database.dispose()
