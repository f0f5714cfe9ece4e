"""Which contacts a page of the list shows, in their order: found in the way that is quick for so many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from core.contacts.counts import COUNTED_UP_TO
from core.contacts.cursors import Cursor
from core.contacts.matching import TAB_CONDITIONS, Matching, contacts
from core.contacts.narrowing import Way, as_probes, count_up_to, found_at_once, narrowed
from core.contacts.statements import Plan, Segment, found_first, handful, in_order

if TYPE_CHECKING:
    from core.site import Site

A_HANDFUL = 200
"""Up to so many contacts are read at once by their ids, without counting first."""

FEW = COUNTED_UP_TO
"""Up to so many contacts are found first and then sorted; of more, the list is read in order until a page is full."""


@frozen
class Place:
    """A contact of the page, and the value it is sorted by."""

    id: int
    value: Any


@frozen(kw_only=True)
class Part:
    """The contacts of a page, whether `more` come after them, and the `total` if that is known by the way."""

    places: list[Place]
    more: bool
    total: int | None = None


def find_part(site: Site, session: Session, plan: Plan, matching: Matching, cursor: Cursor | None, size: int) -> Part:
    """Up to `size` contacts from the cursor on, in the list's order."""
    total = None
    if matching.conditions:
        part = _found_first(site, session, plan, matching, cursor, size)
        if part is None:
            total = _count(session, plan, matching)
        elif part.total is not None and part.total <= FEW:
            return part
        else:
            total = FEW + 1
    return _in_order(site, session, plan, matching, cursor, size, total)


def _found_first(
    site: Site, session: Session, plan: Plan, matching: Matching, cursor: Cursor | None, size: int
) -> Part | None:
    """The page, of the contacts that were found first; None when that would be more than a few."""
    conditions = (*matching.hints, *matching.conditions)
    way = Way(start=contacts, conditions=conditions)
    if site.database.is_sqlite:
        if cursor is None and (at_once := found_at_once(session, conditions, A_HANDFUL)) is not None:
            return _of_a_handful(site, session, plan, *at_once, size)
        way = narrowed(session, conditions, FEW)
    if way.most == 0:
        return Part(places=[], more=False, total=0)
    if way.most is not None and way.most > FEW:
        return None
    backward = cursor is not None and cursor.backward
    segment: Segment | None = None
    parameters: dict[str, object] = {"rows": size + 1}
    if cursor is not None:
        segment = "valued" if cursor.value is not None else "empty"
        parameters |= {"at_id": cursor.id} | ({"at_value": cursor.value} if segment == "valued" else {})
    statement = found_first(plan, way.start, way.conditions, FEW, segment, backward=backward)
    rows = session.connection().execute(statement, parameters).all()
    # Without a row nothing says how many there are: beyond the cursor none, or none of those that were found.
    total = rows[0][2] if rows else 0 if cursor is None else _count(session, plan, matching)
    return _part([Place(row[0], row[1]) for row in rows], size, backward, total)


def _of_a_handful(
    site: Site, session: Session, plan: Plan, ids: list[int], conditions: Sequence[ColumnElement[bool]], size: int
) -> Part:
    """The first page of those among `ids` that meet the conditions."""
    if not ids:
        return Part(places=[], more=False, total=0)
    statement = handful(site, plan)
    if conditions:
        statement = statement.where(*conditions)
    rows = session.connection().execute(statement, {"ids": ids, "rows": size + 1}).all()
    return _part([Place(row[0], row[1]) for row in rows], size, False, rows[0][2] if rows else 0)


def _count(session: Session, plan: Plan, matching: Matching) -> int:
    return count_up_to(session, (*TAB_CONDITIONS[plan.tab], *matching.conditions), FEW)


def _in_order(
    site: Site,
    session: Session,
    plan: Plan,
    matching: Matching,
    cursor: Cursor | None,
    size: int,
    total: int | None,
) -> Part:
    backward = cursor is not None and cursor.backward
    conditions = as_probes(matching.conditions) if site.database.is_sqlite else matching.conditions
    segments: list[Segment] = ["valued", "empty"] if plan.has_empty else ["valued"]
    if backward:
        segments.reverse()
    here: Segment | None = None
    if cursor is not None:
        here = "valued" if cursor.value is not None else "empty"
        segments = segments[segments.index(here) :] if here in segments else []
    places: list[Place] = []
    for segment in segments:
        parameters: dict[str, object] = {"rows": size + 1 - len(places)}
        if cursor is not None and segment == here:
            parameters |= {"at_id": cursor.id} | ({"at_value": cursor.value} if segment == "valued" else {})
        built = in_order(site, plan, segment, backward=backward, from_cursor="at_id" in parameters)
        if conditions:
            built = built.where(*conditions)
        places.extend(Place(row[0], row[1]) for row in session.connection().execute(built, parameters).all())
        if len(places) > size:
            break
    return _part(places, size, backward, total)


def _part(places: list[Place], size: int, backward: bool, total: int | None) -> Part:
    kept = places[:size]
    return Part(places=kept[::-1] if backward else kept, more=len(places) > size, total=total)
