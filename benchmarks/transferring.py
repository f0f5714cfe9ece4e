"""What import and export cost, against what the databases' own tools take for the same rows.

The floor of the import puts the same rows into a table with the same indexes: `.import` of SQLite's shell, or COPY. The
import beside it reads the CSV, checks every address, writes log entries and what is needed to take it all back.
"""

from __future__ import annotations

import csv
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.measuring import Result, timed
from core.settings import Settings
from core.site import Site, open_site
from core.transfer.exporting import Export, export_pieces
from core.transfer.layout import OWN
from tests.support.postgres import running_postgres

COLUMNS = (
    "email",
    "name",
    "phone",
    "street",
    "street2",
    "postal_code",
    "city",
    "region",
    "country",
    "language",
)
FIRST = ("Anna", "Jörg", "Käthe", "Max", "Sophie", "Lena", "Tim", "Ümit")
LAST = ("Müller", "Schmidt", "Weiß", "Bäcker", "Meyer", "von der Heide", "Özdemir")
CITIES = ("Bonn", "Köln", "Berlin", "München", "Hamburg")


def write_people(path: Path, number: int) -> None:
    """A file of people who do not exist."""
    with path.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        writer.writerows(
            (
                f"person{one}@mail{one % 977}.example.org",
                f"{FIRST[one % 8]} {LAST[one % 7]}",
                f"+49 228 {one:07}",
                f"Hauptstraße {one % 200}",
                "",
                f"{10000 + one % 89999}",
                CITIES[one % 5],
                "",
                "DE",
                "de",
            )
            for one in range(number)
        )


def run(folder: Path, contacts: int) -> Iterator[Result]:
    """Import of `contacts` people by `tresen import` on both databases, and their export from SQLite."""
    path = folder / "people.csv"
    write_people(path, contacts)
    yield from _on_sqlite(folder, path, contacts)
    yield _on_postgresql(folder, path, contacts)


def _on_sqlite(folder: Path, path: Path, contacts: int) -> Iterator[Result]:
    database = folder / "tresen.sqlite"
    site = open_site(Settings(data_dir=folder, database_url=f"sqlite:///{database}"))
    seconds, peak = _import_by_command(site, path)
    complete = folder / "complete.csv"
    _write_complete(database, complete)
    floor_seconds = timed(lambda: _import_by_hand(site, folder / "floor.sqlite", complete))
    yield Result(
        name=f"import of {contacts} contacts, {peak} MB at most",
        floor="sqlite3 .import into the same table and indexes",
        seconds=seconds,
        floor_seconds=floor_seconds,
    )
    target = folder / "out.csv"
    for exact in (False, True):
        seconds = timed(lambda exact=exact: _export(site, target, exact=exact))  # type: ignore[misc]
        floor_seconds = timed(lambda: _export_by_hand(database, folder / "floor.csv"))
        yield Result(
            name=f"export of {contacts} contacts{', exact' if exact else ''}",
            floor="sqlite3 -csv of the same columns",
            seconds=seconds,
            floor_seconds=floor_seconds,
        )
    site.close()


def _on_postgresql(folder: Path, path: Path, contacts: int) -> Result:
    with running_postgres() as server:
        site = open_site(Settings(data_dir=folder / "postgresql", database_url=server.create_database()))
        seconds, peak = _import_by_command(site, path)
        floor_seconds = _copy_by_hand(site, folder / "complete.copy")
        site.close()
    return Result(
        name=f"import of {contacts} contacts on PostgreSQL, {peak} MB at most",
        floor="COPY into the same table and indexes",
        seconds=seconds,
        floor_seconds=floor_seconds,
    )


def _import_by_command(site: Site, path: Path) -> tuple[float, int]:
    """Seconds that `tresen import` takes, its start included, and the most memory it had, in MB."""
    environment = {
        **os.environ,
        "TRESEN_DATABASE_URL": site.database.engine.url.render_as_string(hide_password=False),
        "TRESEN_DATA_DIR": str(site.settings.data_dir),
    }
    start = perf_counter()
    command = [sys.executable, "-m", "core.cli", "import", str(path)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("The import has failed.")
    return perf_counter() - start, usage.ru_maxrss // 1024


def _copy_by_hand(site: Site, rows: Path) -> float:
    """Seconds for the same rows, as they stand in the table after the import, into a table and indexes like it."""
    with site.begin() as session:
        driver: Any = session.connection().connection.driver_connection
        with rows.open("wb") as opened, driver.cursor().copy("COPY contacts TO STDOUT") as copy:
            opened.writelines(copy)
        driver.execute("CREATE TABLE floor (LIKE contacts INCLUDING ALL)")

    def by_hand() -> None:
        with site.begin() as session:
            driver: Any = session.connection().connection.driver_connection
            with rows.open("rb") as opened, driver.cursor().copy("COPY floor FROM STDIN") as copy:
                while piece := opened.read(1 << 20):
                    copy.write(piece)

    return timed(by_hand)


def _write_complete(database: Path, target: Path) -> None:
    """The rows as they stand in the table after the import, for the floor: all columns, in their order."""
    with target.open("wb") as opened:
        subprocess.run([_shell(), "-csv", str(database), "SELECT * FROM contacts"], stdout=opened, check=True)


def _import_by_hand(site: Site, database: Path, rows: Path) -> None:
    with sqlite3.connect(database) as made:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            made.execute(f"PRAGMA {pragma}")
        with sqlite3.connect(str(site.database.engine.url.database)) as there:
            statements = there.execute(
                "SELECT sql FROM sqlite_master WHERE tbl_name = 'contacts' AND type IN ('table', 'index') "
                "AND sql IS NOT NULL ORDER BY type DESC"
            ).fetchall()
        for (statement,) in statements:
            made.execute(statement)
    made.close()
    subprocess.run([_shell(), str(database), ".mode csv", f".import {rows} contacts"], check=True)


def _export(site: Site, target: Path, *, exact: bool) -> None:
    with target.open("wb") as opened:
        opened.writelines(export_pieces(site, Export(columns=OWN, format="csv", exact=exact), site.language("en")))


def _export_by_hand(database: Path, target: Path) -> None:
    columns = ", ".join((*COLUMNS, "joined_at", "stage", "locked_at IS NOT NULL", "inactive_at IS NOT NULL"))
    joined = (
        "(SELECT group_concat(name, ', ') FROM contact_tags JOIN tags ON id = tag_id WHERE contact_id = contacts.id), "
        "(SELECT group_concat(module, ', ') FROM contact_modules WHERE contact_id = contacts.id)"
    )
    query = f"SELECT {columns}, {joined} FROM contacts WHERE merged_into_id IS NULL ORDER BY id"
    with target.open("wb") as opened:
        subprocess.run([_shell(), "-csv", "-header", str(database), query], stdout=opened, check=True)


def _shell() -> str:
    found = shutil.which("sqlite3")
    if found is None:
        raise SystemExit("The floor of these numbers is SQLite's own shell: install the package sqlite3.")
    return found
