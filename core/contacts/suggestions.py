"""What a lock held back (FEATURES C6): accepted into the details, or dismissed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.editing import change_data, details_of, finish_edit
from core.contacts.finding import check_id, lock_contact
from core.contacts.log import add_activity
from core.contacts.models import ContactSuggestion
from core.errors import Conflict, NotFound
from core.values import Activity, Actor

if TYPE_CHECKING:
    from core.site import Site


def accept_suggestion(
    session: Session,
    site: Site,
    contact_id: int,
    suggestion_id: int,
    actor: Actor,
    seen: datetime | None = None,
) -> None:
    """Write a suggestion into the details, with the origin it came from; the lock stays.

    `seen` is the suggestion's time as it was shown: a newer order replaces a suggestion in place, and nobody
    should accept what they have not seen (Conflict). Raises NotFound when it is settled already or another
    contact's.
    """
    contact = lock_contact(session, contact_id)
    suggestion = _suggestion(session, contact_id, suggestion_id, seen)
    before = details_of(contact)
    values = {name: str(suggestion.details.get(name, "")) for name in rules.GROUPS[suggestion.group]}
    origin = rules.Origin(
        kind=suggestion.source_kind,
        since=suggestion.occurred_at,
        reference=suggestion.reference,
        href=suggestion.href,
    )
    rules.write_group(contact, values, suggestion.group, origin)
    after = details_of(contact)
    changed = frozenset(name for name in after if after[name] != before[name])
    finish_edit(contact)
    session.delete(suggestion)
    add_activity(
        session,
        contact_id,
        Activity(
            kind="contact.suggestion_accepted",
            reference=suggestion.reference,
            data=change_data(before, after, sorted(changed)),
            href=suggestion.href,
        ),
        actor=actor,
    )
    site.tell(session, "contact_updated", contact_id=contact_id, changed=changed)


def dismiss_suggestion(
    session: Session, contact_id: int, suggestion_id: int, actor: Actor, seen: datetime | None = None
) -> None:
    """Drop a suggestion; the details stay as they are. Raises as `accept_suggestion`."""
    contact = lock_contact(session, contact_id)
    suggestion = _suggestion(session, contact_id, suggestion_id, seen)
    offered = {name: str(suggestion.details.get(name, "")) for name in rules.GROUPS[suggestion.group]}
    stored = rules.values_of(contact, suggestion.group)
    differing = sorted(name for name in offered if offered[name] != stored[name])
    session.delete(suggestion)
    add_activity(
        session,
        contact_id,
        Activity(
            kind="contact.suggestion_dismissed",
            reference=suggestion.reference,
            data={f"dismissed_{name}": offered[name] for name in differing},
            href=suggestion.href,
        ),
        actor=actor,
    )


def _suggestion(session: Session, contact_id: int, suggestion_id: int, seen: datetime | None) -> ContactSuggestion:
    check_id(suggestion_id)
    found = session.scalar(
        select(ContactSuggestion).where(
            ContactSuggestion.id == suggestion_id, ContactSuggestion.contact_id == contact_id
        )
    )
    if found is None:
        raise NotFound("This suggestion was settled already.")
    if seen is not None and found.occurred_at != seen:
        raise Conflict("A newer suggestion has taken the place of this one.")
    return found
