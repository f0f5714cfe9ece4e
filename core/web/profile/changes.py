"""What changes a contact in one click: tags, lock, suggestions, inactive."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.activity import deactivate_contact, reactivate_contact
from core.contacts.editing import lift_lock, lock_details
from core.contacts.history import read_cursor
from core.contacts.suggestions import accept_suggestion, dismiss_suggestion
from core.contacts.tagging import split_tags, tag_contact, untag_contact
from core.errors import InvalidInput
from core.web.profile.page import show_profile
from core.web.profile.showing import address_of
from core.web.requests import Form, FormInput, Request
from core.web.routing import post

BASE = "/dashboard/contacts/{contact_id:int}"


def _back(form: Form, contact_id: int, query: str) -> str:
    """Where to go afterwards: the page that the button was on, or the profile. `redirect` keeps it local."""
    return form.text("next") or query or address_of(contact_id)


def _undo(contact_id: int, *rest: str, back: str, **query: str) -> str:
    """The address of a POST that takes something back and returns to the same page."""
    return address_of(contact_id, *rest, **query, next=back)


@post(f"{BASE}/tags", permission="contact.edit")
def add_tag(
    request: Request,
    form: FormInput,
    contact_id: FromPath[int],
    tag: FromQuery[str] = "",
    next: FromQuery[str] = "",
) -> Response[str] | Redirect:
    """Give the contact one or several tags, separated by commas; they come into being on the way (C11)."""
    back = _back(form, contact_id, next)
    # The address carries a tag as a whole, when a removal is taken back; a field may hold several.
    names = [tag] if tag else split_tags(form.text("tag"))
    try:
        if not names:
            raise InvalidInput("Enter a word for the tag.", field="tag")
        with request.site.begin() as session:
            added = tag_contact(session, request.site, contact_id, names, request.actor)
    except InvalidInput as error:
        form.fail(error, "tag")
        return show_profile(request, contact_id, form, 422)
    if not added:
        return request.redirect(back, "This contact has the tag already.", kind="info")
    if len(added) > 1:
        return request.redirect(back, "Tags added: %(tags)s.", tags=", ".join(added))
    undo = _undo(contact_id, "tags", "remove", back=back, tag=added[0])
    return request.redirect(back, "Tag “%(tag)s” added.", undo=undo, tag=added[0])


@post(f"{BASE}/tags/remove", permission="contact.edit")
def take_tag(
    request: Request,
    form: FormInput,
    contact_id: FromPath[int],
    tag: FromQuery[str] = "",
    next: FromQuery[str] = "",
) -> Redirect:
    """Take a tag from the contact."""
    back = _back(form, contact_id, next)
    with request.site.begin() as session:
        removed = untag_contact(session, request.site, contact_id, [tag or form.text("tag")], request.actor)
    if not removed:
        return request.redirect(back, "This contact does not have the tag.", kind="info")
    undo = _undo(contact_id, "tags", back=back, tag=removed[0])
    return request.redirect(back, "Tag “%(tag)s” removed.", undo=undo, tag=removed[0])


@post(f"{BASE}/lock", permission="contact.edit")
def lock(request: Request, form: FormInput, contact_id: FromPath[int], next: FromQuery[str] = "") -> Redirect:
    """Lock the details (C6)."""
    back = _back(form, contact_id, next)
    with request.site.begin() as session:
        if not lock_details(session, contact_id, request.actor):
            return request.redirect(back, "These details are locked already.", kind="info")
    return request.redirect(back, "Details locked.", undo=_undo(contact_id, "unlock", back=back))


@post(f"{BASE}/unlock", permission="contact.edit")
def unlock(request: Request, form: FormInput, contact_id: FromPath[int], next: FromQuery[str] = "") -> Redirect:
    """Lift the lock (C6)."""
    back = _back(form, contact_id, next)
    with request.site.begin() as session:
        if not lift_lock(session, contact_id, request.actor):
            return request.redirect(back, "These details are not locked.", kind="info")
    return request.redirect(back, "Lock lifted.", undo=_undo(contact_id, "lock", back=back))


@post(f"{BASE}/suggestions/{{suggestion_id:int}}/accept", permission="contact.edit")
def accept(
    request: Request, contact_id: FromPath[int], suggestion_id: FromPath[int], seen: FromQuery[str] = ""
) -> Redirect:
    """Take over what the lock held back (C6)."""
    place = read_cursor(seen)
    with request.site.begin() as session:
        accept_suggestion(
            session,
            request.site,
            contact_id,
            suggestion_id,
            request.actor,
            seen=place[0] if place else None,
        )
    return request.redirect(address_of(contact_id), "Suggestion accepted.")


@post(f"{BASE}/suggestions/{{suggestion_id:int}}/dismiss", permission="contact.edit")
def dismiss(
    request: Request, contact_id: FromPath[int], suggestion_id: FromPath[int], seen: FromQuery[str] = ""
) -> Redirect:
    """Leave the details as they are (C6)."""
    place = read_cursor(seen)
    with request.site.begin() as session:
        dismiss_suggestion(session, contact_id, suggestion_id, request.actor, seen=place[0] if place else None)
    return request.redirect(address_of(contact_id), "Suggestion dismissed.")


@post(f"{BASE}/deactivate", permission="contact.edit")
def deactivate(request: Request, form: FormInput, contact_id: FromPath[int], next: FromQuery[str] = "") -> Redirect:
    """„Inaktiv“ (C7), from the profile or from a row's menu."""
    back = _back(form, contact_id, next)
    with request.site.begin() as session:
        if not deactivate_contact(session, request.site, contact_id, request.actor):
            return request.redirect(back, "This contact is inactive already.", kind="info")
    undo = _undo(contact_id, "reactivate", back=back)
    return request.redirect(back, "The contact is inactive now.", undo=undo)


@post(f"{BASE}/reactivate", permission="contact.edit")
def reactivate(request: Request, form: FormInput, contact_id: FromPath[int], next: FromQuery[str] = "") -> Redirect:
    """Back into the lists (C7)."""
    back = _back(form, contact_id, next)
    with request.site.begin() as session:
        if not reactivate_contact(session, contact_id, request.actor):
            return request.redirect(back, "This contact is active already.", kind="info")
    undo = _undo(contact_id, "deactivate", back=back)
    return request.redirect(back, "The contact is active again.", undo=undo)


ROUTES: list[Any] = [
    add_tag,
    take_tag,
    lock,
    unlock,
    accept,
    dismiss,
    deactivate,
    reactivate,
]
