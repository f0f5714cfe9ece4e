"""The numbers on the tabs (FEATURES L1), and of a search or filter.

Counting a million contacts takes a tenth of a second and more, so it is not done for every page: as long as
there are few, the numbers are counted each time and always right; beyond `FRESH_UP_TO` a process counts every
`FRESH_SECONDS` at most, and shows what it counted last (docs/decisions/0011).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import define, field, frozen
from sqlalchemy import ColumnElement, Table, func, literal, select, union_all
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.contacts.views import Tab

if TYPE_CHECKING:
    from core.site import Site

FRESH_UP_TO = 50_000
"""With so many contacts, or fewer, the numbers are counted for each page."""

FRESH_SECONDS = 10.0
"""With more, they are this old at most."""

COUNTED_UP_TO = 10_000
"""A search or filter is counted up to here; what is more is shown as „10.000+“."""

contacts: Table = Contact.__table__  # type: ignore[assignment]


@frozen
class Counts:
    """Numbers by tab, and of all contacts whatever their tab."""

    tabs: Mapping[Tab, int]
    total: int


@define
class CountKeeper:
    """What a process counted last; one thread counts anew while the others show what was."""

    clock: Callable[[], float] = monotonic
    _counts: Counts | None = field(default=None, init=False)
    _counted_at: float = field(default=0.0, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    @property
    def is_large(self) -> bool:
        """Whether there were more than `FRESH_UP_TO` when they were last counted."""
        return self._counts is not None and self._counts.total > FRESH_UP_TO

    def counts(self, session: Session) -> Counts:
        """The numbers, counted now or shortly before."""
        kept = self._counts
        if kept is None or not self.is_large:
            return self._count(session)
        if self.clock() - self._counted_at < FRESH_SECONDS or not self._lock.acquire(blocking=False):
            return kept
        try:
            return self._count(session)
        finally:
            self._lock.release()

    def _count(self, session: Session) -> Counts:
        self._counts = count_tabs(session)
        self._counted_at = self.clock()
        return self._counts


def counts_of(site: Site, session: Session) -> Counts:
    """The numbers on the site's tabs."""
    return _keeper(site).counts(session)


def is_large(site: Site) -> bool:
    """Whether the site, when it was last counted, had so many contacts that not every page may count them."""
    return _keeper(site).is_large


def _keeper(site: Site) -> CountKeeper:
    keeper: CountKeeper = site.__dict__.setdefault("_contact_counts", CountKeeper())
    return keeper


def count_tabs(session: Session) -> Counts:
    """Count the contacts of each tab, in one statement.

    All contacts, out of an index alone, less the few that are set aside, which have indexes of their own:
    asking every row whether it is active would read the whole table.
    """
    statement = union_all(
        *(
            select(
                literal(kind).label("kind"),
                func.count().label("number"),
                func.count().filter(contacts.c.stage == "customer").label("customers"),
            ).where(*conditions)
            for kind, conditions in COUNTED.items()
        )
    )
    found = {row.kind: (int(row.number), int(row.customers)) for row in session.execute(statement)}
    (number, customers), (inactive, inactive_customers), (merged, merged_customers) = (found[kind] for kind in COUNTED)
    active = number - inactive - merged
    customers -= inactive_customers + merged_customers
    return Counts(
        {"all": active, "customers": customers, "leads": active - customers, "inactive": inactive},
        active + inactive,
    )


COUNTED: Mapping[str, tuple[ColumnElement[bool], ...]] = MappingProxyType(
    {
        "everyone": (),
        "inactive": (contacts.c.inactive_at.is_not(None), contacts.c.merged_into_id.is_(None)),
        # Greater than nothing and not IS NOT NULL: SQLite would not look into the index for that.
        "merged": (contacts.c.merged_into_id > 0,),
    }
)
