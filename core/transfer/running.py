"""The steps of an import: a batch of rows in a transaction, with how far it came (FEATURES I6, THREATS T-I6)."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

from attrs import define, field
from sqlalchemy import Table, event
from sqlalchemy.orm import Session

from core.contacts.models import now
from core.transfer.bulk import as_stored, insert_rows
from core.transfer.imports import actor_of, begin, find_import, path_of, seen_path, start
from core.transfer.known import Plan
from core.transfer.models import ContactImport, ImportProblem
from core.transfer.records import Record, Source, open_source
from core.transfer.rows import Incoming, Problem, RowReader
from core.transfer.taking import Taken, take_batch
from core.values import Actor, Task

if TYPE_CHECKING:
    from core.site import Site

MOST = 5000
"""Rows of a batch at most."""

FIRST = 200
"""Rows of the first batch; the following ones grow or shrink with the time they take."""

STEP_SECONDS = {"sqlite": 0.1, "postgresql": 0.4}
"""Seconds of the processor that a batch should take, its commit included; by the clock, twice as many at most.

On SQLite nobody else writes meanwhile, and nobody should have to wait longer than 200 ms.
"""

AT_ONCE = 200_000
"""Bytes of a file that is checked while the person waits."""

SKIPPED = 20_000
"""Rows of a file that are read again in one step after a restart, to come back to where it was."""

OPEN = 4
"""Files that a process keeps open between steps."""

EXAMPLES = 8
"""People shown in the preview, of each kind."""

problems: Table = ImportProblem.__table__  # type: ignore[assignment]


@define
class Batch:
    """Some rows of a file, as they were read: who they are, what is wrong, how many, and whether they are the last."""

    people: list[Incoming]
    wrong: list[Problem]
    records: int
    is_last: bool
    share: float


@define
class Reading:
    """An open file with how far it was taken in; kept between the steps of one process.

    `ahead` is the next batch, which is read while nothing is locked.
    """

    source: Source
    records: Iterator[Record]
    reader: RowReader
    position: int = 0
    size: int = FIRST
    ahead: Batch | None = None

    def skip(self, number: int) -> None:
        """Go past rows that were taken in already; those read ahead are the first of them (`fits`)."""
        if self.ahead is not None:
            number, self.position, self.ahead = number - self.ahead.records, self.position + self.ahead.records, None
        self.position += sum(1 for _ in islice(self.records, number))

    def fits(self, position: int) -> bool:
        """Whether this file, as far as it was read, can go on at a row; else it has to be opened anew."""
        read = self.position + (self.ahead.records if self.ahead is not None else 0)
        return position == self.position or position >= read

    def take(self) -> Batch:
        """The next rows, which count as taken in."""
        batch, self.ahead = self.ahead or self._read(), None
        self.position += batch.records
        return batch

    def go_on(self, took: float, aimed_at: float) -> None:
        """Read the next rows: more or fewer of them, by the seconds that the last ones took."""
        self.size = max(20, min(MOST, int(self.size * min(1.5, aimed_at / max(took, 0.001)))))
        self.ahead = self._read()

    def _read(self) -> Batch:
        people, wrong, number = [], [], 0
        for record in islice(self.records, self.size):
            number += 1
            found = self.reader.read(record)
            if isinstance(found, Incoming):
                people.append(found)
            else:
                wrong.append(found)
        return Batch(people, wrong, number, number < self.size, self.source.share())

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


def check(site: Site, import_id: int, actor: Actor) -> None:
    """Find out what an import would do: of a small file now, in the steps of the job; of a large one in a job."""
    with site.begin() as session:
        row = find_import(session, import_id, lock=True)
        is_small = row.size <= AT_ONCE
        if not is_small:
            begin(session, site, import_id, "checking", actor)
        else:
            start(session, row, "checking")
    is_over = not is_small
    while not is_over:
        with site.begin() as session:
            row = find_import(session, import_id, lock=True)
            is_over = row.state != "checking" or take_step(session, site, row)


def take_step(session: Session, site: Site, row: ContactImport) -> bool:
    """Take in the next batch of a file, or check it; answers whether that was the last."""
    begun = perf_counter(), thread_time()
    reading = _reading(site, row)
    if reading.position < row.position:
        # Another process came further, or this one was restarted: the rows in between are only read.
        reading.skip(min(row.position - reading.position, SKIPPED))
        return False
    batch = reading.take()
    writes = row.state == "running"
    plan = _plan(site, row)
    if writes:
        taken = take_batch(session, site, plan, batch.people, write=True)
    else:
        with SeenKeys.open(seen_path(site, row.stored_name)) as seen:
            taken = take_batch(session, site, plan, batch.people, write=False, seen=seen.before(batch.people))
            remembered = {one.key for one in taken.met if one.is_remembered}
            seen.add(one for one in batch.people if one.key in remembered)
    wrong = [*batch.wrong, *(note for person in batch.people for note in person.notes), *taken.notes]
    _keep_problems(session, row, wrong)
    row.numbers = _counted(row.numbers, taken, wrong, batch)
    row.position = reading.position
    if batch.is_last:
        row.records = row.position
        row.state = "done" if writes else "checked"
        row.finished_at = now() if writes else None
        forget_reading(site, row.id)
        if not writes:
            seen_path(site, row.stored_name).unlink(missing_ok=True)
    else:
        aimed_at, import_id = STEP_SECONDS[session.get_bind().dialect.name], row.id

        def go_on(_session: Session) -> None:
            try:
                reading.go_on(max((perf_counter() - begun[0]) / 2, thread_time() - begun[1]), aimed_at)
            except Exception:
                # What can't be read is said by the next step, in its turn.
                forget_reading(site, import_id)

        event.listen(session, "after_commit", go_on, once=True)
    return batch.is_last


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


def _counted(numbers: Mapping[str, Any], taken: Taken, wrong: Sequence[Problem], batch: Batch) -> dict[str, Any]:
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
    new["records"] = new.get("records", 0) + batch.records
    new["share"] = batch.share
    return new


# The file, open between steps


def _reading(site: Site, row: ContactImport) -> Reading:
    """The file at the row's position or before it; kept, or opened anew."""
    kept: dict[int, tuple[str, Reading]] = site.__dict__.setdefault("_import_readings", {})
    mark = f"{row.state}:{row.started_at}:{sorted(row.plan['mapping'].items())}"
    if row.id in kept:
        known, reading = kept[row.id]
        # One that is further than what was committed belongs to a step that was rolled back.
        if known == mark and reading.position <= row.position and reading.fits(row.position):
            return reading
        forget_reading(site, row.id)
    while len(kept) >= OPEN:
        # Mostly one that another process has brought to its end.
        forget_reading(site, next(iter(kept)))
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
