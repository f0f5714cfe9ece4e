"""The activity log (FEATURES C12): writing an entry, and reading entries as sentences' parts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.models import Contact, ContactActivity, now
from core.values import Activity, Actor


def add_activity(
    session: Session,
    contact_id: int,
    activity: Activity,
    *,
    actor: Actor,
    occurred_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> ContactActivity:
    """Add an entry to a contact's log, in the caller's transaction; to the kept one's when it was merged (C9)."""
    entry = ContactActivity(
        contact_id=written_to(session, contact_id),
        kind=activity.kind,
        reference=activity.reference,
        data=dict(activity.data),
        href=activity.href,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        occurred_at=occurred_at or now(),
        idempotency_key=idempotency_key,
    )
    session.add(entry)
    session.flush()
    return entry


def written_to(session: Session, contact_id: int) -> int:
    """The contact that a row about this one belongs to: itself, or the one that it was merged into.

    Waits for a merge that is under way, as the reference of the row would do in any case.
    """
    passed = {contact_id}
    while True:
        statement = select(Contact.merged_into_id).where(Contact.id == contact_id)
        into = session.scalar(statement.with_for_update(read=True, key_share=True))
        if into is None or into in passed:
            return contact_id
        passed.add(contact_id := into)
