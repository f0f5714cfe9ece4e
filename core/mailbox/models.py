"""The tables of the mailbox: what was taken in already, how far the mailbox was read, and mails of nobody known."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base, Id


class TakenMail(Base):
    """That a mail was taken in, by whichever way it came: `fingerprint` is a keyed hash of it, all that is kept.

    It outlives the person whose mail it was: a mailbox that is read anew must not bring back who was erased.
    """

    __tablename__ = "mailbox_taken"

    id: Mapped[Id]
    fingerprint: Mapped[str] = mapped_column(unique=True)
    taken_at: Mapped[datetime] = mapped_column(default=now)


class MailboxPosition(Base):
    """How far a mailbox was read (RFC 9051 section 2.3.1.1), and how the last look at it went.

    `uid` is the last number that was taken in of those that hold under `validity`. Mails that were there before
    `began_at` are none of ours; up to `renumbered_to` they are known by their time, since the server has given new
    numbers. `error` says why the last look failed, a message id or the server's words.
    """

    __tablename__ = "mailbox_positions"

    name: Mapped[str] = mapped_column(primary_key=True)
    validity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    renumbered_to: Mapped[int] = mapped_column(BigInteger, default=0)
    began_at: Mapped[datetime] = mapped_column(default=now)
    looked_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")


class PiledMail(Base):
    """A mail of which nobody knows whose it is: it waits for staff to say so.

    The mail as it came is in the data folder under `stored_name`; the rest is what the pile shows. `sender_key` is
    compared with the contacts' addresses. `automatic`: no person wrote it, so it does not count as unread.
    """

    __tablename__ = "mailbox_pile"

    id: Mapped[Id]
    sender_email: Mapped[str]
    sender_key: Mapped[str] = mapped_column(index=True)
    sender_name: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str]
    files: Mapped[int]
    size: Mapped[int]
    automatic: Mapped[bool]
    came_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    stored_name: Mapped[str] = mapped_column(unique=True)

    __table_args__ = (
        Index("ix_mailbox_pile_came", "came_at", "id"),
        Index(
            "ix_mailbox_pile_unread",
            "id",
            sqlite_where=sql("read_at IS NULL"),
            postgresql_where=sql("read_at IS NULL"),
        ),
    )
