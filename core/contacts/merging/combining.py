"""The two contacts' own rows: what the kept one takes from the merged one, and what undoing gives back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from core.contacts import details as rules
from core.contacts.models import Contact, now

GROUP_LABELS: Mapping[str, str] = MappingProxyType(
    {**rules.GROUP_LABELS, "picture": "Picture", "fields": "Additional details"}
)
"""What one chooses from: groups of details, the picture, and the values of staff's own fields."""

EDITED_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "name": "The name was edited since.",
        "phone": "The phone number was edited since.",
        "address": "The address was edited since.",
        "language": "The language was edited since.",
        "picture": "The picture was changed since.",
    }
)
"""Group → what stands in the way of undoing."""

VERSIONS_A_MERGE = 10_000
"""By how much a merge raises a contact's version.

Undoing takes the version back. A form that was opened in between must not fit again after some edits, so the versions
in between are ones that nobody gets to by editing.
"""

OWN = ("id", "email", "email_key", "merged_into_id", "origins")
SEEN = ("name", "phone", "street", "street2", "postal_code", "city", "region", "country", "language", "picture")
TAKEN_BACK = ("stage", "joined_at", "inactive_at", "locked_at", "locked_by", "version", "updated_at")
DERIVED = tuple(column.name for column in Contact.__table__.columns if column.name not in {*OWN, *SEEN, *TAKEN_BACK})
"""Columns worked out from the others: what search looks through, keys, addresses of aliases."""


def row_of(contact: Contact) -> dict[str, Any]:
    """All columns of a contact."""
    return {column.name: getattr(contact, column.key) for column in Contact.__table__.columns}


def fill_gaps(kept: Contact, merged: Contact) -> frozenset[str]:
    """The groups of which only the merged contact says something: what one takes from it without being asked."""
    empty = {group for group in rules.GROUPS if not any(rules.values_of(kept, group).values())}
    filled = {group for group in empty if any(rules.values_of(merged, group).values())}
    return frozenset(filled | ({"picture"} if merged.picture and not kept.picture else set()))


def combine(kept: Contact, merged: Contact, take: Collection[str]) -> frozenset[str]:
    """Make one of two rows: the groups in `take` from the merged one, and of the rest what is said for each.

    A customer stays one, the earlier time of joining holds, an active contact stays active, and details that were
    locked in either are locked. Answers the names of the details that changed.
    """
    before = row_of(kept)
    origins = dict(kept.origins)
    for group, names in rules.GROUPS.items():
        if group in take:
            for name in names:
                setattr(kept, name, getattr(merged, name))
            origins.pop(group, None)
            if group in merged.origins:
                origins[group] = merged.origins[group]
    if origins != kept.origins:
        kept.origins = origins
    if "picture" in take:
        kept.picture = merged.picture
    if merged.stage == "customer":
        kept.stage = "customer"
    kept.joined_at = min(kept.joined_at, merged.joined_at)
    if merged.inactive_at is None:
        kept.inactive_at = None
    if kept.locked_at is None and merged.locked_at is not None:
        kept.locked_at, kept.locked_by = merged.locked_at, merged.locked_by
    kept.version += VERSIONS_A_MERGE
    kept.updated_at = now()
    after = row_of(kept)
    return frozenset(name for name in SEEN if after[name] != before[name])


def write_aliases(session: Session, contact: Contact) -> None:
    """Write down the addresses of all contacts merged into this one, also by way of others, for the search (C2)."""
    session.flush()
    contact.aliases = "\n".join(alias_emails(session, contact.id))
    rules.refresh_search_text(contact)
    session.flush()


def alias_emails(session: Session, contact_id: int) -> list[str]:
    """The addresses that lead to a contact besides its own."""
    found = select(Contact.id, Contact.email).where(Contact.merged_into_id == contact_id).cte(recursive=True)
    further = aliased(Contact)
    found = found.union(select(further.id, further.email).where(further.merged_into_id == found.c.id))
    return list(session.scalars(select(found.c.email).order_by(found.c.id)))


# Undoing


def edited_since(kept: Contact, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """The groups that the merge changed and that someone has changed by hand since."""
    for group, names in rules.GROUPS.items():
        if _group_changed(before, after, group) and not _group_is(kept, after, names, group):
            origin = rules.origin_of(kept, group)
            # What an order said since stays with the kept contact, and stands in nobody's way.
            if origin is None or origin.kind == "contact.edited" or origin.name:
                yield group
    if before["picture"] != after["picture"] and kept.picture != after["picture"]:
        yield "picture"


def _group_changed(before: Mapping[str, Any], after: Mapping[str, Any], group: str) -> bool:
    return any(before[name] != after[name] for name in rules.GROUPS[group]) or before["origins"].get(group) != after[
        "origins"
    ].get(group)


def _group_is(kept: Contact, after: Mapping[str, Any], names: Collection[str], group: str) -> bool:
    same = all(getattr(kept, name) == after[name] for name in names)
    return same and kept.origins.get(group) == after["origins"].get(group)


def take_apart(
    session: Session,
    kept: Contact,
    restored: Contact,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    customer_since: bool,
    active_since: bool,
    merged_at: datetime,
) -> None:
    """Give the kept contact back what it was, but for what came since; the other stands on its own again."""
    origins = dict(kept.origins)
    for group, names in rules.GROUPS.items():
        if _group_changed(before, after, group) and _group_is(kept, after, names, group):
            for name in names:
                setattr(kept, name, before[name])
            origins.pop(group, None)
            if group in before["origins"]:
                origins[group] = before["origins"][group]
    if kept.origins == after["origins"]:
        # As a whole: in the order in which they were written.
        origins = before["origins"]
    if origins != kept.origins:
        kept.origins = origins
    if before["picture"] != after["picture"]:
        kept.picture = before["picture"]
    if before["stage"] != after["stage"] and not customer_since:
        kept.stage = before["stage"]
    if kept.joined_at == after["joined_at"]:
        kept.joined_at = before["joined_at"]
    if not active_since and kept.inactive_at == after["inactive_at"]:
        kept.inactive_at = before["inactive_at"]
    if kept.locked_at == after["locked_at"] and not _edited_after(kept, merged_at):
        kept.locked_at, kept.locked_by = before["locked_at"], before["locked_by"]
    kept.version = before["version"] if kept.version == after["version"] else kept.version + 1
    if kept.updated_at == after["updated_at"]:
        kept.updated_at = before["updated_at"]
    restored.merged_into_id = None
    unchanged = all(getattr(kept, name) == after[name] for name in DERIVED)
    if unchanged and all(getattr(kept, name) == before[name] for name in SEEN):
        for name in DERIVED:
            setattr(kept, name, before[name])
        session.flush()
    else:
        write_aliases(session, kept)


def _edited_after(kept: Contact, moment: datetime) -> bool:
    """Whether someone has typed details since: they are locked then, whatever was before (C6)."""
    known = [rules.origin_of(kept, group) for group in rules.GROUPS]
    return any(one is not None and one.kind == "contact.edited" and one.since > moment for one in known)
