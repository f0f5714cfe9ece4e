"""The tables of messages: what contacts wrote and what is written to them, and texts to start from."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base, BigInt, ContactRef, Id, PlainContactRef
from core.values import Purpose

Direction = Literal["in", "out"]

State = Literal["received", "queued", "sending", "sent", "failed", "unknown", "withdrawn"]
"""Where a message is: an incoming one is received; an outgoing one goes from queued to sending to sent, failed (the
mail server or a plugin refused it) or unknown (nobody knows whether the mail server took it), or was withdrawn."""

NewsletterState = Literal["draft", "sending", "stopped", "sent"]
Audience = Literal["all", "segment", "selection"]


class Message(Base):
    """A message of a contact's thread, and, on its way out, its place in the outbox (DESIGN section 6).

    `module` names the plugin it came by, `occurred_at` orders the thread. Outgoing ones alone have the rest:

    - `next_at`: when a queued one is due; `attempts`: how often it was tried.
    - `claimed_by`, `claimed_at`: the worker that has it, while it is sending. `handed_at`: since when the mail server
      may have it; a worker that ended after that leaves it unknown.
    - `reply`: what the mail server said last, or why a plugin refused (a message id), which `reply_by` then names.
    - `settled_at`: when staff have seen that it failed.
    - `mail_id`: its Message-ID without the angle brackets, the same at every attempt; `in_reply_to`: that of the
      message it answers. `idempotency_key`: of what must not be queued twice.
    - `necessary`: the person is owed it; `topic`: what kind of advertising it is; see `core.values.Outgoing`.
    - `newsletter_id`: the newsletter that it is one letter of. `unsubscribed_at`: when its link was used to end such
      messages.
    - `bounced_at`: when a mail server told that it can't be delivered, after another one had taken it.

    Incoming mails have: `sender_name` and `sender_email`, who wrote it, where that is known; `source_id`, its own
    Message-ID; `html`, as it came (it is made harmless when it is shown); `automatic`: no person wrote it (RFC 3834).
    """

    __tablename__ = "messages"

    id: Mapped[Id]
    contact_id: Mapped[PlainContactRef]
    direction: Mapped[Direction]
    module: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    text: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(default=now)
    read_at: Mapped[datetime | None]
    state: Mapped[State] = mapped_column(default="received", server_default="received")
    purpose: Mapped[Literal["", "personal", "system", "marketing"]] = mapped_column(default="", server_default="")
    necessary: Mapped[bool] = mapped_column(default=False, server_default=sql("false"))
    recipient: Mapped[str] = mapped_column(default="", server_default="")
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author_name: Mapped[str] = mapped_column(default="", server_default="")
    mail_id: Mapped[str | None] = mapped_column(unique=True, index=True)
    in_reply_to: Mapped[str] = mapped_column(default="", server_default="")
    idempotency_key: Mapped[str | None] = mapped_column(unique=True, index=True)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_at: Mapped[datetime | None]
    claimed_by: Mapped[str] = mapped_column(default="", server_default="")
    claimed_at: Mapped[datetime | None]
    handed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    reply: Mapped[str] = mapped_column(default="", server_default="")
    reply_by: Mapped[str] = mapped_column(default="", server_default="")
    topic: Mapped[str] = mapped_column(default="", server_default="")
    # No foreign key: SQLite adds none to a table that is there. Only drafts are ever removed, which have no letters.
    newsletter_id: Mapped[int | None] = mapped_column(BigInt)
    unsubscribed_at: Mapped[datetime | None]
    bounced_at: Mapped[datetime | None]
    sender_name: Mapped[str] = mapped_column(default="", server_default="")
    sender_email: Mapped[str] = mapped_column(default="", server_default="")
    source_id: Mapped[str] = mapped_column(default="", server_default="")
    html: Mapped[str] = mapped_column(default="", server_default="")
    automatic: Mapped[bool] = mapped_column(default=False, server_default=sql("false"))

    __table_args__ = (
        CheckConstraint("direction IN ('in', 'out')", name="direction"),
        CheckConstraint(
            "state IN ('received', 'queued', 'sending', 'sent', 'failed', 'unknown', 'withdrawn')", name="state"
        ),
        Index("ix_messages_thread", "contact_id", "occurred_at", "id"),
        Index("ix_messages_inbox", "direction", "occurred_at", "id"),
        Index("ix_messages_newest", "occurred_at", "id"),
        Index("ix_messages_state", "state", "next_at", "id"),
        # Only what waits to be read: the index stays small however many messages there are.
        Index(
            "ix_messages_unread",
            "occurred_at",
            "id",
            sqlite_where=sql("read_at IS NULL AND direction = 'in'"),
            postgresql_where=sql("read_at IS NULL AND direction = 'in'"),
        ),
        # What is counted of a newsletter, and who has got it; nothing of all other messages.
        Index(
            "ix_messages_newsletter",
            "newsletter_id",
            "state",
            sqlite_where=sql("newsletter_id IS NOT NULL"),
            postgresql_where=sql("newsletter_id IS NOT NULL"),
        ),
        Index(
            "ix_messages_newsletter_contact",
            "newsletter_id",
            "contact_id",
            sqlite_where=sql("newsletter_id IS NOT NULL"),
            postgresql_where=sql("newsletter_id IS NOT NULL"),
        ),
        # Addresses that answers go to name it by its number, which must not become another message's.
        {"sqlite_autoincrement": True},
    )


class MessageThread(Base):
    """Who of the staff takes care of a contact's messages; a thread without a row is nobody's."""

    __tablename__ = "message_threads"

    contact_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    assignee_id: Mapped[int] = mapped_column(BigInt, ForeignKey("staff_accounts.id", ondelete="CASCADE"), index=True)
    assigned_at: Mapped[datetime] = mapped_column(default=now)


class MessageFile(Base):
    """That a file of the contact (`core.contacts.models.StoredFile`) is attached to a message."""

    __tablename__ = "message_files"

    file_id: Mapped[int] = mapped_column(BigInt, ForeignKey("files.id", ondelete="CASCADE"), primary_key=True)
    message_id: Mapped[int] = mapped_column(BigInt, ForeignKey("messages.id", ondelete="CASCADE"), index=True)


class MessageText(Base):
    """A text that staff wrote to start messages from; `name` is unique among them, compared by `name_key`."""

    __tablename__ = "message_texts"

    id: Mapped[Id]
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    subject: Mapped[str]
    body: Mapped[str]
    purpose: Mapped[Purpose] = mapped_column(default="personal")
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Newsletter(Base):
    """One message to many: written by staff, sent as single letters to an audience (FEATURES M1, M3).

    A draft is changed until it is sent; then it feeds the outbox (`core.messages.feeding`) until everybody in
    `newsletter_recipients` was looked at, or it was stopped. `audience` says who they are: everybody, a saved view
    (`segment_id`; who is in it is settled when it is sent), or contacts that were chosen in the list; `audience_name`
    is what a view was called then. `chosen` is how many they were when it was sent. `once` is of what must not be
    made twice. `version` grows with every change of a draft, for the two who write at once (THREATS T-F1), and
    `changed_by` is who made the newest.
    """

    __tablename__ = "newsletters"

    id: Mapped[Id]
    state: Mapped[NewsletterState] = mapped_column(default="draft")
    subject: Mapped[str]
    text: Mapped[str]
    purpose: Mapped[Purpose]
    topic: Mapped[str] = mapped_column(default="")
    audience: Mapped[Audience]
    segment_id: Mapped[int | None] = mapped_column(BigInt)
    audience_name: Mapped[str] = mapped_column(default="")
    chosen: Mapped[int] = mapped_column(default=0)
    author_id: Mapped[int | None] = mapped_column(BigInt)
    author_name: Mapped[str] = mapped_column(default="")
    once: Mapped[str | None] = mapped_column(unique=True)
    version: Mapped[int] = mapped_column(default=1)
    changed_by: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('draft', 'sending', 'stopped', 'sent')", name="state"),
        CheckConstraint("audience IN ('all', 'segment', 'selection')", name="audience"),
        Index("ix_newsletters_state", "state"),
    )


class NewsletterRecipient(Base):
    """One contact that a newsletter is meant for: waiting, with a letter in the outbox, or left out and why.

    `reason` is a message id, `reason_by` the plugin that said so.
    """

    __tablename__ = "newsletter_recipients"

    newsletter_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("newsletters.id", ondelete="CASCADE"), primary_key=True
    )
    contact_id: Mapped[ContactRef] = mapped_column(primary_key=True)
    state: Mapped[Literal["waiting", "queued", "left_out"]] = mapped_column(default="waiting")
    reason: Mapped[str] = mapped_column(default="")
    reason_by: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'queued', 'left_out')", name="state"),
        Index("ix_newsletter_recipients_state", "newsletter_id", "state", "reason", "contact_id"),
        # Nobody is meant by being merged with someone who was; `feeding` looks who is meant now.
        {"info": {"outside_merges": True}},
    )


class NewsletterFile(Base):
    """A file that goes along with every letter of a newsletter: stored once, and of no contact."""

    __tablename__ = "newsletter_files"

    id: Mapped[Id]
    newsletter_id: Mapped[int] = mapped_column(BigInt, ForeignKey("newsletters.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    stored_name: Mapped[str] = mapped_column(unique=True)
