"""Internal notes with files (FEATURES C13): plain text, seen by staff only; written, changed, deleted.

The log tells that there is a note, and shows its beginning as long as there is one (`core.contacts.history`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.files import SavedFile, add_file
from core.contacts.finding import check_id, lock_contact
from core.contacts.history import cursor
from core.contacts.log import add_activity
from core.contacts.models import ContactNote, StoredFile, now
from core.errors import Conflict, InvalidInput, NotFound
from core.values import Activity, Actor

MAX_LENGTH = 10_000


class NoteChanged(Conflict):
    """Somebody else has changed the note since it was opened: nothing was saved. `text` is what it says now."""

    def __init__(self, text: str) -> None:
        super().__init__("Somebody else has changed this note in the meantime. Nothing of yours is saved yet.")
        self.text = text


def clean_note(text: str, has_files: bool) -> str:
    """A note's text as it will be stored. Raises InvalidInput when it is empty without files, or too long."""
    if not text and not has_files:
        raise InvalidInput("Write a comment or choose a file.", field="text")
    if len(text) > MAX_LENGTH:
        raise InvalidInput("This is too long: %(max)s characters at most.", field="text", max=MAX_LENGTH)
    return text


def add_note(session: Session, contact_id: int, text: str, files: Sequence[SavedFile], actor: Actor) -> int:
    """Add a note with its files, in the caller's transaction; answers its id. Raises InvalidInput."""
    text = clean_note(text, bool(files))
    lock_contact(session, contact_id)
    note = ContactNote(contact_id=contact_id, text=text, author_id=actor.id, author_name=actor.name)
    session.add(note)
    session.flush()
    if text:
        add_activity(session, contact_id, Activity(kind="contact.noted", data={"note": note.id}), actor=actor)
    _attach(session, note, files, actor)
    return note.id


def find_note(session: Session, contact_id: int, note_id: int) -> ContactNote:
    """A note of this contact. Raises NotFound, also for a note of another contact (THREATS T-Z2)."""
    check_id(note_id)
    note = session.scalar(select(ContactNote).where(ContactNote.id == note_id, ContactNote.contact_id == contact_id))
    if note is None:
        raise NotFound("This note was deleted.")
    return note


def state_of(note: ContactNote) -> str:
    """What a form carries to say which state of the note it shows."""
    return cursor(note.edited_at or note.created_at, note.id)


def edit_note(
    session: Session,
    note: ContactNote,
    *,
    text: str,
    seen: str,
    removed: Collection[int] = (),
    added: Sequence[SavedFile] = (),
    actor: Actor,
) -> list[str] | None:
    """Change a note, take files from it and add others, in the caller's transaction.

    Answers the stored names of files that are no longer named, for the caller to remove once it is committed; None when
    there was nothing to change. Raises NoteChanged when `seen` is not its state any more, and InvalidInput for a note
    that would be empty.
    """
    lock_contact(session, note.contact_id)
    session.refresh(note)
    if seen != state_of(note):
        raise NoteChanged(note.text)
    files = session.scalars(select(StoredFile).where(StoredFile.note_id == note.id)).all()
    gone = [file for file in files if file.id in removed]
    text = clean_note(text, bool(added) or len(gone) < len(files))
    if text == note.text and not gone and not added:
        return None
    if text != note.text:
        note.text = text
        add_activity(session, note.contact_id, Activity(kind="contact.note_edited"), actor=actor)
    note.edited_at = now()
    for file in gone:
        session.delete(file)
        add_activity(session, note.contact_id, Activity(kind="contact.unfiled"), actor=actor)
    _attach(session, note, added, actor)
    return [file.stored_name for file in gone]


def delete_note(session: Session, note: ContactNote, actor: Actor) -> list[str]:
    """Delete a note with its files; the log says that there was one. Answers the stored names, as `edit_note`."""
    lock_contact(session, note.contact_id)
    names = list(session.scalars(select(StoredFile.stored_name).where(StoredFile.note_id == note.id)))
    contact_id = note.contact_id
    session.delete(note)
    add_activity(session, contact_id, Activity(kind="contact.note_deleted"), actor=actor)
    return names


def _attach(session: Session, note: ContactNote, files: Sequence[SavedFile], actor: Actor) -> None:
    for saved in files:
        file = add_file(session, note.contact_id, saved, note.id)
        add_activity(session, note.contact_id, Activity(kind="contact.filed", data={"file": file.id}), actor=actor)
