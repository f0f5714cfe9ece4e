"""What became of a message that a plugin put into the outbox: for what has to be proved."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

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
