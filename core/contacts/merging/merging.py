"""`merge_contacts`: two contacts become one, with everything of both (FEATURES C2, C9)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen
from sqlalchemy import func, insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.finding import check_id, lock_contact
from core.contacts.log import add_activity
from core.contacts.merging import combining, journal
from core.contacts.merging.models import ContactMerge, MergeChange
from core.contacts.merging.moving import move_field_values
from core.contacts.models import Contact, ContactActivity, ContactSuggestion
from core.errors import Conflict, DutyFailed, InvalidInput
from core.plugins import Failure
from core.state import record_failure
from core.values import Activity, Actor, Details

if TYPE_CHECKING:
    from core.site import Site

CONTACTS = "contacts"

DEADLOCK = "40P01"
"""PostgreSQL's code for two transactions that wait for each other."""

T = TypeVar("T")


@frozen(kw_only=True)
class Merged:
    """What came of a merge: its number, by which it is undone, and the contact that is left."""

    merge_id: int
    kept_id: int
    name: str


def merge_contacts(
    session: Session,
    site: Site,
    kept_id: int,
    merged_id: int,
    actor: Actor,
    *,
    take: Collection[str] | None = None,
    versions: Mapping[int, int] | None = None,
) -> Merged:
    """Make one contact of two, in the caller's transaction (`site.begin()`).

    `take` names the groups of details (`combining.GROUP_LABELS`) whose value comes from the merged contact; without
    it that is done where only the merged one has a value. `versions` are those that were looked at when this was
    decided. Everything else of both is on the kept contact afterwards, plugins' rows too, and the merged one's row
    stays as an alias of its address.

    Both rows are held in the order of their ids, so that two merges the other way round come one after the other.
    Raises NotFound, InvalidInput for one contact twice, Conflict when one was merged or changed in the meantime, and
    DutyFailed when a plugin can't take part; the transaction must then be given up.
    """
    for contact_id in (kept_id, merged_id):
        check_id(contact_id)
    if kept_id == merged_id:
        raise InvalidInput("Choose two different contacts.", field="ids")
    contacts = lock_both(session, kept_id, merged_id)
    kept, merged = contacts[kept_id], contacts[merged_id]
    for contact_id, version in (versions or {}).items():
        if contacts[contact_id].version != version:
            raise Conflict("One of the contacts was changed in the meantime. Look at both again. Nothing was merged.")
    take = combining.fill_gaps(kept, merged) if take is None else frozenset(take)

    ids = (kept_id, merged_id)
    rows_before = journal.snapshot(session, site, ids, hold=True)
    before = combining.row_of(kept)
    # Before the duties: a plugin may let rows change hands only between contacts of which one is the other's alias.
    merged.merged_into_id = kept_id
    session.flush()
    move_field_values(session, kept_id, merged_id, prefer_merged="fields" in take)
    site.oblige(session, "merge_contacts", kept_id=kept_id, merged_id=merged_id)
    changed = combining.combine(kept, merged, take)
    combining.write_aliases(session, kept)
    _drop_settled_suggestions(session, kept)
    # What plugins do when they hear of it is part of the merge, and is undone with it.
    if changed:
        site.tell(session, "contact_updated", contact_id=kept_id, changed=changed)
    if kept.stage != before["stage"]:
        site.tell(session, "stage_changed", contact_id=kept_id, before=before["stage"], after=kept.stage)
    session.flush()

    merge_id = _write_down(session, site, kept, merged, before, rows_before, actor)
    add_activity(
        session,
        kept_id,
        Activity(
            kind="contact.merged",
            reference=merged.email,
            href=f"/dashboard/contacts/{kept_id}/merges/{merge_id}",
        ),
        actor=actor,
    )
    return Merged(merge_id=merge_id, kept_id=kept_id, name=kept.name or kept.email)


def lock_both(session: Session, first_id: int, second_id: int) -> dict[int, Contact]:
    """Two contacts that are not merged, held in the order of their ids."""
    return {contact_id: lock_contact(session, contact_id) for contact_id in sorted((first_id, second_id))}


def _drop_settled_suggestions(session: Session, kept: Contact) -> None:
    """A suggestion that says what the contact now has is settled (C6)."""
    waiting = select(ContactSuggestion).where(ContactSuggestion.contact_id == kept.id)
    for suggestion in session.scalars(waiting).all():
        names = rules.GROUPS.get(suggestion.group, ())
        said = Details(**{name: str(suggestion.details.get(name, "")) for name in names})
        if names and rules.same(kept, said, suggestion.group):
            session.delete(suggestion)


def _write_down(
    session: Session,
    site: Site,
    kept: Contact,
    merged: Contact,
    before: Mapping[str, object],
    rows_before: Mapping[str, journal.Rows],
    actor: Actor,
) -> int:
    """Keep what was changed, for undoing."""
    changes = journal.differences(session, site, (kept.id, merged.id), rows_before)
    changes[CONTACTS] = [journal.Change(key=(kept.id,), before=before, after=combining.row_of(kept))]
    mark = session.scalar(select(func.max(ContactActivity.id)).where(ContactActivity.contact_id == kept.id))
    merge = ContactMerge(kept_id=kept.id, merged_id=merged.id, actor_name=actor.name, log_mark=mark or 0)
    session.add(merge)
    session.flush()
    session.execute(
        insert(MergeChange),
        [{"merge_id": merge.id, "table_name": table, "changes": journal.pack(rows)} for table, rows in changes.items()],
    )
    return merge.id


def with_patience(site: Site, work: Callable[[Session], T]) -> T:
    """Run a merge, or its undoing, in a transaction of its own, again when the database gave it up for another's sake.

    A plugin that holds its own row first and then writes about a contact waits for the merge, which may wait for that
    row: PostgreSQL ends one of the two. A plugin that could not do its duty is shown on the Module screen.
    """
    for tries_left in (2, 1, 0):
        try:
            with site.begin() as session:
                return work(session)
        except OperationalError as error:
            if not tries_left or getattr(error.orig, "sqlstate", "") != DEADLOCK:
                raise
        except DutyFailed as error:
            with site.begin() as session:
                record_failure(session, Failure(plugin=error.key, place=error.hook, message=str(error.__cause__)))
            raise
    raise AssertionError("unreachable")
