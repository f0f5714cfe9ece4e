"""`/dashboard/contacts`: the list as plain values for its template (FEATURES L1 to L5, L8)."""

from __future__ import annotations

from collections.abc import Sequence
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
from core.contacts.wording import Wording
from core.i18n import Language
from core.site import Site
from core.values import Column
from core.web.contact_list.bulk import bulk_bar
from core.web.contact_list.columns import PATH as COLUMNS_PATH
from core.web.contact_list.columns import shown_columns
from core.web.contact_list.filtering import chosen_chips, condition_chips, filter_bar, read_labels, used_filters
from core.web.contact_list.row_menu import menu_name, row_menus
from core.web.contact_list.saying import say
from core.web.contact_list.segments import MENU_PATH as SEGMENTS_MENU
from core.web.contact_list.segments import PATH as SEGMENTS_PATH
from core.web.contact_list.segments import segment_line
from core.web.requests import Request
from core.web.routing import get

NEW_PATH = f"{LIST_PATH}/new"
DOWNWARDS_FIRST = frozenset({"datetime", "date", "number", "money"})
"""Kinds of columns whose largest values are what one looks for."""


@get(LIST_PATH, permission="contact.view")
def contact_list(request: Request) -> Response[str]:
    """The contacts that the address describes, a page at a time."""
    site, language = request.site, request.language
    parameters = list(request.query_params.multi_items())
    place = {name: value for name, value in parameters if name in ("after", "before") and value}
    asked = read_view([pair for pair in parameters if pair[0] not in ("after", "before")], site, request.allows)
    columns = shown_columns(request, asked)
    filters = used_filters(request, asked)
    found, outcomes = find_contacts(
        site,
        asked,
        columns,
        after=place.get("after", ""),
        before=place.get("before", ""),
        extra=choice_calls(site, filters),
    )
    view = found.view
    wording = Wording(site=site, language=language, view=view)
    unread = read_labels(wording, filters, outcomes)
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
        filters=filter_bar(request, wording),
        chips=[*condition_chips(wording), *chosen_chips(wording)],
        everything=view.everything().address(),
        **_views(request, view),
        notices=[
            say(language, one) for one in [*found.matching.notices, *_lost(site, view), *unread, *_failed(site, found)]
        ],
        broken=found.matching.broken,
        no_contacts=found.counts.total == 0,
        narrowed=view.is_narrowed,
        tab=view.tab,
        table=table_template(site, language, columns),
        columns=_heads(language, view, found, columns) if found.rows else [],
        rows=_rows(request, found),
        row_menus=row_menus(request, found.rows, here),
        bulk=bulk_bar(request, view, here) if found.rows else None,
        modules=site.contributions.modules,
        caption=language.text("Contacts"),
        menu_text=language.text("Actions"),
        here=here,
        pages=_pages(language, found),
        **_ways(request, view),
    )


def _views(request: Request, view: View) -> dict[str, Any]:
    """What the toolbar offers beside the filters: saved views and columns."""
    query = view.query()
    return {
        "segment": segment_line(request, view),
        "segments_path": SEGMENTS_MENU,
        "columns_path": f"{COLUMNS_PATH}?{query}" if query else COLUMNS_PATH,
        "builder_path": f"{SEGMENTS_PATH}/new?{query}",
    }


def _lost(site: Site, view: View) -> list[Notice]:
    """Says that a segment's order could not be had."""
    if not view.lost_sort:
        return []
    column = site.contributions.contact_columns.get(view.lost_sort)
    message = "This view is sorted by “%(column)s”, which can't be shown now. The newest contacts come first."
    return [Notice(message=message, words={"column": column.label if column else view.lost_sort})]


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
    """The rows with what pictures and menus need."""
    return [
        {
            **row,
            "label": row["name"] or row["email"],
            "initials": initials(row["name"], row["email"]),
            "tone": tone(row["email_key"]),
            "picture_url": f"{LIST_PATH}/{row['id']}/picture/{row['picture']}" if row["picture"] else "",
            "menu": menu_name(row),
        }
        for row in found.rows
    ]


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
        # What „all that match“ would add to the page.
        "all_matching": total if found.previous or found.next else None,
        "previous": found.view.address(before=found.previous) if found.previous else None,
        "next": found.view.address(after=found.next) if found.next else None,
    }


def _ways(request: Request, view: View) -> dict[str, Any]:
    """The ways by which contacts come and go: the pages that exist, and that this person may open."""
    language = request.language
    open_pages = request.open_pages

    def entries(*wanted: tuple[str, str, str]) -> list[dict[str, Any]]:
        return [
            {"label": language.text(label), "href": path + asked.get(path, ""), "icon": icon}
            for path, label, icon in wanted
            if path in open_pages
        ]

    # What is exported is at first what is shown.
    asked = {f"{LIST_PATH}/export": f"?{urlencode(view.parameters())}"} if view.parameters() else {}

    add = entries((NEW_PATH, "Add contact", "plus"))
    bring = entries((f"{LIST_PATH}/import", "Import contacts", "upload"))
    return {
        "add_path": NEW_PATH if add else "",
        "more_ways": entries(
            (f"{LIST_PATH}/export", "Export", "download"),
            (f"{LIST_PATH}/import", "Import", "upload"),
            (f"{LIST_PATH}/fields", "Add and change fields", "settings"),
            (f"{LIST_PATH}/tags", "Manage tags", "tag"),
            (f"{LIST_PATH}/receipts", "Receipts of deletions", "file"),
            (f"{LIST_PATH}/duplicates", "Find duplicates", "merge"),
        ),
        "ways_to_begin": [*({**one, "dialog": True} for one in add), *bring],
    }
