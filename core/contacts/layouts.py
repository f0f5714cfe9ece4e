"""Which columns of the list are shown, in which order: the standard, somebody's own, or a segment's (FEATURES L6)."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.orm import Session

from core.contacts.models import ListColumns
from core.contacts.views import Layout
from core.database.upsert import upsert
from core.values import Column

HEADING = "contact.name"
"""The column that heads each row: always there, always the first."""


@frozen
class Place:
    """A column in its place in the order, and whether it is shown."""

    column: Column
    shown: bool


def arrange(offered: Sequence[Column], layout: Layout | None) -> list[Place]:
    """The offered columns, arranged as the layout says.

    A column that the layout does not know, as a new plugin's, stands behind its neighbour of the standard order and is
    shown if it is by default. What the layout knows and nobody offers is passed over: it is there again when its plugin
    is switched on, and it is never there for somebody who may not see it.
    """
    by_key = {column.key: column for column in offered}
    wanted = [(key.removeprefix("-"), not key.startswith("-")) for key in layout or ()]
    places = [Place(by_key[key], shown) for key, shown in wanted if key in by_key]
    known = {place.column.key for place in places}
    before: str | None = None
    for column in offered:
        if column.key not in known:
            at = next((number for number, place in enumerate(places, 1) if place.column.key == before), 0)
            places.insert(at, Place(column, column.shown))
        before = column.key
    heading = [Place(place.column, True) for place in places if place.column.key == HEADING]
    return [*heading, *(place for place in places if place.column.key != HEADING)]


def layout_of(places: Sequence[Place]) -> Layout:
    """The layout that says what `places` are."""
    return tuple(place.column.key if place.shown else f"-{place.column.key}" for place in places)


_chosen = ListColumns.__table__.c
# Built once, and of the table: it is asked with every page of the list.
LAYOUT = select(_chosen["columns"]).where(_chosen.account_id == bindparam("account_id"))


def read_layout(connection: Connection, account_id: int) -> Layout | None:
    """What somebody chose; None for the standard."""
    columns = connection.execute(LAYOUT, {"account_id": account_id}).scalar_one_or_none()
    return None if columns is None else tuple(columns)


def store_layout(session: Session, account_id: int, layout: Layout | None) -> None:
    """Remember what somebody chose; None goes back to the standard."""
    if layout is None:
        session.execute(delete(ListColumns).where(ListColumns.account_id == account_id))
        return
    values = {"columns": list(layout)}
    session.execute(
        upsert(session, ListColumns, {"account_id": account_id, **values}, keys=["account_id"], update=values)
    )
