"""Reading the activity log (FEATURES C12): newest first, by kind, page after page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen
from sqlalchemy import literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from core.contacts.models import ContactActivity, ContactNote, StoredFile

EXCERPT = 160
"""Characters of a note that its entry in the log shows."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen(kw_only=True)
class LogEntry:
    """An entry as it was stored; `core.contacts.sentences` makes words of it."""

    id: int
    kind: str
    reference: str
    data: Mapping[str, Any]
    href: str
    actor_kind: str
    actor_name: str
    occurred_at: datetime


@frozen(kw_only=True)
class LogPage:
    """Entries, newest first, and where the next page begins (None at the end)."""

    entries: Sequence[LogEntry]
    older: str | None


def cursor(moment: datetime, row_id: int) -> str:
    """A place in a list that is ordered by time and id, fit for an address."""
    return f"{(moment - EPOCH) // timedelta(microseconds=1)}-{row_id}"


def read_cursor(text: str) -> tuple[datetime, int] | None:
    """The place that `cursor` wrote; None for anything else."""
    micros, _, row_id = text.partition("-")
    if not (micros.isascii() and micros.isdigit() and row_id.isascii() and row_id.isdigit()):
        return None
    if len(micros) > 18 or len(row_id) > 18:
        return None
    try:
        return EPOCH + timedelta(microseconds=int(micros)), int(row_id)
    except OverflowError:
        return None


def read_log(session: Session, contact_id: int, *, kind: str = "", before: str = "", limit: int = 50) -> LogPage:
    """A page of a contact's log: only entries of `kind` if given; `before` is an earlier page's `older`."""
    log = ContactActivity
    statement = (
        select(log).where(log.contact_id == contact_id).order_by(log.occurred_at.desc(), log.id.desc()).limit(limit + 1)
    )
    if kind:
        statement = statement.where(log.kind == kind)
    if (place := read_cursor(before)) is not None:
        statement = statement.where(tuple_(log.occurred_at, log.id) < place)
    rows = session.scalars(statement).all()
    entries = [
        LogEntry(
            id=row.id,
            kind=row.kind,
            reference=row.reference,
            data=data,
            href=row.href,
            actor_kind=row.actor_kind,
            actor_name=row.actor_name,
            occurred_at=row.occurred_at,
        )
        for row, data in zip(rows[:limit], with_excerpts(session, rows[:limit]), strict=True)
    ]
    older = cursor(entries[-1].occurred_at, entries[-1].id) if len(rows) > limit else None
    return LogPage(entries=entries, older=older)


def with_excerpts(session: Session, entries: Sequence[ContactActivity]) -> list[Mapping[str, Any]]:
    """The entries' data, completed by the beginnings of the notes and the names of the files that they tell of.

    An entry keeps their numbers only: once they are gone, nothing of them is left in the log (FEATURES C12, C13).
    """
    notes = {one.id: one.data["note"] for one in entries if one.kind == "contact.noted" and "note" in one.data}
    files = {one.id: one.data["file"] for one in entries if one.kind == "contact.filed" and "file" in one.data}
    # One query, whatever the entries tell of.
    rows = session.execute(
        union_all(
            select(literal("excerpt").label("kind"), ContactNote.id.label("id"), ContactNote.text.label("text")).where(
                ContactNote.id.in_(notes.values())
            ),
            select(literal("name"), StoredFile.id, StoredFile.name).where(StoredFile.id.in_(files.values())),
        )
    )
    found = {(row.kind, row.id): excerpt_of(row.text) if row.kind == "excerpt" else row.text for row in rows}
    completed: list[Mapping[str, Any]] = []
    for one in entries:
        wanted = {("excerpt", notes.get(one.id)), ("name", files.get(one.id))} & found.keys()
        completed.append({**one.data, **{name: found[name, number] for name, number in wanted}})
    return completed


def excerpt_of(text: str) -> str:
    """The beginning of a note, on one line."""
    words = " ".join(text.split())
    return words if len(words) <= EXCERPT else words[: EXCERPT - 1].rstrip() + "…"


def kinds_of(session: Session, contact_id: int) -> list[str]:
    """The kinds of entries that a contact's log has."""
    return list(
        session.scalars(select(ContactActivity.kind).where(ContactActivity.contact_id == contact_id).distinct())
    )
