"""An import from the upload to its end: recognised, checked, run, cancelled, taken back (FEATURES I1 to I6).

Checking and running read the file in the same way; the check writes nothing but its own findings. Each is a queued job
whose steps are transactions: what a step did, how far it came and what it counted are committed together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.contacts.files import FileStore, SavedFile, file_path, remove_bytes
from core.contacts.finding import check_id
from core.contacts.models import now
from core.errors import Conflict, InvalidInput, NotFound
from core.jobs.models import QueuedJob
from core.transfer.mapping import Allows, everything
from core.transfer.models import ContactImport, ImportProblem
from core.transfer.recognising import find_kind, recognise
from core.values import Actor

if TYPE_CHECKING:
    from core.site import Site

State = Literal["new", "checking", "checked", "running", "done", "cancelled", "failed", "undoing", "undone"]

MAX_SIZE = 1_000_000_000
"""Bytes of an uploaded file; they are streamed to disk and read piece by piece."""

MAX_PASTED = 2_000_000
"""Characters of pasted addresses."""

KEPT = timedelta(days=2)
"""How long the file of an import is kept; what it did can be taken back as long as the site stands."""

POLICIES: Mapping[str, str] = {
    "fill": "Fill gaps only: what is known stays",
    "overwrite": "Overwrite details that are not locked",
    "skip": "Leave known contacts as they are",
}
"""What to do with addresses that are known (FEATURES I4), a message id each."""

JOBS: Mapping[str, str] = {
    "checking": "contact.import_check",
    "running": "contact.import",
    "undoing": "contact.import_undo",
}
"""State → the job that works on it."""


def path_of(site: Site, stored_name: str) -> Path:
    """Where the file of an import is."""
    return file_path(site.settings.data_dir, stored_name)


def seen_path(site: Site, stored_name: str) -> Path:
    """Where the check keeps the addresses that it met."""
    path = path_of(site, stored_name)
    return path.with_name(f"{path.name}.seen")


def recognise_file(
    site: Site,
    saved: SavedFile,
    *,
    kind: str = "",
    chosen: Mapping[str, Any] | None = None,
    allows: Allows = everything,
) -> tuple[str, dict[str, Any]]:
    """Which kind of file was stored, and how it is to be read; before a transaction, since all of it is looked at.

    Raises InvalidInput for a file that can't be imported.
    """
    path = path_of(site, saved.stored_name)
    kind = kind or find_kind(path)
    return kind, recognise(site, path, kind, chosen, allows)


def new_import(session: Session, saved: SavedFile, actor: Actor, kind: str, plan: Mapping[str, Any]) -> ContactImport:
    """Keep a stored file as an import, as it was recognised."""
    row = ContactImport(
        name=saved.name,
        stored_name=saved.stored_name,
        kind=kind,
        size=saved.size,
        sha256=saved.sha256,
        state="new",
        plan=dict(plan),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
    )
    session.add(row)
    session.flush()
    return row


def find_import(session: Session, import_id: int, *, lock: bool = False) -> ContactImport:
    """An import by its number. Raises NotFound."""
    check_id(import_id)
    statement = select(ContactImport).where(ContactImport.id == import_id)
    if lock:
        statement = statement.with_for_update()
    row = session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()
    if row is None:
        raise NotFound("There is no such import.")
    return row


def actor_of(row: ContactImport) -> Actor:
    """Who imports."""
    return Actor(kind=cast(Any, row.actor_kind), id=row.actor_id, name=row.actor_name)


def change_plan(site: Site, import_id: int, chosen: Mapping[str, Any], allows: Allows = everything) -> ContactImport:
    """Read the file as a person chose; what they did not say is found out anew. Raises InvalidInput, Conflict."""

    def check(session: Session, *, lock: bool) -> ContactImport:
        row = find_import(session, import_id, lock=lock)
        settle(session, row)
        if row.state not in ("new", "checked", "checking"):
            raise Conflict("This import has begun already.")
        _need_file(site, row)
        return row

    with site.session() as session:
        row = check(session, lock=False)
    plan = recognise(site, path_of(site, row.stored_name), row.kind, chosen, allows)
    with site.begin() as session:
        row = check(session, lock=True)
        row.plan = plan
        _forget_check(session, row)
        row.state = "new"
    return row


def begin(session: Session, site: Site, import_id: int, state: State, actor: Actor) -> ContactImport:
    """Begin to check ("checking"), to run ("running") or to take back ("undoing") an import, as a queued job.

    Raises Conflict when it is not the time for that: two who press a button at once begin one job.
    """
    from core.jobs import queue_job

    row = find_import(session, import_id, lock=True)
    settle(session, row)
    before: Mapping[State, Sequence[str]] = {
        "checking": ("new",),
        "running": ("checked",),
        "undoing": ("done", "cancelled", "failed"),
    }
    if row.state not in before.get(state, ()):
        raise Conflict("This import is not where it was any more. Look at it as it stands now.")
    if state != "undoing":
        _need_file(site, row)
        if row.plan.get("questions"):
            raise InvalidInput("Answer the questions about the file first.")
    start(session, row, state)
    total = row.size if state != "undoing" else None
    row.job_id = queue_job(session, site, JOBS[state], {"import": row.id}, total=total, actor=actor)
    return row


def start(session: Session, row: ContactImport, state: State) -> None:
    """Set an import to its beginning in this state."""
    if state == "checking":
        _forget_check(session, row)
    if state == "running":
        _forget_check(session, row)
        row.started_at = now()
    if state != "undoing":
        row.numbers = {}
    row.position = 0
    row.finished_at = None
    row.state = state


def _forget_check(session: Session, row: ContactImport) -> None:
    session.execute(delete(ImportProblem).where(ImportProblem.import_id == row.id))
    row.numbers, row.position = {}, 0


def settle(session: Session, row: ContactImport) -> None:
    """Follow a job that was cancelled or failed elsewhere: an import says what it is, not what it was meant to be."""
    if row.state not in JOBS or row.job_id is None:
        return
    job = session.get(QueuedJob, row.job_id, populate_existing=True)
    if job is None or job.finished_at is None or job.state == "done":
        return
    failed = job.state == "failed"
    if failed:
        row.numbers = {**row.numbers, "error": job.error}
    if row.state == "checking":
        row.state = "new"
    else:
        row.state = "failed" if failed else "cancelled"
    row.finished_at = job.finished_at


def cancel(session: Session, site: Site, import_id: int) -> ContactImport:
    """Stop an import after the batch under way; what was taken in stays, and can be taken back as a whole."""
    from core.jobs import cancel_job

    row = find_import(session, import_id)
    # The job first, as its steps take it: two that lock crosswise would wait for each other.
    if row.job_id is not None and row.state in JOBS:
        cancel_job(session, row.job_id)
    row = find_import(session, import_id, lock=True)
    settle(session, row)
    return row


def discard(session: Session, site: Site, import_id: int) -> str:
    """Forget an import that was not begun, with its file; answers its name. Raises Conflict for one that was."""
    row = find_import(session, import_id, lock=True)
    settle(session, row)
    if row.state not in ("new", "checked"):
        raise Conflict("This import has begun already.")
    name = row.name
    path_of(site, row.stored_name).unlink(missing_ok=True)
    seen_path(site, row.stored_name).unlink(missing_ok=True)
    session.delete(row)
    return name


def _need_file(site: Site, row: ContactImport) -> None:
    if not path_of(site, row.stored_name).is_file():
        raise InvalidInput("The file is not kept any more. Upload it again.", field="file")


def store_text(store: FileStore, name: str, text: str) -> SavedFile:
    """Store pasted text as a file. Raises InvalidInput when nothing was pasted, or too much."""
    import io

    if not text.strip():
        raise InvalidInput("Paste addresses, or choose a file.", field="pasted")
    if len(text) > MAX_PASTED:
        raise InvalidInput("This text is too long: %(max)s characters at most.", field="pasted", max=MAX_PASTED)
    return store.save(name, io.BytesIO(text.encode()))


def list_imports(session: Session, limit: int = 20) -> Sequence[ContactImport]:
    """The last imports, the newest first, without those that were never begun."""
    statement = (
        select(ContactImport)
        .where(ContactImport.state.not_in(("new", "checking", "checked")))
        .order_by(ContactImport.id.desc())
        .limit(limit)
    )
    return session.scalars(statement).all()


def problems_of(
    session: Session, import_id: int, *, refused: bool | None = None, after: tuple[int, int] = (0, 0), limit: int = 50
) -> Sequence[ImportProblem]:
    """What was wrong with rows, by line: the next `limit` after a line and an id."""
    one = ImportProblem
    statement = select(one).where(one.import_id == import_id).order_by(one.line, one.id).limit(limit)
    line, row_id = after
    statement = statement.where((one.line > line) | ((one.line == line) & (one.id > row_id)))
    if refused is not None:
        statement = statement.where(one.refused.is_(refused))
    return session.scalars(statement).all()


def count_problems(session: Session, import_id: int, *, refused: bool) -> int:
    """How many rows were refused, or how many notes there are."""
    return (
        session.scalar(
            select(func.count()).where(ImportProblem.import_id == import_id, ImportProblem.refused.is_(refused))
        )
        or 0
    )


def forget_files(site: Site) -> None:
    """Remove the files of imports that are over or were left standing, and those never begun."""
    old = now() - KEPT
    with site.begin() as session:
        rows = session.scalars(
            select(ContactImport).where(ContactImport.created_at < old, ContactImport.state.not_in(tuple(JOBS)))
        ).all()
        names = [row.stored_name for row in rows]
        for row in rows:
            if row.state in ("new", "checked"):
                session.delete(row)
    remove_bytes(site.settings.data_dir, names)
    for name in names:
        seen_path(site, name).unlink(missing_ok=True)
