"""Internal notes with files (FEATURES C13): plain text, seen by staff only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from core.contacts.files import SavedFile, add_file
from core.contacts.finding import lock_contact
from core.contacts.log import add_activity
from core.contacts.models import ContactNote
from core.errors import InvalidInput
from core.values import Activity, Actor

MAX_LENGTH = 10_000
EXCERPT = 160
"""Characters of a note that its entry in the log shows."""


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
        words = " ".join(text.split())
        excerpt = words if len(words) <= EXCERPT else words[: EXCERPT - 1].rstrip() + "…"
        add_activity(session, contact_id, Activity(kind="contact.noted", data={"excerpt": excerpt}), actor=actor)
    for saved in files:
        add_file(session, contact_id, saved, note.id)
        add_activity(session, contact_id, Activity(kind="contact.filed", reference=saved.name), actor=actor)
    return note.id
