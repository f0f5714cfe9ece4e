"""The tables of bulk actions: what was chosen, and what was changed of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base, BigInt, ContactRef, Id


class Selection(Base):
    """Contacts that a person chose, and the one thing to be done with them.

    Which ones is settled when they are chosen: `SelectedContact` has a row for each, and whoever comes to match the
    filter afterwards is not among them. `wanted` is how many were ticked, `chosen` how many of those there were;
    `changed` grows while it is done. Only the person who chose may go on with it (`actor_id`). It is done once:
    `started_at` says that it was. The page to return to is not kept: its address may hold a name that was searched for.
    """

    __tablename__ = "contact_selections"

    id: Mapped[Id]
    action: Mapped[str]
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    actor_id: Mapped[int] = mapped_column(BigInteger)
    actor_name: Mapped[str] = mapped_column(default="")
    wanted: Mapped[int]
    chosen: Mapped[int]
    changed: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    started_at: Mapped[datetime | None]
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    undone_at: Mapped[datetime | None]


class SelectedContact(Base):
    """One chosen contact; `changed` once its batch has come and it was one of those to be changed."""

    __tablename__ = "contact_selection_members"

    # No foreign key: checking it a hundred thousand times would double the time in which they are written down.
    selection_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    # Erased contacts leave the selection: an id that SQLite gives anew must not be taken for theirs.
    contact_id: Mapped[ContactRef] = mapped_column(primary_key=True)
    changed: Mapped[bool] = mapped_column(default=False)

    # Nobody is chosen by being merged with someone who was.
    __table_args__ = ({"info": {"outside_merges": True}},)
