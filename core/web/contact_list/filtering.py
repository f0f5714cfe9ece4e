"""The filters above the list: menus, chips, and the page of one filter (FEATURES L4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from litestar.response import Redirect, Response

from core.contacts.choices import choice_calls, choice_labels
from core.contacts.criteria import EVERYONE
from core.contacts.matching import Notice
from core.contacts.views import LIST_PATH, SEARCH_FILTER, View, read_view
from core.contacts.wording import Wording
from core.errors import InvalidInput, NotFound
from core.plugins import Outcome, plugin_of
from core.values import Filter
from core.web.contact_list.menus import wants_menu
from core.web.contact_list.saying import say
from core.web.contact_list.typed import FIELDS, from_fields, from_value, inputs, to_value
from core.web.requests import Request
from core.web.routing import get

PATH = f"{LIST_PATH}/filter"

FILTER_MENU = "contacts/filter_menu.html"

IN_BAR = 3
"""Filters that have a button of their own; the others are behind „+ Filter“ until they are used."""

IN_MENU = 40
"""Choices that a menu lists; the rest is on the filter's page."""

SEARCHED_FROM = 10
"""Choices from which on a menu has a field to narrow them."""

ON_PAGE = 300

OWN_FIELDS = ("filter", "find", "apply", "value", *FIELDS)
"""Parameters of the filter's page; no filter's key looks like these."""


def offered_filters(request: Request) -> list[Filter]:
    """The filters that this person may use."""
    return [one for one in request.site.contributions.contact_filters.values() if request.allows(one.permission)]


def used_filters(request: Request, view: View) -> list[Filter]:
    """The filters of which the view has values, in the order of the bar."""
    return [one for one in offered_filters(request) if view.chosen(one.key)]


def read_labels(wording: Wording, filters: Sequence[Filter], outcomes: Sequence[Outcome]) -> list[Notice]:
    """Keep what the choices of these filters are called, for `wording`; answers notices about those that failed."""
    for offered, outcome in zip(filters, outcomes, strict=True):
        pairs = choice_labels(wording.site, wording.language, offered, outcome.value or ())
        wording.labels[offered.key] = dict(pairs)
    return [
        Notice(
            message="Filter “%(filter)s” of plugin “%(plugin)s” has no choices: %(error)s",
            words={
                "filter": offered.label,
                "plugin": wording.site.plugin_label(plugin_of(offered.key)),
                "error": outcome.failure.message,
            },
        )
        for offered, outcome in zip(filters, outcomes, strict=True)
        if outcome.failure is not None
    ]


def filter_bar(request: Request, wording: Wording) -> dict[str, Any]:
    """The buttons of the filters that are used, or used most, and whether there are others.

    What a button opens is read when it is opened.
    """
    view = wording.view
    filters = [one for one in offered_filters(request) if one.key != SEARCH_FILTER]
    buttons = []
    for number, offered in enumerate(filters):
        chosen = view.chosen(offered.key)
        if number >= IN_BAR and not chosen:
            continue
        value = wording.value(offered.key, chosen[0]) if chosen else ""
        buttons.append(
            {
                "key": offered.key,
                "label": request.language.text(offered.label),
                "value": value + (f" +{len(chosen) - 1}" if len(chosen) > 1 else ""),
            }
        )
    return {"path": PATH, "kept": view.parameters(), "buttons": buttons, "more": len(filters) > len(buttons)}


def chosen_chips(wording: Wording) -> list[dict[str, Any]]:
    """A chip for each value that was chosen for a filter."""
    view = wording.view
    return [
        {
            "label": wording.label(key),
            "value": wording.value(key, value),
            "remove": view.toggled(key, value).address(),
        }
        for key, values in view.filters
        for value in values
    ]


def condition_chips(wording: Wording) -> list[dict[str, Any]]:
    """A chip for each part of the combined conditions, or one for all of them when they belong together."""
    view = wording.view
    if not view.where:
        return []
    if view.where.join != "all":
        remove = view.with_where(EVERYONE).address()
        return [{"label": "", "value": wording.group(view.where), "remove": remove}]
    return [
        {
            "label": "",
            "value": wording.group(type(view.where)(parts=(part,))),
            "remove": view.with_where(view.where.without(number)).address(),
        }
        for number, part in enumerate(view.where.parts)
    ]


