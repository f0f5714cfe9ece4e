"""What became of a message that a plugin put into the outbox: for what has to be proved."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.contacts.models import now
from core.messages.models import Message


@frozen(kw_only=True)
class Delivery:
    """A message on its way or sent: its Message-ID, whom the mail server got it for, and when (None: not yet)."""

    mail_id: str
    recipient: str
    sent_at: datetime | None


def delivery_of(session: Session, idempotency_key: str) -> Delivery | None:
    """What became of the message that was queued with this key; None when there is none."""
    row = session.execute(
        select(Message.mail_id, Message.recipient, Message.sent_at).where(Message.idempotency_key == idempotency_key)
    ).one_or_none()
    return Delivery(mail_id=row.mail_id or "", recipient=row.recipient, sent_at=row.sent_at) if row else None


def note_unsubscribed(session: Session, message_id: int, contact_id: int) -> None:
    """Remember that the link in a message was used to end such messages, in the caller's transaction.

    For the numbers of a newsletter. Does nothing when the message is gone, or is not this contact's.
    """
    if 0 < message_id < 2**63:
        session.execute(
            update(Message)
            .where(Message.id == message_id, Message.contact_id == contact_id, Message.unsubscribed_at.is_(None))
            .values(unsubscribed_at=now())
            .execution_options(synchronize_session=False)
        )
