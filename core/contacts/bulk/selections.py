"""Choosing contacts: the ticked ones, or all that a view means, written down by one statement."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, Table, delete, func, insert, literal, select
from sqlalchemy.orm import Session

from core.contacts.bulk.models import SelectedContact, Selection
from core.contacts.matching import contacts, contacts_of
from core.contacts.models import now
from core.contacts.views import View
from core.database.upsert import write_many
from core.errors import InvalidInput, NotFound
from core.values import Actor

if TYPE_CHECKING:
    from core.site import Site

MAX_TICKED = 2_000
"""Ids in one form; a page of the list has fifty. More are chosen with „all that match“."""

KEPT = timedelta(days=7)
"""How long a selection is remembered, and can be taken back."""

members: Table = SelectedContact.__table__  # type: ignore[assignment]


def select_ticked(session: Session, ids: Iterable[int], *, action: str, actor: Actor, back: str) -> Selection:
    """Choose exactly these contacts. What is no contact, or was merged with another, is left out.

    Raises InvalidInput for more than `MAX_TICKED`.
    """
    wanted = sorted({one for one in ids if 0 < one < 2**63})
    if len(wanted) > MAX_TICKED:
        raise InvalidInput("These are too many ticks in one form: %(max)s at most.", max=MAX_TICKED)
    chosen = select(contacts.c.id).where(contacts.c.id.in_(wanted), contacts.c.merged_into_id.is_(None))
    return _write_down(session, chosen, len(wanted), action, actor, back)


def select_matching(session: Session, site: Site, view: View, *, action: str, actor: Actor, back: str) -> Selection:
    """Choose all contacts that a view means at this moment. Raises InvalidInput when a filter can't be applied."""
    return _write_down(session, contacts_of(site, view), None, action, actor, back)


def select_those(
    session: Session, condition: ColumnElement[bool], *, action: str, actor: Actor, back: str
) -> Selection:
    """Choose the contacts that meet a condition, the inactive ones too, but none that were merged."""
    chosen = select(contacts.c.id).where(condition, contacts.c.merged_into_id.is_(None))
    return _write_down(session, chosen, None, action, actor, back)


def select_changed(session: Session, earlier: Selection, *, action: str, actor: Actor) -> Selection:
    """Choose the contacts that an earlier selection's action has changed, and that are not merged since."""
    changed = (
        select(contacts.c.id)
        .join(members, members.c.contact_id == contacts.c.id)
        .where(members.c.selection_id == earlier.id, members.c.changed, contacts.c.merged_into_id.is_(None))
    )
    return _write_down(session, changed, None, action, actor, earlier.back)


def _write_down(
    session: Session, chosen: Select[tuple[int]], wanted: int | None, action: str, actor: Actor, back: str
) -> Selection:
    if actor.id is None:
        raise InvalidInput("Only staff can choose contacts.")
    selection = Selection(
        action=action, actor_id=actor.id, actor_name=actor.name, back=back, wanted=wanted or 0, chosen=0
    )
    session.add(selection)
    session.flush()
    ids = chosen.subquery()
    selection.chosen = write_many(
        session,
        insert(members).from_select(
            ["selection_id", "contact_id", "changed"],
            select(literal(selection.id, members.c.selection_id.type), ids.c[0], literal(False)),
        ),
    )
    selection.wanted = selection.chosen if wanted is None else wanted
    session.flush()
    return selection


def find_selection(session: Session, selection_id: int, actor: Actor) -> Selection:
    """A selection by the person who made it; anybody else's does not exist for this one. Raises NotFound."""
    selection = session.get(Selection, selection_id) if 0 < selection_id < 2**63 else None
    if selection is None or selection.actor_id != actor.id:
        raise NotFound("There is no such selection, or it is too old.")
    return selection


def selected_contacts(session: Session, selection_id: int, actor: Actor) -> Select[tuple[int]]:
    """The ids of the contacts that a person chose, for a page that is a bulk action's `href`. Raises NotFound."""
    selection = find_selection(session, selection_id, actor)
    return (
        select(contacts.c.id)
        .join(members, members.c.contact_id == contacts.c.id)
        .where(members.c.selection_id == selection.id, contacts.c.merged_into_id.is_(None))
    )


def count_changing(session: Session, selection: Selection, condition: ColumnElement[bool]) -> int:
    """How many of the chosen contacts meet a condition."""
    statement = (
        select(func.count())
        .select_from(contacts.join(members, members.c.contact_id == contacts.c.id))
        .where(members.c.selection_id == selection.id, contacts.c.merged_into_id.is_(None), condition)
    )
    return session.execute(statement).scalar_one()


def first_names(session: Session, selection: Selection, number: int) -> list[str]:
    """Names, or addresses, of the first of the chosen contacts, the youngest first."""
    statement = (
        select(contacts.c.name, contacts.c.email)
        .join(members, members.c.contact_id == contacts.c.id)
        .where(members.c.selection_id == selection.id)
        .order_by(contacts.c.id.desc())
        .limit(number)
    )
    return [row.name or row.email for row in session.execute(statement)]


def forget_old(session: Session, limit: int = 5_000) -> bool:
    """Remove selections that are older than `KEPT`, up to `limit` rows at once; answers whether there may be more."""
    old = session.scalars(
        select(Selection.id).where(Selection.created_at < now() - KEPT).order_by(Selection.created_at).limit(50)
    ).all()
    for selection_id in old:
        gone = (
            select(members.c.contact_id)
            .where(members.c.selection_id == selection_id)
            .order_by(members.c.contact_id)
            .limit(limit)
        )
        mine = members.c.selection_id == selection_id
        if write_many(session, delete(members).where(mine, members.c.contact_id.in_(gone))) >= limit:
            return True
        session.execute(delete(Selection).where(Selection.id == selection_id))
    return len(old) == 50
