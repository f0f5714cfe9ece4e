"""The three dots of a row (FEATURES L8): one menu for all rows, which a script fills, and a page for who has none.

Fifty copies of the menu were the larger part of the list's page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.finding import find_contact, kept_contact_id
from core.contacts.profile import person_of
from core.contacts.views import LIST_PATH
from core.values import Action
from core.web.requests import Request, local_path
from core.web.routing import get

PLACE = "{id}"
"""What stands for the contact's id in a menu's addresses."""


def menu_name(row: Mapping[str, Any]) -> str:
    """The name of a row's menu: active and inactive contacts have other actions."""
    return "active" if row["inactive_at"] is None else "inactive"


def row_menus(request: Request, rows: Sequence[Mapping[str, Any]], here: str) -> list[dict[str, Any]]:
    """A menu for each kind of row there is on the page; `here` is the page to come back to."""
    present = {menu_name(row) for row in rows}
    return [
        {"name": name, "entries": entries}
        for name in ("active", "inactive")
        if name in present and (entries := _entries(request, PLACE, inactive=name == "inactive", back=here))
    ]


@get(f"{LIST_PATH}/{{contact_id:int}}/actions", permission="contact.view")
def row_actions(request: Request, contact_id: FromPath[int], next: FromQuery[str] = "") -> Response[str] | Redirect:
    """What can be done with one contact, as a page: where a row's menu leads without scripts."""
    back = local_path(next) if next else LIST_PATH
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
        kept = kept_contact_id(session, contact)
        if kept != contact_id:
            return request.redirect(f"{LIST_PATH}/{kept}/actions?next={quote(back, safe='')}")
        person = person_of(contact)
    return request.page(
        "contacts/actions.html",
        contact=person,
        entries=_entries(request, str(contact_id), inactive=person.inactive, back=back),
        back=back,
        profile=f"{LIST_PATH}/{contact_id}",
    )


def _entries(request: Request, contact_id: str, *, inactive: bool, back: str) -> list[dict[str, Any]]:
    def entry(action: Action) -> dict[str, Any]:
        href = action.href.replace("{contact_id}", contact_id)
        made: dict[str, Any] = {
            "label": request.language.text(action.label),
            "icon": action.icon,
            "shortcut": action.shortcut,
        }
        if action.method == "post":
            return {**made, "action": href, "fields": {"next": back}}
        joint = "&" if "?" in href else "?"
        return {**made, "href": f"{href}{joint}next={quote(back, safe='')}", "dialog": True}

    return [
        entry(action)
        for action in request.site.contributions.contact_actions
        if request.allows(action.permission) and action.fits(inactive=inactive)
    ]


ROUTES: list[Any] = [row_actions]
