"""The activity log (FEATURES C12): writing an entry, and reading entries as sentences' parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, insert, literal, select
from sqlalchemy.orm import Session

from core.contacts.models import Contact, ContactActivity, now
from core.database.upsert import write_many
from core.values import Activity, Actor

# Built once: building a statement takes longer than running it. Past the ORM, which would ask each row for its id.
ENTRIES = insert(ContactActivity.__table__)  # type: ignore[arg-type]


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


def write_entries(
    session: Session,
    contact_id: int,
    entries: Sequence[tuple[Activity, Actor, datetime]],
    *,
    idempotency_key: str | None = None,
) -> None:
    """Add entries to the log of a contact that the caller holds, in one statement; the first one has the key."""
    moment = now()
    session.execute(
        ENTRIES,
        [
            {
                "contact_id": contact_id,
                "kind": activity.kind,
                "reference": activity.reference,
                "data": dict(activity.data),
                "href": activity.href,
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "actor_name": actor.name,
                "occurred_at": occurred_at,
                "recorded_at": moment,
                "idempotency_key": None if place else idempotency_key,
            }
            for place, (activity, actor, occurred_at) in enumerate(entries)
        ],
    )


def add_activities(
    session: Session,
    contact_ids: Select[tuple[int]],
    activity: Activity,
    *,
    actor: Actor,
    occurred_at: datetime | None = None,
) -> int:
    """Add the same entry to the logs of many contacts, in one statement; answers how many were written.

    `occurred_at` is now unless given.
    """
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
        "occurred_at": literal(occurred_at or moment, log.occurred_at.type),
        "recorded_at": literal(moment, log.recorded_at.type),
    }
    source = select(*written.values()).order_by(chosen.c[0])
    return write_many(session, insert(log).from_select(list(written), source))


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
