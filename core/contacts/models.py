"""The tables of a contact. `contacts` itself is read without the ORM in the list, and with it everywhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.folding import name_key, search_text
from core.contacts.likeness import key_default
from core.database.base import Base, BigInt, ContactRef, Id, PlainContactRef, SortText
from core.values import Stage


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def _name_sort(context: Any) -> str | None:
    return name_key(context.get_current_parameters().get("name") or "")


def _search_text(context: Any) -> str:
    row = context.get_current_parameters()
    return search_text(*(row.get(name) or "" for name in ("name", "email", "email_key", "phone", "city")))


class Contact(Base):
    """A person, known by an e-mail address (FEATURES C1).

    `email` is the address as it was typed, `email_key` what is compared (`core.contacts.addresses`), unique among all
    contacts, the merged ones included: a merged contact keeps its row and its key and points to the one that was
    kept (`merged_into_id`), so that its address stays known as an alias (C2) under the same unique index.

    `aliases` are the addresses of the contacts merged into this one, one a line, for the search (C2). `picture` is the
    stored name of its picture, empty without one. The columns `…_key` are what likely duplicates have in common; see
    `core.contacts.likeness`.
    `origins` says of each group of details where it came from and since when; see `core.contacts.details`.
    `name_sort` is what the list of names is sorted by, `search_text` what search looks through; both follow from the
    rest when a contact is made, and `core.contacts.search_texts` writes them anew when it changes.
    `version` grows with every edit by staff or visitor, for the two who edit at once (P3).
    """

    __tablename__ = "contacts"

    id: Mapped[Id]
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    street: Mapped[str] = mapped_column(default="")
    street2: Mapped[str] = mapped_column(default="")
    postal_code: Mapped[str] = mapped_column(default="")
    city: Mapped[str] = mapped_column(default="")
    region: Mapped[str] = mapped_column(default="")
    country: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    picture: Mapped[str] = mapped_column(default="")
    stage: Mapped[Stage] = mapped_column(default="lead")
    joined_at: Mapped[datetime]
    inactive_at: Mapped[datetime | None]
    locked_at: Mapped[datetime | None]
    locked_by: Mapped[str] = mapped_column(default="")
    merged_into_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("contacts.id", ondelete="CASCADE"))
    aliases: Mapped[str] = mapped_column(default="")
    origins: Mapped[dict[str, Any]] = mapped_column(default=dict)
    name_sort: Mapped[str | None] = mapped_column(SortText, default=_name_sort)
    search_text: Mapped[str] = mapped_column(default=_search_text)
    phone_key: Mapped[str] = mapped_column(default=key_default("phone_key"))
    twin_key: Mapped[str] = mapped_column(default=key_default("twin_key"))
    name_key: Mapped[str] = mapped_column(default=key_default("name_key"))
    place_key: Mapped[str] = mapped_column(default=key_default("place_key"))
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        CheckConstraint("stage IN ('lead', 'customer')", name="stage"),
        Index("ix_contacts_joined", "joined_at", "id"),
        Index("ix_contacts_stage_joined", "stage", "joined_at", "id"),
        # The tab „Inaktiv“: few among many, which the index by date alone would look for in all.
        Index(
            "ix_contacts_inactive",
            "joined_at",
            "id",
            sqlite_where=text("inactive_at IS NOT NULL"),
            postgresql_where=text("inactive_at IS NOT NULL"),
        ),
        # Without those that were never merged, or SQLite takes it for the quickest way to nearly all contacts.
        Index(
            "ix_contacts_merged",
            "merged_into_id",
            sqlite_where=text("merged_into_id IS NOT NULL"),
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
        Index("ix_contacts_name", "name_sort", "id"),
        Index("ix_contacts_country", text("nullif(country, '')"), "id"),
        Index("ix_contacts_phone", text("nullif(phone, '')"), "id"),
        *(
            Index(
                f"ix_contacts_{name}",
                *columns,
                # Only for reading the condition out of the index, without the rows.
                "merged_into_id",
                sqlite_where=text(condition),
                postgresql_where=text(condition),
            )
            for name, columns, condition in (
                ("phone_key", ("phone_key",), "merged_into_id IS NULL AND phone_key <> ''"),
                ("twin_key", ("twin_key",), "merged_into_id IS NULL"),
                (
                    "name_place",
                    ("name_key", "place_key"),
                    "merged_into_id IS NULL AND name_key <> '' AND place_key <> ''",
                ),
            )
        ),
        # The number of an erased contact is never given again.
        {"sqlite_autoincrement": True},
    )


class ContactModule(Base):
    """That a contact has had to do with a module, first and last (FEATURES C10)."""

    __tablename__ = "contact_modules"

    contact_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True)
    module: Mapped[str] = mapped_column(primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]

    __table_args__ = (Index("ix_contact_modules_module", "module", "contact_id"),)


class Tag(Base):
    """A free word for contacts (FEATURES C11); `key` is what is compared."""

    __tablename__ = "tags"

    id: Mapped[Id]
    name: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)


class ContactTag(Base):
    """That a contact has a tag. Keyed by tag first: the list asks for a tag's contacts, newest first."""

    __tablename__ = "contact_tags"

    tag_id: Mapped[int] = mapped_column(BigInt, ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True)
    contact_id: Mapped[ContactRef] = mapped_column(primary_key=True)


