"""Whose a mail is: by what it answers, then by the address it came to, then by who wrote it (FEATURES M2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.addresses import parse_address
from core.contacts.finding import current_contact_id
from core.contacts.models import Contact
from core.errors import InvalidEmail
from core.mailbox.reading import ReceivedMail
from core.mailbox.tokens import message_of
from core.messages.mail import sender_of
from core.messages.models import Message

if TYPE_CHECKING:
    from core.site import Site


@frozen(kw_only=True)
class Place:
    """Where a mail belongs: a copy of one of ours, a report on one, a contact's thread, a new one's, or the pile."""

    kind: Literal["own", "report", "thread", "new", "pile"]
    contact_id: int | None = None
    message_id: int | None = None


def place_of(session: Session, site: Site, mail: ReceivedMail) -> Place:
    """Where this mail belongs."""
    if mail.message_id and _is_own(session, site, mail):
        return Place(kind="own")
    if mail.report is not None:
        about = _message_named(session, [*mail.answers, *mail.names]) or _message_addressed(session, site, mail)
        if about is not None:
            return Place(kind="report", message_id=about.id)
        # Of none of our messages, whatever it says: it changes nothing (THREATS T-M6).
    answered = _message_named(session, mail.answers) or _message_addressed(session, site, mail)
    if answered is not None:
        kept_id = current_contact_id(session, answered.contact_id)
        return Place(kind="thread", contact_id=kept_id, message_id=answered.id)
    key = key_of(mail.sender_email)
    if key and (known_id := contact_with(session, key)) is not None:
        return Place(kind="thread", contact_id=known_id)
    if key and not mail.automatic and site.setting("mailbox.unknown") == "contact":
        return Place(kind="new")
    return Place(kind="pile")


def contact_with(session: Session, key: str) -> int | None:
    """The contact with this address or alias (C2)."""
    found = session.scalar(select(Contact.id).where(Contact.email_key == key))
    return None if found is None else current_contact_id(session, found)


def key_of(email: str) -> str:
    """An address as it is compared; empty for what is none."""
    try:
        return parse_address(email).key
    except InvalidEmail:
        return ""


def _is_own(session: Session, site: Site, mail: ReceivedMail) -> bool:
    sender = sender_of(site)
    if sender is None or key_of(mail.sender_email) != key_of(sender.email):
        return False
    return session.scalar(select(Message.id).where(Message.mail_id == mail.message_id)) is not None


def _message_named(session: Session, names: Sequence[str]) -> Message | None:
    """Our message with the first of these Message-IDs that is ours: they are random, so who knows one has the mail."""
    if not names:
        return None
    found = session.scalars(select(Message).where(Message.mail_id.in_(names), Message.direction == "out"))
    of_name = {message.mail_id: message for message in found}
    return next((of_name[name] for name in names if name in of_name), None)


def _message_addressed(session: Session, site: Site, mail: ReceivedMail) -> Message | None:
    number = message_of(site.secret, mail.recipients)
    message = session.get(Message, number) if number is not None else None
    return message if message is not None and message.direction == "out" else None
