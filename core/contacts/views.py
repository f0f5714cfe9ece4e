"""A view of the contact list: which contacts, in which order, with which columns, as the address says (L4, L6).

The address may name a saved view, a segment: what it holds is where the view begins, and further parameters come on
top. So `?segment=7&contact.tag=3` means the segment's contacts with that tag.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlencode

from attrs import evolve, field, frozen

from core.contacts.criteria import EVERYONE, Criterion, Group, read_json, read_text
from core.contacts.models import Segment
from core.errors import InvalidInput, NotFound
from core.values import KEY

if TYPE_CHECKING:
    from core.site import Site

Tab = Literal["all", "customers", "leads", "inactive"]

TABS: Mapping[Tab, str] = MappingProxyType(
    {"all": "All", "customers": "Customers", "leads": "Leads", "inactive": "Inactive"}
)
"""Tab → its name for people, a message id (FEATURES L1)."""

LIST_PATH = "/dashboard/contacts"
DEFAULT_SORT = "contact.joined"

NO_CONDITIONS = '["all"]'

MAX_SEARCH = 200
"""Characters of a search that are looked at; what is longer was pasted by mistake."""

SEARCH_FILTER = "contact.search"
"""Key of the filter that a search becomes when it is saved."""

MAX_COLUMNS = 200
"""Columns that are read from an address."""

MAX_FILTER_VALUES = 100
"""Most chosen values in one address; each is a condition of the statement."""


Layout = tuple[str, ...]
"""Columns in their order: the keys, with `-` before those that are hidden."""


Words = Mapping[str, Mapping[str, Any]]
"""How filters, their plugins and their values were called when a view was saved, for the day on which one is gone:
filter → {"label": …, "plugin": …, "values": {value: label}}, message ids or plain texts.
"""


@frozen(kw_only=True)
class SavedView:
    """A segment as it is stored (FEATURES L6). `account_id` is whose own it is; None: it is everyone's."""

    id: int
    name: str
    account_id: int | None
    tab: Tab
    where: Group
    order: str
    layout: Layout | None
    words: Words = field(eq=False)
    version: int = 1


@frozen(kw_only=True)
class View:
    """Which contacts the list shows, and how they are sorted.

    `filters` are pairs of a filter's key and its chosen values; values of one filter are joined with OR,
    filters with AND. `where` are further conditions, combined freely. `sort` is a column's key. `layout` are the
    columns that the address or the segment asks for; None leaves them to the person.

    `segment` is the saved view that this one began with, and `words` are its words. Of the combined filters,
    `forbidden` are those that the person may not use; `lost_sort` is the column that the segment is sorted by, if the
    person has none such.
    """

    tab: Tab = "all"
    search: str = ""
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    where: Group = EVERYONE
    sort: str = DEFAULT_SORT
    descending: bool = True
    layout: Layout | None = None
    segment: SavedView | None = None
    words: Words = field(factory=dict, eq=False)
    forbidden: frozenset[str] = frozenset()
    lost_sort: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter leaves contacts of the tab out."""
        return bool(self.search or self.filters or self.where)

    @property
    def is_changed(self) -> bool:
        """Whether it differs from the segment that it began with."""
        return self.segment is not None and len(self.parameters()) > 1

    @property
    def order(self) -> str:
        """Column and direction as in the address: `contact.name`, or `-contact.joined` downwards."""
        return f"-{self.sort}" if self.descending else self.sort

    @property
    def conditions(self) -> Group:
        """Search, filters and `where` in one: what is stored when the view is saved."""
        chosen = [Criterion(filter=key, values=values) for key, values in self.filters]
        if self.search:
            chosen.append(Criterion(filter=SEARCH_FILTER, values=(f"has:{self.search}",)))
        return self.where.and_also(*chosen)

    def chosen(self, key: str) -> tuple[str, ...]:
        """The chosen values of one filter."""
        return dict(self.filters).get(key, ())

    def sorted_by(self, key: str, *, descending: bool) -> View:
        """This view in another order."""
        return evolve(self, sort=key, descending=descending, lost_sort="")

    def in_tab(self, tab: Tab) -> View:
        """This view of another tab."""
        return evolve(self, tab=tab)

    def everything(self) -> View:
        """This tab without segment, search and filters."""
        layout = None if self.segment else self.layout
        return evolve(self, search="", filters=(), where=EVERYONE, segment=None, layout=layout, forbidden=frozenset())

    def toggled(self, key: str, value: str) -> View:
        """This view with a filter's value added, or taken away when it was chosen."""
        values = self.chosen(key)
        return self.choosing(key, [one for one in values if one != value] if value in values else [*values, value])

    def choosing(self, key: str, values: Sequence[str]) -> View:
        """This view with exactly these values of a filter."""
        filters = {**dict(self.filters), key: tuple(values)}
        return evolve(self, filters=tuple((name, kept) for name, kept in filters.items() if kept))

    def with_where(self, where: Group) -> View:
        """This view with other combined conditions."""
        return evolve(self, where=where)

    def with_layout(self, layout: Layout | None) -> View:
        """This view with other columns."""
        return evolve(self, layout=layout)

    def as_saved(self) -> View:
        """The segment that this view began with, as it is stored; without one, the list as everyone finds it."""
        if self.segment is None:
            return AS_USUAL
        saved = self.segment
        return View(
            tab=saved.tab,
            where=saved.where,
            sort=saved.order.removeprefix("-"),
            descending=saved.order.startswith("-"),
            layout=saved.layout,
            segment=saved,
            words=saved.words,
        )

    def parameters(self) -> list[tuple[str, str]]:
        """The view as parameters of an address; what is as usual, or as in its segment, is left out."""
        return list(self._parameters)

    @cached_property
    def _parameters(self) -> tuple[tuple[str, str], ...]:
        usual = self.as_saved()
        pairs: list[tuple[str, str]] = [] if self.segment is None else [("segment", str(self.segment.id))]
        if self.tab != usual.tab:
            pairs.append(("tab", self.tab))
        if self.search:
            pairs.append(("q", self.search))
        pairs.extend((key, value) for key, values in self.filters for value in values)
        if self.where != usual.where:
            # Written out also when it is empty: the segment's own would come back.
            pairs.append(("where", self.where.as_text() or NO_CONDITIONS))
        if self.order != usual.order and not (self.lost_sort and self.order == f"-{DEFAULT_SORT}"):
            pairs.append(("sort", self.order))
        if self.layout != usual.layout and self.layout is not None:
            pairs.append(("columns", ",".join(self.layout)))
        return tuple(pairs)

    def address(self, **place: str) -> str:
        """The address of the list in this view; `place` adds `after=` or `before=`."""
        query = self.query(**place)
        return f"{LIST_PATH}?{query}" if query else LIST_PATH

    def query(self, **place: str) -> str:
        """The view as the query of an address."""
        return urlencode([*self._parameters, *place.items()]) if place else self._query

    @cached_property
    def _query(self) -> str:
        # One page asks for it a dozen times.
        return urlencode(self._parameters)


