"""Giving a contact tags and taking them away, with entries in the log (FEATURES C11, C12)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.finding import lock_contact
from core.contacts.log import add_activity
from core.contacts.models import Tag
from core.contacts.tags import add_tags, clean_tag, remove_tag, tag_key
from core.values import Activity, Actor

if TYPE_CHECKING:
    from core.site import Site


def tag_contact(session: Session, site: Site, contact_id: int, names: Iterable[str], actor: Actor) -> list[str]:
    """Give a contact tags; answers those it did not have. Raises InvalidInput for what can't be a tag."""
    lock_contact(session, contact_id)
    added = add_tags(session, contact_id, [clean_tag(name) for name in names])
    for name in added:
        add_activity(session, contact_id, Activity(kind="contact.tagged", reference=name), actor=actor)
    if added:
        site.tell(session, "contact_updated", contact_id=contact_id, changed=frozenset({"tags"}))
    return added


def untag_contact(session: Session, site: Site, contact_id: int, names: Iterable[str], actor: Actor) -> list[str]:
    """Take tags from a contact; answers those it had. Tags keep existing for other contacts."""
    lock_contact(session, contact_id)
    removed = []
    for name in names:
        tag_id = session.scalar(select(Tag.id).where(Tag.key == tag_key(name)))
        if tag_id is not None and (gone := remove_tag(session, contact_id, tag_id)) is not None:
            removed.append(gone)
            add_activity(session, contact_id, Activity(kind="contact.untagged", reference=gone), actor=actor)
    if removed:
        site.tell(session, "contact_updated", contact_id=contact_id, changed=frozenset({"tags"}))
    return removed


def split_tags(text: str) -> list[str]:
    """The tags in a text field: words separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
