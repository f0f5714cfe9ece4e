"""Tables of the Client Zone: links to sign in, sessions, attempts, and wishes to be deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base, BigInt, ContactRef, Id

OUTSIDE = {"info": {"outside_merges": True}}
"""What a merge does to these rows is not undone as it was: who was signed in stays out (`core.zone.personal`)."""


class ZoneLink(Base):
    """A link to sign in, sent with a message; it counts once, and until `expires_at`. `path` is where it leads.

    Neither the link nor anything it could be made of is stored (`core.zone.links`).
    """

    __tablename__ = "zone_links"

    id: Mapped[Id]
    contact_id: Mapped[ContactRef]
    message_id: Mapped[int] = mapped_column(BigInt, ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    path: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (OUTSIDE,)


class ZoneSession(Base):
    """A browser in which a customer is signed in. Only the hash of its token is stored; an ended one stays ended."""

    __tablename__ = "zone_sessions"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(unique=True)
    contact_id: Mapped[ContactRef]
    browser: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (OUTSIDE,)


class ZoneAttempt(Base):
    """Something that is allowed only so often, counted by a keyed hash of who does it; removed after a day."""

    __tablename__ = "zone_attempts"

    id: Mapped[Id]
    subject: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_zone_attempts_subject", "subject", "at"), Index("ix_zone_attempts_at", "at"))


class ZoneDeletion(Base):
    """That a person asked to be deleted, which is done when `due_at` has come, unless somebody stops it.

    `trouble` names the plugin that could not do its part when it was tried; `came_from` is the contact whose wish it
    was before that one was merged into this.
    """

    __tablename__ = "zone_deletions"

    contact_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime] = mapped_column(index=True)
    trouble: Mapped[str] = mapped_column(default="")
    came_from: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (OUTSIDE,)
