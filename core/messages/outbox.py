"""The outbox: the rows of `messages` that are on their way, and who may move them (DESIGN section 6).

A row goes from queued to sending by one worker's claim, and on from there by that worker alone. What a mail server may
have got is never sent again by itself: a worker that ends after handing over leaves the row unknown, for staff to
decide (THREATS T-M3).
"""

from __future__ import annotations

import os
import secrets
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, or_, select, update
from sqlalchemy.orm import Session

from core.contacts.models import now
from core.messages.models import Message, State

if TYPE_CHECKING:
    from core.site import Site

LEASE = timedelta(minutes=15)
"""After this a worker that still sends is taken for dead; longer than any server may take for its answers."""

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)

ATTEMPTS = 125
"""How often a server may put a message off: five days with these waits (RFC 5321 section 4.5.4.1: four or five)."""

_PROCESS = secrets.token_hex(4)


def new_worker() -> str:
    """The name of a worker: its machine, its process, and something that no other one has."""
    return f"{socket.gethostname()}/{os.getpid()}/{_PROCESS}/{secrets.token_hex(4)}"


def is_gone(worker: str) -> bool:
    """Whether a worker has certainly ended; one on another machine is only known by its lease."""
    parts = worker.split("/")
    if len(parts) != 4 or parts[0] != socket.gethostname() or not parts[1].isdigit() or os.name != "posix":
        return False
    pid = int(parts[1])
    if pid == os.getpid():
        # The same number, given anew, as in a container that was started again.
        return parts[2] != _PROCESS
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def claim(session: Session, worker: str) -> int | None:
    """Take the message that is due first; its id, or None when nothing is due. Commit before anything is sent.

    One statement finds and marks it, and rows that another worker is taking are passed over: no message is ever with
    two workers (THREATS T-M4). Letters of a newsletter come after everything else that is due.
    """
    moment = now()
    first = (
        select(Message.id)
        .where(Message.state == "queued", Message.next_at <= moment)
        .order_by(Message.newsletter_id.is_not(None), Message.next_at, Message.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return session.scalar(
        update(Message)
        .where(Message.id == first, Message.state == "queued")
        .values(state="sending", claimed_by=worker, claimed_at=moment, handed_at=None, attempts=Message.attempts + 1)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )


def hold(session: Session, message_id: int, worker: str) -> Message | None:
    """The claimed message, its row locked; None when it is this worker's no more, or was erased."""
    statement = select(Message).where(
        Message.id == message_id, Message.state == "sending", Message.claimed_by == worker
    )
    return session.scalar(statement.with_for_update(), execution_options={"populate_existing": True})


def put_back(session: Session, message: Message, reply: str, *, wait: bool = True, all_due: bool = False) -> None:
    """Let a held message that the server does not have wait for its next attempt.

    The waits double up to an hour. With `all_due` everything that is due now waits along, as when the server is away.
    """
    moment = now()
    again = moment + waiting_time(message.attempts) if wait else moment
    message.state, message.claimed_by, message.claimed_at, message.handed_at = "queued", "", None, None
    message.next_at, message.reply, message.reply_by = again, reply, ""
    if all_due:
        session.flush()
        session.execute(
            update(Message)
            .where(Message.state == "queued", Message.next_at <= moment)
            .values(next_at=again, reply=reply, reply_by="")
            .execution_options(synchronize_session=False)
        )


def waiting_time(attempts: int) -> timedelta:
    """How long to wait after that many attempts: 1, 2, 4 … minutes, an hour at most."""
    doublings = min(max(attempts - 1, 0), 10)
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << doublings))


def end(session: Session, message: Message, state: State, reply: str, reply_by: str = "") -> None:
    """Bring a held message to an end. What fails of a newsletter is on its page, and waits for nobody's decision."""
    message.state, message.reply, message.reply_by = state, reply, reply_by
    if state == "failed" and message.newsletter_id is not None:
        message.settled_at = now()
    message.claimed_by, message.claimed_at = "", None
    if state == "sent":
        message.sent_at = now()


def hold_handed(session: Session, message_id: int, worker: str) -> Message | None:
    """The message that this worker has handed over, to write down what came of it.

    Also when the worker was taken for dead meanwhile and the row is unknown: now it is known. None when staff have
    decided already, or the contact was erased.
    """
    statement = select(Message).where(
        Message.id == message_id, Message.state.in_(("sending", "unknown")), Message.claimed_by == worker
    )
    return session.scalar(statement.with_for_update(), execution_options={"populate_existing": True})


def take_over_abandoned(site: Site) -> int:
    """Settle what workers left that are gone; answers how many messages that were.

    What was not handed over goes back to the queue. What may have been is unknown from now on.
    """
    with site.session() as session:
        rows = session.execute(
            select(Message.id, Message.claimed_by, Message.claimed_at).where(Message.state == "sending")
        ).all()
    late = now() - LEASE
    gone = [(row.id, row.claimed_by) for row in rows if is_gone(row.claimed_by) or (row.claimed_at or late) <= late]
    settled = 0
    for message_id, worker in gone:
        with site.begin() as session:
            settled += _abandon(session, message_id, worker)
    return settled


def _abandon(session: Session, message_id: int, worker: str) -> int:
    handed = Message.handed_at.is_not(None)
    values: dict[str, Any] = {
        "state": case((handed, "unknown"), else_="queued"),
        "next_at": case((handed, Message.next_at), else_=now()),
        # Kept with an unknown one: its worker may be alive after all, and say how it ended.
        "claimed_by": case((handed, Message.claimed_by), else_=""),
        "reply": "",
        "reply_by": "",
    }
    changed = session.execute(
        update(Message)
        .where(Message.id == message_id, Message.state == "sending", Message.claimed_by == worker)
        .values(values)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return len(changed.all())


def anything_to_do(session: Session) -> bool:
    """Whether a message is due or on its way: a look without a lock, for the worker that has nothing to do."""
    due = or_(Message.state == "sending", (Message.state == "queued") & (Message.next_at <= now()))
    return session.scalar(select(Message.id).where(due).limit(1)) is not None
