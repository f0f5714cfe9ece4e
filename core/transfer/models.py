"""The tables of export and import: links to files, imports under way, what each did and what it refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base, BigInt, ContactRef, Id


class ContactExport(Base):
    """A link to a file of contacts, for one session of one person and for an hour (THREATS T-Z8).

    `token_hash` is the SHA-256 of what stands in the address; `choice` says which contacts and columns.
    """

    __tablename__ = "contact_exports"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(unique=True)
    session_id: Mapped[int] = mapped_column(BigInt, ForeignKey("staff_sessions.id", ondelete="CASCADE"), index=True)
    choice: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class ContactImport(Base):
    """One file on its way into the contacts (FEATURES I1 to I6).

    `state` is a `State` of `core.transfer.imports`. `plan` holds what was recognised or chosen: encoding,
    delimiter, mapping, policy. `position` is the number of records of the file that were taken in, or taken back:
    it is written in the transaction of what it counts, so that after a crash none is lost or doubled (I6). `numbers`
    are counts for people, of the check until the import begins.
    """

    __tablename__ = "contact_imports"

    id: Mapped[Id]
    name: Mapped[str]
    stored_name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    state: Mapped[str]
    plan: Mapped[dict[str, Any]] = mapped_column(default=dict)
    position: Mapped[int] = mapped_column(default=0)
    records: Mapped[int | None]
    numbers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportedContact(Base):
    """That an import made or changed a contact, and what is needed to take that back.

    `line` is that of the first row that did. `before` holds what was there and `after` what was written, by name
    (None for a contact that is new); `mark` is the contact's last log entry of the import's own transaction, and
    `version` the contact's then: what came later is a person's or an order's. `kept` says why an undo left it as it is.
    """

    __tablename__ = "contact_import_contacts"

    import_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("contact_imports.id", ondelete="CASCADE"), primary_key=True
    )
    contact_id: Mapped[ContactRef] = mapped_column(primary_key=True)
    line: Mapped[int]
    created: Mapped[bool]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    mark: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]
    kept: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        # Of the few only that an undo left: a million others would pay for it.
        Index(
            "ix_contact_import_contacts_kept",
            "import_id",
            "contact_id",
            sqlite_where=text("kept != ''"),
            postgresql_where=text("kept != ''"),
        ),
        # What an import did to a contact stays said of that contact: merged or not, undoing the import leaves it.
        {"sqlite_with_rowid": False, "info": {"outside_merges": True}},
    )


class ImportProblem(Base):
    """A row that an import refused (`refused`), or something about a row that people should know, by its line (I4).

    `message` is a message id and `words` fill it; `cells` are the row as it was read, for the file to be mended.
    """

    __tablename__ = "contact_import_problems"

    id: Mapped[Id]
    import_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contact_imports.id", ondelete="CASCADE"))
    line: Mapped[int]
    refused: Mapped[bool] = mapped_column(default=True)
    column: Mapped[str] = mapped_column(default="")
    value: Mapped[str] = mapped_column(default="")
    message: Mapped[str]
    words: Mapped[dict[str, Any]] = mapped_column(default=dict)
    cells: Mapped[list[str]] = mapped_column(JSON)

    __table_args__ = (Index("ix_contact_import_problems_line", "import_id", "line", "id"),)
