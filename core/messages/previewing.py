"""Mails as they would go out, for a site without a mail server: so that everything can be tried, the links in them too.

Who may look reads links that were meant for the person alone. So there is nothing to see as soon as there is a mail
server, and it takes a permission of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Literal

from attrs import evolve, frozen
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from core.contacts.finding import find_contact
from core.contacts.history import cursor, read_cursor
from core.contacts.models import Contact
from core.errors import NotFound, SendRefused
from core.messages.deciding import ask_may_send, reason_of
from core.messages.mail import CannotBeWritten, sender_of, stand_in, write_mail
from core.messages.models import Message
from core.messages.sending import attachments_of, letter_of, outgoing_of
from core.zone.links import text_as_sent

if TYPE_CHECKING:
    from core.site import Site

SHOWN = ("From", "Reply-To", "To", "Subject", "Date", "List-Unsubscribe", "Auto-Submitted", "Message-ID")
"""Headers that are shown, in this order."""


@frozen(kw_only=True)
class Waiting:
    """A message that would be sent: to whom, what about, and since when."""

    id: int
    name: str
    email: str
    subject: str
    purpose: Literal["", "personal", "system", "marketing"]
    written_at: datetime


@frozen(kw_only=True)
class Preview:
    """A mail as it would go out; `refusal` is why it would not, a message id, and the plugin that says so."""

    headers: Sequence[tuple[str, str]]
    text: str
    html: str
    files: Sequence[tuple[str, int]]
    refusal: tuple[str, str] | None


class _Made(Exception):
    """Carries what was made out of the transaction that it ends."""

    def __init__(self, preview: Preview) -> None:
        self.preview = preview


def waiting_mails(session: Session, *, before: str = "", limit: int = 50) -> tuple[list[Waiting], str | None]:
    """A page of what would be sent, newest first, and where the next one begins (None at the end)."""
    statement = (
        select(Message, Contact.name, Contact.email)
        .join(Contact, Contact.id == Message.contact_id)
        .where(Message.state == "queued")
        .order_by(Message.occurred_at.desc(), Message.id.desc())
        .limit(limit + 1)
    )
    if (place := read_cursor(before)) is not None:
        statement = statement.where(tuple_(Message.occurred_at, Message.id) < place)
    rows = session.execute(statement).all()
    found = [
        Waiting(
            id=message.id,
            name=name,
            email=email,
            subject=message.subject,
            purpose=message.purpose,
            written_at=message.occurred_at,
        )
        for message, name, email in rows[:limit]
    ]
    return found, cursor(found[-1].written_at, found[-1].id) if len(rows) > limit else None


def preview(site: Site, message_id: int) -> Preview:
    """The mail of a message that waits, made as the worker would make it; nothing is changed.

    Raises NotFound for any other message, and on a site with a mail server.
    """
    if site.settings.mail_server is not None or not 0 < message_id < 2**63:
        raise NotFound("There is no such message.")
    try:
        attachments = attachments_of(site, message_id)
    except CannotBeWritten:
        attachments = []
    try:
        # The plugins are asked as they would be, and whatever they write is taken back.
        with site.begin() as session:
            message = session.get(Message, message_id)
            if message is None or message.state != "queued":
                raise NotFound("There is no such message.")
            contact = find_contact(session, message.contact_id)
            outgoing = outgoing_of(site, contact, message)
            try:
                allowed = ask_may_send(session, site, outgoing)
            except SendRefused as refused:
                raise _Made(_refused(message, reason_of(refused), refused.plugin)) from refused
            sender = sender_of(site) or stand_in(site)
            letter = letter_of(site, sender, contact, message, outgoing, allowed, attachments)
            try:
                mail = write_mail(site, sender, evolve(letter, text=text_as_sent(session, site, message)))
            except CannotBeWritten as problem:
                raise _Made(_refused(message, str(problem), "")) from problem
            raise _Made(_read(mail))
    except _Made as made:
        return made.preview


def _refused(message: Message, reason: str, plugin: str) -> Preview:
    headers = [("Subject", message.subject)]
    return Preview(headers=headers, text=message.text, html="", files=(), refusal=(reason, plugin))


def _read(mail: bytes) -> Preview:
    """The mail read back as a mail program would, from the bytes that would go over the wire."""
    read = message_from_bytes(mail, policy=policy.default)
    text, html = read.get_body(("plain",)), read.get_body(("html",))
    return Preview(
        headers=[(name, str(read[name])) for name in SHOWN if read[name]],
        text=str(text.get_content()) if text is not None else "",
        html=str(html.get_content()) if html is not None else "",
        files=[
            (part.get_filename() or "", len(part.get_payload(decode=True) or b"")) for part in read.iter_attachments()
        ],
        refusal=None,
    )
