"""Reading messages: a contact's thread, the inbox, and marking them as read (FEATURES M1, M2, P1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from attrs import frozen
from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from core.contacts.folding import fold
from core.contacts.history import cursor, read_cursor
from core.contacts.models import Contact, now
from core.contacts.profile import Person, person_of
from core.errors import NotFound
from core.messages.attached import AttachedFile, attached_files
from core.messages.decisions import can_resend
from core.messages.models import Direction, Message, MessageThread, State
from core.messages.quoting import parts_of
from core.messages.states import DECISION_ICONS, DECISION_LABELS, STATE_LABELS, STATE_SIGNS
from core.staff.models import StaffAccount

THREAD = 30
"""Messages that the profile shows; the older ones are in the inbox of this contact."""

Box = Literal["threads", "contact", "found", "unread", "mine", "nobody", "waiting", "undecided"]
"""What the inbox shows: the newest message of each contact, all of one contact, those with some words, or what waits.

"mine" are the threads that somebody takes care of, "nobody" those with a message from the contact that nobody does."""

WORDS = 10
"""Words of a search that are looked for."""

WAITING: tuple[State, ...] = ("queued", "sending")


@frozen(kw_only=True)
class Decision:
    """Something staff can do about a message: a POST to `path`."""

    path: str
    label: str
    icon: str


@frozen(kw_only=True)
class MessageState:
    """Where a message is, and what staff can do about it.

    `reply` is what the mail server or a plugin said of it; `reply_by` is the plugin, if it was one.
    """

    state: State
    label: str
    tone: str
    icon: str
    reply: str
    reply_by: str
    next_at: datetime | None
    decisions: Sequence[Decision]


@frozen(kw_only=True)
class ThreadMessage:
    """One message of a thread; `quoted` is what stands below its text of the one before."""

    id: int
    direction: Direction
    who: str
    subject: str
    text: str
    quoted: str
    occurred_at: datetime
    unread: bool
    purpose: str
    where: MessageState
    files: Sequence[AttachedFile]
    automatic: bool = False
    has_html: bool = False
    by: str = ""
    """The address that wrote it, where that is none of the contact's."""


@frozen(kw_only=True)
class Thread:
    """A contact's newest messages, oldest first; `newest_id` is the last that was shown.

    `assignee` is the name of who takes care of it; empty: nobody does.
    """

    contact_id: int
    messages: Sequence[ThreadMessage]
    has_older: bool
    unread: int
    newest_id: int
    assignee: str


@frozen(kw_only=True)
class InboxMessage:
    """A message with its contact. `unread` is that of the whole thread, where a line stands for one.

    `assignee` is who takes care of the thread: id and name, or None.
    """

    id: int
    person: Person
    direction: Direction
    module: str
    subject: str
    text: str
    occurred_at: datetime
    unread: bool
    where: MessageState
    automatic: bool
    has_html: bool
    files: int
    assignee: tuple[int, str] | None


@frozen(kw_only=True)
class InboxPage:
    """Messages, newest first, and where the next page begins (None at the end)."""

    messages: Sequence[InboxMessage]
    older: str | None


@frozen(kw_only=True)
class Waiting:
    """How many messages wait: to be read, to be sent, to be decided about."""

    unread: int
    waiting: int
    undecided: int


def state_of(message: Message) -> MessageState:
    """Where a message is, as it is shown."""
    tone, icon = STATE_SIGNS[message.state]
    possible = {
        "sent": message.state == "unknown",
        "resend": can_resend(message.state, message.purpose),
        "settle": message.state == "failed" and message.settled_at is None,
        "withdraw": message.state == "queued",
    }
    return MessageState(
        state=message.state,
        label=STATE_LABELS[message.state],
        tone=tone,
        icon=icon,
        reply=message.reply,
        reply_by=message.reply_by,
        next_at=message.next_at if message.state == "queued" else None,
        decisions=tuple(
            Decision(path=f"/dashboard/messages/{message.id}/{name}", label=label, icon=DECISION_ICONS[name])
            for name, label in DECISION_LABELS.items()
            if possible[name]
        ),
    )


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
    files = attached_files(session, [row.id for row in shown])
    return Thread(
        contact_id=contact_id,
        messages=tuple(
            ThreadMessage(
                id=row.id,
                direction=row.direction,
                who=(contact.name or contact.email) if row.direction == "in" else row.author_name,
                subject=row.subject,
                text=(text := parts_of(row.text)).own,
                quoted=text.quoted,
                occurred_at=row.occurred_at,
                unread=row.direction == "in" and row.read_at is None,
                purpose=row.purpose,
                where=state_of(row),
                files=tuple(files.get(row.id, ())),
                automatic=row.automatic,
                has_html=bool(row.html),
                by=written_by_another(row, contact),
            )
            for row in reversed(shown)
        ),
        has_older=len(rows) > THREAD,
        unread=unread_count(session, contact_id),
        newest_id=max(row.id for row in shown),
        assignee=_assignees(session, [contact_id]).get(contact_id, (0, ""))[1],
    )


def written_by_another(message: Message, contact: Contact) -> str:
    """The address that an incoming e-mail came from, where it is not one of the contact's; else empty."""
    known = {contact.email.casefold(), contact.email_key, *contact.aliases.casefold().split("\n")}
    return "" if message.sender_email.casefold() in known else message.sender_email


def find_message(session: Session, message_id: int) -> Message:
    """A message. Raises NotFound."""
    message = session.get(Message, message_id) if 0 < message_id < 2**63 else None
    if message is None:
        raise NotFound("There is no such message.")
    return message


