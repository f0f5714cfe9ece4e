"""Writing a message: checked, allowed, and put into the outbox in the caller's transaction (FEATURES M1, M3)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.files import SavedFile, add_file
from core.contacts.finding import find_contact, kept_contact_id
from core.contacts.models import Contact, now
from core.database.upsert import upsert
from core.errors import InvalidInput
from core.i18n import LANGUAGES
from core.messages.deciding import ask_may_send
from core.messages.headers import is_header_safe
from core.messages.models import Message, MessageFile
from core.messages.topics import check_topic
from core.values import SYSTEM, Actor, Outgoing, Purpose

if TYPE_CHECKING:
    from core.site import Site

SUBJECT_LENGTH = 200
TEXT_LENGTH = 50_000
MAX_FILES = 10
MAX_TOTAL = 15_000_000
"""Bytes of all files of a message: many mail servers refuse more than 25 MB, and a mail takes a third more."""


def clean_subject(text: str) -> str:
    """A subject as it can be sent. Raises InvalidInput for an empty one, and for what no header may have (T-M1)."""
    text = text.strip()
    if not text:
        raise InvalidInput("Enter a subject.", field="subject")
    if len(text) > SUBJECT_LENGTH:
        raise InvalidInput("This is too long: %(max)s characters at most.", field="subject", max=SUBJECT_LENGTH)
    if not is_header_safe(text):
        raise InvalidInput("A subject is one line of plain text.", field="subject")
    return text


def clean_text(text: str) -> str:
    """A message's text. Raises InvalidInput when it is empty or too long."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise InvalidInput("Enter a text.", field="text")
    if len(text) > TEXT_LENGTH:
        raise InvalidInput("This is too long: %(max)s characters at most.", field="text", max=TEXT_LENGTH)
    if "\x00" in text:
        raise InvalidInput("A text can’t hold a NUL character.", field="text")
    return text


def language_of(site: Site, contact: Contact) -> str:
    """The language in which a contact is written to: its own if it is one of ours, else the site's."""
    return contact.language if contact.language in LANGUAGES else site.settings.language


def queue_message(
    session: Session,
    site: Site,
    contact_id: int,
    subject: str,
    text: str,
    purpose: Purpose,
    *,
    topic: str = "",
    actor: Actor = SYSTEM,
    module: str = "",
    necessary: bool = False,
    files: Sequence[SavedFile] = (),
    in_reply_to: str = "",
    send_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> int:
    """Put a message to a contact into the outbox, in the caller's transaction; answers its id.

    It is in the contact's thread at once, and sent by the worker after the commit, to the address the contact has then
    (not before `send_at`). `text` is plain. `module` is the plugin that writes, `necessary` that the person is owed the
    message, `topic` what kind of advertising it is (see `Outgoing`). A second message with the same `idempotency_key`
    is not made; its id is the first one's.

    Raises InvalidInput (fields `subject`, `text`, `topic`), NotFound, and SendRefused when a plugin's `may_send`
    refuses: catch it where the message is not the point, so that nothing else is lost.
    """
    subject, text = clean_subject(subject), clean_text(text)
    check_topic(session, site, purpose, topic)
    contact = find_contact(session, contact_id)
    contact = find_contact(session, kept_contact_id(session, contact))
    if idempotency_key is not None:
        known = session.scalar(select(Message.id).where(Message.idempotency_key == idempotency_key))
        if known is not None:
            return known
    outgoing = Outgoing(
        contact_id=contact.id,
        email=contact.email,
        purpose=purpose,
        subject=subject,
        text=text,
        language=language_of(site, contact),
        module=module,
        necessary=necessary,
        topic=topic,
    )
    ask_may_send(session, site, outgoing)
    values = outbox_row(site, outgoing, actor=actor, idempotency_key=idempotency_key)
    values |= {"in_reply_to": in_reply_to, "next_at": send_at or values["next_at"]}
    made: int | None = session.scalar(upsert(session, Message, values, keys=["idempotency_key"]).returning(Message.id))
    if made is None:
        # Another transaction queued it between the look and the insert.
        return session.scalars(select(Message.id).where(Message.idempotency_key == idempotency_key)).one()
    for saved in files:
        file = add_file(session, contact.id, saved)
        session.add(MessageFile(file_id=file.id, message_id=made))
    session.flush()
    return made


def outbox_row(
    site: Site, message: Outgoing, *, actor: Actor, idempotency_key: str | None, newsletter_id: int | None = None
) -> dict[str, Any]:
    """A message that may be sent as a row of the outbox, due now."""
    moment = now()
    return {
        "contact_id": message.contact_id,
        "direction": "out",
        "module": message.module,
        "subject": message.subject,
        "text": message.text,
        "occurred_at": moment,
        "state": "queued",
        "purpose": message.purpose,
        "topic": message.topic,
        "necessary": message.necessary,
        "author_id": actor.id,
        "author_name": actor.name,
        "mail_id": mail_id(site),
        "in_reply_to": "",
        "idempotency_key": idempotency_key,
        "newsletter_id": newsletter_id,
        "next_at": moment,
    }


def mail_id(site: Site) -> str:
    """A Message-ID (RFC 5322 section 3.6.4), kept for all attempts: programs know a mail that comes twice by it."""
    host = urlsplit(site.settings.base_url).hostname or "localhost"
    try:
        ip_address(host)
    except ValueError:
        host = host if host.isascii() else host.encode("idna").decode()
    else:
        host = "localhost"
    return f"{secrets.token_hex(16)}@{host}"


def check_files(names_and_sizes: Sequence[tuple[str, int]]) -> None:
    """Raises InvalidInput (field `files`) for more files, or more bytes of them together, than a mail may have."""
    if len(names_and_sizes) > MAX_FILES:
        raise InvalidInput("%(max)s files at most.", field="files", max=MAX_FILES)
    if sum(size for _, size in names_and_sizes) > MAX_TOTAL:
        raise InvalidInput(
            "These files are too large for an e-mail: %(max)s MB at most, all together.",
            field="files",
            max=MAX_TOTAL // 1_000_000,
        )
    for name, _ in names_and_sizes:
        if not is_header_safe(name):
            raise InvalidInput("“%(name)s” can’t be sent under this name. Rename the file.", field="files", name=name)
