"""`/dashboard/contacts`: the list as plain values for its template (FEATURES L1 to L5, L8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from litestar.response import Response

from core.contacts.cells import is_numeric, table_template
from core.contacts.choices import choice_calls
from core.contacts.counts import COUNTED_UP_TO
from core.contacts.directory import Found, find_contacts
from core.contacts.matching import Notice
from core.contacts.portrait import initials, tone
from core.contacts.views import LIST_PATH, TABS, View, read_view
from core.contributions import addresses
from core.i18n import Language, sort_key
from core.plugins import Outcome, plugin_of
from core.site import Site
from core.values import Action, Choice, Column, Filter
from core.web.requests import Request
from core.web.routing import get

NEW_PATH = f"{LIST_PATH}/new"
SHORTCUTS: Mapping[str, str] = {"contact.edit": "e"}
"""Action of the row's menu → its key (UX, "The keyboard and everyone")."""

DOWNWARDS_FIRST = frozenset({"datetime", "date", "number", "money"})
"""Kinds of columns whose largest values are what one looks for."""


@get(LIST_PATH, permission="contact.view")
def contact_list(request: Request) -> Response[str]:
    """The contacts that the address describes, a page at a time."""
    site, language = request.site, request.language
    parameters = list(request.query_params.multi_items())
    place = {name: value for name, value in parameters if name in ("after", "before") and value}
    asked = read_view([pair for pair in parameters if pair[0] not in ("after", "before")], site, request.allows)
    columns = _shown_columns(request)
    filters = [one for one in site.contributions.contact_filters.values() if request.allows(one.permission)]
    found, outcomes = find_contacts(
        site,
        asked,
        columns,
        after=place.get("after", ""),
        before=place.get("before", ""),
        extra=choice_calls(site, filters),
    )
    view = found.view
    menus, unread = _filter_menus(site, language, view, filters, outcomes)
    here = view.address(**place)
    return request.page(
        "contacts/list.html",
        tabs=[
            {
                "label": language.text(label),
                "href": view.in_tab(tab).address(),
                "count": language.number(found.counts.tabs[tab]),
                "current": tab == view.tab,
            }
            for tab, label in TABS.items()
        ],
        search=view.search,
        kept=[pair for pair in view.parameters() if pair[0] != "q"],
        filters=menus,
        chips=[
            {"label": menu["label"], "value": option["label"], "remove": option["href"]}
            for menu in menus
            for option in menu["options"]
            if option["current"]
        ],
        everything=view.everything().address(),
        notices=[_say(language, one) for one in [*found.matching.notices, *unread, *_failed(site, found)]],
        broken=found.matching.broken,
        no_contacts=found.counts.total == 0,
        narrowed=view.is_narrowed,
        tab=view.tab,
        table=table_template(site, language, columns),
        columns=_heads(language, view, found, columns),
        rows=_rows(request, found),
        modules=site.contributions.modules,
        caption=language.text("Contacts"),
        menu_text=language.text("Actions"),
        here=here,
        pages=_pages(language, found),
        **_ways(request, view),
    )


def _shown_columns(request: Request) -> list[Column]:
    """The columns this person sees, the name first: it is the heading of its row."""
    offered = request.site.contributions.contact_columns.values()
    shown = [column for column in offered if column.shown and request.allows(column.permission)]
    return sorted(shown, key=lambda column: column.key != "contact.name")


def _heads(language: Language, view: View, found: Found, columns: Sequence[Column]) -> list[dict[str, Any]]:
    heads = []
    for column in columns:
        current = column.key == view.sort
        failure = found.failures.get(column.key)
        href, icon = "", "sort"
        if column.sorted_by is not None and failure is None:
            descending = not view.descending if current else column.kind in DOWNWARDS_FIRST
            href = view.sorted_by(column.key, descending=descending).address()
        if current:
            icon = "sort-down" if view.descending else "sort-up"
        heads.append(
            {
                "label": language.text(column.label),
                "numeric": is_numeric(column),
                "sort_href": href,
                "icon": icon,
                "sorted": ("descending" if view.descending else "ascending") if current else "",
                "quiet": column.key == "contact.view",
                "failure": language.text(failure.message) if failure else "",
            }
        )
    return heads


def _rows(request: Request, found: Found) -> list[dict[str, Any]]:
    """The rows with what pictures and menus need; a menu is made once for active, once for inactive."""
    menus = {inactive: _menu(request, inactive=inactive) for inactive in (False, True)}
    return [
        {
            **row,
            "key": str(row["id"]),
            "label": row["name"] or row["email"],
            "initials": initials(row["name"], row["email"]),
            "tone": tone(row["email_key"]),
            "picture_url": f"{LIST_PATH}/{row['id']}/picture/{row['picture']}" if row["picture"] else "",
            "actions": menus[row["inactive_at"] is not None],
        }
        for row in found.rows
    ]


