"""An import of orders from the upload to its end: checked, seen, run in the background (FEATURES S6).

Checking reads the whole file and writes nothing but what it found. Running takes some orders in a transaction, with
how far it came: a process that is killed loses nothing and doubles nothing, and an order that is here already is left
alone, however often its file is brought.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import (
    Actor,
    CaptureRejected,
    Conflict,
    InvalidInput,
    NotFound,
    Site,
    Task,
    TresenError,
    cancel_job,
    file_path,
    queue_job,
    read_job,
    remove_bytes,
    storing,
)
from plugins.shop.importing.foreign import Skipped
from plugins.shop.importing.reading import LAYOUTS, Problem, file_key, find_layout, open_files, reading_of
from plugins.shop.importing.rows import Context, Row
from plugins.shop.importing.taking import catalogue_of, known_references, prepare, take
from plugins.shop.models import OrderImport, OrderImportProblem, now

JOB = "shop.import_orders"

MAX_SIZE = 500_000_000
"""Bytes of a file; it is streamed to disk and read piece by piece."""

KEPT = timedelta(days=2)
"""How long a file is kept that nobody imports."""

STEP_SECONDS = 0.15
"""How long a step takes orders in: on SQLite nobody else writes meanwhile."""

CHECKED = 500
"""Orders that are checked in one step."""


EXAMPLES = 8
MOST_PROBLEMS = 5000
"""Problems that are kept; of the others only how many there are."""


def new_import(
    site: Site, name: str, source: Any, actor: Actor, *, shop: str = "", currency: str = "", limit: int = MAX_SIZE
) -> int:
    """Store a file and find out whose it is; answers the number of its import, which is to be checked.

    `shop` is what the other shop is called here, else as its program; `currency` is that of orders that say none.
    Raises InvalidInput for a file of which nothing is known.
    """
    shop = " ".join(shop.split())
    if len(shop) > 40:
        raise InvalidInput("This is too long: %(max)s characters at most.", field="shop", max=40)
    with storing(site.settings.data_dir) as store:
        saved = store.save(name, source, limit=limit)
        layout = find_layout(file_path(site.settings.data_dir, saved.stored_name))
        with site.begin() as session:
            row = OrderImport(
                name=saved.name,
                stored_name=saved.stored_name,
                size=saved.size,
                layout=layout.key,
                source=shop or layout.label,
                currency=currency or site.setting("shop.currency"),
                state="checking",
                actor_id=actor.id,
                actor_name=actor.name,
            )
            session.add(row)
            session.flush()
            return row.id


def find_import(session: Session, import_id: int, *, lock: bool = False) -> OrderImport:
    """An import by its number. Raises NotFound."""
    statement = select(OrderImport).where(OrderImport.id == import_id)
    if lock:
        statement = statement.with_for_update()
    known = 0 < import_id < 2**63
    row = session.scalar(statement, execution_options={"populate_existing": True}) if known else None
    if row is None:
        raise NotFound("There is no such import.")
    return row


def list_imports(session: Session) -> Sequence[OrderImport]:
    """The last imports, the newest first."""
    return session.scalars(select(OrderImport).order_by(OrderImport.id.desc()).limit(20)).all()


def problems_of(session: Session, import_id: int, *, refused: bool, limit: int = 50) -> Sequence[OrderImportProblem]:
    """What was wrong with orders, by where they begin."""
    one = OrderImportProblem
    statement = select(one).where(one.import_id == import_id, one.refused.is_(refused))
    return session.scalars(statement.order_by(one.line, one.id).limit(limit)).all()


def count_problems(session: Session, import_id: int, *, refused: bool) -> int:
    """How many orders were refused, or read otherwise than they stand."""
    one = OrderImportProblem
    statement = select(func.count()).select_from(one).where(one.import_id == import_id, one.refused.is_(refused))
    return session.scalar(statement) or 0


# Beginning and ending


def settle(session: Session, row: OrderImport) -> None:
    """Follow a job that failed or was stopped elsewhere: an import says what it is, not what it was meant to be."""
    if row.state not in ("checking", "running") or row.job_id is None:
        return
    try:
        job = read_job(session, row.job_id)
    except NotFound:
        return
    if job.finished_at is not None and job.state != "done":
        row.state = "failed" if job.state == "failed" else "cancelled"
        row.finished_at = job.finished_at
        row.numbers = {**row.numbers, "error": job.error}


def begin(session: Session, site: Site, import_id: int, actor: Actor) -> int:
    """Check an import, or run a checked one, in the background; answers the job. Raises Conflict at another time."""
    row = find_import(session, import_id, lock=True)
    if row.state == "checked":
        _start(session, row)
    elif row.state != "checking":
        raise Conflict("This import is not where it was any more. Look at it as it stands now.")
    row.job_id = queue_job(session, site, JOB, {"import": row.id}, total=row.size, actor=actor)
    return row.job_id


def _start(session: Session, row: OrderImport) -> None:
    session.execute(delete(OrderImportProblem).where(OrderImportProblem.import_id == row.id))
    row.state, row.position, row.numbers = "running", 0, {}


def cancel(session: Session, site: Site, import_id: int) -> None:
    """Stop an import after the step under way; what was taken in stays."""
    row = find_import(session, import_id)
    if row.job_id is not None and row.state in ("checking", "running"):
        cancel_job(session, row.job_id)
    row = find_import(session, import_id, lock=True)
    if row.state in ("checking", "running"):
        row.state, row.finished_at = "cancelled", now()
    open_files.close(file_key(site, import_id))


def discard(session: Session, site: Site, import_id: int) -> str:
    """Forget a file that was not imported; answers its name. Raises Conflict for one that was."""
    row = find_import(session, import_id, lock=True)
    if row.state not in ("checking", "checked"):
        raise Conflict("This import has begun already.")
    name, stored_name = row.name, row.stored_name
    session.delete(row)
    open_files.close(file_key(site, import_id))
    remove_bytes(site.settings.data_dir, [stored_name])
    return name


def forget_files(site: Site) -> None:
    """Remove files that nobody imports, with their imports; and those of imports that are over."""
    with site.begin() as session:
        old = session.scalars(
            select(OrderImport).where(OrderImport.created_at < now() - KEPT, OrderImport.state != "running")
        ).all()
        names = [row.stored_name for row in old]
        for row in old:
            if row.state in ("checking", "checked"):
                session.delete(row)
    remove_bytes(site.settings.data_dir, names)


# Steps


def step(session: Session, site: Site, task: Task) -> bool:
    """The next step of a queued import."""
    row = find_import(session, task.data["import"], lock=True)
    task.data = {**task.data, "title": "Orders are imported" if row.state == "running" else "Orders are checked"}
    is_over = take_step_of(session, site, row)
    task.total, task.done = row.size, row.size if is_over else int(row.numbers.get("share", 0) * row.size)
    if is_over:
        ran = row.state == "done"
        task.result = {
            "message": "The orders of “%(name)s” are imported." if ran else "“%(name)s” was checked.",
            "values": {"name": row.name},
            "href": f"/dashboard/shop/orders/import/{row.id}",
        }
    return is_over


def take_step_of(session: Session, site: Site, row: OrderImport) -> bool:
    """Check or take in the next orders of a file, in the caller's transaction; answers whether those were the last."""
    if row.state not in ("checking", "running"):
        return True
    key = file_key(site, row.id)
    reading = reading_of(site, row)
    catalogue = catalogue_of(session)
    numbers, problems = dict(row.numbers), list[Problem]()
    begun, writes, is_over, taken = monotonic(), row.state == "running", False, 0
    while taken < CHECKED and (not writes or monotonic() - begun < STEP_SECONDS):
        group = next(reading.groups, None)
        if group is None:
            is_over = True
            break
        reading.position += 1
        taken += 1
        try:
            _one(session, site, row, group, catalogue, reading.seen, numbers, problems, writes=writes)
        except BaseException:
            # The transaction is given up: what was read has to be read again.
            open_files.close(key)
            raise
    kept = max(MOST_PROBLEMS - numbers.get("problems", 0), 0)
    session.add_all(
        OrderImportProblem(
            import_id=row.id,
            line=one.line,
            reference=one.reference[:100],
            refused=one.refused,
            message=one.message,
            words=dict(one.words),
        )
        for one in problems[:kept]
    )
    numbers["problems"] = numbers.get("problems", 0) + len(problems)
    numbers["share"] = reading.table.share()
    row.position, row.numbers = reading.position, numbers
    if is_over:
        open_files.close(key)
        row.state = "done" if writes else "checked"
        row.finished_at = now()
        if writes:
            remove_bytes(site.settings.data_dir, [row.stored_name])
    session.flush()
    return is_over


