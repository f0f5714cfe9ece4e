"""„Spalten“: choose, order and hide the columns of the list (FEATURES L6)."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.response import Redirect, Response

from core.contacts.layouts import HEADING, Place, arrange, layout_of, read_layout, store_layout
from core.contacts.views import LIST_PATH, View, read_view
from core.values import Column
from core.web.requests import FormInput, Request
from core.web.routing import get, post

PATH = f"{LIST_PATH}/columns"


def offered_columns(request: Request) -> list[Column]:
    """The columns that this person may see, in the standard order."""
    return [one for one in request.site.contributions.contact_columns.values() if request.allows(one.permission)]


def places_of(request: Request, view: View) -> list[Place]:
    """The columns as the address, the segment or the person wants them, else as the standard is."""
    layout = view.layout
    if layout is None and request.person is not None:
        with request.site.database.connection() as connection:
            layout = read_layout(connection, request.person.id)
    return arrange(offered_columns(request), layout)


def shown_columns(request: Request, view: View) -> list[Column]:
    """The columns that are shown; nothing is asked of the others."""
    return [place.column for place in places_of(request, view) if place.shown]


@get(PATH, permission="contact.view")
def choose_columns(request: Request) -> Response[str]:
    """All columns with a tick, in their order."""
    view = read_view(request.query_params.multi_items(), request.site, request.allows)
    return _page(request, view, places_of(request, view))


@post(PATH, permission="contact.view")
def columns_chosen(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Move a column, or keep what was chosen: for the person, or for the segment that is being changed."""
    view = read_view(request.query_params.multi_items(), request.site, request.allows)
    assert request.person is not None, "the route asks for a permission"
    places = _sent(offered_columns(request), form.texts("column"), set(form.texts("shown")))
    if step := form.text("move"):
        return _page(request, view, _moved(places, step), moved=step)
    layout = None if form.text("do") == "standard" else layout_of(places)
    if view.segment is not None:
        # What a segment shows is changed in the address first, and saved with the segment.
        standard = layout_of(arrange(offered_columns(request), None))
        return request.redirect(view.with_layout(layout or standard).address())
    with request.site.begin() as session:
        store_layout(session, request.person.id, layout)
    return request.redirect(view.with_layout(None).address(), "Your columns were saved.")


def _sent(offered: Sequence[Column], order: Sequence[str], shown: set[str]) -> list[Place]:
    """The columns as the form says."""
    return arrange(offered, tuple(key if key in shown else f"-{key}" for key in dict.fromkeys(order)))


def _moved(places: list[Place], step: str) -> list[Place]:
    """One column up or down, `up:contact.email`; the first stays where it is."""
    way, _, key = step.partition(":")
    at = next((number for number, place in enumerate(places) if place.column.key == key), 0)
    to = at - 1 if way == "up" else at + 1
    if min(at, to) >= 1 and to < len(places):
        places[at], places[to] = places[to], places[at]
    return places


def _page(request: Request, view: View, places: Sequence[Place], moved: str = "") -> Response[str]:
    language = request.language
    query = view.query()
    return request.page(
        "contacts/columns.html",
        action=f"{PATH}?{query}" if query else PATH,
        back=view.address(),
        segment=view.segment.name if view.segment else "",
        moved=moved,
        places=[
            {
                "key": place.column.key,
                "label": language.text(place.column.label),
                "shown": place.shown,
                "fixed": place.column.key == HEADING,
            }
            for place in places
        ],
    )
