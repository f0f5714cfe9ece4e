"""Which contacts a view means, in SQL: for the list, and for whatever is done with „all that match“."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import field, frozen
from sqlalchemy import ColumnElement, Select, Table, or_, select

from core.contacts.comparing import resolved
from core.contacts.models import Contact
from core.contacts.searching import search_conditions
from core.contacts.views import Tab, View
from core.errors import InvalidInput
from core.plugins import describe, plugin_of
from core.values import Filter

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.contacts")

contacts: Table = Contact.__table__  # type: ignore[assignment]

_active = (contacts.c.merged_into_id.is_(None), contacts.c.inactive_at.is_(None))

TAB_CONDITIONS: Mapping[Tab, tuple[ColumnElement[bool], ...]] = MappingProxyType(
    {
        "all": _active,
        "customers": (*_active, contacts.c.stage == "customer"),
        "leads": (*_active, contacts.c.stage == "lead"),
        "inactive": (contacts.c.merged_into_id.is_(None), contacts.c.inactive_at.is_not(None)),
    }
)
"""Tab → its contacts. Merged contacts are in none, inactive ones in theirs only (FEATURES C7)."""


@frozen(kw_only=True)
class Notice:
    """What the page has to say: a message id, its `words` (message ids too), its `values` (as they are)."""

    message: str
    words: Mapping[str, str] = field(factory=dict)
    values: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Matching:
    """What a view's search and filters ask for.

    `hints` follow from the conditions, and lead to the contacts by an index where there are few. With `broken`, a
    filter could not be applied: no contact may be shown or touched, rather than too many.
    """

    conditions: tuple[ColumnElement[bool], ...] = ()
    hints: tuple[ColumnElement[bool], ...] = ()
    notices: tuple[Notice, ...] = ()
    broken: bool = False


def match(site: Site, view: View) -> Matching:
    """The conditions of a view beyond those of its tab."""
    search = search_conditions(view.search, is_sqlite=site.database.is_sqlite)
    conditions = list(search.conditions)
    notices: list[Notice] = []
    broken = False
    for key, values in view.filters:
        offered = site.contributions.contact_filters[key]
        try:
            predicates = {value: _predicate(site, offered, value) for value in values}
            for value, predicate in predicates.items():
                if predicate is None:
                    notices.append(
                        Notice(
                            message="“%(filter)s” knows no “%(value)s”. This was left out.",
                            words={"filter": offered.label},
                            values={"value": value},
                        )
                    )
            if known := [predicate for predicate in predicates.values() if predicate is not None]:
                conditions.append(_on_contacts(or_(*known)))
        except (Exception, SystemExit) as error:
            log.exception("Filter %r failed", key)
            notices.append(broken_filter(site, offered, describe(error)))
            broken = True
    return Matching(conditions=tuple(conditions), hints=search.hints, notices=tuple(notices), broken=broken)


def contacts_of(site: Site, view: View) -> Select[tuple[int]]:
    """The ids of all contacts that a view means, to be selected from: for whatever is done with „all that match“.

    Raises InvalidInput when a filter can't be applied: nothing is done to too many contacts.
    """
    matching = match(site, view)
    if matching.broken or matching.notices:
        raise InvalidInput("A filter could not be applied, so nothing was done. Remove it and try again.")
    return select(contacts.c.id).where(*TAB_CONDITIONS[view.tab], *matching.hints, *matching.conditions)


def _predicate(site: Site, offered: Filter, value: str) -> ColumnElement[bool] | None:
    """The condition of one value of a filter; days begin and end in the site's zone."""
    zone = site.settings.zone
    asked = resolved(offered.kind, value, zone, datetime.now(zone).date())
    return None if asked is None else offered.predicate(asked)


def _on_contacts(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition, if it speaks of contacts alone: another table beside them would multiply them."""
    for table in select(contacts.c.id).where(condition).get_final_froms():
        if table is not contacts:
            name = getattr(table, "name", "another table")
            raise TypeError(f"its condition reads from {name}; put that into a subselect of contact ids")
    return condition


def broken_filter(site: Site, offered: Filter, message: str) -> Notice:
    """The notice that names a filter which could not be applied, and its plugin."""
    return Notice(
        message="No contacts are shown: filter “%(filter)s” of plugin “%(plugin)s” failed: %(error)s",
        words={
            "filter": offered.label,
            "plugin": site.plugin_label(plugin_of(offered.key)),
            "error": message,
        },
    )


def find_broken_filters(site: Site, view: View) -> tuple[Notice, ...]:
    """Which filters the database refuses, each tried alone: asked when the list's statement has failed."""
    notices = []
    for key, values in view.filters:
        offered = site.contributions.contact_filters[key]
        try:
            for value in values:
                if (predicate := _predicate(site, offered, value)) is not None:
                    with site.session() as session:
                        session.execute(select(contacts.c.id).where(predicate).limit(1)).all()
        except Exception as error:
            log.exception("Filter %r failed in the database", key)
            notices.append(broken_filter(site, offered, describe(error)))
    return tuple(notices)
