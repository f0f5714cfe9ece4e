"""Reading a profile: everything the core itself shows of a contact, as plain values (FEATURES P1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.editing import details_of
from core.contacts.models import (
    Contact,
    ContactModule,
    ContactNote,
    ContactSuggestion,
    ContactTag,
    StoredFile,
    Tag,
)
from core.contacts.portrait import initials, tone
from core.values import Stage

NOTES = 20
"""Notes that a profile shows; the older ones stand behind a link."""


@frozen(kw_only=True)
class ModuleUse:
    """A module the contact has had to do with (C10)."""

    key: str
    first_at: datetime
    last_at: datetime


@frozen(kw_only=True)
class Suggestion:
    """What the lock held back for one group of details (C6)."""

    id: int
    group: str
    values: Mapping[str, str]
    origin: rules.Origin


@frozen(kw_only=True)
class NoteFile:
    """A file attached to a note."""

    id: int
    name: str
    size: int


@frozen(kw_only=True)
class Note:
    """An internal note (C13)."""

    id: int
    text: str
    author: str
    author_id: int | None
    created_at: datetime
    edited_at: datetime | None
    files: Sequence[NoteFile]


@frozen(kw_only=True)
class Person:
    """Who a contact is: what every page about it needs. `title` is the name, or the e-mail without one."""

    id: int
    title: str
    name: str
    email: str
    initials: str
    tone: int
    picture: str
    stage: Stage
    inactive: bool


@frozen(kw_only=True)
class Profile:
    """A contact with everything that the core knows of it."""

    person: Person
    details: Mapping[str, str]
    origins: Mapping[str, rules.Origin]
    version: int
    joined_at: datetime
    inactive_at: datetime | None
    locked_at: datetime | None
    locked_by: str
    aliases: Sequence[str]
    tags: Sequence[str]
    modules: Sequence[ModuleUse]
    suggestions: Sequence[Suggestion]
    notes: Sequence[Note]
    notes_count: int


def person_of(contact: Contact) -> Person:
    """A contact's head."""
    return Person(
        id=contact.id,
        title=contact.name or contact.email,
        name=contact.name,
        email=contact.email,
        initials=initials(contact.name, contact.email),
        tone=tone(contact.email_key),
        picture=contact.picture,
        stage=contact.stage,
        inactive=contact.inactive_at is not None,
    )


def read_profile(session: Session, contact: Contact, *, all_notes: bool = False) -> Profile:
    """Read everything of a contact that was found already; five queries, whatever it holds."""
    origins = {group: rules.origin_of(contact, group) for group in rules.GROUPS}
    return Profile(
        person=person_of(contact),
        details=details_of(contact),
        origins={group: origin for group, origin in origins.items() if origin is not None},
        version=contact.version,
        joined_at=contact.joined_at,
        inactive_at=contact.inactive_at,
        locked_at=contact.locked_at,
        locked_by=contact.locked_by,
        aliases=contact.aliases.splitlines(),
        tags=read_tags(session, contact.id),
        modules=_modules(session, contact.id),
        suggestions=_suggestions(session, contact),
        notes=_notes(session, contact.id, None if all_notes else NOTES),
        notes_count=session.scalar(
            select(func.count()).select_from(ContactNote).where(ContactNote.contact_id == contact.id)
        )
        or 0,
    )


def read_tags(session: Session, contact_id: int) -> list[str]:
    """A contact's tags by name."""
    return list(
        session.scalars(select(Tag.name).join(ContactTag).where(ContactTag.contact_id == contact_id).order_by(Tag.key))
    )


def known_tags(session: Session, limit: int = 200) -> list[str]:
    """Tags to choose from while typing, by name."""
    return list(session.scalars(select(Tag.name).order_by(Tag.key).limit(limit)))


def _modules(session: Session, contact_id: int) -> list[ModuleUse]:
    rows = session.scalars(
        select(ContactModule)
        .where(ContactModule.contact_id == contact_id)
        .order_by(ContactModule.last_at.desc(), ContactModule.module)
    )
    return [ModuleUse(key=row.module, first_at=row.first_at, last_at=row.last_at) for row in rows]


def _suggestions(session: Session, contact: Contact) -> list[Suggestion]:
    rows = {
        row.group: row
        for row in session.scalars(select(ContactSuggestion).where(ContactSuggestion.contact_id == contact.id))
    }
    return [
        Suggestion(
            id=row.id,
            group=group,
            values={name: str(row.details.get(name, "")) for name in names},
            origin=rules.Origin(kind=row.source_kind, since=row.occurred_at, reference=row.reference, href=row.href),
        )
        for group, names in rules.GROUPS.items()
        if (row := rows.get(group)) is not None
    ]


def _notes(session: Session, contact_id: int, limit: int | None) -> list[Note]:
    notes = session.scalars(
        select(ContactNote)
        .where(ContactNote.contact_id == contact_id)
        .order_by(ContactNote.created_at.desc(), ContactNote.id.desc())
        .limit(limit)
    ).all()
    files: dict[int, list[NoteFile]] = {}
    rows = session.execute(
        select(StoredFile.note_id, StoredFile.id, StoredFile.name, StoredFile.size)
        .where(StoredFile.note_id.in_([note.id for note in notes]))
        .order_by(StoredFile.id)
    )
    for note_id, file_id, name, size in rows:
        files.setdefault(note_id or 0, []).append(NoteFile(id=file_id, name=name, size=size))
    return [
        Note(
            id=note.id,
            text=note.text,
            author=note.author_name,
            author_id=note.author_id,
            created_at=note.created_at,
            edited_at=note.edited_at,
            files=tuple(files.get(note.id, ())),
        )
        for note in notes
    ]
