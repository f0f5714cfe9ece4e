"""What messages hold of one person: counted when it is erased, handed out when it is exported."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.messages.models import Message
from core.privacy.counting import count_rows
from core.values import Erased, ExportSection

DIRECTION_LABELS = {"in": "received", "out": "sent"}
"""Direction → how an export calls it, a message id."""


def erased(session: Session, contact_ids: Sequence[int]) -> list[Erased]:
    """What goes with these contacts."""
    return [Erased(label="Messages", number=count_rows(session, Message, contact_ids))]


def exported(session: Session, contact_id: int) -> list[ExportSection]:
    """All messages of a contact, the oldest first."""
    rows = session.scalars(
        select(Message).where(Message.contact_id == contact_id).order_by(Message.occurred_at, Message.id)
    )
    return [
        ExportSection(
            key="message.thread",
            title="Messages",
            order=200,
            labels={"at": "When", "direction": "Direction", "subject": "Subject", "text": "Text"},
            translated={"direction"},
            records=[
                {
                    "at": row.occurred_at,
                    "direction": DIRECTION_LABELS[row.direction],
                    "subject": row.subject,
                    "text": row.text,
                }
                for row in rows
            ],
        )
    ]
