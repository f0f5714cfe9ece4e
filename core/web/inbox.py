"""„Nachrichten“: what contacts wrote, newest first, and what of it waits to be read.

Looking at a message changes nothing: a page is fetched ahead, or by a program. It is marked as read with a
button.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.finding import check_id, find_contact
from core.contacts.profile import person_of
from core.messages import inbox
from core.web.profile.showing import address_of, picture_of
from core.web.requests import FormInput, Request
from core.web.routing import get, post

HERE = "/dashboard/messages"
EXCERPT = 240


@get(HERE, permission="message.view")
def inbox_page(
    request: Request, unread: FromQuery[str] = "", contact: FromQuery[str] = "", before: FromQuery[str] = ""
) -> Response[str]:
    """The newest messages; `unread` leaves those that wait, `contact` those of one contact."""
    only = int(contact) if contact.isascii() and contact.isdigit() and len(contact) < 19 else None
    with request.site.session() as session:
        person = person_of(find_contact(session, only)) if only is not None else None
        page = inbox.read_inbox(session, unread=bool(unread), contact_id=only, before=before)
        waiting = inbox.unread_count(session, only)
    text = request.language.text

    def link(**more: str) -> str:
        query = {"contact": contact if only is not None else "", **more}
        query = {key: value for key, value in query.items() if value}
        return f"{HERE}?{urlencode(query)}" if query else HERE

    return request.page(
        "messages/inbox.html",
        contact=person,
        rows=[_row(request, message) for message in page.messages],
        tabs=[
            {"label": text("All"), "href": link(), "current": not unread},
            {
                "label": text("Unread"),
                "href": link(unread="1"),
                "count": request.language.number(waiting),
                "current": bool(unread),
            },
        ],
        unread=bool(unread),
        newest=link(unread="1" if unread else "") if before else None,
        older=link(unread="1" if unread else "", before=page.older) if page.older else None,
        back=link(unread="1" if unread else "", before=before),
    )


def _row(request: Request, message: inbox.InboxMessage) -> dict[str, Any]:
    words = " ".join(message.text.split())
    language = request.language
    return {
        "id": message.id,
        "title": message.person.title,
        "initials": message.person.initials,
        "tone": message.person.tone,
        "picture": picture_of(message.person),
        "href": address_of(message.person.id) + "#panel-message-thread",
        "subject": message.subject,
        "excerpt": words if len(words) <= EXCERPT else words[: EXCERPT - 1].rstrip() + "…",
        "module": language.text(request.site.plugin_label(message.module)) if message.module else "",
        "time": language.datetime(message.occurred_at),
        "iso": message.occurred_at.isoformat(),
        "incoming": message.direction == "in",
        "unread": message.unread,
    }


@post(f"{HERE}/{{message_id:int}}/read", permission="message.view")
def read(request: Request, form: FormInput, message_id: FromPath[int], next: FromQuery[str] = "") -> Redirect:
    """Mark a message as read."""
    back = form.text("next") or next or HERE
    with request.site.begin() as session:
        inbox.mark_read(session, message_id)
    undo = f"{HERE}/{message_id}/unread?" + urlencode({"next": back})
    return request.redirect(back, "Marked as read.", undo=undo)


@post(f"{HERE}/{{message_id:int}}/unread", permission="message.view")
def unread(request: Request, form: FormInput, message_id: FromPath[int], next: FromQuery[str] = "") -> Redirect:
    """Mark a message as unread again."""
    back = form.text("next") or next or HERE
    with request.site.begin() as session:
        inbox.mark_read(session, message_id, read=False)
    return request.redirect(back, "Marked as unread.")


@post("/dashboard/contacts/{contact_id:int}/messages/read", permission="message.view")
def read_thread(request: Request, form: FormInput, contact_id: FromPath[int]) -> Redirect:
    """Mark a contact's messages as read, up to the last one that was shown."""
    check_id(contact_id)
    through = form.whole_number("through") or 0
    with request.site.begin() as session:
        find_contact(session, contact_id)
        inbox.mark_thread_read(session, contact_id, through)
    return request.redirect(address_of(contact_id) + "#panel-message-thread", "Marked as read.")


ROUTES: list[Any] = [inbox_page, read, unread, read_thread]