def _menu(request: Request, *, inactive: bool) -> list[dict[str, Any]]:
    def entry(action: Action) -> dict[str, Any]:
        return {
            "label": request.language.text(action.label),
            # In pieces, to be joined with each row's id.
            "href": action.href.split("{contact_id}"),
            "icon": action.icon,
            "post": action.method == "post",
            "shortcut": SHORTCUTS.get(action.key, ""),
        }

    return [
        entry(action)
        for action in request.site.contributions.contact_actions
        if request.allows(action.permission) and action.fits(inactive=inactive)
    ]


def _filter_menus(
    site: Site, language: Language, view: View, filters: Sequence[Filter], outcomes: Sequence[Outcome]
) -> tuple[list[dict[str, Any]], list[Notice]]:
    """A menu for each filter that has something to choose, and notices about those whose choices failed."""
    menus, notices = [], []
    for number, (offered, outcome) in enumerate(zip(filters, outcomes, strict=True)):
        chosen = view.chosen(offered.key)
        if outcome.failure is not None:
            notices.append(
                Notice(
                    message="Filter “%(filter)s” of plugin “%(plugin)s” has no choices: %(error)s",
                    words={
                        "filter": offered.label,
                        "plugin": site.plugin_label(plugin_of(offered.key)),
                        "error": outcome.failure.message,
                    },
                )
            )
        pairs = _choices(site, language, offered, outcome.value or ())
        known = {value for value, _ in pairs}
        # What the address holds is shown and can be taken away, also when nobody can choose it any more.
        pairs.extend((value, value) for value in chosen if value not in known)
        if pairs:
            names = [label for value, label in pairs if value in chosen]
            menus.append(
                {
                    "id": f"filter-{number}",
                    "label": language.text(offered.label),
                    "value": names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "") if names else None,
                    "options": [
                        {
                            "label": label,
                            "href": view.toggled(offered.key, value).address(),
                            "current": value in chosen,
                        }
                        for value, label in pairs
                    ],
                }
            )
    return menus, notices


def _choices(site: Site, language: Language, offered: Filter, choices: Sequence[Choice]) -> list[tuple[str, str]]:
    """Value and label of each choice, in the person's language."""
    if offered.key == "contact.module":
        # A module that is off keeps its data and is not spoken of (FEATURES H2).
        on = site.contributions.modules
        return [(one.value, language.text(on[one.value].label)) for one in choices if one.value in on]
    if offered.key == "contact.country":
        named = [(one.value, language.country(one.value)) for one in choices]
        return sorted(named, key=lambda pair: sort_key(pair[1]))
    translate = language.text if offered.translate_choices else str
    return [(one.value, translate(one.label)) for one in choices]


def _failed(site: Site, found: Found) -> list[Notice]:
    columns = site.contributions.contact_columns
    return [
        Notice(
            message="Column “%(column)s” of plugin “%(plugin)s” could not be shown: %(error)s",
            words={
                "column": columns[key].label,
                "plugin": site.plugin_label(failure.plugin),
                "error": failure.message,
            },
        )
        for key, failure in found.failures.items()
    ]


def _say(language: Language, notice: Notice) -> str:
    words = {name: language.text(word) for name, word in notice.words.items()}
    return language.text(notice.message, **words, **notice.values)


def _pages(language: Language, found: Found) -> dict[str, Any] | None:
    """The foot of the table: „1–50 von 12.480“, and the ways to the neighbouring pages."""
    if not found.rows:
        return None
    total = ""
    if found.total is not None:
        total = (
            language.number(min(found.total, COUNTED_UP_TO)) + "+"
            if found.total_is_capped
            else (language.number(found.total))
        )
    return {
        "first": language.number(found.first),
        "last": language.number(found.first + len(found.rows) - 1),
        "total": total,
        "previous": found.view.address(before=found.previous) if found.previous else None,
        "next": found.view.address(after=found.next) if found.next else None,
    }


def _ways(request: Request, view: View) -> dict[str, Any]:
    """The ways by which contacts come and go: the pages that exist, and that this person may open."""
    language = request.language
    open_pages = {
        address
        for _, route in request.site.contributions.routers
        if request.allows((route.opt or {}).get("permission"))
        for address in addresses(route)
    }

    def entries(*wanted: tuple[str, str, str]) -> list[dict[str, Any]]:
        return [
            {"label": language.text(label), "href": path + asked.get(path, ""), "icon": icon}
            for path, label, icon in wanted
            if f"GET {path}" in open_pages
        ]

    # What is exported is at first what is shown.
    asked = {f"{LIST_PATH}/export": f"?{urlencode(view.parameters())}"} if view.parameters() else {}

    add = entries((NEW_PATH, "Add contact", "plus"))
    bring = entries((f"{LIST_PATH}/import", "Import contacts", "upload"))
    return {
        "add_path": NEW_PATH if add else "",
        "more_ways": entries(
            (f"{LIST_PATH}/export", "Export", "download"), (f"{LIST_PATH}/import", "Import", "upload")
        ),
        "ways_to_begin": [*({**one, "dialog": True} for one in add), *bring],
    }
