"""E-mails that came in: one of a thread, the pile of those that nobody is known for, and the mailbox itself."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.files import clean_name
from core.contacts.finding import check_id, find_contact
from core.contacts.profile import person_of
from core.errors import InvalidInput, NotFound
from core.mailbox import pile, polling
from core.mailbox.imap import MailboxAway
from core.messages import inbox
from core.pictures import SANDBOX
from core.web.inbox import EXCERPT, HERE, SEARCH_LENGTH, pile_tab
from core.web.mail_frame import frame_of
from core.web.profile.showing import address_of, picture_of
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

PILE = f"{HERE}/pile"
MAILBOX = f"{HERE}/mailbox"


# One of a thread


@get(f"{HERE}/{{message_id:int}}", permission="message.view")
def mail_page(request: Request, message_id: FromPath[int]) -> Response[str] | Redirect:
    """An e-mail as it came: text, HTML in its frame, files. One that the site wrote is in the thread."""
    with request.site.session() as session:
        message = inbox.find_message(session, message_id)
        contact = find_contact(session, message.contact_id)
        files = inbox.files_of(session, message_id)
        assignee = inbox.assignee_of(session, contact.id)
        by = inbox.written_by_another(message, contact)
    thread = address_of(contact.id) + "#panel-message-thread"
    if message.direction != "in":
        return request.redirect(thread)
    person, language, here = person_of(contact), request.language, f"{HERE}/{message_id}"
    return request.page(
        "messages/mail.html",
        contact=person,
        picture=picture_of(person),
        profile=address_of(contact.id),
        message={
            "id": message.id,
            "subject": message.subject,
            "text": message.text,
            "sender_name": message.sender_name or contact.name,
            "sender_email": message.sender_email or contact.email,
            "by": by,
            "time": language.datetime(message.occurred_at),
            "iso": message.occurred_at.isoformat(),
            "automatic": message.automatic,
            "unread": message.read_at is None,
            "frame": f"{here}/html" if message.html else "",
            "files": [
                {
                    "name": one.name,
                    "size": _size(request, one.size),
                    "href": address_of(contact.id, "files", str(one.id)),
                }
                for one in files
            ],
        },
        assignee=assignee[1] if assignee else "",
        assign=address_of(contact.id, "messages", "assign", next=here),
        reply=address_of(contact.id, "message", reply=str(message.id), next=here),
        here=here,
    )


@get(f"{HERE}/{{message_id:int}}/html", permission="message.view")
def mail_frame(request: Request, message_id: FromPath[int]) -> Response[str]:
    """Its HTML, for the frame."""
    with request.site.session() as session:
        html = inbox.find_message(session, message_id).html
    if not html:
        raise NotFound("This message has no HTML.")
    return frame_of(html)


# The pile


@get(PILE, permission="message.view")
def pile_page(request: Request, q: FromQuery[str] = "", before: FromQuery[str] = "") -> Response[str]:
    """The mails of nobody known, newest first."""
    words = " ".join(q.replace("\x00", "").split())[:SEARCH_LENGTH]
    with request.site.session() as session:
        page = pile.read_pile(session, words=words, before=before)
        unread = pile.count_pile(session)
        counts = inbox.count_waiting(session)
    text, number = request.language.text, request.language.number

    def link(**more: str) -> str:
        query = {key: value for key, value in {"q": words, **more}.items() if value}
        return f"{PILE}?{urlencode(query)}" if query else PILE

    return request.page(
        "messages/pile.html",
        tabs=[
            {"label": text("All"), "href": HERE, "current": False},
            {"label": text("Unread"), "href": f"{HERE}?unread=1", "current": False, "count": number(counts.unread)},
            {"label": text("Mine"), "href": f"{HERE}?show=mine", "current": False},
            {"label": text("Nobody’s"), "href": f"{HERE}?show=nobody", "current": False},
            pile_tab(request, unread, current=True),
            {
                "label": text("Waiting"),
                "href": f"{HERE}?show=waiting",
                "current": False,
                "count": number(counts.waiting),
            },
            {
                "label": text("To decide"),
                "href": f"{HERE}?show=undecided",
                "current": False,
                "count": number(counts.undecided),
            },
        ],
        query=words,
        here=PILE,
        back=link(before=before),
        rows=[_row(request, one, link(before=before)) for one in page.mails],
        newest=link() if before else None,
        older=link(before=page.older) if page.older else None,
    )


def _row(request: Request, mail: pile.Piled, back: str) -> dict[str, Any]:
    words = " ".join(mail.text.split())
    read = f"{PILE}/{mail.id}/{'read' if mail.unread else 'unread'}"
    return {
        "id": mail.id,
        "href": f"{PILE}/{mail.id}",
        "title": mail.sender_name or mail.sender_email or request.language.text("Unknown sender"),
        "email": mail.sender_email if mail.sender_name else "",
        "subject": mail.subject,
        "excerpt": words if len(words) <= EXCERPT else words[: EXCERPT - 1].rstrip() + "…",
        "time": request.language.datetime(mail.came_at),
        "iso": mail.came_at.isoformat(),
        "unread": mail.unread,
        "automatic": mail.automatic,
        "files": mail.files,
        "mark": read,
        "fields": {"next": back},
    }


@get(f"{PILE}/{{piled_id:int}}", permission="message.view")
def piled_page(request: Request, piled_id: FromPath[int], q: FromQuery[str] = "") -> Response[str]:
    """One mail of the pile, and whose it may be."""
    return _piled_page(request, piled_id, Form(), q)


def _piled_page(request: Request, piled_id: int, form: Form, q: str, *, status: int = 200) -> Response[str]:
    site, language = request.site, request.language
    mail = pile.open_piled(site, piled_id)
    words = " ".join(q.replace("\x00", "").split())[:SEARCH_LENGTH]
    with site.session() as session:
        row = pile.find_piled(session, piled_id)
        found = pile.suggested(session, words) if words else []
    here = f"{PILE}/{piled_id}"
    return request.page(
        "messages/piled.html",
        status=status,
        mail={
            "sender_name": row.sender_name,
            "sender_email": row.sender_email,
            "subject": row.subject,
            "text": mail.text,
            "time": language.datetime(row.came_at),
            "iso": row.came_at.isoformat(),
            "automatic": row.automatic,
            "unread": row.unread,
            "frame": f"{here}/html" if mail.html else "",
            "files": [
                {
                    "name": clean_name(file.name),
                    "size": _size(request, len(file.content)),
                    "href": f"{here}/files/{number}",
                }
                for number, file in enumerate(mail.files)
            ],
        },
        here=here,
        list=PILE,
        query=words,
        found=[{"id": number, "name": name or email, "email": email} for number, name, email in found],
        may_make=bool(row.sender_email) and request.allows("contact.edit"),
        may_assign=request.allows("message.send"),
        errors=form.errors,
    )


@get(f"{PILE}/{{piled_id:int}}/html", permission="message.view")
def piled_frame(request: Request, piled_id: FromPath[int]) -> Response[str]:
    """Its HTML, for the frame."""
    html = pile.open_piled(request.site, piled_id).html
    if not html:
        raise NotFound("This message has no HTML.")
    return frame_of(html)


@get(f"{PILE}/{{piled_id:int}}/files/{{number:int}}", permission="message.view")
def piled_file(request: Request, piled_id: FromPath[int], number: FromPath[int]) -> Response[bytes]:
    """One of its files, to save and never to show (THREATS T-U1)."""
    files = pile.open_piled(request.site, piled_id).files
    if not 0 <= number < len(files):
        raise NotFound("There is no such file.")
    from urllib.parse import quote

    disposition = f"attachment; filename*=UTF-8''{quote(clean_name(files[number].name))}"
    headers = {**SANDBOX, "content-disposition": disposition}
    return Response(files[number].content, media_type="application/octet-stream", headers=headers)


@post(f"{PILE}/{{piled_id:int}}/assign", permission="message.send")
def assign_piled(request: Request, form: FormInput, piled_id: FromPath[int]) -> Response[str] | Redirect:
    """Put a mail of the pile into the thread of a contact."""
    contact_id = form.whole_number("contact")
    if contact_id is None:
        form.fail(InvalidInput("Choose a contact.", field="contact"), "contact")
        return _piled_page(request, piled_id, form, form.text("q"), status=422)
    check_id(contact_id)
    kept = pile.assign_piled(request.site, piled_id, contact_id)
    return request.redirect(address_of(kept) + "#panel-message-thread", "The e-mail was put into the thread.")


@post(f"{PILE}/{{piled_id:int}}/contact", permission="contact.edit")
def make_contact(request: Request, form: FormInput, piled_id: FromPath[int]) -> Response[str] | Redirect:
    """Make a contact of the sender, with this mail in its thread."""
    try:
        contact_id = pile.make_contact_of(request.site, piled_id, request.actor)
    except InvalidInput as error:
        form.fail(error)
        return _piled_page(request, piled_id, form, "", status=422)
    return request.redirect(address_of(contact_id) + "#panel-message-thread", "The sender is a contact now.")


@post(f"{PILE}/{{piled_id:int}}/read", permission="message.view")
def read_piled(request: Request, form: FormInput, piled_id: FromPath[int]) -> Redirect:
    """Mark a mail of the pile as read."""
    with request.site.begin() as session:
        pile.mark_piled(session, piled_id, read=True)
    return request.redirect(form.text("next") or PILE, "Marked as read.")


@post(f"{PILE}/{{piled_id:int}}/unread", permission="message.view")
def unread_piled(request: Request, form: FormInput, piled_id: FromPath[int]) -> Redirect:
    """Mark a mail of the pile as unread again."""
    with request.site.begin() as session:
        pile.mark_piled(session, piled_id, read=False)
    return request.redirect(form.text("next") or PILE, "Marked as unread.")


@get(f"{PILE}/{{piled_id:int}}/remove", permission="message.send")
def ask_removal(request: Request, piled_id: FromPath[int]) -> Response[str]:
    """Ask before a mail of the pile is removed."""
    with request.site.session() as session:
        mail = pile.find_piled(session, piled_id)
    name = mail.subject or mail.sender_name or mail.sender_email
    return request.page("messages/piled_remove.html", name=name, here=f"{PILE}/{piled_id}")


@post(f"{PILE}/{{piled_id:int}}/remove", permission="message.send")
def remove_piled(request: Request, piled_id: FromPath[int]) -> Redirect:
    """Remove a mail of the pile."""
    with request.site.begin() as session:
        pile.remove_piled(session, request.site, piled_id)
    return request.redirect(PILE, "The e-mail was removed.")


# The mailbox


@get(MAILBOX, permission="site.settings")
def mailbox_page(request: Request) -> Response[str]:
    """How the mailbox stands."""
    site, language = request.site, request.language
    server = site.settings.imap_server
    position = polling.position_of(site, server) if server else None
    return request.page(
        "messages/mailbox.html",
        server={"address": server.address, "user": server.user, "folder": server.folder} if server else None,
        looked=language.datetime(position.looked_at) if position and position.looked_at else "",
        error=position.error if position else "",
        here=MAILBOX,
    )


@post(f"{MAILBOX}/look", permission="site.settings")
def look_now(request: Request) -> Redirect:
    """Look into the mailbox now."""
    try:
        number = polling.look(request.site, budget=5.0)
    except MailboxAway as away:
        text = request.language.text
        return request.redirect(MAILBOX, "The mailbox can’t be read: %(words)s", kind="error", words=text(str(away)))
    if not number:
        return request.redirect(MAILBOX, "There is nothing new in the mailbox.", kind="info")
    return request.redirect(MAILBOX, "E-mails taken in: %(count)s", count=request.language.number(number))


def _size(request: Request, size: int) -> str:
    return f"{request.language.number(max(round(size / 1000), 1))} kB"


ROUTES: list[Any] = [
    mail_page,
    mail_frame,
    pile_page,
    piled_page,
    piled_frame,
    piled_file,
    assign_piled,
    make_contact,
    read_piled,
    unread_piled,
    ask_removal,
    remove_piled,
    mailbox_page,
    look_now,
]
