"""`/dashboard/jump`: one search for contacts, pages, and whatever plugins add (UX, „The keyboard and everyone“).

Ctrl K shows it as a dialog above any page; the page itself is complete without scripts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from litestar.params import FromQuery
from litestar.response import Response

from core.contacts.folding import fold
from core.contacts.views import LIST_PATH
from core.i18n import Language
from core.plugins import Call, Outcome, plugin_of
from core.site import Site
from core.values import SearchHit, SearchSource
from core.web.requests import Request
from core.web.routing import get

JUMP_PATH = "/dashboard/jump"
PERMISSION = "site.overview"

MAX_TEXT = 200
LIMIT = 8
"""Hits of one source."""

BUDGET = 1.0
"""Seconds for all sources together: someone is typing."""

PAGES: Sequence[tuple[str, str, str]] = (
    (f"{LIST_PATH}/new", "Add contact", "plus"),
    (f"{LIST_PATH}/import", "Import contacts", "upload"),
    (f"{LIST_PATH}/export", "Export contacts", "download"),
    (f"{LIST_PATH}/tags", "Manage tags", "tag"),
    ("/dashboard/account", "Your account", "user"),
)
"""Pages beside those of the side menu: address, name, icon. Those that there are, and that a person may open."""


@get(JUMP_PATH, permission=PERMISSION)
def jump(request: Request, q: FromQuery[str] = "") -> Response[str]:
    """What was found, by source; the pages there are when nothing was typed."""
    site, language = request.site, request.language
    text = " ".join(unicodedata.normalize("NFC", q.replace("\x00", "")[:MAX_TEXT]).split())
    pages = find_pages(request, text)
    sources = [one for one in site.contributions.search_sources if request.allows(one.permission)] if text else []
    outcomes = site.read_side_by_side([_call(site, one, text) for one in sources], BUDGET)
    groups = [_group(site, language, one, outcome) for one, outcome in zip(sources, outcomes, strict=True)]
    shown = [group for group in groups if group["hits"] or group["failure"]]
    if pages:
        shown.append({"key": "pages", "label": language.text("Pages"), "hits": pages, "failure": ""})
    return request.page(
        "site/jump.html",
        text=text,
        groups=shown,
        number=sum(len(group["hits"]) for group in shown),
        jump_here=True,
    )


def find_pages(request: Request, text: str) -> list[dict[str, Any]]:
    """The pages whose name or description holds every word of `text`, those first whose name begins with it."""
    language = request.language
    listed = [
        (item.href, language.text(item.label), item.icon, language.text(item.description))
        for item in request.site.contributions.nav_items
        if item.area == "dashboard" and request.allows(item.permission)
    ]
    listed += [(href, language.text(label), icon, "") for href, label, icon in PAGES if href in request.open_pages]
    words = fold(text).split()
    found = [
        {"href": href, "title": title, "detail": "", "icon": icon}
        for href, title, icon, description in listed
        if all(word in f"{fold(title)} {fold(description)}" for word in words)
    ]
    found.sort(key=lambda page: not fold(page["title"]).startswith(fold(text)))
    return found


def _call(site: Site, source: SearchSource, text: str) -> Call:
    def search() -> list[SearchHit]:
        with site.session() as session:
            return _checked(source.search(session, text, LIMIT))

    return Call(plugin=plugin_of(source.key), place=source.key, function=search)


def _checked(hits: Iterable[object]) -> list[SearchHit]:
    found = []
    for hit in hits:
        if not isinstance(hit, SearchHit):
            raise TypeError(f"search() answered {repr(hit)[:80]}, not SearchHit values")
        found.append(hit)
    return found[:LIMIT]


def _group(site: Site, language: Language, source: SearchSource, outcome: Outcome) -> Mapping[str, Any]:
    failure = ""
    if outcome.failure is not None:
        failure = language.text(
            "“%(plugin)s” could not search: %(error)s",
            plugin=language.text(site.plugin_label(outcome.failure.plugin)),
            error=language.text(outcome.failure.message),
        )
    return {
        "key": source.key.replace(".", "-"),
        "label": language.text(source.label),
        "failure": failure,
        "hits": [
            {
                "href": hit.href,
                "title": language.text(hit.title) if source.translate else hit.title,
                "detail": " · ".join(filter(None, (hit.detail, language.datetime(hit.at)))),
                "icon": hit.icon,
            }
            for hit in outcome.value or ()
        ],
    }


ROUTES: list[Any] = [jump]
