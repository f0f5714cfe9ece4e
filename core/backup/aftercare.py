"""What a restored database must not do as if no time had passed since its backup: send, sign in, give numbers again."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import case, column, delete, func, select, table, text, update
from sqlalchemy.orm import Session

from core.backup.journal import Entry
from core.backup.models import SiteEpoch
from core.contacts.models import Contact, now
from core.database.base import Base
from core.database.upsert import write_many
from core.jobs.models import JobClock, QueuedJob
from core.messages.models import Message, Newsletter
from core.messages.states import RESTORED_TEXTS
from core.privacy.models import ErasedContact
from core.staff.models import StaffSession
from core.transfer.models import ContactExport
from core.zone import links
from core.zone.models import ZoneLink, ZoneSession

if TYPE_CHECKING:
    from core.site import Site

GAP = 1_000_000
"""Numbers that are left out: more than are given between two backups.

Links in mails and addresses of answers name contacts and messages by number. Those that were sent after the backup lead
nowhere then, and never to somebody else.
"""


@frozen(kw_only=True)
class Settled:
    """What was done: messages for staff to decide about, newsletters stopped, sessions and links ended."""

    messages: int
    newsletters: int
    sessions: int
    links: int


def begin_epoch(session: Session, entries: Iterable[Entry]) -> None:
    """Raise all numbers that are never given twice, above those that the journal knows too, and begin an epoch."""
    known = max((entry.contact_id for entry in entries), default=0)
    for name, model in sorted(Base.metadata.tables.items()):
        if model.dialect_options["sqlite"]["autoincrement"]:
            above = _raise_numbers(session, name, known if name == Contact.__tablename__ else 0)
            if name == Contact.__tablename__:
                session.add(SiteEpoch(epoch=secrets.token_hex(8), above=above))


def _raise_numbers(session: Session, name: str, known: int) -> int:
    highest = max(session.scalar(select(func.max(column("id"))).select_from(table(name))) or 0, known)
    if session.get_bind().dialect.name == "sqlite":
        given = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        above = max(session.scalar(given, {"name": name}) or 0, highest) + GAP
        session.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
        insert = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :above)")
        session.execute(insert, {"name": name, "above": above})
        return above
    sequence = session.scalar(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": name})
    last = session.scalar(text("SELECT pg_sequence_last_value(CAST(:name AS regclass))"), {"name": sequence}) or 0
    above = max(last, highest) + GAP
    session.execute(text("SELECT setval(CAST(:name AS regclass), :above)"), {"name": sequence, "above": above})
    return above


def settle(session: Session, made_at: datetime) -> Settled:
    """Leave to staff what may have been sent since `made_at`, and end what lets somebody in."""
    email = select(Contact.email).where(Contact.id == Message.contact_id).scalar_subquery()
    messages = write_many(
        session,
        update(Message)
        .where(Message.direction == "out", Message.state.in_(("queued", "sending")))
        .values(
            state="unknown",
            handed_at=func.coalesce(Message.handed_at, made_at),
            recipient=case((Message.recipient == "", email), else_=Message.recipient),
            claimed_by="",
            claimed_at=None,
            reply=RESTORED_TEXTS[0],
            reply_by="",
        ),
    )
    newsletters = write_many(session, update(Newsletter).where(Newsletter.state == "sending").values(state="stopped"))
    write_many(session, delete(ContactExport))
    sessions = write_many(session, delete(StaffSession)) + write_many(session, delete(ZoneSession))
    ended = write_many(session, update(ZoneLink).where(ZoneLink.used_at.is_(None)).values(used_at=now()))
    # Would mail a link to somebody who asked for it long ago.
    open_job = (QueuedJob.key == links.JOB, QueuedJob.finished_at.is_(None))
    write_many(session, update(QueuedJob).where(*open_job).values(state="cancelled", finished_at=now(), data={}))
    write_many(session, update(JobClock).values(held_until=None))
    return Settled(messages=messages, newsletters=newsletters, sessions=sessions, links=ended)


def write_all_down(session: Session) -> None:
    """Have every erasing that this database knows written into the journal that it has from now on."""
    write_many(session, update(ErasedContact).values(journaled_at=None))


def take_care(site: Site, entries: Iterable[Entry], made_at: datetime) -> Settled:
    """All of it, in one transaction."""
    with site.begin() as session:
        begin_epoch(session, entries)
        write_all_down(session)
        return settle(session, made_at)
