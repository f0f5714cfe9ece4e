"""What became of newsletters: how many letters were sent, wait, failed, came back, and how many were left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.contacts.profile import Person, person_of
from core.messages.audience import Reason
from core.messages.models import Message, Newsletter, NewsletterRecipient, State

SHOWN = 100
"""Letters with a problem that are listed."""


@frozen(kw_only=True)
class Numbers:
    """What became of a newsletter.

    `waiting` has no letter yet, or one in the outbox; `came_back` was taken by the mail server and returned; `gone` are
    contacts that were deleted since.
    """

    chosen: int = 0
    waiting: int = 0
    sent: int = 0
    failed: int = 0
    came_back: int = 0
    unknown: int = 0
    left_out: int = 0
    unsubscribed: int = 0
    gone: int = 0


@frozen(kw_only=True)
class Problem:
    """A letter that failed, came back or is not clear, with what the mail server said."""

    person: Person
    state: State
    came_back: bool
    reply: str


def numbers_of(session: Session, rows: Sequence[Newsletter]) -> Mapping[int, Numbers]:
    """The numbers of some newsletters, by two statements however many there are."""
    ids = [row.id for row in rows]
    meant: dict[tuple[int, str], int] = {
        (row.newsletter_id, row.state): row.number
        for row in session.execute(
            select(NewsletterRecipient.newsletter_id, NewsletterRecipient.state, func.count().label("number"))
            .where(NewsletterRecipient.newsletter_id.in_(ids))
            .group_by(NewsletterRecipient.newsletter_id, NewsletterRecipient.state)
        )
    }
    letters: dict[tuple[int, str], tuple[int, int, int]] = {
        (row.newsletter_id, row.state): (row.number, row.returned, row.unsubscribed)
        for row in session.execute(
            select(
                Message.newsletter_id,
                Message.state,
                func.count().label("number"),
                func.count(Message.bounced_at).label("returned"),
                func.count(Message.unsubscribed_at).label("unsubscribed"),
            )
            .where(Message.newsletter_id.in_(ids))
            .group_by(Message.newsletter_id, Message.state)
        )
    }
    found = {}
    for row in rows:
        of = {state: letters.get((row.id, state), (0, 0, 0)) for state in _STATES}
        people = {state: meant.get((row.id, state), 0) for state in ("waiting", "queued", "left_out")}
        there = sum(people.values())
        found[row.id] = Numbers(
            chosen=row.chosen or there,
            waiting=people["waiting"] + of["queued"][0] + of["sending"][0],
            sent=of["sent"][0],
            failed=of["failed"][0] - of["failed"][1],
            came_back=of["failed"][1],
            unknown=of["unknown"][0],
            left_out=people["left_out"] + of["withdrawn"][0],
            unsubscribed=sum(one[2] for one in of.values()),
            gone=max((row.chosen or there) - there, 0),
        )
    return found


_STATES: tuple[State, ...] = ("queued", "sending", "sent", "failed", "unknown", "withdrawn")


def reasons_of(session: Session, newsletter_id: int) -> list[Reason]:
    """Why people were left out, before their letter was written or just before it was sent; the most frequent first."""
    numbers: dict[tuple[str, str], int] = {}
    for statement in (
        select(NewsletterRecipient.reason, NewsletterRecipient.reason_by, func.count())
        .where(NewsletterRecipient.newsletter_id == newsletter_id, NewsletterRecipient.state == "left_out")
        .group_by(NewsletterRecipient.reason, NewsletterRecipient.reason_by),
        select(Message.reply, Message.reply_by, func.count())
        .where(Message.newsletter_id == newsletter_id, Message.state == "withdrawn")
        .group_by(Message.reply, Message.reply_by),
    ):
        for reason, plugin, number in session.execute(statement):
            key = (reason or "The letter was withdrawn by hand.", plugin)
            numbers[key] = numbers.get(key, 0) + number
    return [
        Reason(reason=reason, plugin=plugin, number=number)
        for (reason, plugin), number in sorted(numbers.items(), key=lambda one: (-one[1], one[0]))
    ]


def problems_of(session: Session, newsletter_id: int) -> list[Problem]:
    """The letters that failed, came back or are not clear, the newest first, `SHOWN` at most."""
    rows = session.execute(
        select(Message, Contact)
        .join(Contact, Contact.id == Message.contact_id)
        .where(Message.newsletter_id == newsletter_id, Message.state.in_(("failed", "unknown")))
        .order_by(Message.id.desc())
        .limit(SHOWN)
    )
    return [
        Problem(
            person=person_of(contact),
            state=message.state,
            came_back=message.bounced_at is not None,
            reply=message.reply,
        )
        for message, contact in rows
    ]
