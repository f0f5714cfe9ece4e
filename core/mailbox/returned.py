"""What a bounce or a complaint does: the message has failed, with the server's words; the plugins are told (T-M6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.log import add_activity
from core.contacts.models import now
from core.mailbox.reports import Report
from core.messages.models import Message
from core.values import SYSTEM, Activity, Bounce

if TYPE_CHECKING:
    from core.site import Site

CAME_BACK_TEXTS = ("The message came back: it could not be delivered.",)
"""Reason where the report gives none, message ids."""


def apply_report(session: Session, site: Site, message_id: int, report: Report) -> None:
    """Take a report about one of our messages, in the caller's transaction.

    A second bounce of the same message changes nothing, nor does one of a message that was never handed over.
    """
    statement = select(Message).where(Message.id == message_id).with_for_update()
    message = session.scalar(statement, execution_options={"populate_existing": True})
    if message is None or (message.handed_at is None and message.sent_at is None):
        return
    if report.kind == "complaint":
        _log(session, message, "message.complained")
        site.tell(
            session,
            "message_complained",
            message_id=message.id,
            contact_id=message.contact_id,
            purpose=message.purpose or "personal",
            topic=message.topic,
        )
    elif report.kind == "failed" and message.bounced_at is None:
        message.bounced_at = now()
        if message.state in ("sent", "unknown"):
            message.state, message.claimed_by = "failed", ""
            # Of a newsletter nobody has to decide what becomes of the letters that come back.
            message.settled_at = message.bounced_at if message.newsletter_id is not None else None
        message.reply, message.reply_by = report.words or report.status or CAME_BACK_TEXTS[0], ""
        session.flush()
        _log(session, message, "message.bounced")
        bounce = Bounce(
            email=message.recipient, status=report.status, words=message.reply, address_is_gone=report.is_gone
        )
        site.tell(session, "message_bounced", message_id=message.id, contact_id=message.contact_id, bounce=bounce)


def _log(session: Session, message: Message, kind: str) -> None:
    add_activity(session, message.contact_id, Activity(kind=kind, reference=message.subject), actor=SYSTEM)
