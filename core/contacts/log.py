"""The activity log (FEATURES C12): writing an entry, and reading entries as sentences' parts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, insert, literal, select
from sqlalchemy.orm import Session

from core.contacts.models import ContactActivity, now
from core.database.upsert import write_many
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


def add_activities(session: Session, contact_ids: Select[tuple[int]], activity: Activity, *, actor: Actor) -> int:
    """Add the same entry to the logs of many contacts, in one statement; answers how many were written."""
    log, chosen, moment = ContactActivity, contact_ids.subquery(), now()
    written: dict[str, Any] = {
        "contact_id": chosen.c[0],
        "kind": literal(activity.kind),
        "reference": literal(activity.reference),
        "data": literal(dict(activity.data), JSON()),
        "href": literal(activity.href),
        "actor_kind": literal(actor.kind),
        "actor_id": literal(actor.id, log.actor_id.type),
        "actor_name": literal(actor.name),
        "occurred_at": literal(moment, log.occurred_at.type),
        "recorded_at": literal(moment, log.recorded_at.type),
    }
    source = select(*written.values()).order_by(chosen.c[0])
    return write_many(session, insert(log).from_select(list(written), source))
