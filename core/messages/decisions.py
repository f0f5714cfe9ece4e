"""What staff decide about a message that is not simply sent: again, as sent, seen, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.finding import find_contact
from core.contacts.log import add_activity
from core.contacts.models import now
from core.errors import Conflict, NotFound
from core.messages.deciding import ask_may_send
from core.messages.models import Message
from core.messages.sending import outgoing_of, tell_sent
from core.values import Activity, Actor

if TYPE_CHECKING:
    from core.site import Site


def can_resend(state: str, purpose: str) -> bool:
    """Whether a message may be sent again: it failed, or nobody knows and it is no advertising.

    Advertising goes out once at most (THREATS T-M3): what may have arrived is not sent again by anybody.
    """
    return state == "failed" or (state == "unknown" and purpose != "marketing")


def resend(session: Session, site: Site, message_id: int) -> Message:
    """Put a message that failed, or whose end is unknown, into the queue again, with the same Message-ID.

    Raises NotFound, Conflict when it is in no such state any more, and SendRefused.
    """
    message = _lock(session, message_id)
    if not can_resend(message.state, message.purpose):
        raise Conflict("This message can’t be sent again.")
    contact = find_contact(session, message.contact_id)
    ask_may_send(session, site, outgoing_of(site, contact, message))
    message.state, message.attempts, message.next_at = "queued", 0, now()
    message.claimed_by, message.claimed_at, message.handed_at, message.settled_at = "", None, None, None
    message.sent_at, message.bounced_at = None, None
    message.reply, message.reply_by = "", ""
    return message


def treat_as_sent(session: Session, site: Site, message_id: int) -> Message:
    """Take a message whose end is unknown for sent. Raises NotFound, and Conflict when it is not unknown any more."""
    message = _lock(session, message_id)
    if message.state != "unknown":
        raise Conflict("This message is not unclear any more.")
    message.state, message.sent_at, message.claimed_by, message.claimed_at = "sent", message.handed_at, "", None
    tell_sent(session, site, message)
    return message


def settle(session: Session, message_id: int) -> Message:
    """Leave a message that failed as it is: staff have seen it. Raises NotFound, and Conflict for any other."""
    message = _lock(session, message_id)
    if message.state != "failed":
        raise Conflict("This message has not failed.")
    message.settled_at = message.settled_at or now()
    return message


def withdraw(session: Session, message_id: int, actor: Actor) -> Message:
    """Take a message back that still waits. Raises NotFound, and Conflict when it is on its way already."""
    message = _lock(session, message_id)
    if message.state != "queued":
        raise Conflict("This message is on its way already.")
    message.state, message.reply, message.reply_by = "withdrawn", "", ""
    add_activity(
        session, message.contact_id, Activity(kind="message.withdrawn", reference=message.subject), actor=actor
    )
    return message


def _lock(session: Session, message_id: int) -> Message:
    if not 0 < message_id < 2**63:
        raise NotFound("There is no such message.")
    statement = select(Message).where(Message.id == message_id, Message.direction == "out").with_for_update()
    message = session.scalar(statement, execution_options={"populate_existing": True})
    if message is None:
        raise NotFound("There is no such message.")
    return message
