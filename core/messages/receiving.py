"""Messages from contacts: put into the thread, and told to the plugins."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from core.contacts.log import written_to
from core.messages.models import Message

if TYPE_CHECKING:
    from core.site import Site


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
    session.add(message)
    session.flush()
    site.tell(session, "message_received", message_id=message.id, contact_id=contact_id)
    return message.id
