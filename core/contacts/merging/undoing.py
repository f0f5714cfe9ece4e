"""Undoing a merge: both contacts have again what they had, unless something done since stands in the way (C9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.contacts.finding import check_id
from core.contacts.log import add_activity
from core.contacts.merging import combining, journal
from core.contacts.merging.journal import Change, Row
from core.contacts.merging.merging import CONTACTS
from core.contacts.merging.models import ContactMerge, MergeChange
from core.contacts.merging.words import label_of
from core.contacts.models import Contact, ContactActivity, ContactModule, ContactSuggestion
from core.database.base import Base
from core.errors import Conflict, NotFound
from core.plugins import plugin_of
from core.values import Activity, Actor

if TYPE_CHECKING:
    from core.site import Site

GONE = "This merge was undone already, or one of its contacts was erased."

MODULES, SUGGESTIONS = ContactModule.__tablename__, ContactSuggestion.__tablename__


@frozen(kw_only=True)
class Contradiction:
    """Why a merge can't be undone: a message id with its `words` (message ids too) and `values` (as they are)."""

    message: str
    words: Mapping[str, str] = {}
    values: Mapping[str, str] = {}


class MergeContradicted(Conflict):
    """What was done since a merge stands in the way of undoing it; nothing was changed."""

    def __init__(self, contradictions: Sequence[Contradiction]) -> None:
        super().__init__("This merge can't be undone any more: something was changed since.")
        self.contradictions = contradictions


@frozen(kw_only=True)
class Undone:
    """The contact that kept its number, and the one that stands on its own again."""

    kept_id: int
    restored_id: int
    name: str


@frozen(kw_only=True)
class _Kept:
    """A merge as it was written down, and its contacts as they are now."""

    merge: ContactMerge
    kept: Contact
    merged: Contact
    before: Row
    after: Row
    changes: Mapping[str, Sequence[Change]]


def find_merge(session: Session, kept_id: int, merge_id: int) -> ContactMerge:
    """A merge into this contact that was not undone. Raises NotFound."""
    check_id(merge_id)
    merge = session.scalar(
        select(ContactMerge).where(ContactMerge.id == merge_id, ContactMerge.kept_id == kept_id),
        execution_options={"populate_existing": True},
    )
    if merge is None:
        raise NotFound(GONE)
    return merge


def merges_of(session: Session, kept_id: int) -> list[tuple[ContactMerge, str]]:
    """The merges into a contact that were not undone, the newest first, with the address of the merged one."""
    rows = session.execute(
        select(ContactMerge, Contact.email)
        .join(Contact, Contact.id == ContactMerge.merged_id)
        .where(ContactMerge.kept_id == kept_id)
        .order_by(ContactMerge.id.desc())
    )
    return [(merge, email) for merge, email in rows]


def undo_merge(session: Session, site: Site, kept_id: int, merge_id: int, actor: Actor) -> Undone:
    """Undo a merge as a whole, in the caller's transaction (`site.begin()`).

    What came to the kept contact since stays with it. Raises NotFound when there is nothing to undo,
    MergeContradicted with all that stands in the way, and DutyFailed; the transaction must then be given up.
    """
    merge = find_merge(session, kept_id, merge_id)
    _hold(session, merge)
    # Asked again: it may have been undone while this waited.
    known = _read(session, find_merge(session, kept_id, merge_id))
    found, settled = _look(session, site, known)
    if found:
        raise MergeContradicted(found)
    try:
        # A savepoint: what the database refuses is a contradiction too, and must be said as one.
        with session.begin_nested():
            journal.put_back(session, settled)
    except IntegrityError as error:
        raise MergeContradicted([Contradiction(message="Something this needs was removed since.")]) from error
    merge = known.merge
    restored_id, email = merge.merged_id, known.merged.email
    combining.take_apart(
        session,
        known.kept,
        known.merged,
        known.before,
        known.after,
        customer_since=merge.customer_since,
        active_since=_active_since(session, merge),
        merged_at=merge.merged_at,
    )
    session.delete(merge)
    session.flush()
    session.expire_all()
    site.oblige(session, "contacts_unmerged", kept_id=kept_id, restored_id=restored_id)
    kept_email = session.get_one(Contact, kept_id).email
    add_activity(session, kept_id, Activity(kind="contact.unmerged", reference=email), actor=actor)
    add_activity(session, restored_id, Activity(kind="contact.restored", reference=kept_email), actor=actor)
    name = session.get_one(Contact, restored_id).name or email
    return Undone(kept_id=kept_id, restored_id=restored_id, name=name)


def _hold(session: Session, merge: ContactMerge) -> None:
    """Hold both contacts, in the order of their ids."""
    for contact_id in sorted((merge.kept_id, merge.merged_id)):
        held = select(Contact).where(Contact.id == contact_id).with_for_update()
        session.execute(held, execution_options={"populate_existing": True})