class ContactActivity(Base):
    """An entry of the activity log (FEATURES C12). Only added; nothing changes or removes one but erasing the contact.

    `occurred_at` is when it happened, `recorded_at` when it was written; the log is ordered by the first, then by id.
    """

    __tablename__ = "contact_activities"

    id: Mapped[Id]
    contact_id: Mapped[PlainContactRef]
    kind: Mapped[str]
    reference: Mapped[str] = mapped_column(default="")
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    href: Mapped[str] = mapped_column(default="")
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str] = mapped_column(default="")
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(default=now)
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)

    __table_args__ = (
        Index("ix_contact_activities_log", "contact_id", "occurred_at", "id"),
        {"info": {"append_only": True}},
    )


class ContactSuggestion(Base):
    """Details that a lock held back (FEATURES C6): one open suggestion for each group of details.

    `details` are the group's new values by name; `source_kind`, `reference` and `href` say where they came from.
    """

    __tablename__ = "contact_suggestions"

    id: Mapped[Id]
    contact_id: Mapped[PlainContactRef]
    group: Mapped[str]
    details: Mapped[dict[str, Any]]
    source_kind: Mapped[str]
    reference: Mapped[str] = mapped_column(default="")
    href: Mapped[str] = mapped_column(default="")
    occurred_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("contact_id", "group", name="uq_contact_suggestions_group"),)


class ContactNote(Base):
    """An internal note (FEATURES C13). `edited_at` is when its author, or somebody who may, changed it last."""

    __tablename__ = "contact_notes"

    id: Mapped[Id]
    contact_id: Mapped[ContactRef]
    text: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author_name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    edited_at: Mapped[datetime | None]

    # Entries of the log name it by its number, which must not become another note's.
    __table_args__ = ({"sqlite_autoincrement": True},)


class StoredFile(Base):
    """A file that belongs to a contact: attached to a note, or its picture. The bytes are in the data folder.

    `stored_name` is random; `name` is what the uploader called it, for showing and downloading only.
    """

    __tablename__ = "files"

    id: Mapped[Id]
    contact_id: Mapped[ContactRef]
    note_id: Mapped[int | None] = mapped_column(BigInt, ForeignKey("contact_notes.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    stored_name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = ({"sqlite_autoincrement": True},)


class Segment(Base):
    """A saved view of the contact list (FEATURES L6). `account_id` is whose own it is; without one it is everyone's.

    `key` is its name as it is compared: nobody has two of one name, nor has everyone. `conditions` are written by
    `core.contacts.criteria`, `columns` by `core.contacts.layouts` (empty: each person's own), `words` are explained
    at `SavedView`. `version` grows with every change, for the two who change a segment at once.
    """

    __tablename__ = "segments"

    id: Mapped[Id]
    account_id: Mapped[int | None] = mapped_column(BigInt, ForeignKey("staff_accounts.id", ondelete="CASCADE"))
    name: Mapped[str]
    key: Mapped[str]
    tab: Mapped[str] = mapped_column(default="all")
    sort: Mapped[str]
    conditions: Mapped[list[Any]] = mapped_column(JSON)
    columns: Mapped[list[str]] = mapped_column(JSON, default=list)
    words: Mapped[dict[str, Any]] = mapped_column(default=dict)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        UniqueConstraint("account_id", "key", name="uq_segments_own"),
        Index(
            "uq_segments_everyones",
            "key",
            unique=True,
            sqlite_where=text("account_id IS NULL"),
            postgresql_where=text("account_id IS NULL"),
        ),
    )


class ListColumns(Base):
    """Which columns of the contact list somebody sees, in which order (FEATURES L6). No row: the standard."""

    __tablename__ = "staff_list_columns"

    account_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("staff_accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    columns: Mapped[list[str]] = mapped_column(JSON)
