"""Saved views of the contact list, the segments (FEATURES L6): kept, changed and removed.

A segment holds no contacts but what is asked, so it is live. Somebody's own stands in nobody else's menu; whoever has
its address sees the same list, less what their role may not see.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.contacts.choices import read_choices
from core.contacts.criteria import Group
from core.contacts.models import Segment, now
from core.contacts.views import Layout, SavedView, View, Words, saved_view
from core.errors import Conflict, InvalidInput, NotFound
from core.plugins import plugin_of

if TYPE_CHECKING:
    from core.site import Site

MAX_NAME = 80


@frozen(kw_only=True)
class Keeper:
    """Who keeps segments: a staff account, and whether it may change what everyone sees."""

    account_id: int
    may_share: bool

    def may_change(self, saved: SavedView) -> bool:
        """Whether this segment is theirs to change and remove."""
        return self.may_share if saved.account_id is None else saved.account_id == self.account_id


def list_segments(session: Session, account_id: int) -> list[SavedView]:
    """Everyone's segments and the own ones, by name."""
    rows = session.scalars(
        select(Segment)
        .where(or_(Segment.account_id.is_(None), Segment.account_id == account_id))
        .order_by(Segment.key, Segment.id)
    )
    return [saved_view(row) for row in rows]


def find_segment(session: Session, segment_id: int) -> SavedView:
    """One segment. Raises NotFound."""
    row = session.get(Segment, segment_id)
    if row is None:
        raise NotFound("This view does not exist any more.")
    return saved_view(row)


def add_segment(
    session: Session, site: Site, keeper: Keeper, view: View, *, name: str, shared: bool, layout: Layout
) -> int:
    """Save a view under a name, for oneself or for everyone; answers its id. Raises InvalidInput for the name."""
    row = Segment(account_id=_owner(keeper, shared), **_named(name), **_content(site, view, layout))
    session.add(row)
    _flush(session)
    return row.id


def change_segment(
    session: Session,
    site: Site,
    keeper: Keeper,
    saved: SavedView,
    view: View,
    *,
    layout: Layout | None,
    name: str | None = None,
    shared: bool | None = None,
) -> None:
    """Give a segment another content and, where given, another name or other people.

    Raises InvalidInput for the name, and Conflict when somebody else has changed it since `saved` was read.
    """
    if not keeper.may_change(saved):
        raise InvalidInput("You may not change this view. Save it under another name.")
    values = _content(site, view, layout)
    if name is not None:
        values |= _named(name)
    if shared is not None and shared != (saved.account_id is None):
        values["account_id"] = _owner(keeper, shared)
    try:
        with session.begin_nested():
            changed = session.execute(
                update(Segment)
                .where(Segment.id == saved.id, Segment.version == saved.version)
                .values(version=saved.version + 1, updated_at=now(), **values)
                .returning(Segment.id)
            ).first()
    except IntegrityError as error:
        raise _taken() from error
    if changed is None:
        raise Conflict("Somebody else has changed this view in the meantime. Nothing was saved.")


def remove_segment(session: Session, keeper: Keeper, saved: SavedView) -> None:
    """Remove a segment; its contacts stay as they are."""
    if not keeper.may_change(saved):
        raise InvalidInput("You may not change this view. Save it under another name.")
    session.execute(delete(Segment).where(Segment.id == saved.id))


def _owner(keeper: Keeper, shared: bool) -> int | None:
    if shared and not keeper.may_share:
        raise InvalidInput("Your role may not save views for everyone.", field="shared")
    return None if shared else keeper.account_id


def _named(name: str) -> dict[str, str]:
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name:
        raise InvalidInput("Enter a name for the view.", field="name")
    if len(name) > MAX_NAME:
        raise InvalidInput("This name is too long. Use %(max)s characters at most.", field="name", max=MAX_NAME)
    return {"name": name, "key": name.casefold()}


def _taken() -> InvalidInput:
    return InvalidInput("There is a view of this name already. Choose another name.", field="name")


def _flush(session: Session) -> None:
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as error:
        raise _taken() from error


def _content(site: Site, view: View, layout: Layout | None) -> dict[str, Any]:
    where = view.conditions.simplified()
    return {
        "tab": view.tab,
        # An order that only this person can't have stays.
        "sort": view.segment.order if view.segment and view.lost_sort else view.order,
        "conditions": where.as_json(),
        "columns": list(layout or ()),
        "words": words_of(site, where, view.words),
    }


def words_of(site: Site, where: Group, earlier: Words) -> dict[str, Any]:
    """How the filters of `where`, their plugins and their values are called now; what is gone keeps its words."""
    chosen: dict[str, list[str]] = {}
    for one in where.criteria():
        chosen.setdefault(one.filter, []).extend(one.values)
    words: dict[str, Any] = {}
    for key, values in chosen.items():
        offered = site.contributions.contact_filters.get(key)
        before = earlier.get(key, {})
        named = dict(before.get("values", {}))
        if offered is not None and offered.choices is not None:
            named |= {one.value: one.label for one in read_choices(site, offered)}
        if offered is None:
            words[key] = dict(before)
        else:
            label, plugin = offered.label, site.plugin_label(plugin_of(key))
            words[key] = {
                "label": label,
                "plugin": plugin,
                "values": {value: named[value] for value in values if value in named},
            }
    return words
