"""„Nachrichten“: the threads, newest first, and what of them waits: to be read, to be sent, to be decided about.

Looking at a message changes nothing: a page is fetched ahead, or by a program. It is marked as read with a
button.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.finding import check_id, find_contact
from core.contacts.profile import person_of
from core.errors import InvalidInput, SendRefused
from core.mailbox.pile import count_pile
from core.messages import assigning, decisions, inbox
from core.messages.audience import refusal_words
from core.web.profile.showing import address_of, picture_of
from core.web.requests import Form, FormInput, Request, local_path
from core.web.routing import get, post
from core.web.settings_screen import group_label

HERE = "/dashboard/messages"
EXCERPT = 240
SEARCH_LENGTH = 200
BOXES: Mapping[str, inbox.Box] = MappingProxyType(
    {"mine": "mine", "nobody": "nobody", "waiting": "waiting", "undecided": "undecided"}
)
"""Value of `show` in the address → what is shown."""


@get(HERE, permission="message.view")
def inbox_page(
    request: Request,
    unread: FromQuery[str] = "",
    show: FromQuery[str] = "",
    contact: FromQuery[str] = "",
    q: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Response[str]:
    """The threads; `unread` or `show` leaves some of them, `contact` those of one contact, `q` what has some words."""
    only = int(contact) if contact.isascii() and contact.isdigit() and len(contact) < 19 else None
    box: inbox.Box = "threads" if only is None else "contact"
    if unread:
        box = "unread"
    elif (chosen := BOXES.get(show)) is not None:
        box = chosen
    words = " ".join(q.replace("\x00", "").split())[:SEARCH_LENGTH]
    if words and box == "threads":
        box = "found"
    with request.site.session() as session:
        person = person_of(find_contact(session, only)) if only is not None else None
        page = inbox.read_inbox(
            session,
            box,
            contact_id=only,
            account_id=request.person.id if request.person else None,
            words=words,
            before=before,
        )
        counts = inbox.count_waiting(session, only)
        piled = count_pile(session) if only is None else 0
        assignee = inbox.assignee_of(session, only) if only is not None else None
    text, number = request.language.text, request.language.number

    def link(of: inbox.Box, **more: str) -> str:
        query = {
            "contact": contact if only is not None else "",
            "unread": "1" if of == "unread" else "",
            "show": of if of in BOXES else "",
            "q": words,
            **more,
        }
        query = {key: value for key, value in query.items() if value}
        return f"{HERE}?{urlencode(query)}" if query else HERE

    def tab(label: str, of: inbox.Box, count: int | None = None) -> dict[str, Any]:
        entry = {"label": text(label), "href": link(of), "current": of == ("threads" if box == "found" else box)}
        return entry if count is None else {**entry, "count": number(count)}

    back = link(box, before=before)
    return request.page(
        "messages/inbox.html",
        contact=person,
        rows=[_row(request, message, box, back) for message in page.messages],
        tabs=[
            tab("All", "threads" if only is None else "contact"),
            tab("Unread", "unread", counts.unread),
            *([tab("Mine", "mine"), tab("Nobody’s", "nobody")] if only is None else []),
            *([pile_tab(request, piled)] if only is None else []),
            tab("Waiting", "waiting", counts.waiting),
            tab("To decide", "undecided", counts.undecided),
        ],
        box=box,
        query=words,
        search={
            "action": HERE,
            "kept": {
                "contact": contact if only is not None else "",
                "unread": unread and "1",
                "show": show if show in BOXES else "",
            },
        },
        assignee=assignee,
        can_preview=request.site.settings.mail_server is None and request.allows("mailbox.preview"),
        newest=link(box) if before else None,
        older=link(box, before=page.older) if page.older else None,
        back=back,
    )


def pile_tab(request: Request, count: int, *, current: bool = False) -> dict[str, Any]:
    """The tab that leads to the mails of nobody known."""
    label = request.language.text("Not assigned")
    return {"label": label, "href": f"{HERE}/pile", "current": current, "count": request.language.number(count)}


def _row(request: Request, message: inbox.InboxMessage, box: inbox.Box, back: str) -> dict[str, Any]:
    words = " ".join(message.text.split())
    language = request.language
    thread = box in inbox.THREADS
    return {
        "id": message.id,
        "title": message.person.title,
        "initials": message.person.initials,
        "tone": message.person.tone,
        "picture": picture_of(message.person),
        "href": address_of(message.person.id) + "#panel-message-thread",
        "mail": f"{HERE}/{message.id}" if message.has_html else "",
        "subject": message.subject,
        "excerpt": words if len(words) <= EXCERPT else words[: EXCERPT - 1].rstrip() + "…",
        "module": language.text(group_label(request.site, message.module)) if message.module else "",
        "time": language.datetime(message.occurred_at),
        "iso": message.occurred_at.isoformat(),
        "incoming": message.direction == "in",
        "unread": message.unread,
        "where": message.where,
        "automatic": message.automatic,
        "files": message.files,
        "assignee": message.assignee[1] if message.assignee else "",
        "menu": _menu(request, message, back, thread=thread),
        # A line that stands for a thread marks the thread.
        "mark_read": address_of(message.person.id, "messages", "read") if thread else f"{HERE}/{message.id}/read",
        "mark_fields": {"next": back, **({"through": message.id} if thread else {})},
        "reply": address_of(message.person.id, "message", reply=str(message.id), next=back),
    }


def _menu(request: Request, message: inbox.InboxMessage, back: str, *, thread: bool) -> list[dict[str, Any]]:
    """What can be done with a line, besides answering it."""
    text, contact_id = request.language.text, message.person.id
    entries: list[dict[str, Any]] = []
    if message.direction == "in" and not message.unread:
        entries.append({"label": text("Mark as unread"), "action": f"{HERE}/{message.id}/unread",
                        "fields": {"next": back}, "icon": "mail", "shortcut": "u"})  # fmt: skip
    entries.append({"label": text("Open the profile"), "href": address_of(contact_id), "icon": "user"})
    if thread:
        entries.append({"label": text("All messages"), "href": f"{HERE}?contact={contact_id}", "icon": "message"})
    if request.allows("message.send") and request.person is not None:
        if message.assignee is None or message.assignee[0] != request.person.id:
            entries.append({"label": text("Take care of it myself"), "action": assign_path(contact_id),
                            "fields": {"next": back, "assignee": request.person.id}, "icon": "check"})  # fmt: skip
        entries.append({"label": text("Assign …"), "href": f"{assign_path(contact_id)}?{urlencode({'next': back})}",
                        "icon": "user", "dialog": True, "shortcut": "a"})  # fmt: skip
    return entries


def assign_path(contact_id: int) -> str:
    """Where a thread is given to somebody."""
    return address_of(contact_id, "messages", "assign")


@get("/dashboard/contacts/{contact_id:int}/messages/assign", permission="message.send")
def assign_page(request: Request, contact_id: FromPath[int], next: FromQuery[str] = "") -> Response[str]:
    """Choose who takes care of a thread."""
    return _assign_page(request, contact_id, Form(fields={"next": [next]}))


@post("/dashboard/contacts/{contact_id:int}/messages/assign", permission="message.send")
def assign(request: Request, form: FormInput, contact_id: FromPath[int]) -> Response[str] | Redirect:
    """Give a thread to one of the team, or to nobody."""
    check_id(contact_id)
    account_id = form.whole_number("assignee")
    try:
        if form.errors:
            raise InvalidInput("Choose one of the team.", field="assignee")
        with request.site.begin() as session:
            name = assigning.assign_thread(session, contact_id, account_id)
    except InvalidInput as error:
        form.errors.clear()
        form.fail(error)
        return _assign_page(request, contact_id, form, status=422)
    back = form.text("next") or _thread(contact_id)
    if account_id is None:
        return request.redirect(back, "Nobody takes care of this thread now.")
    return request.redirect(back, "%(name)s takes care of this thread.", name=name)


def _assign_page(request: Request, contact_id: int, form: Form, *, status: int = 200) -> Response[str]:
    with request.site.session() as session:
        person = person_of(find_contact(session, contact_id))
        team = assigning.assignable(session)
        assignee = inbox.assignee_of(session, contact_id)
    back = form.text("next")
    return request.page(
        "messages/assign.html",
        status=status,
        contact=person,
        action=assign_path(contact_id),
        team=[{"value": str(account_id), "label": name} for account_id, name in team],
        value=form.text("assignee") if form.errors else str(assignee[0]) if assignee else "",
        errors=form.errors,
        next=back,
        back=local_path(back) if back else _thread(contact_id),
    )


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


ROUTES: list[Any] = [
    inbox_page,
    read,
    unread,
    read_thread,
    assign_page,
    assign,
    resend,
    treat_as_sent,
    settle,
    withdraw,
]