def _one(
    session: Session,
    site: Site,
    row: OrderImport,
    group: list[Row] | Problem,
    catalogue: Mapping[str, int],
    seen: set[str],
    numbers: dict[str, Any],
    problems: list[Problem],
    *,
    writes: bool,
) -> None:
    """One order of a file: taken in, known already, no order, or refused with the reason."""

    def add(what: str, number: int = 1) -> None:
        numbers[what] = numbers.get(what, 0) + number

    if isinstance(group, Problem):
        add("refused")
        problems.append(group)
        return
    layout = LAYOUTS[row.layout]
    context = Context(zone=site.settings.zone, currency=row.currency, order=numbers.get("order", ""))
    reference = group[0].first("name" if row.layout == "shopify" else "number", "id").lstrip("#").strip()
    line = group[0].line
    try:
        foreign = layout.read(group, context)
        reference = foreign.reference
        # While it is checked nothing is written by which the second of two would be known.
        if reference in seen or known_references(session, row.source, [reference]):
            add("known")
            return
        prepared = prepare(foreign, row.source, catalogue)
        seen.add(reference)
        if writes:
            with session.begin_nested():
                take(session, site, prepared)
    except Skipped:
        add("skipped")
        return
    except IntegrityError:
        # Another import has just taken it in.
        if not known_references(session, row.source, [reference]):
            raise
        add("known")
        return
    except (InvalidInput, CaptureRejected, Conflict) as error:
        add("refused")
        problems.append(_problem(line, reference, error))
        return
    add("taken")
    sums = dict(numbers.get("sums", {}))
    sums[foreign.currency] = sums.get(foreign.currency, 0) + foreign.total - min(foreign.refunded, foreign.total)
    numbers["sums"] = sums
    day = foreign.placed_at.isoformat()
    numbers["first"] = min(numbers.get("first", day), day)
    numbers["last"] = max(numbers.get("last", day), day)
    for note in prepared.notes:
        problems.append(Problem(line=line, reference=reference, refused=False, message=note, words={}))


def _problem(line: int, reference: str, error: TresenError) -> Problem:
    words = {key: value if isinstance(value, int) else str(value) for key, value in error.values.items()}
    return Problem(line=line, reference=reference, refused=True, message=error.message, words=words)


def follow(site: Site, import_id: int) -> OrderImport:
    """Every step of an import, in this process: for a small file, and for the command."""
    is_over = False
    while not is_over:
        with site.begin() as session:
            row = find_import(session, import_id, lock=True)
            is_over = take_step_of(session, site, row)
    return row


def run_now(site: Site, import_id: int) -> OrderImport:
    """Take a checked import in, in this process."""
    with site.begin() as session:
        row = find_import(session, import_id, lock=True)
        if row.state != "checked":
            raise Conflict("This import is not where it was any more. Look at it as it stands now.")
        _start(session, row)
    return follow(site, import_id)
