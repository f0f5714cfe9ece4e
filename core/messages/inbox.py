"""Reading messages: a contact's thread, the inbox, and marking them as read (FEATURES M2, P1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen
from sqlalchemy import func, select, tuple_, update
from sqlalchemy.orm import Session

from core.contacts.history import cursor, read_cursor
from core.contacts.models import Contact, now
from core.contacts.profile import Person, person_of
from core.errors import NotFound
from core.messages.models import Direction, Message

THREAD = 30
"""Messages that the profile shows; the older ones are in the inbox of this contact."""


@frozen(kw_only=True)
class ThreadMessage:
    """One message of a thread."""

    id: int
    direction: Direction
    who: str
    subject: str
    text: str
    occurred_at: datetime
    unread: bool


@frozen(kw_only=True)
class Thread:
    """A contact's newest messages, oldest first; `newest_id` is the last that was shown."""

    contact_id: int
    messages: Sequence[ThreadMessage]
    has_older: bool
    unread: int
    newest_id: int


@frozen(kw_only=True)
class InboxMessage:
    """A message with its contact."""

    id: int
    person: Person
    direction: Direction
    module: str
    subject: str
    text: str
    occurred_at: datetime
    unread: bool


@frozen(kw_only=True)
class InboxPage:
    """Messages, newest first, and where the next page begins (None at the end)."""

    messages: Sequence[InboxMessage]
    older: str | None


def read_thread(session: Session, contact_id: int) -> Thread | None:
    """The thread as the profile shows it; None without any message."""
    rows = session.scalars(
        select(Message)
        .where(Message.contact_id == contact_id)
        .order_by(Message.occurred_at.desc(), Message.id.desc())
        .limit(THREAD + 1)
    ).all()
    if not rows:
        return None
    contact = session.get_one(Contact, contact_id)
    shown = rows[:THREAD]
    return Thread(
        contact_id=contact_id,
        messages=tuple(
            ThreadMessage(
                id=row.id,
                direction=row.direction,
                who=(contact.name or contact.email) if row.direction == "in" else "",
                subject=row.subject,
                text=row.text,
                occurred_at=row.occurred_at,
                unread=row.direction == "in" and row.read_at is None,
            )
            for row in reversed(shown)
        ),
        has_older=len(rows) > THREAD,
        unread=unread_count(session, contact_id),
        newest_id=max(row.id for row in shown),
    )


def read_inbox(
    session: Session,
    *,
    unread: bool = False,
    contact_id: int | None = None,
    before: str = "",
    limit: int = 50,
) -> InboxPage:
    """A page of what contacts wrote; with `contact_id` all of one contact's thread, both directions."""
    statement = (
        select(Message, Contact)
        .join(Contact, Contact.id == Message.contact_id)
        .order_by(Message.occurred_at.desc(), Message.id.desc())
        .limit(limit + 1)
    )
    if contact_id is not None:
        statement = statement.where(Message.contact_id == contact_id)
    if contact_id is None or unread:
        statement = statement.where(Message.direction == "in")
    if unread:
        statement = statement.where(Message.read_at.is_(None))
    if (place := read_cursor(before)) is not None:
        statement = statement.where(tuple_(Message.occurred_at, Message.id) < place)
    rows = session.execute(statement).all()
    messages = [
        InboxMessage(
            id=message.id,
            person=person_of(contact),
            direction=message.direction,
            module=message.module,
            subject=message.subject,
            text=message.text,
            occurred_at=message.occurred_at,
            unread=message.direction == "in" and message.read_at is None,
        )
        for message, contact in rows[:limit]
    ]
    older = cursor(messages[-1].occurred_at, messages[-1].id) if len(rows) > limit else None
    return InboxPage(messages=messages, older=older)


def unread_count(session: Session, contact_id: int | None = None) -> int:
    """How many messages wait to be read: of one contact, or of all."""
    statement = select(func.count()).select_from(Message).where(Message.direction == "in", Message.read_at.is_(None))
    if contact_id is not None:
        statement = statement.where(Message.contact_id == contact_id)
    return session.scalar(statement) or 0


def mark_read(session: Session, message_id: int, *, read: bool = True) -> None:
    """Mark a message from a contact as read, or as unread again. Raises NotFound."""
    if not 0 < message_id < 2**63:
        raise NotFound("There is no such message.")
    message = session.get(Message, message_id)
    if message is None or message.direction != "in":
        raise NotFound("There is no such message.")
    if read != (message.read_at is not None):
        message.read_at = now() if read else None


def mark_thread_read(session: Session, contact_id: int, through: int) -> int:
    """Mark a contact's messages as read up to the id `through`, the last one that was seen; answers how many.

    One that came in after the page was shown stays unread.
    """
    result = session.execute(
        update(Message)
        .where(
            Message.contact_id == contact_id,
            Message.direction == "in",
            Message.read_at.is_(None),
            Message.id <= through,
        )
        .values(read_at=now())
        .returning(Message.id)
    )
    return len(result.all())
