"""Editing a contact's details by hand, and the lock that comes with it (FEATURES C6, P3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import asdict, frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.finding import lock_contact
from core.contacts.log import add_activity
from core.contacts.models import Contact, ContactSuggestion, now
from core.errors import EditConflict
from core.values import Activity, Actor, Details

if TYPE_CHECKING:
    from core.site import Site


@frozen(kw_only=True)
class Edited:
    """What came of an edit: the details that changed, by name, and the contact's version now."""

    changed: frozenset[str]
    version: int


def edit_contact(session: Session, site: Site, contact_id: int, values: Details, version: int, actor: Actor) -> Edited:
    """Write the details a person typed, in the caller's transaction, and lock the contact (C6).

    Only groups of details that differ from what is stored are written, with the person as their origin.
    `version` is the one the form was opened with: when the contact has changed since, and not to the same
    values, nothing is written and EditConflict tells both sides (T-F1). Raises NotFound for an unknown
    contact.
    """
    contact = lock_contact(session, contact_id)
    stored, typed = details_of(contact), asdict(values)
    if stored == typed:
        return Edited(changed=frozenset(), version=contact.version)
    if contact.version != version:
        raise EditConflict(theirs=stored, yours=typed, version=contact.version)
    set_lock(contact, actor)
    return write_details(session, site, contact, values, rules.staff_origin(actor, now()), "contact.edited", actor)


def write_details(
    session: Session, site: Site, contact: Contact, values: Details, origin: rules.Origin, kind: str, actor: Actor
) -> Edited:
    """Write the groups of details that differ, log it as `kind`, and tell the plugins; the contact is held."""
    stored = details_of(contact)
    for group in rules.GROUPS:
        new = rules.values_of(values, group)
        if new != rules.values_of(contact, group):
            rules.write_group(contact, new, group, origin)
            _drop_agreeing_suggestion(session, contact, group)
    written = details_of(contact)
    changed = frozenset(name for name in written if written[name] != stored[name])
    finish_edit(contact)
    add_activity(
        session,
        contact.id,
        Activity(kind=kind, data=change_data(stored, written, sorted(changed))),
        actor=actor,
    )
    site.tell(session, "contact_updated", contact_id=contact.id, changed=changed)
    return Edited(changed=changed, version=contact.version)


def lock_details(session: Session, contact_id: int, actor: Actor) -> bool:
    """Keep orders and entries from changing a contact's details; answers whether they could before."""
    contact = lock_contact(session, contact_id)
    if contact.locked_at is not None:
        return False
    set_lock(contact, actor)
    add_activity(session, contact_id, Activity(kind="contact.locked"), actor=actor)
    return True


def lift_lock(session: Session, contact_id: int, actor: Actor) -> bool:
    """Let orders and entries change a contact's details again; answers whether they were locked before."""
    contact = lock_contact(session, contact_id)
    if contact.locked_at is None:
        return False
    contact.locked_at, contact.locked_by = None, ""
    add_activity(session, contact_id, Activity(kind="contact.unlocked"), actor=actor)
    return True


def details_of(contact: Contact) -> dict[str, str]:
    """All details by name."""
    return {name: getattr(contact, name) for group in rules.GROUPS for name in rules.GROUPS[group]}


def change_data(
    before: Mapping[str, str], after: Mapping[str, str], changed: Iterable[str]
) -> dict[str, str | int | bool]:
    """What a log entry keeps of a change: `before_name` and `after_name` for each changed detail."""
    return {
        f"{side}_{name}": values[name] for name in changed for side, values in (("before", before), ("after", after))
    }


def set_lock(contact: Contact, actor: Actor) -> None:
    """Lock the details in this person's name, unless they are locked already."""
    if contact.locked_at is None:
        contact.locked_at, contact.locked_by = now(), actor.name


def finish_edit(contact: Contact) -> None:
    """What every change of details needs: a new version, the time, and what search looks through."""
    contact.version += 1
    contact.updated_at = now()
    rules.refresh_search_text(contact)


def _drop_agreeing_suggestion(session: Session, contact: Contact, group: str) -> None:
    """A suggestion that says what was just typed is settled; one that says something else still waits."""
    suggestion = session.scalar(
        select(ContactSuggestion).where(ContactSuggestion.contact_id == contact.id, ContactSuggestion.group == group)
    )
    if suggestion is not None and rules.same(contact, Details(**suggestion.details), group):
        session.delete(suggestion)
