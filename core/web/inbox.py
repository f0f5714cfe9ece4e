"""„Nachrichten“: the threads, newest first, and what of them waits: to be read, to be sent, to be decided about.

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
from core.errors import SendRefused
from core.messages import decisions, inbox
from core.messages.audience import refusal_words
from core.web.profile.showing import address_of, picture_of
from core.web.requests import FormInput, Request
from core.web.routing import get, post

HERE = "/dashboard/messages"
EXCERPT = 240


@get(HERE, permission="message.view")
def inbox_page(
    request: Request,
    unread: FromQuery[str] = "",
    show: FromQuery[str] = "",
    contact: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Response[str]:
    """The threads; `unread` or `show` (waiting, undecided) leaves what waits, `contact` those of one contact."""
    only = int(contact) if contact.isascii() and contact.isdigit() and len(contact) < 19 else None
    box: inbox.Box = "threads" if only is None else "contact"
    if unread:
        box = "unread"
    elif show == "waiting":
        box = "waiting"
    elif show == "undecided":
        box = "undecided"
    with request.site.session() as session:
        person = person_of(find_contact(session, only)) if only is not None else None
        page = inbox.read_inbox(session, box, contact_id=only, before=before)
        counts = inbox.count_waiting(session, only)
    text, number = request.language.text, request.language.number

    def link(of: inbox.Box, **more: str) -> str:
        query = {
            "contact": contact if only is not None else "",
            "unread": "1" if of == "unread" else "",
            "show": of if of in ("waiting", "undecided") else "",
            **more,
        }
        query = {key: value for key, value in query.items() if value}
        return f"{HERE}?{urlencode(query)}" if query else HERE

    def tab(label: str, of: inbox.Box, count: int | None = None) -> dict[str, Any]:
        entry = {"label": text(label), "href": link(of), "current": of == box}
        return entry if count is None else {**entry, "count": number(count)}

    back = link(box, before=before)
    return request.page(
        "messages/inbox.html",
        contact=person,
        rows=[_row(request, message, box, back) for message in page.messages],
        tabs=[
            tab("All", "threads" if only is None else "contact"),
            tab("Unread", "unread", counts.unread),
            tab("Waiting", "waiting", counts.waiting),
            tab("To decide", "undecided", counts.undecided),
        ],
        box=box,
        newest=link(box) if before else None,
        older=link(box, before=page.older) if page.older else None,
        back=back,
    )


def _row(request: Request, message: inbox.InboxMessage, box: inbox.Box, back: str) -> dict[str, Any]:
    words = " ".join(message.text.split())
    language = request.language
    thread = box == "threads"
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
        "where": message.where,
        # A line that stands for a thread marks the thread.
        "mark_read": address_of(message.person.id, "messages", "read") if thread else f"{HERE}/{message.id}/read",
        "mark_fields": {"next": back, **({"through": message.id} if thread else {})},
        "reply": address_of(message.person.id, "message", reply=str(message.id), next=back),
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
    return request.redirect(form.text("next") or _thread(contact_id), "Marked as read.")


# What staff decide about a message on its way


@post(f"{HERE}/{{message_id:int}}/resend", permission="message.send")
def resend(request: Request, form: FormInput, message_id: FromPath[int]) -> Redirect:
    """Send a message again that failed, or of which nobody knows."""
    try:
        with request.site.begin() as session:
            contact_id = decisions.resend(session, request.site, message_id).contact_id
    except SendRefused as refused:
        words = refusal_words(request.site, request.language.code, refused)
        return request.redirect(form.text("next") or HERE, "%(text)s", kind="error", text=words)
    request.site.job_waiting.set()
    return request.redirect(form.text("next") or _thread(contact_id), "The message is sent again.")


@post(f"{HERE}/{{message_id:int}}/sent", permission="message.send")
def treat_as_sent(request: Request, form: FormInput, message_id: FromPath[int]) -> Redirect:
    """Take a message for sent of which nobody knows."""
    with request.site.begin() as session:
        contact_id = decisions.treat_as_sent(session, request.site, message_id).contact_id
    return request.redirect(form.text("next") or _thread(contact_id), "The message counts as sent.")


@post(f"{HERE}/{{message_id:int}}/settle", permission="message.send")
def settle(request: Request, form: FormInput, message_id: FromPath[int]) -> Redirect:
    """Leave a message that failed as it is."""
    with request.site.begin() as session:
        contact_id = decisions.settle(session, message_id).contact_id
    return request.redirect(form.text("next") or _thread(contact_id), "The message is left as it is.")


@post(f"{HERE}/{{message_id:int}}/withdraw", permission="message.send")
def withdraw(request: Request, form: FormInput, message_id: FromPath[int]) -> Redirect:
    """Take a message back that still waits."""
    with request.site.begin() as session:
        contact_id = decisions.withdraw(session, message_id, request.actor).contact_id
    return request.redirect(form.text("next") or _thread(contact_id), "The message is withdrawn. It is not sent.")


def _thread(contact_id: int) -> str:
    return address_of(contact_id) + "#panel-message-thread"


ROUTES: list[Any] = [inbox_page, read, unread, read_thread, resend, treat_as_sent, settle, withdraw]
