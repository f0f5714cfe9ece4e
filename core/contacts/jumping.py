"""Contacts in the search for everything (UX, „The keyboard and everyone“): by all that the list's search knows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from core.contacts.folding import fold
from core.contacts.matching import match
from core.contacts.models import Contact
from core.contacts.places import find_part
from core.contacts.statements import make_plan
from core.contacts.views import DEFAULT_SORT, LIST_PATH, View
from core.site import site_of
from core.values import SearchHit

contacts: Table = Contact.__table__  # type: ignore[assignment]

LOOKED_AT = 40
"""Of so many, the newest, those come first of whom a name begins with what was typed."""


def find_people(session: Session, text: str, limit: int) -> Sequence[SearchHit]:
    """Contacts that a search finds, the newest first, and behind them the inactive ones."""
    site = site_of(session)
    sort = site.contributions.contact_columns[DEFAULT_SORT]
    ids: list[int] = []
    for tab in ("all", "inactive"):
        view = View(tab=tab, search=text)
        if len(ids) < limit:
            plan = make_plan(sort, view.tab, descending=True)
            part = find_part(site, session, plan, match(site, view), None, LOOKED_AT)
            ids.extend(place.id for place in part.places)
    rows = session.execute(
        select(contacts.c.id, contacts.c.name, contacts.c.email, contacts.c.city).where(contacts.c.id.in_(ids))
    )
    typed = fold(text)
    found = {row.id: row for row in rows}
    kept = [found[contact_id] for contact_id in ids if contact_id in found]
    kept.sort(key=lambda row: not _begins(typed, row.name, row.email))
    return [
        SearchHit(
            title=row.name or row.email,
            detail=" · ".join(filter(None, (row.email if row.name else "", row.city))),
            href=f"{LIST_PATH}/{row.id}",
            icon="user",
        )
        for row in kept[:limit]
    ]


def _begins(typed: str, name: str, email: str) -> bool:
    folded = fold(name)
    return fold(email).startswith(typed) or folded.startswith(typed) or f" {typed}" in folded
