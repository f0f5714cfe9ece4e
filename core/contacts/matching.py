"""Which contacts a view means, in SQL: for the list, and for whatever is done with „all that match“."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import field, frozen
from sqlalchemy import ColumnElement, Select, Table, and_, or_, select, true

from core.contacts.choices import vanished
from core.contacts.comparing import resolved
from core.contacts.criteria import Criterion, Group
from core.contacts.models import Contact
from core.contacts.narrowing import tables_in
from core.contacts.searching import search_conditions
from core.contacts.views import SEARCH_FILTER, Tab, View
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
    hints = list(search.hints)
    if view.where:
        refusals = [notice for one in view.where.criteria() if (notice := _refusal(site, view, one)) is not None]
        if refusals:
            notices.extend(refusals)
            broken = True
        else:
            conditions.append(_combined(site, view.where))
            hints.extend(_hints(site, view.where))
    return Matching(conditions=tuple(conditions), hints=tuple(hints), notices=tuple(notices), broken=broken)


def _refusal(site: Site, view: View, criterion: Criterion) -> Notice | None:
    """Why one of the combined conditions can't be applied; None when it can.

    Nothing is left out of a combination: „nicht“ without its filter would mean everyone.
    """
    key = criterion.filter
    words = view.words.get(key, {})
    offered = site.contributions.contact_filters.get(key)
    if offered is None:
        label, plugin = words.get("label", key), plugin_of(key)
        if plugin in site.plugins and plugin not in site.enabled:
            return Notice(
                message="No contacts are shown: this view asks for “%(filter)s”, and the module “%(plugin)s” is off.",
                words={"filter": label, "plugin": words.get("plugin", plugin)},
            )
        return Notice(
            message="No contacts are shown: this view asks for “%(filter)s”, which does not exist any more.",
            words={"filter": label},
        )
    if key in view.forbidden:
        return Notice(
            message="No contacts are shown: this view asks for “%(filter)s”, which your role may not see.",
            words={"filter": offered.label},
        )
    try:
        gone = vanished(site, offered, criterion.values)
        gone = gone or [value for value in criterion.values if _predicate(site, offered, value) is None]
        if gone:
            named = words.get("values", {}).get(gone[0], gone[0])
            return Notice(
                message="No contacts are shown: “%(filter)s” knows no “%(value)s” any more.",
                words={"filter": offered.label, **({"value": named} if offered.translate_choices else {})},
                values={} if offered.translate_choices else {"value": named},
            )
        _on_contacts(_condition(site, criterion))
    except (Exception, SystemExit) as error:
        log.exception("Filter %r failed", key)
        return broken_filter(site, offered, describe(error))
    return None


def _condition(site: Site, criterion: Criterion) -> ColumnElement[bool]:
    offered = site.contributions.contact_filters[criterion.filter]
    predicates = [_predicate(site, offered, value) for value in criterion.values]
    met = or_(*(predicate for predicate in predicates if predicate is not None))
    return _not(met) if criterion.negated else met


def _combined(site: Site, group: Group) -> ColumnElement[bool]:
    """The condition of a group that holds something."""
    parts = [
        _condition(site, part) if isinstance(part, Criterion) else _combined(site, part)
        for part in group.parts
        if isinstance(part, Criterion) or part
    ]
    if not parts:
        return true()
    joined = and_(*parts) if group.join == "all" else or_(*parts)
    return _not(joined) if group.join == "none" else joined


def _hints(site: Site, group: Group) -> list[ColumnElement[bool]]:
    """What leads to the contacts by an index, of words that all of them must hold."""
    found: list[ColumnElement[bool]] = []
    for part in group.parts if group.join == "all" else ():
        if isinstance(part, Criterion) and part.filter == SEARCH_FILTER and not part.negated and len(part.values) == 1:
            words = part.values[0].removeprefix("has:")
            found.extend(search_conditions(words, is_sqlite=site.database.is_sqlite).hints)
    return found


def _not(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    # NOT would leave out whoever has no value: for them the condition is neither true nor false.
    return condition.self_group().is_not(true())


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
    for table in tables_in(condition):
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
    asked = [*view.filters, *((one.filter, one.values) for one in view.where.criteria())]
    for key, values in asked:
        offered = site.contributions.contact_filters.get(key)
        if offered is None:
            continue
        try:
            for value in values:
                if (predicate := _predicate(site, offered, value)) is not None:
                    with site.session() as session:
                        session.execute(select(contacts.c.id).where(predicate).limit(1)).all()
        except Exception as error:
            log.exception("Filter %r failed in the database", key)
            notices.append(broken_filter(site, offered, describe(error)))
    return tuple(notices)