@get(PATH, permission="contact.view")
def filter_page(request: Request) -> Response[str] | Redirect:
    """One filter with what can be chosen or typed for it, or all filters; `apply` leads back to the list with it.

    The list's scripts ask for the fragment "menu": the same as a menu under the filter's button.
    """
    sent = list(request.query_params.multi_items())
    fields = {name: value.replace("\x00", "") for name, value in sent if name in OWN_FIELDS}
    view = read_view([pair for pair in sent if pair[0] not in OWN_FIELDS], request.site, request.allows)
    if not fields.get("filter"):
        return _all_filters(request, view)
    offered = request.site.contributions.contact_filters.get(fields["filter"])
    if offered is None or not request.allows(offered.permission):
        raise NotFound("There is no filter “%(name)s” in this list.", name=fields["filter"][:60])
    wording = Wording(site=request.site, language=request.language, view=view)
    notices = read_labels(wording, [offered], request.site.read_side_by_side(choice_calls(request.site, [offered])))
    page: dict[str, Any] = {
        "label": request.language.text(offered.label),
        "path": PATH,
        "kept": [("filter", offered.key), *view.parameters()],
        "back": view.address(),
        "notices": [say(request.language, notice) for notice in notices],
    }
    labels = dict(wording.choices(offered.key))
    if offered.kind == "choices":
        if "apply" in fields:
            return request.redirect(view.choosing(offered.key, _sent_values(request)).address())
        if wants_menu(request):
            return request.page(FILTER_MENU, **page, **_choices_menu(wording, offered))
        return _choices_page(request, view, offered, labels, fields.get("find", "").strip(), page)
    return _typed_page(request, view, offered, labels, fields, page)


def _all_filters(request: Request, view: View) -> Response[str]:
    """Every filter that has something to choose, for „+ Filter“; about those whose plugins failed it is said."""
    filters = [one for one in offered_filters(request) if one.key != SEARCH_FILTER]
    wording = Wording(site=request.site, language=request.language, view=view)
    notices = read_labels(wording, filters, request.site.read_side_by_side(choice_calls(request.site, filters)))
    usable = [
        one
        for one in filters
        # Amounts without a currency are none.
        if wording.labels[one.key] or view.chosen(one.key) or (one.kind != "choices" and one.units is None)
    ]
    return request.page(
        FILTER_MENU if wants_menu(request) else "contacts/menu.html",
        menu=FILTER_MENU,
        heading=request.language.text("Filters"),
        path=PATH,
        kept=view.parameters(),
        back=view.address(),
        filters=[{"key": one.key, "label": request.language.text(one.label)} for one in usable],
        notices=[say(request.language, notice) for notice in notices],
        options=None,
        typed=None,
    )


def _choices_menu(wording: Wording, offered: Filter) -> dict[str, Any]:
    """The choices of a filter as links that add or take one away; those that are chosen come first in a long menu."""
    view = wording.view
    chosen = view.chosen(offered.key)
    labels = wording.choices(offered.key)
    # What the address holds is shown and can be taken away, also when nobody can choose it any more.
    pairs = [*((value, wording.value(offered.key, value)) for value in chosen if value not in labels), *labels.items()]
    if len(pairs) > IN_MENU:
        pairs.sort(key=lambda pair: pair[0] not in chosen)
    return {
        "filters": None,
        "typed": None,
        "options": [
            {"label": label, "href": view.toggled(offered.key, value).address(), "current": value in chosen}
            for value, label in pairs[:IN_MENU]
        ],
        "narrow": len(pairs) >= SEARCHED_FROM,
        "more": max(0, len(pairs) - IN_MENU),
        "page": f"{PATH}?{urlencode([('filter', offered.key), *view.parameters()])}",
    }


def _sent_values(request: Request) -> list[str]:
    values = (value for name, value in request.query_params.multi_items() if name == "value" and value)
    return list(dict.fromkeys(value.replace("\x00", "") for value in values))


def _choices_page(
    request: Request, view: View, offered: Filter, labels: dict[str, str], find: str, page: dict[str, Any]
) -> Response[str]:
    chosen = _sent_values(request) or list(view.chosen(offered.key))
    pairs = [*((value, value) for value in chosen if value not in labels), *labels.items()]
    found = [pair for pair in pairs if pair[0] in chosen or find.casefold() in pair[1].casefold()]
    return request.page(
        "contacts/filter.html",
        typed=None,
        find=find,
        options=[{"value": value, "label": label, "chosen": value in chosen} for value, label in found[:ON_PAGE]],
        left_out=max(0, len(found) - ON_PAGE),
        **page,
    )


def _typed_page(
    request: Request, view: View, offered: Filter, units: dict[str, str], fields: dict[str, str], page: dict[str, Any]
) -> Response[str] | Redirect:
    typed = from_fields(lambda name: fields.get(name, ""))
    error = None
    if "apply" in fields:
        try:
            return request.redirect(view.choosing(offered.key, [to_value(offered, typed, list(units))]).address())
        except InvalidInput as failed:
            error = failed
    elif view.chosen(offered.key):
        typed = from_value(offered, view.chosen(offered.key)[0])
    values = {
        **page,
        "typed": inputs(request.language, offered, typed, units, prefix="", place=f"filter-{offered.key}"),
        "error": request.language.text(error.message) if error else None,
        "error_at": error.field if error else None,
    }
    if wants_menu(request):
        return request.page(FILTER_MENU, filters=None, options=None, **values)
    return request.page("contacts/filter.html", status=422 if error else 200, **values)
