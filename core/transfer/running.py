"""The steps of an import: a batch of rows in a transaction, with how far it came (FEATURES I6, THREATS T-I6)."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING, Any

from attrs import define, field
from sqlalchemy import Table
from sqlalchemy.orm import Session

from core.contacts.models import now
from core.transfer.bulk import as_stored, insert_rows
from core.transfer.imports import actor_of, find_import, path_of, seen_path
from core.transfer.models import ContactImport, ImportProblem
from core.transfer.records import Record, Source, open_source
from core.transfer.rows import Incoming, Problem, RowReader
from core.transfer.taking import Plan, Taken, take_batch
from core.values import Task

if TYPE_CHECKING:
    from core.site import Site

MOST = 5000
"""Rows of a batch at most."""

FIRST = 200
"""Rows of the first batch; the following ones grow or shrink with the time they take."""

STEP_SECONDS = {"sqlite": 0.08, "postgresql": 0.4}
"""Time of the processor that a batch should take. On SQLite nobody else writes meanwhile (at most 200 ms)."""

SKIPPED = 20_000
"""Rows of a file that are read again in one step after a restart, to come back to where it was."""

EXAMPLES = 8
"""People shown in the preview, of each kind."""

problems: Table = ImportProblem.__table__  # type: ignore[assignment]


@define
class Reading:
    """An open file with how far it was read; kept between the steps of one process."""

    source: Source
    records: Iterator[Record]
    reader: RowReader
    position: int = 0
    size: int = FIRST

    def close(self) -> None:
        """Let go of the file."""
        self.source.close()


def check_step(session: Session, site: Site, task: Task) -> bool:
    """One batch of the check: what the import would do, without doing it."""
    return _step(session, site, task, "checking")


def run_step(session: Session, site: Site, task: Task) -> bool:
    """One batch of the import."""
    return _step(session, site, task, "running")


def _step(session: Session, site: Site, task: Task, state: str) -> bool:
    row = find_import(session, task.data["import"], lock=True)
    if row.state != state:
        return True
    is_over = take_step(session, site, row)
    task.total = row.size
    task.done = row.size if is_over else int(row.numbers.get("share", 0) * row.size)
    if is_over:
        task.result = {
            "message": "The import of “%(name)s” is done." if state == "running" else "“%(name)s” was checked.",
            "values": {"name": row.name},
            "href": f"/dashboard/contacts/import/{row.id}",
        }
        if state == "running":
            task.result["undo"] = f"/dashboard/contacts/import/{row.id}/undo"
    return is_over


def take_step(session: Session, site: Site, row: ContactImport) -> bool:
    """Take in the next batch of a file, or check it; answers whether that was the last."""
    reading = _reading(site, row)
    if reading.position < row.position:
        # Another process came further, or this one was restarted: the rows in between are only read.
        wanted = min(row.position - reading.position, SKIPPED)
        reading.position += sum(1 for _ in islice(reading.records, wanted))
        return False
    begun = thread_time()
    records = list(islice(reading.records, reading.size))
    reading.position += len(records)
    is_over = len(records) < reading.size
    found = [reading.reader.read(record) for record in records]
    people = [one for one in found if isinstance(one, Incoming)]
    wrong = [one for one in found if isinstance(one, Problem)]
    writes = row.state == "running"
    plan = _plan(site, row)
    if writes:
        taken = take_batch(session, site, plan, people, write=True)
    else:
        with SeenKeys.open(seen_path(site, row.stored_name)) as seen:
            taken = take_batch(session, site, plan, people, write=False, seen=seen.before(people))
            remembered = {one.key for one in taken.met if one.is_remembered}
            seen.add(one for one in people if one.key in remembered)
    wrong += [note for person in people for note in person.notes]
    wrong += taken.notes
    _keep_problems(session, row, wrong)
    row.numbers = _counted(row.numbers, taken, wrong, reading.source.share(), len(records))
    row.position = reading.position
    took = thread_time() - begun
    aimed_at = STEP_SECONDS[session.get_bind().dialect.name]
    reading.size = max(20, min(MOST, int(reading.size * min(2.0, aimed_at / max(took, 0.001)))))
    if is_over:
        row.records = row.position
        row.state = "done" if writes else "checked"
        row.finished_at = now() if writes else None
        forget_reading(site, row.id)
        if not writes:
            seen_path(site, row.stored_name).unlink(missing_ok=True)
    return is_over


def _plan(site: Site, row: ContactImport) -> Plan:
    return Plan(
        import_id=row.id,
        name=row.name,
        sha256=row.sha256,
        href=f"/dashboard/contacts/import/{row.id}",
        policy=row.plan["policy"],
        tags=row.plan["tags"],
        choices=[key for key in row.plan["choices"] if key in site.contributions.import_choices],
        columns=frozenset(key.partition(":")[2] or key for key in row.plan["mapping"].values()),
        actor=actor_of(row),
        moment=row.started_at or now(),
    )


def _keep_problems(session: Session, row: ContactImport, wrong: Sequence[Problem]) -> None:
    convert = as_stored(session)
    rows = [
        (
            row.id,
            one.line,
            one.refused,
            one.column,
            one.value.replace("\x00", "␀"),
            one.message,
            convert(dict(one.words)),
            convert([cell.replace("\x00", "␀") for cell in one.cells]),
        )
        for one in wrong
    ]
    names = ["import_id", "line", "refused", "column", "value", "message", "words", "cells"]
    insert_rows(session, problems, names, rows)


def _counted(
    numbers: Mapping[str, Any], taken: Taken, wrong: Sequence[Problem], share: float, records: int
) -> dict[str, Any]:
    """The numbers with this batch added, and examples of the first people of each kind."""
    new = dict(numbers)
    for person, outcome in taken.outcomes:
        new[outcome] = new.get(outcome, 0) + 1
        examples = new.setdefault("examples", {}).setdefault(outcome, [])
        if len(examples) < EXAMPLES:
            said = {**person.details, "tags": ", ".join(person.tags)}
            new["examples"] = {
                **new["examples"],
                outcome: [*examples, {"line": person.line, "email": person.email, **said}],
            }
    new["refused"] = new.get("refused", 0) + sum(one.refused for one in wrong)
    new["notes"] = new.get("notes", 0) + sum(not one.refused for one in wrong)
    new["stated"] = new.get("stated", 0) + sum(bool(one.statements) for one in taken.met)
    new["held"] = new.get("held", 0) + taken.held
    for name, counts in (("left", taken.left), ("applied", taken.applied)):
        new[name] = {key: new.get(name, {}).get(key, 0) + counts.get(key, 0) for key in {*new.get(name, {}), *counts}}
    new["records"] = new.get("records", 0) + records
    new["share"] = share
    return new


# The file, open between steps


def _reading(site: Site, row: ContactImport) -> Reading:
    """The file at the row's position or before it; kept, or opened anew."""
    kept: dict[int, tuple[str, Reading]] = site.__dict__.setdefault("_import_readings", {})
    mark = f"{row.state}:{row.started_at}:{sorted(row.plan['mapping'].items())}"
    if row.id in kept:
        known, reading = kept[row.id]
        # One that is further than what was committed belongs to a step that was rolled back.
        if known == mark and reading.position <= row.position and not (row.position == 0 and reading.position):
            return reading
        forget_reading(site, row.id)
    source = open_source(path_of(site, row.stored_name), row.kind, row.plan)
    reading = Reading(source, iter(source), RowReader(site, row.plan, row.kind))
    kept[row.id] = (mark, reading)
    return reading


