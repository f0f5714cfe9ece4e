"""A customer's own messages: what was sent to them personally or as a notice, what they wrote, and writing back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import ColumnElement, and_, or_, select, tuple_
from sqlalchemy.orm import Session

from core.contacts.activity import reactivate_contact
from core.contacts.finding import hold_contact
from core.contacts.history import cursor, read_cursor
from core.contacts.log import add_activity
from core.contacts.models import StoredFile, now
from core.errors import InvalidInput, NotFound, TooManyAttempts
from core.messages.attached import AttachedFile, attached_files
from core.messages.composing import clean_subject, clean_text
from core.messages.models import Direction, Message, MessageFile
from core.messages.quoting import parts_of
from core.messages.receiving import receive_message
from core.values import SYSTEM, VISITOR, Activity
from core.zone.limits import take
from core.zone.links import MODULE

if TYPE_CHECKING:
    from core.site import Site

PAGE = 30
TEXT_LENGTH = 10_000
AGAIN = timedelta(minutes=10)
"""Within this time the same words are the same message: a double click, or a page sent again (THREATS T-P1)."""

WROTE = "zone.wrote"


@frozen(kw_only=True)
class OwnMessage:
    """A message as its person sees it; `quoted` is what stands below its text of the one before."""

    id: int
    direction: Direction
    who: str
    subject: str
    text: str
    quoted: str
    at: datetime
    files: Sequence[AttachedFile]


@frozen(kw_only=True)
class OwnThread:
    """A page of the messages, oldest first; `older` is where the page before begins (None: at the beginning)."""

    messages: Sequence[OwnMessage]
    older: str | None


def _shown(contact_id: int) -> ColumnElement[bool]:
    """What of a thread its person sees: not what is only on its way, advertising, links to sign in, or what
    their mail program has answered by itself (RFC 3834).
    """
    sent = and_(
        Message.direction == "out",
        Message.state == "sent",
        Message.purpose.in_(("personal", "system", "")),
        Message.module != MODULE,
    )
    written = and_(Message.direction == "in", Message.automatic.is_(False))
    return and_(Message.contact_id == contact_id, or_(written, sent))


def read_own_thread(session: Session, contact_id: int, before: str = "") -> OwnThread:
    """A page of the messages of a contact, the newest page without `before`."""
    statement = select(Message).where(_shown(contact_id)).order_by(Message.occurred_at.desc(), Message.id.desc())
    if (place := read_cursor(before)) is not None:
        statement = statement.where(tuple_(Message.occurred_at, Message.id) < place)
    rows = session.scalars(statement.limit(PAGE + 1)).all()
    shown = rows[:PAGE]
    files = attached_files(session, [row.id for row in shown])
    return OwnThread(
        messages=[
            OwnMessage(
                id=row.id,
                direction=row.direction,
                who=row.author_name if row.direction == "out" else "",
                subject=row.subject,
                text=(text := parts_of(row.text)).own,
                quoted=text.quoted,
                at=row.occurred_at,
                files=files.get(row.id, ()),
            )
            for row in reversed(shown)
        ],
        older=cursor(shown[-1].occurred_at, shown[-1].id) if len(rows) > PAGE else None,
    )


def find_own_file(session: Session, contact_id: int, file_id: int) -> StoredFile:
    """A file of a message that this contact sees. Raises NotFound for any other, of whomever it is (T-Z2)."""
    statement = (
        select(StoredFile)
        .join(MessageFile, MessageFile.file_id == StoredFile.id)
        .join(Message, Message.id == MessageFile.message_id)
        .where(StoredFile.id == file_id, StoredFile.contact_id == contact_id, _shown(contact_id))
    )
    file = session.scalar(statement)
    if file is None:
        raise NotFound("There is no such file.")
    return file


def newest_message(session: Session, contact_id: int) -> OwnMessage | None:
    """The newest message that a contact sees, without its files."""
    newest = select(Message).where(_shown(contact_id)).order_by(Message.occurred_at.desc(), Message.id.desc())
    row = session.scalar(newest.limit(1))
    if row is None:
        return None
    text = parts_of(row.text)
    return OwnMessage(
        id=row.id,
        direction=row.direction,
        who=row.author_name if row.direction == "out" else "",
        subject=row.subject,
        text=text.own,
        quoted=text.quoted,
        at=row.occurred_at,
        files=(),
    )


def clean_own_subject(text: str) -> str:
    """The subject of a message to the site; it may be empty. Raises InvalidInput."""
    return clean_subject(text) if text.strip() else ""


def clean_own_text(text: str) -> str:
    """The text of a message to the site. Raises InvalidInput."""
    if len(text) > TEXT_LENGTH:
        raise InvalidInput("This is too long: %(max)s characters at most.", field="text", max=TEXT_LENGTH)
    return clean_text(text)


def write_to_site(session: Session, site: Site, contact_id: int, subject: str, text: str) -> int:
    """Put a customer's message into their thread, unread for staff, in the caller's transaction; answers its id.

    `subject` and `text` are clean. The same words a second time are one message. Raises TooManyAttempts.
    """
    contact_id = hold_contact(session, contact_id)
    again = select(Message.id).where(
        Message.contact_id == contact_id,
        Message.direction == "in",
        Message.module == MODULE,
        Message.subject == subject,
        Message.text == text,
        Message.occurred_at > now() - AGAIN,
    )
    known = session.scalar(again.limit(1))
    if known is not None:
        return known
    if wait := take(session, site, "message", str(contact_id)):
        raise TooManyAttempts("You have sent many messages in a short time. Try again later.", wait=wait)
    moment = now()
    add_activity(session, contact_id, Activity(kind=WROTE, reference=subject), actor=VISITOR, occurred_at=moment)
    # A message brings an inactive contact back (C7).
    reactivate_contact(session, contact_id, SYSTEM)
    return receive_message(
        session, site, contact_id=contact_id, text=text, subject=subject, module=MODULE, occurred_at=moment
    )
