"""A view of the contact list: which contacts, in which order, as the address says (FEATURES L4)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlencode

from attrs import evolve, frozen

from core.errors import InvalidInput

if TYPE_CHECKING:
    from core.site import Site

Tab = Literal["all", "customers", "leads", "inactive"]

TABS: Mapping[Tab, str] = MappingProxyType(
    {"all": "All", "customers": "Customers", "leads": "Leads", "inactive": "Inactive"}
)
"""Tab → its name for people, a message id (FEATURES L1)."""

LIST_PATH = "/dashboard/contacts"
DEFAULT_SORT = "contact.joined"

MAX_SEARCH = 200
"""Characters of a search that are looked at; what is longer was pasted by mistake."""

MAX_FILTER_VALUES = 100
"""Most chosen values in one address; each is a condition of the statement."""


@frozen(kw_only=True)
class View:
    """Which contacts the list shows, and how they are sorted.

    `filters` are pairs of a filter's key and its chosen values; values of one filter are joined with OR,
    filters with AND. `sort` is a column's key.
    """

    tab: Tab = "all"
    search: str = ""
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sort: str = DEFAULT_SORT
    descending: bool = True

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter leaves contacts of the tab out."""
        return bool(self.search or self.filters)

    @property
    def order(self) -> str:
        """Column and direction as in the address: `contact.name`, or `-contact.joined` downwards."""
        return f"-{self.sort}" if self.descending else self.sort

    def chosen(self, key: str) -> tuple[str, ...]:
        """The chosen values of one filter."""
        return dict(self.filters).get(key, ())

    def sorted_by(self, key: str, *, descending: bool) -> View:
        """This view in another order."""
        return evolve(self, sort=key, descending=descending)

    def in_tab(self, tab: Tab) -> View:
        """This view of another tab."""
        return evolve(self, tab=tab)

    def everything(self) -> View:
        """This tab without search and filters."""
        return evolve(self, search="", filters=())

    def toggled(self, key: str, value: str) -> View:
        """This view with a filter's value added, or taken away when it was chosen."""
        filters = {name: list(values) for name, values in self.filters}
        values = filters.setdefault(key, [])
        if value in values:
            values.remove(value)
        else:
            values.append(value)
        return evolve(self, filters=tuple((name, tuple(kept)) for name, kept in filters.items() if kept))

    def parameters(self) -> list[tuple[str, str]]:
        """The view as parameters of an address; what is as usual is left out."""
        pairs: list[tuple[str, str]] = [] if self.tab == "all" else [("tab", self.tab)]
        if self.search:
            pairs.append(("q", self.search))
        pairs.extend((key, value) for key, values in self.filters for value in values)
        if (self.sort, self.descending) != (DEFAULT_SORT, True):
            pairs.append(("sort", self.order))
        return pairs

    def address(self, **place: str) -> str:
        """The address of the list in this view; `place` adds `after=` or `before=`."""
        query = urlencode([*self.parameters(), *place.items()])
        return f"{LIST_PATH}?{query}" if query else LIST_PATH


def read_view(
    parameters: Iterable[tuple[str, str]],
    site: Site,
    allows: Callable[[str | None], bool],
) -> View:
    """The view that an address describes, for a person with the permissions that `allows` knows.

    Raises InvalidInput for a tab, filter or column that does not exist, that can't be sorted, or that the
    person may not see: an order by a hidden column would give its values away (THREATS T-Z6).
    """
    tab, search, order = "all", "", f"-{DEFAULT_SORT}"
    filters: dict[str, dict[str, None]] = {}
    known = site.contributions.contact_filters
    for name, value in parameters:
        value = value.replace("\x00", "")
        if name == "tab":
            tab = value or "all"
        elif name == "q":
            search = " ".join(unicodedata.normalize("NFC", value[:MAX_SEARCH]).split())
        elif name == "sort":
            order = value or order
        elif name in known and allows(known[name].permission):
            if value:
                filters.setdefault(name, {})[value] = None
        else:
            raise InvalidInput("There is no filter “%(name)s” in this list.", name=name[:60])
    if tab not in TABS:
        raise InvalidInput("There is no tab “%(name)s” in this list.", name=tab[:60])
    if sum(len(values) for values in filters.values()) > MAX_FILTER_VALUES:
        raise InvalidInput("These are too many filters. Choose %(max)s at most.", max=MAX_FILTER_VALUES)
    sort = order.removeprefix("-")
    column = site.contributions.contact_columns.get(sort)
    if column is None or column.sorted_by is None or not allows(column.permission):
        raise InvalidInput("The list can't be sorted by “%(name)s”.", name=sort[:60])
    return View(
        tab=cast(Tab, tab),
        search=search,
        filters=tuple((key, tuple(values)) for key, values in filters.items()),
        sort=sort,
        descending=order.startswith("-"),
    )
