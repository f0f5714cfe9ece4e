"""Sending: the job that hands what is due to the mail server, one message after another (FEATURES M1).

For each message: claim it (committed), name sender and recipient to the server, ask every plugin once more and mark
that it is handed over (committed, together), send it, write down what came of it. Nothing is sent inside a transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from attrs import evolve
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.files import file_path
from core.contacts.finding import find_contact
from core.contacts.log import add_activity
from core.contacts.models import Contact, StoredFile, now
from core.errors import SendRefused
from core.mailbox.addresses import answer_address, return_address
from core.messages import outbox
from core.messages.composing import language_of
from core.messages.deciding import Allowed, ask_may_send, reason_of
from core.messages.mail import Attachment, CannotBeWritten, Letter, Sender, sender_of, wire_address, write_mail
from core.messages.models import Message, MessageFile, NewsletterFile
from core.messages.smtp import Connection, NobodyKnows, Reply, ServerAway
from core.values import SYSTEM, Activity, Actor, Outgoing, Purpose
from core.zone.links import handed_out

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.messages")

EVERY = timedelta(seconds=5)
"""How often the outbox is looked at."""

BUDGET = 5.0
"""Seconds after which a run takes no further message: so that a server told to end is not in the middle of many."""


def send_due(site: Site, worker: str | None = None) -> int:
    """Send what is due; answers how many messages were taken up. Without a mail server or a sender nothing is sent."""
    server, sender = site.settings.mail_server, sender_of(site)
    with site.session() as session:
        if not outbox.anything_to_do(session):
            return 0
    outbox.take_over_abandoned(site)
    if server is None or sender is None:
        return 0
    worker = worker or outbox.new_worker()
    taken, until = 0, monotonic() + BUDGET
    with closing(Connection(server)) as connection:
        while monotonic() < until:
            with site.begin() as session:
                message_id = outbox.claim(session, worker)
            if message_id is None:
                break
            taken += 1
            if not _send_one(site, connection, sender, message_id, worker):
                break
    return taken


def run(site: Site) -> None:
    """The periodic job."""
    send_due(site)


def _send_one(site: Site, connection: Connection, sender: Sender, message_id: int, worker: str) -> bool:
    """Take one claimed message as far as it goes; answers whether the server is there for the next one."""
    try:
        address, wire, international = _recipient(site, message_id)
        attachments = attachments_of(site, message_id)
        from_wire, from_international = wire_address(return_address(site, sender.email, message_id))
        connection.open()
        reply = connection.begin(from_wire, wire, international=international or from_international)
        if not reply.is_good:
            return _refused_by_server(site, message_id, worker, reply)
        letter = _hand_over(site, sender, message_id, worker, address, attachments)
        if letter is None:
            connection.forget()
            return True
        mail = write_mail(site, sender, letter)
        reply = connection.ready()
        if reply.code == 354:
            reply = connection.deliver(mail)
    except CannotBeWritten as problem:
        connection.forget()
        _fail(site, message_id, worker, str(problem))
        return True
    except ServerAway as away:
        log.warning("The mail server is away: %s", away)
        with site.begin() as session:
            message = outbox.hold_handed(session, message_id, worker)
            if message is not None:
                outbox.put_back(session, message, str(away), all_due=True)
        return False
    except NobodyKnows as lost:
        log.warning("Message %s: nobody knows whether the mail server took it: %s", message_id, lost)
        with site.begin() as session:
            message = outbox.hold_handed(session, message_id, worker)
            if message is not None:
                outbox.end(session, message, "unknown", str(lost))
        return False
    if not reply.is_good:
        return _refused_by_server(site, message_id, worker, reply)
    _sent(site, message_id, worker, address, reply)
    return True


def _recipient(site: Site, message_id: int) -> tuple[str, str, bool]:
    """The contact's address as it is now, as the server takes it, and whether it needs RFC 6531."""
    with site.session() as session:
        email = session.scalar(select(Contact.email).join(Message).where(Message.id == message_id))
    if email is None:
        raise CannotBeWritten("This contact was erased.")
    return email, *wire_address(email)


def attachments_of(site: Site, message_id: int) -> list[Attachment]:
    """The files of a message, read. Raises CannotBeWritten when one is gone."""
    # Read before the transaction that hands over: SQLite has one writer at a time.
    with site.session() as session:
        files: Sequence[StoredFile | NewsletterFile] = session.scalars(
            select(StoredFile)
            .join(MessageFile, MessageFile.file_id == StoredFile.id)
            .where(MessageFile.message_id == message_id)
            .order_by(StoredFile.id)
        ).all()
        common: Sequence[StoredFile | NewsletterFile] = session.scalars(
            select(NewsletterFile)
            .join(Message, Message.newsletter_id == NewsletterFile.newsletter_id)
            .where(Message.id == message_id)
            .order_by(NewsletterFile.id)
        ).all()
    try:
        return [
            Attachment(
                name=file.name,
                media_type=file.media_type,
                content=file_path(site.settings.data_dir, file.stored_name).read_bytes(),
            )
            for file in (*files, *common)
        ]
    except OSError as error:
        raise CannotBeWritten("A file of this message can’t be found any more.") from error


