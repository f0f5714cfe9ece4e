"""The table of messages: what a contact wrote to the site and what the site wrote to a contact."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base, Id, PlainContactRef

Direction = Literal["in", "out"]


class Message(Base):
    """A message of a contact's thread. `module` names the plugin it came by, `occurred_at` orders."""

    __tablename__ = "messages"

    id: Mapped[Id]
    contact_id: Mapped[PlainContactRef]
    direction: Mapped[Direction]
    module: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    text: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(default=now)
    read_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("direction IN ('in', 'out')", name="direction"),
        Index("ix_messages_thread", "contact_id", "occurred_at", "id"),
        Index("ix_messages_inbox", "direction", "occurred_at", "id"),
        # Only what waits to be read: the index stays small however many messages there are.
        Index(
            "ix_messages_unread",
            "occurred_at",
            "id",
            sqlite_where=sql("read_at IS NULL AND direction = 'in'"),
            postgresql_where=sql("read_at IS NULL AND direction = 'in'"),
        ),
    )