def contradictions(session: Session, site: Site, merge: ContactMerge) -> list[Contradiction]:
    """What stands in the way of undoing a merge now; nothing when it can be undone."""
    return _look(session, site, _read(session, merge))[0]


def _read(session: Session, merge: ContactMerge) -> _Kept:
    kept_rows = session.execute(
        select(MergeChange.table_name, MergeChange.changes).where(MergeChange.merge_id == merge.id)
    )
    changes = {row.table_name: journal.unpack(row.changes) for row in kept_rows}
    (own,) = changes.pop(CONTACTS)
    assert own.before is not None
    assert own.after is not None
    return _Kept(
        merge=merge,
        kept=session.get_one(Contact, merge.kept_id),
        merged=session.get_one(Contact, merge.merged_id),
        before=own.before,
        after=own.after,
        changes=changes,
    )


def _look(session: Session, site: Site, known: _Kept) -> tuple[list[Contradiction], dict[str, list[Change]]]:
    """What stands in the way, and what is to be put back where nothing does."""
    found: list[Contradiction] = []
    if known.kept.merged_into_id is not None:
        found.append(
            Contradiction(
                message="%(email)s was itself merged with another contact since. Undo that first.",
                values={"email": known.kept.email},
            )
        )
    if known.merged.merged_into_id != known.kept.id:
        found.append(Contradiction(message="The merged contact stands on its own already."))
    found.extend(
        Contradiction(message=combining.EDITED_TEXTS[group])
        for group in combining.edited_since(known.kept, known.before, known.after)
    )
    owners, settled = journal.owners(site), dict[str, list[Change]]()
    for name, changes in known.changes.items():
        table = Base.metadata.tables.get(name)
        if table is None or name not in owners:
            found.append(
                Contradiction(message="The plugin that keeps “%(table)s” was removed.", values={"table": name})
            )
            continue
        rows = journal.current(session, table, [change.key for change in changes])
        settled[name] = []
        said: set[str] = set()
        for change in changes:
            now = rows.get(change.key)
            if name == MODULES:
                settled[name] += _settle_module(session, known, change, now)
            elif name == SUGGESTIONS:
                settled[name] += _settle_suggestion(change, now)
            elif journal.still_is(change, now):
                settled[name].append(change)
            else:
                said.add(_what_happened(change, now))
        found.extend(_name(site, name, owners[name], message) for message in sorted(said))
    return found, settled


def _what_happened(change: Change, now: Row | None) -> str:
    if change.after is None:
        return "“%(what)s” of “%(plugin)s”: something was added since."
    if now is None:
        return "“%(what)s” of “%(plugin)s”: something was removed since."
    return "“%(what)s” of “%(plugin)s”: something was changed since."


def _name(site: Site, table: str, owner: str, message: str) -> Contradiction:
    plugin = site.plugin_label(owner) if owner else "Contacts"
    return Contradiction(message=message, words={"what": label_of(site, table, owner), "plugin": plugin})


# A new order after the merge writes into these, and must not stand in the way.


def _settle_module(session: Session, known: _Kept, change: Change, now: Row | None) -> list[Change]:
    """The times of a module without those of the merge, and with those that came since."""
    if journal.still_is(change, now) or now is None or change.after is None:
        return [change]
    contact_id, module = change.key
    if change.before is None:
        # Only the merged contact had it; since then the kept one has to do with it too.
        first = session.scalar(
            select(func.min(ContactActivity.occurred_at)).where(
                ContactActivity.contact_id == contact_id,
                ContactActivity.id > known.merge.log_mark,
                ContactActivity.kind.startswith(f"{module}.", autoescape=True),
            )
        )
        return [_only(change, now, {"first_at": now["last_at"] if first is None else first, "last_at": now["last_at"]})]
    times = {name: change.before.get(name, now[name]) for name in ("first_at", "last_at")}
    after = {name: change.after.get(name, now[name]) for name in ("first_at", "last_at")}
    if now["last_at"] != after["last_at"]:
        times["last_at"] = now["last_at"]
    if now["first_at"] != after["first_at"]:
        times["first_at"] = now["first_at"]
    return [_only(change, now, times)]


def _only(change: Change, now: Row, values: Mapping[str, Any]) -> Change:
    return evolve(change, before=dict(values), after={name: now[name] for name in values})


def _settle_suggestion(change: Change, now: Row | None) -> list[Change]:
    """A suggestion that an order has replaced since, or that was decided since, stays as it is now."""
    if change.after is None:
        return [change]
    return [change] if journal.still_is(change, now) else []


def _active_since(session: Session, merge: ContactMerge) -> bool:
    """Whether something came from the person since, which would have made an inactive contact active again (C7)."""
    rows = session.execute(
        select(ContactActivity.kind, ContactActivity.actor_kind).where(
            ContactActivity.contact_id == merge.kept_id, ContactActivity.id > merge.log_mark
        )
    )
    return any(row.actor_kind == "visitor" or plugin_of(row.kind) != "contact" for row in rows)