def _hand_over(
    site: Site, sender: Sender, message_id: int, worker: str, address: str, attachments: list[Attachment]
) -> Letter | None:
    """Ask the plugins and mark the message, in one transaction: who unsubscribes before it gets nothing (T-C5).

    Answers what the mail is made of; None when it must not be sent, or is this worker's no more.
    """
    with site.begin() as session:
        message = outbox.hold(session, message_id, worker)
        if message is None:
            return None
        contact = find_contact(session, message.contact_id)
        if contact.email != address:
            # Merged while the server was asked: once more, with the right address.
            outbox.put_back(session, message, "", wait=False)
            return None
        outgoing = outgoing_of(site, contact, message)
        try:
            allowed = ask_may_send(session, site, outgoing)
        except SendRefused as refused:
            # Of a newsletter nobody has to decide what becomes of those who don't want it any more.
            is_one_of_many = message.newsletter_id is not None
            outbox.end(
                session, message, "withdrawn" if is_one_of_many else "failed", reason_of(refused), refused.plugin
            )
            _log(session, message, f"message.{message.state}")
            return None
        message.handed_at, message.recipient = now(), address
        letter = letter_of(site, sender, contact, message, outgoing, allowed, attachments)
        return evolve(letter, text=handed_out(session, site, message))


def outgoing_of(site: Site, contact: Contact, message: Message) -> Outgoing:
    """A stored message as the plugins are asked about it."""
    purpose: Purpose = message.purpose or "personal"
    return Outgoing(
        contact_id=contact.id,
        email=contact.email,
        purpose=purpose,
        subject=message.subject,
        text=message.text,
        language=language_of(site, contact),
        module=message.module,
        necessary=message.necessary,
        message_id=message.id,
        topic=message.topic,
    )


def letter_of(
    site: Site,
    sender: Sender,
    contact: Contact,
    message: Message,
    outgoing: Outgoing,
    allowed: Allowed,
    attachments: Sequence[Attachment],
) -> Letter:
    """Everything that the mail of a stored message is made of."""
    return Letter(
        mail_id=message.mail_id or "",
        in_reply_to=message.in_reply_to,
        to_name=contact.name,
        to_email=contact.email,
        subject=message.subject,
        text=message.text,
        language=outgoing.language,
        written_at=message.occurred_at,
        automatic=message.author_id is None,
        headers=allowed.headers,
        footers=allowed.footers,
        reply_to=answer_address(site, sender.email, message.id),
        attachments=attachments,
    )


def _refused_by_server(site: Site, message_id: int, worker: str, reply: Reply) -> bool:
    with site.begin() as session:
        message = outbox.hold_handed(session, message_id, worker)
        if message is None:
            return True
        if reply.is_final or message.attempts >= outbox.ATTEMPTS:
            outbox.end(session, message, "failed", reply.shown)
            _log(session, message, "message.failed")
        else:
            outbox.put_back(session, message, reply.shown)
    return True


def _fail(site: Site, message_id: int, worker: str, reason: str) -> None:
    with site.begin() as session:
        message = outbox.hold(session, message_id, worker)
        if message is not None:
            outbox.end(session, message, "failed", reason)
            _log(session, message, "message.failed")


def _sent(site: Site, message_id: int, worker: str, address: str, reply: Reply) -> None:
    with site.begin() as session:
        message = outbox.hold_handed(session, message_id, worker)
        if message is None:
            return
        if message.bounced_at is not None:
            # The next server was quicker with its bounce than this one with its answer.
            outbox.end(session, message, "failed", message.reply)
            return
        outbox.end(session, message, "sent", reply.shown)
        tell_sent(session, site, message)


def tell_sent(session: Session, site: Site, message: Message) -> None:
    """Log that a message was sent and tell the plugins; one that raises does not change that it was (T-M5)."""
    _log(session, message, "message.sent")
    site.tell(session, "message_sent", message_id=message.id, contact_id=message.contact_id)


def _log(session: Session, message: Message, kind: str) -> None:
    author = (
        Actor(kind="staff", id=message.author_id, name=message.author_name) if message.author_id is not None else SYSTEM
    )
    add_activity(session, message.contact_id, Activity(kind=kind, reference=message.subject), actor=author)