def files_of(session: Session, message_id: int) -> Sequence[AttachedFile]:
    """The files of a message."""
    return attached_files(session, [message_id]).get(message_id, ())


def read_inbox(
    session: Session,
    box: Box = "threads",
    *,
    contact_id: int | None = None,
    account_id: int | None = None,
    words: str = "",
    before: str = "",
    limit: int = 50,
) -> InboxPage:
    """A page of the inbox, newest first; `contact_id` is for the box "contact", or narrows another one.

    `account_id` is whose threads the box "mine" shows. `words` must all be in the message or its contact's details.
    """
    statement = (
        select(Message, Contact)
        .join(Contact, Contact.id == Message.contact_id)
        .order_by(Message.occurred_at.desc(), Message.id.desc())
        .limit(limit + 1)
    )
    if contact_id is not None:
        statement = statement.where(Message.contact_id == contact_id)
    if (condition := _condition(box, account_id)) is not None:
        statement = statement.where(condition)
    statement = statement.where(*(_has(word) for word in words.split()[:WORDS]))
    if (place := read_cursor(before)) is not None:
        statement = statement.where(tuple_(Message.occurred_at, Message.id) < place)
    rows = session.execute(statement).all()
    contact_ids = [message.contact_id for message, _ in rows]
    unread = _with_unread(session, contact_ids) if box in THREADS else set()
    assignees = _assignees(session, contact_ids)
    files = attached_files(session, [message.id for message, _ in rows])
    messages = [
        InboxMessage(
            id=message.id,
            person=person_of(contact),
            direction=message.direction,
            module=message.module,
            subject=message.subject,
            text=message.text,
            occurred_at=message.occurred_at,
            unread=contact.id in unread or (message.direction == "in" and message.read_at is None),
            where=state_of(message),
            automatic=message.automatic,
            has_html=bool(message.html),
            files=len(files.get(message.id, ())),
            assignee=assignees.get(contact.id),
        )
        for message, contact in rows[:limit]
    ]
    older = cursor(messages[-1].occurred_at, messages[-1].id) if len(rows) > limit else None
    return InboxPage(messages=messages, older=older)


THREADS: tuple[Box, ...] = ("threads", "mine", "nobody")
"""Boxes in which a line stands for a thread."""


def _condition(box: Box, account_id: int | None = None) -> ColumnElement[bool] | None:
    if box in THREADS:
        newer = aliased(Message)
        # A newsletter to all would be the newest message of every thread.
        newest = Message.newsletter_id.is_(None) & ~exists().where(
            newer.contact_id == Message.contact_id,
            newer.newsletter_id.is_(None),
            tuple_(newer.occurred_at, newer.id) > tuple_(Message.occurred_at, Message.id),
        )
        assigned = select(MessageThread.contact_id)
        if box == "mine":
            mine = assigned.where(MessageThread.assignee_id == account_id) if account_id is not None else None
            return and_(newest, Message.contact_id.in_(mine) if mine is not None else false())
        if box == "nobody":
            wrote = exists().where(newer.contact_id == Message.contact_id, newer.direction == "in")
            return and_(newest, wrote, Message.contact_id.not_in(assigned))
        return newest
    if box == "found":
        # What went to many would bury what people wrote to each other.
        return Message.purpose != "marketing"
    if box == "unread":
        return and_(Message.direction == "in", Message.read_at.is_(None))
    if box == "waiting":
        return and_(Message.state.in_(WAITING), Message.newsletter_id.is_(None))
    if box == "undecided":
        return or_(Message.state == "unknown", and_(Message.state == "failed", Message.settled_at.is_(None)))
    return None


def _has(word: str) -> ColumnElement[bool]:
    # SQLite's LIKE takes capitals for small letters in ASCII only.
    spellings = [word] if word.isascii() else list(dict.fromkeys((word, word.lower(), word.upper(), word.title())))
    columns = (Message.subject, Message.text, Message.sender_email, Message.sender_name)
    return or_(
        Contact.search_text.contains(fold(word), autoescape=True),
        *(column.icontains(one, autoescape=True) for one in spellings for column in columns),
    )


def _assignees(session: Session, contact_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Contact → id and name of who takes care of its thread."""
    rows = session.execute(
        select(MessageThread.contact_id, StaffAccount.id, StaffAccount.name, StaffAccount.email)
        .join(StaffAccount, StaffAccount.id == MessageThread.assignee_id)
        .where(MessageThread.contact_id.in_(contact_ids))
    )
    return {row.contact_id: (row.id, row.name or row.email) for row in rows}


def assignee_of(session: Session, contact_id: int) -> tuple[int, str] | None:
    """Who takes care of a contact's thread: id and name; None when nobody does."""
    return _assignees(session, [contact_id]).get(contact_id)


def _with_unread(session: Session, contact_ids: Sequence[int]) -> set[int]:
    statement = select(Message.contact_id).where(
        Message.contact_id.in_(contact_ids), Message.direction == "in", Message.read_at.is_(None)
    )
    return set(session.scalars(statement.distinct()))


def count_waiting(session: Session, contact_id: int | None = None) -> Waiting:
    """How many messages wait for something: of one contact, or of all."""

    def count(box: Box) -> int:
        condition = _condition(box)
        assert condition is not None
        statement = select(func.count()).select_from(Message).where(condition)
        if contact_id is not None:
            statement = statement.where(Message.contact_id == contact_id)
        return session.scalar(statement) or 0

    return Waiting(unread=unread_count(session, contact_id), waiting=count("waiting"), undecided=count("undecided"))


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
