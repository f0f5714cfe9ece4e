"""The tables of consent: purposes with their wordings, the state of each contact, and the evidence of every change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id

A_PURPOSE = "purpose IN ('marketing', 'system') OR purpose LIKE 'own_%'"


class ConsentState(Base):
    """What a contact agreed to, for one purpose (FEATURES K1). No row: never asked.

    `since` is when this state began. The row follows from the events, and is kept for the list's columns and
    filters.
    """

    __tablename__ = "consent_states"

    contact_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    since: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(A_PURPOSE, name="purpose"),
        CheckConstraint(
            "state IN ('pending', 'expired', 'subscribed', 'existing_customer', 'unsubscribed', 'bounced')",
            name="state",
        ),
        Index("ix_consent_states_state", "purpose", "state", "contact_id"),
        {"info": {"label": "Consent"}},
    )


class ConsentSuppression(Base):
    """An address that must not be written to, of a person who was erased: only its keyed hash (`suppression`)."""

    __tablename__ = "consent_suppressions"

    address_hash: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    since: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(A_PURPOSE, name="purpose"),
        CheckConstraint("state IN ('unsubscribed', 'bounced')", name="state"),
    )


class ConsentEvent(Base):
    """One change of a consent, with its evidence (GDPR Art. 7 (1)). Only ever added.

    Triggers of the database refuse any other change: a row can be moved to the contact its own was merged
    into, and goes when its contact is erased. `email` is the address as it was typed, `wording` the sentence
    beside the box and `wording_hash` its SHA-256, `wording_version` the number of that text among the purpose's, `page`
    and `form` where it stood, `way` how the change came about (`changing.Way`), `basis` what staff recorded as the
    ground of a change they made. `facts` is JSON: what else proves it, such as the confirmation mail.

    `digest` is the hash of all that, with `salt`, and `recorded_for` the contact it was written for; `entry` is its
    place in the chain, given once (`chain`).
    """

    __tablename__ = "consent_events"

    id: Mapped[Id]
    contact_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contacts.id", ondelete="CASCADE"))
    purpose: Mapped[str]
    from_state: Mapped[str]
    to_state: Mapped[str]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    way: Mapped[str]
    email: Mapped[str]
    page: Mapped[str] = mapped_column(default="")
    form: Mapped[str] = mapped_column(default="")
    wording: Mapped[str] = mapped_column(default="")
    wording_hash: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    basis: Mapped[str] = mapped_column(default="")
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(BigInt)
    actor_name: Mapped[str] = mapped_column(default="")
    wording_version: Mapped[int] = mapped_column(default=0, server_default="0")
    facts: Mapped[str] = mapped_column(default="", server_default="")
    recorded_for: Mapped[int] = mapped_column(BigInt, server_default="0")
    salt: Mapped[str] = mapped_column(server_default="")
    digest: Mapped[str] = mapped_column(server_default="")
    entry: Mapped[int | None] = mapped_column(BigInt)

    __table_args__ = (
        Index("ix_consent_events_contact", "contact_id", "purpose", "id"),
        Index("ix_consent_events_entry", "entry", unique=True),
        # Only what is not in the chain yet: seconds' worth of changes.
        Index(
            "ix_consent_events_loose",
            "id",
            sqlite_where=sql("entry IS NULL"),
            postgresql_where=sql("entry IS NULL"),
        ),
        {"info": {"label": "Changes of consent"}},
    )


class ConsentChain(Base):
    """The chain of all evidence: each entry's `hash` covers the one before (`chain`). Rows are only ever added.

    An entry holds the digest of an event and nothing of a person, so it stays when the event goes; or it says in
    `erased` which entries' events went because their people were erased ("3,17-19").
    """

    __tablename__ = "consent_chain"

    entry: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    sealed_at: Mapped[datetime]
    digest: Mapped[str]
    erased: Mapped[str] = mapped_column(default="")
    hash: Mapped[str]


class ConsentPurpose(Base):
    """A purpose of the site's own. `names` by language; a closed one is asked about no more, and its consents stay."""

    __tablename__ = "consent_purposes"

    id: Mapped[Id]
    names: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ConsentWording(Base):
    """A text beside the box of a purpose, in one language. A change is a new `version`; an empty text shows no box."""

    __tablename__ = "consent_wordings"

    id: Mapped[Id]
    purpose: Mapped[str]
    language: Mapped[str]
    version: Mapped[int]
    text: Mapped[str]
    created_at: Mapped[datetime]
    author_name: Mapped[str] = mapped_column(default="")

    __table_args__ = (UniqueConstraint("purpose", "language", "version"),)


class ConsentMailing(Base):
    """That a confirmation mail was queued, to count those to one address: only its keyed hash, for a month."""

    __tablename__ = "consent_mailings"

    id: Mapped[Id]
    address_hash: Mapped[str]
    queued_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_consent_mailings_address", "address_hash", "queued_at"),
        Index("ix_consent_mailings_queued_at", "queued_at"),
    )


class ConsentSending(Base):
    """How many sign-ups a sender has sent within one hour. `sender` is a keyed hash: no address is stored."""

    __tablename__ = "consent_sendings"

    sender: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(BigInt, primary_key=True)
    count: Mapped[int]

    __table_args__ = (Index("ix_consent_sendings_hour", "hour"),)
