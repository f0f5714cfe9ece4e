"""Taking an import back as a whole (FEATURES I6): what contradicts is left as it is, and named.

A contact that the import made goes, unless somebody has done something with it since. One that it changed gets its
former details back, group by group, unless somebody has changed them since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.orm import Session, aliased

from core.contacts import details as rules
from core.contacts.editing import change_data, details_of, finish_edit
from core.contacts.fields import read_fields, write_fields
from core.contacts.log import add_activity
from core.contacts.models import Contact, ContactActivity, ContactModule, ContactSuggestion, ContactTag, now
from core.errors import InvalidInput
from core.transfer.fields import as_json, file_fields, from_json
from core.transfer.imports import find_import
from core.transfer.known import KIND
from core.transfer.models import ContactImport, ImportedContact
from core.transfer.running import forget_reading
from core.values import Activity, Actor, Task

if TYPE_CHECKING:
    from core.site import Site

UNDONE = "contact.import_undone"
BATCH = 200

TOUCHED = "Something happened with this contact since."
CHANGED = "These details were changed since."


def undo_step(session: Session, site: Site, task: Task) -> bool:
    """One batch of contacts, the last ones first."""
    row = find_import(session, task.data["import"], lock=True)
    if row.state != "undoing":
        return True
    forget_reading(site, row.id)
    if task.total is None:
        task.total = session.scalar(select(func.count()).where(ImportedContact.import_id == row.id)) or 0
    is_over, number = undo_batch(session, site, row, task.actor)
    task.done += number
    if is_over:
        task.result = {
            "message": "The import of “%(name)s” was taken back.",
            "values": {"name": row.name},
            "href": f"/dashboard/contacts/import/{row.id}",
        }
    return is_over


def undo_batch(session: Session, site: Site, row: ContactImport, actor: Actor, size: int = BATCH) -> tuple[bool, int]:
    """Take back the next contacts of an import; answers whether those were the last, and how many."""
    entries = session.scalars(
        select(ImportedContact)
        .where(ImportedContact.import_id == row.id, ImportedContact.kept == "")
        .order_by(ImportedContact.contact_id.desc())
        .limit(size)
    ).all()
    numbers = dict(row.numbers)
    ids = [one.contact_id for one in entries]
    # In the order of ids, as an import takes them: two at once wait for each other and do not meet crosswise.
    locked = select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id).with_for_update()
    contacts = {one.id: one for one in session.scalars(locked, execution_options={"populate_existing": True})}
    touched = _touched(session, row, entries)
    # Of those that go, everything goes.
    _take_back_choices(session, site, row, [one.contact_id for one in entries if not one.created], actor)
    gone = [one for one in entries if one.created and one.contact_id not in touched]
    for one in entries:
        if one in gone:
            continue
        if one.created or contacts[one.contact_id].merged_into_id is not None:
            one.kept = TOUCHED
        else:
            one.kept = _restore(session, site, row, one, contacts[one.contact_id], actor)
        name = "kept" if one.kept else "restored"
        numbers[name] = numbers.get(name, 0) + 1
    numbers["removed"] = numbers.get("removed", 0) + len(gone)
    session.flush()
    done = [one.contact_id for one in entries if not one.kept]
    session.execute(
        delete(ImportedContact).where(ImportedContact.import_id == row.id, ImportedContact.contact_id.in_(done))
    )
    session.execute(delete(Contact).where(Contact.id.in_([one.contact_id for one in gone])))
    row.numbers = numbers
    is_over = len(entries) < size
    if is_over:
        _drop_suggestions(session, row)
        row.state, row.finished_at = "undone", now()
    return is_over, len(entries)


def _touched(session: Session, row: ContactImport, entries: Sequence[ImportedContact]) -> set[int]:
    """Contacts with which anybody has done anything since the import wrote them."""
    ids = [one.contact_id for one in entries]
    one, alias = ImportedContact, aliased(Contact)
    later = select(ContactActivity.id).where(
        ContactActivity.contact_id == one.contact_id, ContactActivity.id > one.mark
    )
    module = select(ContactModule.contact_id).where(ContactModule.contact_id == one.contact_id)
    merged = select(alias.id).where(alias.merged_into_id == one.contact_id)
    statement = (
        select(one.contact_id)
        .join(Contact, Contact.id == one.contact_id)
        .where(
            one.import_id == row.id,
            one.contact_id.in_(ids),
            or_(
                later.exists(),
                and_(one.created, module.exists()),
                and_(one.created, merged.exists()),
                Contact.version != one.version,
                Contact.merged_into_id.is_not(None),
            ),
        )
    )
    return set(session.scalars(statement))


def _restore(
    session: Session, site: Site, row: ContactImport, entry: ImportedContact, contact: Contact, actor: Actor
) -> str:
    """Give a contact what it had before, as far as it still has what the import wrote; answers what contradicts."""
    before, after = entry.before or {}, entry.after or {}
    stored = details_of(contact)
    contradicting = False
    for group, written in after.get("details", {}).items():
        if rules.values_of(contact, group) != written:
            contradicting = True
            continue
        for name, value in before["details"][group].items():
            setattr(contact, name, value)
        origins = dict(contact.origins)
        if before["origins"][group] is None:
            origins.pop(group, None)
        else:
            origins[group] = before["origins"][group]
        contact.origins = origins
    changed = [name for name, value in details_of(contact).items() if value != stored[name]]
    contradicting |= not _restore_fields(session, site, entry, actor)
    _take_tags_away(session, entry)
    if changed:
        finish_edit(contact)
    data = change_data(stored, details_of(contact), sorted(changed))
    session.flush()
    add_activity(session, contact.id, Activity(kind=UNDONE, reference=row.name, data=data), actor=actor)
    if changed:
        site.tell(session, "contact_updated", contact_id=contact.id, changed=frozenset(changed))
    return CHANGED if contradicting else ""


def _restore_fields(session: Session, site: Site, entry: ImportedContact, actor: Actor) -> bool:
    """The contact fields as they were; answers whether nothing contradicted."""
    known = file_fields(site)
    before: Mapping[str, Any] = (entry.before or {}).get("fields", {})
    after: Mapping[str, Any] = (entry.after or {}).get("fields", {})
    written = {key: value for key, value in after.items() if key in known and key in before}
    if not written:
        return True
    there = read_fields(session, site, [entry.contact_id], written)[entry.contact_id]
    same = [key for key, value in written.items() if as_json(there.get(key)) == value]
    savepoint = session.begin_nested()
    try:
        wanted = {key: from_json(known[key], before[key]) for key in same}
        write_fields(session, site, entry.contact_id, wanted, actor)
        savepoint.commit()
    except InvalidInput:
        # Some things stay on record once they are there.
        savepoint.rollback()
        return False
    return len(same) == len(written)


def _take_tags_away(session: Session, entry: ImportedContact) -> None:
    """The tags that the import gave."""
    tags = (entry.before or {}).get("tags", [])
    if tags:
        session.execute(
            delete(ContactTag).where(ContactTag.contact_id == entry.contact_id, ContactTag.tag_id.in_(tags))
        )


def _drop_suggestions(session: Session, row: ContactImport) -> None:
    """Remove what the import suggested and nobody has decided about."""
    session.execute(
        delete(ContactSuggestion).where(
            ContactSuggestion.source_kind == KIND,
            ContactSuggestion.href == f"/dashboard/contacts/import/{row.id}",
        )
    )


def _take_back_choices(session: Session, site: Site, row: ContactImport, ids: Sequence[int], actor: Actor) -> None:
    for choice in site.contributions.import_choices.values():
        if ids:
            choice.take_back(session, site, ids, f"import:{row.id}", actor)
