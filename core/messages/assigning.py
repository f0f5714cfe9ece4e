"""Who of the staff takes care of a thread (FEATURES M2)."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.contacts.finding import lock_contact
from core.contacts.models import now
from core.database.upsert import upsert
from core.errors import InvalidInput
from core.messages.models import MessageThread
from core.staff.models import StaffAccount


def assign_thread(session: Session, contact_id: int, account_id: int | None) -> str:
    """Give a contact's thread to a staff account, or to nobody (None); answers the account's name.

    Raises NotFound and Conflict for the contact, InvalidInput for an account that is not there or not active.
    """
    lock_contact(session, contact_id)
    if account_id is None:
        session.execute(delete(MessageThread).where(MessageThread.contact_id == contact_id))
        return ""
    name = dict(assignable(session)).get(account_id)
    if name is None:
        raise InvalidInput("Choose one of the team.", field="assignee")
    row = {"assignee_id": account_id, "assigned_at": now()}
    session.execute(upsert(session, MessageThread, {"contact_id": contact_id, **row}, keys=["contact_id"], update=row))
    return name


def assignable(session: Session) -> list[tuple[int, str]]:
    """The team: id and name of each account that can sign in, by name."""
    rows = session.execute(
        select(StaffAccount.id, StaffAccount.name, StaffAccount.email)
        .where(StaffAccount.disabled_at.is_(None))
        .order_by(StaffAccount.name, StaffAccount.id)
    )
    return [(row.id, row.name or row.email) for row in rows]


def merge_threads(session: Session, kept_id: int, merged_id: int) -> None:
    """One thread of two: the kept contact's stays with whoever has it, else it gets the other's."""
    found = session.scalars(select(MessageThread).where(MessageThread.contact_id.in_((kept_id, merged_id))))
    rows = {row.contact_id: row for row in found}
    merged = rows.get(merged_id)
    if merged is None:
        return
    if kept_id not in rows:
        session.add(MessageThread(contact_id=kept_id, assignee_id=merged.assignee_id, assigned_at=merged.assigned_at))
    session.delete(merged)
    session.flush()
