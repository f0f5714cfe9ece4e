"""The fixtures that everything else rests on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import create_engine, inspect, text

from tests.support.checkout import files_below, project_files
from tests.support.server import ServerProcess

ROOT = Path(__file__).parents[2]


def _run(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def _tables(url: str) -> list[str]:
    engine = create_engine(url)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def test_the_files_of_a_project_are_found_without_git(tmp_path: Path) -> None:
    ignored = ("data/x.sqlite", "core/__pycache__/site.pyc", ".venv/bin/y", "z.pyc")
    for name in ("core/site.py", "core/data/a.txt", *ignored):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copy(ROOT / ".gitignore", tmp_path)

    found = {path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)}

    assert found == {"core/site.py", "core/data/a.txt", ".gitignore"}
    assert Path(__file__) in project_files()


def test_a_fresh_database_is_empty(empty_database_url: str, database_kind: str) -> None:
    assert empty_database_url.startswith({"sqlite": "sqlite:///", "postgresql": "postgresql+psycopg://"}[database_kind])
    assert _tables(empty_database_url) == []


def test_a_template_is_prepared_once_and_its_copies_are_apart(fresh_database: Callable[..., str]) -> None:
    prepared: list[str] = []

    def prepare(url: str) -> None:
        prepared.append(url)
        _run(url, "CREATE TABLE note (words TEXT)")
        _run(url, "INSERT INTO note VALUES ('Grüße')")

    first, second = fresh_database("notes", prepare), fresh_database("notes", prepare)
    _run(first, "DELETE FROM note")

    assert _run(first, "SELECT words FROM note") == []
    assert _run(second, "SELECT words FROM note") == [("Grüße",)]
    assert len(prepared) <= 1
    with pytest.raises(ValueError, match="prepared"):
        fresh_database("unknown")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_sqlite_template_in_wal_mode_keeps_its_newest_rows(fresh_database: Callable[..., str]) -> None:
    kept_open = []

    def prepare(url: str) -> None:
        connection = create_engine(url).connect()
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("CREATE TABLE note (words TEXT)")
        connection.exec_driver_sql("INSERT INTO note VALUES ('new')")
        connection.commit()
        kept_open.append(connection)

    url = fresh_database("wal", prepare)

    assert _run(url, "SELECT words FROM note") == [("new",)]
    for connection in kept_open:
        connection.close()
        connection.engine.dispose()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_postgresql_knows_letters_beyond_ascii_and_trigrams(empty_database_url: str) -> None:
    _run(empty_database_url, "CREATE EXTENSION pg_trgm")

    assert _run(empty_database_url, "SELECT lower('MÜLLER'), 'MÜLLER' ILIKE 'müller', similarity('Öl', 'öl')") == [
        ("müller", True, 1.0)
    ]


def test_the_browser_shows_a_page_in_german(page: Page) -> None:
    page.set_content("<h1>Grüße</h1>")

    assert page.get_by_role("heading").inner_text() == "Grüße"
    assert page.evaluate("navigator.language") == "de-DE"
    assert page.viewport_size == {"width": 1280, "height": 800}


BROKEN_PAGES = {
    "script": "<script>throw new Error('boom')</script>",
    "policy": "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\"><script>1</script>",
}


@pytest.mark.parametrize("kind", BROKEN_PAGES)
def test_a_page_with_errors_fails_its_test(kind: str, browser: object, tmp_path: Path) -> None:
    case = tmp_path / "test_case.py"
    case.write_text(
        "from tests.support.browser import browser, new_page, page\n"
        f"def test_case(page):\n    page.set_content({BROKEN_PAGES[kind]!r})\n    page.title()\n"
    )

    result = _pytest(case)

    assert result.returncode == 1, result.stdout
    assert "The page reported errors" in result.stdout
    assert f"{kind}: " in result.stdout


@pytest.mark.parametrize(("required", "outcome"), [("0", "1 skipped"), ("1", "1 error")])
def test_without_a_browser_its_tests_skip_or_fail(required: str, outcome: str, tmp_path: Path) -> None:
    case = tmp_path / "test_case.py"
    case.write_text("from tests.support.browser import browser\ndef test_case(browser): pass\n")

    result = _pytest(case, TRESEN_TEST_CHROMIUM=str(tmp_path / "missing"), TRESEN_TEST_BROWSER_REQUIRED=required)

    assert outcome in result.stdout
    assert "no Chromium found" in result.stdout


def test_a_server_that_does_not_start_says_what_it_printed(tmp_path: Path) -> None:
    server = ServerProcess("nonsense://", tmp_path, arguments=("--no-such-option",), ready_within=30)

    with pytest.raises(RuntimeError, match="ended with status"), server:
        pass


def _pytest(case: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs one file on its own, without this repository's conftest."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-rs",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            case.parent,
            "-c",
            os.devnull,
            case,
        ],
        cwd=case.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