AS_USUAL = View()
"""The list as everyone finds it."""


def read_view(
    parameters: Iterable[tuple[str, str]],
    site: Site,
    allows: Callable[[str | None], bool],
) -> View:
    """The view that an address describes, for a person with the permissions that `allows` knows.

    Raises InvalidInput for a tab, filter or column that does not exist, that can't be sorted, or that the
    person may not see: an order by a hidden column would give its values away (THREATS T-Z6). Raises NotFound for a
    segment that does not exist. What a segment asks for and can't be had is told by `forbidden` and `lost_sort`.
    """
    pairs = [(name, value.replace("\x00", "")) for name, value in parameters]
    view = View()
    if segment := dict(pairs).get("segment"):
        view = evolve(view, segment=_read_segment(site, segment)).as_saved()
        if not _can_sort(site, allows, view.sort):
            view = evolve(view, sort=DEFAULT_SORT, descending=True, lost_sort=view.sort)
    filters: dict[str, dict[str, None]] = {}
    known = site.contributions.contact_filters
    for name, value in pairs:
        if name == "segment":
            continue
        if name == "tab":
            if value and value not in TABS:
                raise InvalidInput("There is no tab “%(name)s” in this list.", name=value[:60])
            view = view.in_tab(cast(Tab, value or view.tab))
        elif name == "q":
            search = " ".join(unicodedata.normalize("NFC", value[:MAX_SEARCH]).split())
            view = evolve(view, search=search)
        elif name == "sort":
            sort = value.removeprefix("-")
            if value and not _can_sort(site, allows, sort):
                raise InvalidInput("The list can't be sorted by “%(name)s”.", name=sort[:60])
            view = view.sorted_by(sort, descending=value.startswith("-")) if value else view
        elif name == "where":
            view = view.with_where(read_text(value)) if value else view
        elif name == "columns":
            view = view.with_layout(_read_layout(value) or view.layout)
        elif name in known and allows(known[name].permission):
            if value:
                filters.setdefault(name, {})[value] = None
        else:
            raise InvalidInput("There is no filter “%(name)s” in this list.", name=name[:60])
    if sum(len(values) for values in filters.values()) > MAX_FILTER_VALUES:
        raise InvalidInput("These are too many filters. Choose %(max)s at most.", max=MAX_FILTER_VALUES)
    return evolve(
        view,
        filters=tuple((key, tuple(values)) for key, values in filters.items()),
        forbidden=frozenset(
            one.filter
            for one in view.where.criteria()
            if one.filter in known and not allows(known[one.filter].permission)
        ),
    )


def _can_sort(site: Site, allows: Callable[[str | None], bool], key: str) -> bool:
    column = site.contributions.contact_columns.get(key)
    return column is not None and column.sorted_by is not None and allows(column.permission)


def _read_layout(text: str) -> Layout:
    """Columns of an address; what is no column's key is left out, and whoever may not see one, does not."""
    parts = dict.fromkeys(text.split(",")[:MAX_COLUMNS])
    return tuple(part for part in parts if KEY.fullmatch(part.removeprefix("-")))


def _read_segment(site: Site, text: str) -> SavedView:
    with site.session() as session:
        # Nineteen digits are more than a key can have.
        row = session.get(Segment, int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None
        if row is None:
            raise NotFound("This view does not exist any more.")
        return saved_view(row)


def saved_view(row: Segment) -> SavedView:
    """The stored segment as a value."""
    return SavedView(
        id=row.id,
        name=row.name,
        account_id=row.account_id,
        tab=cast(Tab, row.tab),
        where=read_json(row.conditions),
        order=row.sort,
        layout=tuple(row.columns) or None,
        words=row.words,
        version=row.version,
    )
