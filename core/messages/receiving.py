"""Messages from contacts: put into the thread, and told to the plugins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy.orm import Session

from core.contacts.files import SavedFile, add_file
from core.contacts.log import add_activity, written_to
from core.contacts.models import now
from core.messages.models import Message, MessageFile
from core.values import Activity, Actor

if TYPE_CHECKING:
    from core.site import Site

WRITER = Actor(kind="visitor")
"""Who wrote a mail, in the log: the contact."""


@frozen(kw_only=True)
class Wrote:
    """An e-mail as it stands in a thread. `source_id` is its own Message-ID; `automatic`: no person wrote it."""

    subject: str
    text: str
    html: str
    sender_name: str
    sender_email: str
    source_id: str
    automatic: bool
    occurred_at: datetime


def receive_message(
    session: Session,
    site: Site,
    *,
    contact_id: int,
    text: str,
    subject: str = "",
    module: str,
    occurred_at: datetime,
) -> int:
    """Put a message from a contact into the contact's thread, in the caller's transaction; answers its id.

    `text` is plain text. The activity entry is the caller's capture.
    """
    contact_id = written_to(session, contact_id)
    message = Message(
        contact_id=contact_id,
        direction="in",
        module=module,
        subject=subject,
        text=text,
        occurred_at=occurred_at,
    )
    return _told(session, site, message)


def file_mail(session: Session, site: Site, contact_id: int, mail: Wrote, files: Sequence[SavedFile]) -> int:
    """Put an e-mail into a contact's thread, its files among the contact's, and an entry into the log; answers its id.

    In the caller's transaction. One that no person wrote does not wait to be read.
    """
    contact_id = written_to(session, contact_id)
    message = Message(
        contact_id=contact_id,
        direction="in",
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        sender_name=mail.sender_name,
        sender_email=mail.sender_email,
        source_id=mail.source_id,
        automatic=mail.automatic,
        occurred_at=mail.occurred_at,
        read_at=now() if mail.automatic else None,
    )
    session.add(message)
    session.flush()
    for saved in files:
        session.add(MessageFile(file_id=add_file(session, contact_id, saved).id, message_id=message.id))
    kind = "message.automatic" if mail.automatic else "message.received"
    add_activity(
        session,
        contact_id,
        Activity(kind=kind, reference=mail.subject),
        actor=WRITER,
        occurred_at=mail.occurred_at,
    )
    return _told(session, site, message)


def _told(session: Session, site: Site, message: Message) -> int:
    session.add(message)
    session.flush()
    site.tell(session, "message_received", message_id=message.id, contact_id=message.contact_id)
    return message.id
