"""The database: what it refuses, and that a writer's read stays true until it writes (DESIGN section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.database.engine import Database, open_database
from core.errors import SettingsError
from core.site import Site
from core.state import SiteState
from core.testing import make_site

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    made = make_site(tmp_path, database_url=database_url)
    yield made
    made.close()


def _contact(**values: object) -> Contact:
    given = {"email": "ada@example.org", "email_key": "ada@example.org", "joined_at": NOW}
    return Contact(**{**given, **values})


def _count(site: Site) -> int:
    with site.session() as session:
        return len(session.scalars(select(Contact.id)).all())


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("name", "Ada\x00Lovelace", "NUL"),
        ("joined_at", datetime(2026, 11, 21, 14, 5), "has no time zone"),  # noqa: DTZ001
    ],
)
def test_what_the_databases_would_store_differently_is_refused(
    site: Site, column: str, value: object, reason: str
) -> None:
    with pytest.raises(StatementError, match=reason), site.begin() as session:
        session.add(_contact(**{column: value}))

    assert _count(site) == 0


def test_a_moment_comes_back_in_utc_whatever_zone_it_was_given_in(site: Site) -> None:
    given = datetime(2026, 11, 21, 16, 5, tzinfo=timezone(timedelta(hours=2)))
    with site.begin() as session:
        session.add(_contact(joined_at=given))

    with site.session() as session:
        stored = session.scalars(select(Contact.joined_at)).one()

    assert (stored, stored.utcoffset()) == (NOW, timedelta(0))


def test_an_exception_takes_back_what_was_written(site: Site) -> None:
    def write_and_fail() -> None:
        with site.begin() as session:
            session.add(_contact())
            session.flush()
            raise RuntimeError("The caller gives up.")

    with pytest.raises(RuntimeError):
        write_and_fail()

    assert _count(site) == 0


def test_a_session_for_reading_keeps_nothing(site: Site) -> None:
    with site.session() as session:
        session.add(_contact())
        session.flush()

    assert _count(site) == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "names an in-memory SQLite database"),
        ("sqlite:///:memory:", "names an in-memory SQLite database"),
        ("mysql://host/site", "names mysql"),
        ("nonsense", "is not a database URL"),
    ],
)
def test_a_database_that_can_not_be_used_is_refused_with_a_way_out(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        open_database(url)

    assert "Use " in str(error.value)


# SQLite


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    site = make_site(tmp_path)
    yield site.database
    site.close()


def test_every_connection_to_sqlite_has_the_settings_that_keep_data(sqlite: Database) -> None:
    engines = [sqlite.engine, sqlite.writing, sqlite.engine]
    connections = [engine.connect() for engine in engines]
    try:
        for connection in connections:
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            }
            # Two is FULL: an acknowledged order survives a power cut.
            assert found == {
                "journal_mode": "wal",
                "foreign_keys": 1,
                "synchronous": 2,
                "busy_timeout": 10000,
            }
            connection.rollback()
    finally:
        for connection in connections:
            connection.close()


def test_a_reader_does_not_wait_for_a_writer(sqlite: Database) -> None:
    with sqlite.begin() as writing:
        writing.execute(text("UPDATE site_state SET revision = 77"))
        with sqlite.session() as reading:
            assert reading.scalar(select(SiteState.revision)) != 77


def _increments(engine: Engine) -> tuple[int, int]:
    """Two writers that read a number and store the next: what is stored, and how many of them failed."""
    both_have_read = Barrier(2)

    def increment(_: int) -> bool:
        with Session(engine) as session:
            try:
                with session.begin():
                    session.connection()
                    number = session.scalars(select(SiteState.revision)).one()
                    # Where only one can have read, the wait ends with its time.
                    with suppress(BrokenBarrierError):
                        both_have_read.wait(0.5)
                    session.execute(text("UPDATE site_state SET revision = :next"), {"next": number + 1})
            except OperationalError:
                return False
        return True

    with Session(engine) as session, session.begin():
        session.execute(
            text("INSERT INTO site_state (id, revision) VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET revision = 0")
        )
    with ThreadPoolExecutor(2) as pool:
        succeeded = list(pool.map(increment, range(2)))
    with Session(engine) as session:
        return session.scalars(select(SiteState.revision)).one(), succeeded.count(False)


def test_two_writers_on_sqlite_take_turns_from_their_first_read(sqlite: Database) -> None:
    assert _increments(sqlite.writing) == (2, 0)


def test_control_with_a_deferred_begin_one_of_two_writers_fails(sqlite: Database) -> None:
    assert _increments(sqlite.engine) == (1, 1)
