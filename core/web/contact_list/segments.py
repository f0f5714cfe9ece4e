"""Saved views: save the list as it is, keep or drop changes, see and remove them (FEATURES L6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response

from core.contacts.layouts import layout_of
from core.contacts.segments import (
    Keeper,
    add_segment,
    change_segment,
    find_segment,
    list_segments,
    remove_segment,
)
from core.contacts.views import LIST_PATH, TABS, SavedView, View, read_view
from core.contacts.wording import Wording
from core.errors import InvalidInput
from core.web.contact_list.columns import places_of
from core.web.contact_list.menus import wants_menu
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

PATH = f"{LIST_PATH}/segments"
MENU_PATH = f"{PATH}/choose"
SHARING = "contact.segments"
"""Permission to change what everyone sees."""


def keeper_of(request: Request) -> Keeper:
    """The signed-in person as somebody who keeps segments."""
    assert request.person is not None, "the route asks for a permission"
    return Keeper(account_id=request.person.id, may_share=request.allows(SHARING))


def view_of(request: Request, saved: SavedView) -> View:
    """A segment as this person sees it."""
    return read_view([("segment", str(saved.id))], request.site, request.allows)


def conditions_text(request: Request, view: View) -> str:
    """What a view asks for, in a sentence; the tab first where it is not the one of all."""
    language = request.language
    said = Wording(site=request.site, language=language, view=view).group(view.conditions)
    tab = "" if view.tab == "all" else language.text(TABS[view.tab])
    return ": ".join(part for part in (tab, said) if part) or language.text("All contacts")


@get(PATH, permission="contact.view")
def all_segments(request: Request) -> Response[str]:
    """Everyone's views and the own ones."""
    keeper = keeper_of(request)
    with request.site.session() as session:
        segments = list_segments(session, keeper.account_id)
    return request.page("contacts/segments.html", entries=[_entry(request, keeper, one) for one in segments], path=PATH)


def _entry(request: Request, keeper: Keeper, saved: SavedView) -> dict[str, Any]:
    view = view_of(request, saved)
    return {
        "name": saved.name,
        "href": view.address(),
        "said": conditions_text(request, view),
        "shared": saved.account_id is None,
        "edit": f"{PATH}/{saved.id}" if keeper.may_change(saved) else "",
        "remove": f"{PATH}/{saved.id}/delete" if keeper.may_change(saved) else "",
    }


@get(MENU_PATH, permission="contact.view")
def choose_segment(request: Request) -> Response[str]:
    """The saved views, and what can be done with the one that is shown: a menu of the toolbar, or a page."""
    view = read_view(request.query_params.multi_items(), request.site, request.allows)
    with request.site.session() as session:
        segments = list_segments(session, keeper_of(request).account_id)
    menu = "contacts/segment_menu.html"
    return request.page(
        menu if wants_menu(request) else "contacts/menu.html",
        menu=menu,
        heading=request.language.text("Views"),
        entries=_menu(request, view, segments),
        back=view.address(),
    )


def _menu(request: Request, view: View, segments: Sequence[SavedView]) -> list[dict[str, Any]]:
    text = request.language.text
    query = view.query()
    entries: list[dict[str, Any]] = [{"label": text("All contacts"), "href": LIST_PATH, "icon": "users"}]
    for heading, own in (("For everyone", False), ("My views", True)):
        found = [one for one in segments if (one.account_id is not None) == own]
        if found:
            entries.append({"heading": text(heading)})
        entries.extend(
            {
                "label": one.name,
                "href": f"{LIST_PATH}?segment={one.id}",
                "icon": "filter",
                "current": view.segment is not None and view.segment.id == one.id,
            }
            for one in found
        )
    entries.append({"divider": True})
    entries.append({"label": text("Save this view"), "href": f"{PATH}/save?{query}", "icon": "plus", "dialog": True})
    entries.append({"label": text("Combine conditions"), "href": f"{PATH}/new?{query}", "icon": "edit"})
    if segments:
        entries.append({"label": text("Manage views"), "href": PATH, "icon": "settings"})
    return entries


def segment_line(request: Request, view: View) -> dict[str, Any] | None:
    """What stands above the list while a segment is shown: its name, and what to do with changes."""
    saved = view.segment
    if saved is None:
        return None
    query = view.query()
    own = keeper_of(request).may_change(saved)
    return {
        "name": saved.name,
        "shared": saved.account_id is None,
        "changed": view.is_changed,
        "save": f"{PATH}/{saved.id}/save?{query}" if own and view.is_changed else "",
        "save_as": f"{PATH}/save?{query}",
        "discard": view.as_saved().address(),
        "edit": f"{PATH}/{saved.id}?{query}" if own else "",
    }


def saved_redirect(request: Request, segment_id: int, name: str) -> Redirect:
    """To the list as the segment that was saved shows it."""
    return request.redirect(f"{LIST_PATH}?segment={segment_id}", "The view “%(name)s” was saved.", name=name)


# Saving the list as it is


@get(f"{PATH}/save", permission="contact.view")
def name_segment(request: Request) -> Response[str]:
    """Ask for a name."""
    return _name_page(request, _view(request), Form())


@post(f"{PATH}/save", permission="contact.view")
def segment_named(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Save the list as it is under a name."""
    view = _view(request)
    try:
        with request.site.begin() as session:
            segment_id = add_segment(
                session,
                request.site,
                keeper_of(request),
                view,
                name=form.text("name"),
                shared=form.ticked("shared"),
                layout=layout_of(places_of(request, view)),
            )
    except InvalidInput as error:
        form.fail(error, error.field or "name")
        return _name_page(request, view, form, status=422)
    return saved_redirect(request, segment_id, form.text("name"))


def _name_page(request: Request, view: View, form: Form, *, status: int = 200) -> Response[str]:
    return request.page(
        "contacts/segment_name.html",
        status=status,
        action=f"{PATH}/save?{view.query()}",
        back=view.address(),
        said=conditions_text(request, view),
        values=form.values,
        errors=form.errors,
        may_share=request.allows(SHARING),
    )


@post(f"{PATH}/{{segment_id:int}}/save", permission="contact.view")
def keep_changes(request: Request, segment_id: FromPath[int]) -> Redirect:
    """Save what was changed in the list into its segment."""
    view = _view(request)
    if view.segment is None or view.segment.id != segment_id:
        raise InvalidInput("This view does not exist any more.")
    with request.site.begin() as session:
        change_segment(session, request.site, keeper_of(request), view.segment, view, layout=view.layout)
    return saved_redirect(request, segment_id, view.segment.name)


# Removing


@get(f"{PATH}/{{segment_id:int}}/delete", permission="contact.view")
def ask_removal(request: Request, segment_id: FromPath[int]) -> Response[str]:
    """Ask before a view is removed."""
    with request.site.session() as session:
        saved = find_segment(session, segment_id)
    if not keeper_of(request).may_change(saved):
        raise InvalidInput("You may not change this view. Save it under another name.")
    return request.page(
        "contacts/segment_remove.html",
        name=saved.name,
        shared=saved.account_id is None,
        action=f"{PATH}/{saved.id}/delete",
        back=PATH,
    )


@post(f"{PATH}/{{segment_id:int}}/delete", permission="contact.view")
def remove(request: Request, segment_id: FromPath[int]) -> Redirect:
    """Remove a view."""
    with request.site.begin() as session:
        saved = find_segment(session, segment_id)
        remove_segment(session, keeper_of(request), saved)
    return request.redirect(PATH, "The view “%(name)s” was deleted.", name=saved.name)


def _view(request: Request) -> View:
    return read_view(request.query_params.multi_items(), request.site, request.allows)
