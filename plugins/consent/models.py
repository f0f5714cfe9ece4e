"""The tables of consent: the state a contact is in now, and the evidence of every change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id


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
        CheckConstraint("purpose IN ('marketing', 'system')", name="purpose"),
        CheckConstraint("state IN ('pending', 'subscribed', 'unsubscribed', 'bounced')", name="state"),
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
        CheckConstraint("purpose IN ('marketing', 'system')", name="purpose"),
        CheckConstraint("state IN ('unsubscribed', 'bounced')", name="state"),
    )


class ConsentEvent(Base):
    """One change of a consent, with its evidence (GDPR Art. 7 (1)). Only ever added.

    Triggers of the database refuse any other change: a row can be moved to the contact its own was merged
    into, and goes when its contact is erased. `email` is the address as it was typed, `wording` the sentence
    beside the box and `wording_hash` its SHA-256, `page` and `form` where it stood, `way` how the change came
    about (`changing.Way`), `basis` what staff recorded as the ground of a change they made.
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

    __table_args__ = (
        Index("ix_consent_events_contact", "contact_id", "purpose", "id"),
        {"info": {"label": "Changes of consent"}},
    )
