"""The activity log (FEATURES C12): writing an entry, and reading entries as sentences' parts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from core.contacts.models import ContactActivity, now
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
    """Add an entry to a contact's log, in the caller's transaction."""
    entry = ContactActivity(
        contact_id=contact_id,
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
