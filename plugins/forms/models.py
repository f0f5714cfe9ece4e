"""The tables of forms: what is asked, what was answered, and how often an address has sent something."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id


class Form(Base):
    """A form that staff built (FEATURES F1). `slug` is its address and never changes: it stands on other
    websites.

    `fields` are the fields in their order, as `definitions.Field.as_json` writes them. `is_sample` is True
    for the form that every site starts with, until staff save it: its texts are message ids, so that it
    speaks each visitor's language.
    """

    __tablename__ = "forms_forms"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    intro: Mapped[str] = mapped_column(default="")
    thanks: Mapped[str] = mapped_column(default="")
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    active: Mapped[bool] = mapped_column(default=True)
    is_sample: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)


class Entry(Base):
    """One form that was filled in and sent. A quarantined one has no contact until staff release it (FEATURES
    F2).

    `answers` are the fields as they were then: key, kind, label and value. `boxes` are the plugins' tick
    boxes that were shown, with their wording and whether they were ticked. `contact_id` cascades: an answered
    form is the person's own words, and nothing makes the site keep them when the person is erased.
    `email_key` is the address as it is compared: by it those in quarantine are found, which have no contact.
    """

    __tablename__ = "forms_entries"

    id: Mapped[Id]
    form_id: Mapped[int] = mapped_column(BigInt, ForeignKey("forms_forms.id", ondelete="CASCADE"))
    contact_id: Mapped[int | None] = mapped_column(BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), index=True)
    email: Mapped[str]
    email_key: Mapped[str | None] = mapped_column(index=True)
    answers: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    boxes: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    occurred_at: Mapped[datetime]
    page: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    suspicion: Mapped[str] = mapped_column(default="")
    idempotency_key: Mapped[str] = mapped_column(unique=True)

    __table_args__ = (
        CheckConstraint("state IN ('accepted', 'quarantined')", name="state"),
        CheckConstraint("state = 'accepted' OR contact_id IS NULL", name="quarantine_has_no_contact"),
        Index("ix_forms_entries_list", "state", "occurred_at", "id"),
        Index("ix_forms_entries_form", "form_id", "state", "occurred_at", "id"),
        {"info": {"label": "Form entries"}},
    )


class SendingCount(Base):
    """How many entries a sender has sent within one hour. `sender` is a keyed hash: no address is stored."""

    __tablename__ = "forms_sending_counts"

    sender: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(BigInt, primary_key=True)
    count: Mapped[int]

    __table_args__ = (Index("ix_forms_sending_counts_hour", "hour"),)
