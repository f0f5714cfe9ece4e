"""The filters above the list: menus, chips, and the page of one filter (FEATURES L4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from litestar.response import Redirect, Response

from core.contacts.choices import choice_labels, read_choices
from core.contacts.criteria import EVERYONE
from core.contacts.matching import Notice
from core.contacts.views import LIST_PATH, SEARCH_FILTER, View, read_view
from core.contacts.wording import Wording
from core.errors import InvalidInput, NotFound
from core.i18n import Language
from core.plugins import Outcome, plugin_of
from core.site import Site
from core.values import Filter
from core.web.contact_list.typed import FIELDS, Typed, from_fields, from_value, inputs, to_value
from core.web.requests import Request
from core.web.routing import get

PATH = f"{LIST_PATH}/filter"

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


def filter_menus(
    site: Site, wording: Wording, filters: Sequence[Filter], outcomes: Sequence[Outcome]
) -> tuple[list[dict[str, Any]], list[Notice]]:
    """A menu for each filter that has something to choose, and notices about those whose choices failed."""
    language, view = wording.language, wording.view
    menus, notices = [], []
    for number, (offered, outcome) in enumerate(zip(filters, outcomes, strict=True)):
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
        pairs = choice_labels(site, language, offered, outcome.value or ())
        wording.labels[offered.key] = dict(pairs)
        chosen = view.chosen(offered.key)
        names = [wording.value(offered.key, value) for value in chosen]
        label = language.text(offered.label)
        menu = {
            "id": f"filter-{number}",
            "label": label,
            "value": names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "") if names else None,
            "chips": [
                {
                    "label": language.text(offered.label),
                    "value": name,
                    "remove": view.toggled(offered.key, one).address(),
                }
                for one, name in zip(chosen, names, strict=True)
            ],
            "in_bar": number < IN_BAR or bool(chosen),
            "page": f"{PATH}?{urlencode([('filter', offered.key), *view.parameters()])}",
            "narrow": len(pairs) >= SEARCHED_FROM,
            "more": max(0, len(pairs) - IN_MENU),
        }
        if offered.kind != "choices":
            if offered.key == SEARCH_FILTER or (offered.units is not None and not pairs):
                # The search field is there already; amounts without a currency are none.
                continue
            menus.append({**menu, **_typed_menu(wording, offered, dict(pairs), number)})
            continue
        known = {value for value, _ in pairs}
        # What the address holds is shown and can be taken away, also when nobody can choose it any more.
        pairs = [*((value, value) for value in chosen if value not in known), *pairs]
        if pairs:
            pairs.sort(key=lambda pair: pair[0] not in chosen) if len(pairs) > IN_MENU else None
            menus.append(
                {
                    **menu,
                    "options": [
                        {
                            "label": label,
                            "href": view.toggled(offered.key, value).address(),
                            "current": value in chosen,
                            # Named, as looking for what is not there takes the template longest.
                            "icon": None,
                            "count": None,
                        }
                        for value, label in pairs[:IN_MENU]
                    ],
                    "typed": None,
                }
            )
    return menus, notices


def _typed_menu(wording: Wording, offered: Filter, units: dict[str, str], number: int) -> dict[str, Any]:
    chosen = wording.view.chosen(offered.key)
    typed = from_value(offered, chosen[0]) if chosen else Typed()
    return {
        "options": [],
        "kept": [("filter", offered.key), *wording.view.parameters()],
        "typed": inputs(wording.language, offered, typed, units, prefix="", place=f"filter-{number}"),
    }


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
    """One filter with everything that can be chosen or typed for it; `apply` leads back to the list with it."""
    sent = list(request.query_params.multi_items())
    fields = {name: value.replace("\x00", "") for name, value in sent if name in OWN_FIELDS}
    values = [value.replace("\x00", "") for name, value in sent if name == "value" and value]
    site = request.site
    view = read_view([pair for pair in sent if pair[0] not in OWN_FIELDS], site, request.allows)
    offered = site.contributions.contact_filters.get(fields.get("filter", ""))
    if offered is None or not request.allows(offered.permission):
        raise NotFound("There is no filter “%(name)s” in this list.", name=fields.get("filter", "")[:60])
    labels = dict(choice_labels(site, request.language, offered, read_choices(site, offered)))
    if offered.kind == "choices":
        if "apply" in fields:
            return request.redirect(view.choosing(offered.key, list(dict.fromkeys(values))).address())
        chosen = values or list(view.chosen(offered.key))
        return _choices_page(request, view, offered, labels, chosen, fields.get("find", "").strip())
    typed = from_fields(lambda name: fields.get(name, ""))
    error = None
    if "apply" in fields:
        try:
            return request.redirect(view.choosing(offered.key, [to_value(offered, typed, list(labels))]).address())
        except InvalidInput as failed:
            error = failed
    elif view.chosen(offered.key):
        typed = from_value(offered, view.chosen(offered.key)[0])
    return request.page(
        "contacts/filter.html",
        status=422 if error else 200,
        typed=inputs(request.language, offered, typed, labels, prefix="", place="filter"),
        error=request.language.text(error.message) if error else None,
        error_at=error.field if error else None,
        **_page(request.language, view, offered),
    )


def _choices_page(
    request: Request, view: View, offered: Filter, labels: dict[str, str], chosen: list[str], find: str
) -> Response[str]:
    pairs = [*((value, value) for value in chosen if value not in labels), *labels.items()]
    found = [pair for pair in pairs if pair[0] in chosen or find.casefold() in pair[1].casefold()]
    return request.page(
        "contacts/filter.html",
        typed=None,
        find=find,
        options=[{"value": value, "label": label, "chosen": value in chosen} for value, label in found[:ON_PAGE]],
        left_out=max(0, len(found) - ON_PAGE),
        **_page(request.language, view, offered),
    )


def _page(language: Language, view: View, offered: Filter) -> dict[str, Any]:
    return {
        "label": language.text(offered.label),
        "path": PATH,
        "kept": [("filter", offered.key), *view.parameters()],
        "back": view.address(),
    }
