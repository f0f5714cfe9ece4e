"""The core's own duty in a merge: its rows about the merged contact go to the kept one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import CursorResult, PrimaryKeyConstraint, Table, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Session

from core.contacts.merging.models import DistinctPair
from core.contacts.models import ContactModule, ContactSuggestion, ContactTag
from core.database.base import Base
from core.database.upsert import upsert
from core.duties import core_tables, personal_tables, references, tables_of

if TYPE_CHECKING:
    from core.site import Site

LIMITS = (PrimaryKeyConstraint, UniqueConstraint)

FIELD_TABLES = "contact_field"
"""How the tables begin that hold what staff's own fields say of contacts (C14)."""


def move_rows(session: Session, table: type[Base] | Table, kept_id: int, merged_id: int) -> int:
    """Make all rows of a table that refer to the merged contact refer to the kept one; answers how many there were.

    For a plugin's `merge_contacts`, where both may have any number of rows. Raises ValueError for a table whose rows
    are limited for each contact, by its primary key or a unique constraint: there two rows may have to become one.
    """
    plain: Table = table if isinstance(table, Table) else table.__table__  # type: ignore[assignment]
    moved = 0
    for name in references(plain):
        column = plain.c[name]
        if any(column.name in one.columns for one in plain.constraints if isinstance(one, LIMITS)):
            raise ValueError(
                f"Table {plain.name!r} limits the rows of a contact. move_rows can't decide which of two stays; write "
                "that into merge_contacts."
            )
        result = session.execute(update(plain).where(column == merged_id).values({name: kept_id}))
        moved += result.rowcount if isinstance(result, CursorResult) else 0
    return moved


def move_own_rows(session: Session, site: Site, kept_id: int, merged_id: int) -> None:
    """Everything of the core's but the contact's row itself, the messages and what staff's fields hold."""
    _move_tags(session, kept_id, merged_id)
    _move_modules(session, kept_id, merged_id)
    _move_suggestions(session, kept_id, merged_id)
    _copy_distinct_pairs(session, kept_id, merged_id)
    for table in _plain_tables(site):
        move_rows(session, table, kept_id, merged_id)


def _plain_tables(site: Site) -> Iterable[Table]:
    """Tables of the core where a contact may have any number of rows, without those of its other built-in plugins."""
    from core.builtin import BUILTIN

    others = {table.name for plugin in BUILTIN if plugin.key != "contact" for table in tables_of(plugin)}
    special = {model.__tablename__ for model in (ContactTag, ContactModule, ContactSuggestion, DistinctPair)} | {
        "contacts"
    }
    for table in personal_tables(core_tables()):
        outside = table.info.get("outside_merges") or table.info.get("derived")
        if table.name not in others | special and not outside and not table.name.startswith(FIELD_TABLES):
            yield table


def _move_tags(session: Session, kept_id: int, merged_id: int) -> None:
    own = select(ContactTag.tag_id).where(ContactTag.contact_id == kept_id)
    session.execute(
        update(ContactTag)
        .where(ContactTag.contact_id == merged_id, ContactTag.tag_id.not_in(own))
        .values(contact_id=kept_id)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        delete(ContactTag).where(ContactTag.contact_id == merged_id).execution_options(synchronize_session=False)
    )


def _move_modules(session: Session, kept_id: int, merged_id: int) -> None:
    """The modules of both, from the first time of either to the last (C10)."""
    uses = {
        (row.contact_id, row.module): row
        for row in session.execute(
            select(ContactModule.__table__).where(ContactModule.contact_id.in_((kept_id, merged_id)))
        )
    }
    for (contact_id, module), use in uses.items():
        if contact_id != merged_id:
            continue
        own = uses.get((kept_id, module), use)
        both = {"first_at": min(own.first_at, use.first_at), "last_at": max(own.last_at, use.last_at)}
        session.execute(
            upsert(
                session,
                ContactModule,
                {"contact_id": kept_id, "module": module, **both},
                keys=["contact_id", "module"],
                update=both,
            )
        )
    session.execute(
        delete(ContactModule).where(ContactModule.contact_id == merged_id).execution_options(synchronize_session=False)
    )


def _move_suggestions(session: Session, kept_id: int, merged_id: int) -> None:
    """Of two suggestions for one group of details the newer one (C6)."""
    mine = select(ContactSuggestion).where(ContactSuggestion.contact_id.in_((kept_id, merged_id)))
    rows = session.scalars(mine, execution_options={"populate_existing": True}).all()
    own = {row.group: row for row in rows if row.contact_id == kept_id}
    copied = ("details", "source_kind", "reference", "href", "occurred_at")
    for row in [row for row in rows if row.contact_id == merged_id]:
        target = own.get(row.group)
        values = {name: getattr(row, name) for name in copied}
        # A new row instead of the old one moved: a later order may write into it, and undoing must find the old one.
        session.delete(row)
        if target is None:
            session.add(ContactSuggestion(contact_id=kept_id, group=row.group, **values))
        elif target.occurred_at < row.occurred_at:
            for name, value in values.items():
                setattr(target, name, value)
    session.flush()


def _copy_distinct_pairs(session: Session, kept_id: int, merged_id: int) -> None:
    """Whoever is not the merged contact is not the kept one either."""
    pair = DistinctPair
    rows = session.execute(select(pair.__table__).where((pair.low_id == merged_id) | (pair.high_id == merged_id))).all()
    for row in rows:
        other = row.high_id if row.low_id == merged_id else row.low_id
        if other != kept_id:
            low, high = sorted((other, kept_id))
            session.execute(
                upsert(
                    session,
                    pair,
                    {"low_id": low, "high_id": high, "said_at": row.said_at, "said_by": row.said_by},
                    keys=["low_id", "high_id"],
                )
            )


def move_field_values(session: Session, kept_id: int, merged_id: int, *, prefer_merged: bool) -> None:
    """What staff's own fields say of the two (C14): where both have a value, one side's stays; else the only one."""
    for table in personal_tables(core_tables()):
        if not table.name.startswith(FIELD_TABLES):
            continue
        names = [column.name for column in table.primary_key.columns if column.name != "contact_id"]
        rows = session.execute(select(table).where(table.c.contact_id.in_((kept_id, merged_id)))).mappings().all()
        own = {tuple(row[name] for name in names): row for row in rows if row["contact_id"] == kept_id}
        for row in rows:
            if row["contact_id"] != merged_id:
                continue
            here = [table.c[name] == row[name] for name in names]
            if tuple(row[name] for name in names) not in own:
                session.execute(update(table).where(table.c.contact_id == merged_id, *here).values(contact_id=kept_id))
                continue
            if prefer_merged:
                values = {key: row[key] for key in row if key not in ("contact_id", *names)}
                session.execute(update(table).where(table.c.contact_id == kept_id, *here).values(values))
            session.execute(delete(table).where(table.c.contact_id == merged_id, *here))