def forget_reading(site: Site, import_id: int) -> None:
    """Let go of an import's file, which this process may have open."""
    kept: dict[int, tuple[str, Reading]] = site.__dict__.get("_import_readings", {})
    if import_id in kept:
        kept.pop(import_id)[1].close()


@define
class SeenKeys:
    """The addresses that the check has met, in a file: there may be more of them than fit into memory."""

    connection: sqlite3.Connection = field()

    @classmethod
    def open(cls, path: Path) -> SeenKeys:
        """Open the file, made when missing."""
        connection = sqlite3.connect(path, isolation_level=None)
        # It can be made anew at any time, so nothing is waited for.
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE IF NOT EXISTS seen (key INTEGER PRIMARY KEY, line INTEGER NOT NULL)")
        return cls(connection)

    def __enter__(self) -> SeenKeys:
        return self

    def __exit__(self, *_error: object) -> None:
        self.connection.close()

    def before(self, people: Sequence[Incoming]) -> Mapping[str, bool]:
        """The keys of those whose address an earlier row had."""
        hashes = {_hash(one.key): one for one in reversed(people)}
        marks = ", ".join("?" for _ in hashes)
        statement = f"SELECT key, line FROM seen WHERE key IN ({marks})"  # noqa: S608 (question marks only)
        # A step that was rolled back has left its keys: they are of this line, and not of one before.
        found = self.connection.execute(statement, list(hashes)).fetchall()
        return {hashes[key].key: True for key, line in found if line < hashes[key].line}

    def add(self, people: Iterable[Incoming]) -> None:
        """Remember these addresses, each with the first line it was met in."""
        rows = [(_hash(one.key), one.line) for one in people]
        self.connection.execute("BEGIN")
        self.connection.executemany("INSERT INTO seen VALUES (?, ?) ON CONFLICT DO NOTHING", rows)
        self.connection.execute("COMMIT")


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
